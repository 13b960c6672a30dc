// SPDX-License-Identifier: Apache-2.0
#include "agent/config/document.hpp"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

namespace tidegate::config {
namespace {

using policy::Location;
using policy::Report;

Location location_of(const YAML::Mark& mark) {
  if (mark.is_null()) return {};
  return {static_cast<unsigned>(mark.line) + 1, static_cast<unsigned>(mark.column) + 1};
}

// Leaves the parser, which knows no other way out.
struct Refused {
  Location location;
  std::string message;
};

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

// Whether the quoted scalar that begins at `from` ends before the text does. yaml-cpp 0.7 takes an open quote for
// closed when a line break precedes the end, and swallows everything up to there.
bool is_closed(std::string_view text, std::size_t from) {
  if (from >= text.size() || (text[from] != '\'' && text[from] != '"')) return true;  // a block scalar
  const char quote = text[from];
  for (std::size_t i = from + 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 >= text.size() || text[i + 1] != quote) return true;
      ++i;  // '' inside '…' is one quote (YAML 1.2, 7.3.2)
    }
  }
  return false;
}

// Builds the tree from events, with the bounds checked before anything is kept.
class Builder final : public YAML::EventHandler {
 public:
  Builder(std::string_view text, const DocumentBounds& bounds)
      : bounds_(bounds), text_(text.substr(text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0)) {}

  Node take() && { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > 1) throw Refused{location_of(mark), "a second document begins here; a file holds one"};
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { add({}, mark, "", anchor); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    throw Refused{location_of(mark), "aliases (*name) are not supported; write the value out"};
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    if (tag == "!" && !is_closed(text_, static_cast<std::size_t>(std::max(mark.pos, 0)))) {
      throw Refused{location_of(mark), "not YAML: this quote is never closed"};
    }
    add({.kind = NodeKind::kScalar, .location = {}, .text = value, .is_plain = tag != "!", .items = {}, .members = {}},
        mark, tag, anchor);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(NodeKind::kSequence, mark, tag, anchor);
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(NodeKind::kMap, mark, tag, anchor);
  }
  void OnMapEnd() override { close(); }

 private:
  struct Open {
    Node node;
    Node key;
    bool has_key = false;
  };

  void open(NodeKind kind, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    Node node;
    node.kind = kind;
    admit(node, mark, tag, anchor);
    if (open_.size() >= bounds_.depth) {
      throw Refused{node.location, "nested more than " + std::to_string(bounds_.depth) + " deep"};
    }
    open_.push_back({std::move(node), {}, false});
  }

  void add(Node node, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    admit(node, mark, tag, anchor);
    attach(std::move(node));
  }

  void admit(Node& node, const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor) {
    node.location = location_of(mark);
    if (anchor != 0) throw Refused{node.location, "anchors (&name) are not supported; write the value out"};
    if (!tag.empty() && tag != "?" && tag != "!") throw Refused{node.location, "tags (!name) are not supported"};
    if (++nodes_ > bounds_.nodes)
      throw Refused{node.location, "more than " + std::to_string(bounds_.nodes) + " values"};
  }

  void close() {
    Open closed = std::move(open_.back());
    open_.pop_back();
    attach(std::move(closed.node));
  }

  void attach(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.is_sequence()) {
      parent.node.items.push_back(std::move(node));
    } else if (parent.has_key) {
      parent.node.members.push_back({std::move(parent.key), std::move(node)});
      parent.has_key = false;
    } else {
      if (!node.is_scalar()) throw Refused{node.location, "a key has to be a word, for example `name: value`"};
      parent.key = std::move(node);
      parent.has_key = true;
    }
  }

  const DocumentBounds bounds_;
  std::string_view text_;
  Node root_;
  std::vector<Open> open_;
  std::size_t nodes_ = 0;
  unsigned documents_ = 0;
};

// What a text may hold (YAML 1.2, 5.1): printable UTF-8, tab and line breaks.
bool check_characters(const std::string& text, Report& report) {
  Location at{1, 1};
  std::string_view rest = text;
  if (rest.starts_with(kByteOrderMark)) rest.remove_prefix(kByteOrderMark.size());
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    std::string visible(line);
    std::replace(visible.begin(), visible.end(), '\t', ' ');
    if (visible.ends_with('\r')) visible.pop_back();
    const std::string shown = policy::printable(visible);
    const auto differs = std::mismatch(visible.begin(), visible.end(), shown.begin(), shown.end());
    if (differs.first != visible.end()) {
      at.column = static_cast<unsigned>(differs.first - visible.begin()) + 1;
      report.error(at, "this byte is neither printable UTF-8 nor a tab; save the file as UTF-8 text");
      return false;
    }
    rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    ++at.line;
  }
  return true;
}

bool parse(const std::string& text, Builder& builder, Report& report) {
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
    return true;
  } catch (const Refused& refused) {
    report.error(refused.location, refused.message);
  } catch (const YAML::Exception& error) {
    report.error(location_of(error.mark), "not YAML: " + error.msg);
  }
  return false;
}

}  // namespace

Node read_document(const std::string& text, Report& report, const DocumentBounds& bounds) {
  if (text.size() > bounds.text) {
    report.error({}, "larger than " + std::to_string(bounds.text) + " bytes" + std::string(bounds.remedy));
    return {};
  }
  if (!check_characters(text, report)) return {};
  Builder builder(text, bounds);
  // Half a tree would only give rise to errors about what is missing in it.
  return parse(text, builder, report) ? std::move(builder).take() : Node{};
}

}  // namespace tidegate::config
