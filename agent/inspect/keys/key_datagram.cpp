// SPDX-License-Identifier: Apache-2.0
#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "agent/inspect/keys/key_line.hpp"
#include "agent/inspect/keys/key_text.hpp"

namespace tidegate::inspect {
namespace {

constexpr std::string_view kSeparators{" \t\r\n;|\0", 7};
constexpr std::size_t kMostWords = 6;  // of a line: label, random, secret, "tcp", two endpoints; a cipher may follow
constexpr std::size_t kMasterHex = 96;

// Words between separators.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  // Empty: no more.
  std::string_view next() {
    const std::size_t begin = rest_.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) return {};
    const std::size_t end = std::min(rest_.find_first_of(kSeparators, begin), rest_.size());
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return word;
  }

 private:
  std::string_view rest_;
};

// A line put together from the words of one label; wiped.
class Line {
 public:
  ~Line() { OPENSSL_cleanse(text_.data(), size_); }
  void begin(std::string_view label) {
    size_ = words_ = 0;
    is_master_ = label == "CLIENT_RANDOM";
    not_here_ = false;
    add(label);
  }
  void add(std::string_view word) {
    // HAProxy's ssl_fc_session_key is no master secret when the connection is TLS 1.3, and has another size.
    if (words_ == 2) not_here_ = word == "-" || word == "tcp" || (is_master_ && word.size() != kMasterHex);
    if (words_ > kMostWords || size_ + word.size() + 1 > text_.size()) return;
    if (size_ != 0) text_[size_++] = ' ';
    std::memcpy(text_.data() + size_, word.data(), word.size());
    size_ += word.size();
    ++words_;
  }
  // Label, random and secret are there.
  bool complete() const { return words_ >= 3 && !not_here_; }
  std::string_view text() const { return {text_.data(), size_}; }

 private:
  std::array<char, kLongestKeyLine> text_;
  std::size_t size_ = 0;
  std::size_t words_ = 0;
  bool is_master_ = false;
  bool not_here_ = false;
};

}  // namespace

KeyLineCounts add_key_datagram(KeyStore& keys, Bytes datagram, Counters& counters) {
  KeyLineCounts counts;
  Words words({reinterpret_cast<const char*>(datagram.data()), datagram.size()});
  Line line;
  bool begun = false;
  const auto take = [&] {
    if (begun && line.complete()) ++(keys.add_line(line.text(), counters) ? counts.accepted : counts.malformed);
  };
  for (std::string_view word = words.next(); !word.empty(); word = words.next()) {
    if (is_key_label(word)) {
      take();
      line.begin(word);
      begun = true;
    } else if (begun) {
      line.add(word);
    }
  }
  take();
  if (!begun) {
    counters.add(Counter::kKeysMalformed);
    ++counts.malformed;
  }
  return counts;
}

}  // namespace tidegate::inspect
