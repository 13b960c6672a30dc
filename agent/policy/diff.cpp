// SPDX-License-Identifier: Apache-2.0
#include "agent/policy/diff.hpp"

#include <algorithm>
#include <map>
#include <tuple>

#include "agent/policy/match.hpp"

namespace tidegate::policy {
namespace {

// The order of docs/policy.md.
enum class Section { kInterfaces, kEnforce, kSafelist, kProxies, kReplies, kSources, kPackets, kServices, kKept };

struct Place {
  Section section;
  std::string name;    // of the interface, prefix or service
  unsigned field = 0;  // within it
  std::string path;
  friend auto operator<=>(const Place&, const Place&) = default;
};

using Leaves = std::map<Place, std::string>;

const char* yes_no(bool value) { return value ? "true" : "false"; }

// Writes the leaves of one named thing, in the order of the calls.
class Writer {
 public:
  Writer(Leaves& leaves, Section section, std::string name, std::string path)
      : leaves_(leaves), section_(section), name_(std::move(name)), path_(std::move(path)) {}

  void put(const std::string& key, const std::optional<std::string>& value) {
    ++field_;
    if (value) leaves_[Place{section_, name_, field_, key.empty() ? path_ : path_ + "." + key}] = *value;
  }

 private:
  Leaves& leaves_;
  Section section_;
  std::string name_;
  std::string path_;
  unsigned field_ = 0;
};

std::string format_share(double share) {
  std::string text = std::to_string(share);
  text.erase(text.find_last_not_of('0') + 1);
  return text.back() == '.' ? text + "0" : text;
}

template <typename Range, typename Format>
std::string sorted_list(const Range& range, Format format) {
  std::vector<std::string> items;
  for (const auto& item : range) items.push_back(format(item));
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  std::string text;
  for (const std::string& item : items) text += (text.empty() ? "" : ", ") + item;
  return text;
}

void put_limit(Writer& writer, const std::string& key, const std::optional<Limit>& limit, bool is_bytes) {
  std::optional<std::string> rate;
  std::optional<std::string> burst;
  if (limit) {
    rate = is_bytes ? format_byte_rate(limit->rate) : format_packet_rate(limit->rate);
    if (limit->burst) burst = is_bytes ? format_bytes(*limit->burst) : std::to_string(*limit->burst);
  }
  writer.put(key + ".rate", rate);
  writer.put(key + ".burst", burst);
}

void put_inspection(Writer& writer, const Inspection& inspection) {
  const auto if_true = [](bool value) { return value ? std::optional<std::string>("true") : std::nullopt; };
  const auto field = [](const std::optional<IdentityField>& identity) {
    return identity ? std::optional(format_identity(*identity)) : std::nullopt;
  };
  writer.put("tls.inspect", if_true(inspection.tls));
  writer.put("http.inspect", if_true(inspection.http));
  writer.put("session", field(inspection.session));
  writer.put("account", field(inspection.account));
  const auto& payloads = inspection.payloads;
  writer.put("payloads.sample", payloads ? std::optional(format_share(payloads->sample)) : std::nullopt);
  writer.put("payloads.body", payloads ? std::optional(format_bytes(payloads->body)) : std::nullopt);
}

// The same file may say something else by now.
void put_openapi(Writer& writer, const std::optional<ApiSource>& source) {
  if (!source) return writer.put("openapi", std::nullopt);
  writer.put("openapi", source->file + (source->edition.empty() ? "" : " (edition " + source->edition + ")"));
}

void put_service(Leaves& leaves, const Service& service) {
  Writer writer(leaves, Section::kServices, service.name, "services." + service.name);
  const auto optional_text = [](std::string text) {
    return text.empty() ? std::nullopt : std::optional<std::string>(std::move(text));
  };
  writer.put("default", service.is_default ? std::optional<std::string>("true") : std::nullopt);
  writer.put("match", optional_text(sorted_list(service.match, format_match)));
  writer.put("addresses", optional_text(sorted_list(service.addresses, [](const Prefix& p) { return p.to_string(); })));
  put_limit(writer, "limits.packets", service.limits.packets, false);
  put_limit(writer, "limits.bytes", service.limits.bytes, true);
  put_limit(writer, "limits.syn", service.limits.syn, false);
  const auto& budget = service.limits.new_sources;
  writer.put("limits.new_sources.rate", budget ? std::optional(format_packet_rate(budget->rate)) : std::nullopt);
  writer.put("limits.new_sources.syn_share", budget ? std::optional(format_share(budget->syn_share)) : std::nullopt);
  writer.put("dry_run", yes_no(service.dry_run));
  put_inspection(writer, service.inspection);
  put_openapi(writer, service.openapi);
}

std::string ceiling_text(const std::optional<Rate>& ceiling) {
  return ceiling ? "ceiling " + format_packet_rate(*ceiling) : "default ceiling";
}

void put_sources(Leaves& leaves, const Policy& policy) {
  for (const SafelistEntry& entry : policy.safelist) {
    const std::string bound = entry.interface ? "@" + *entry.interface : "";
    const std::string name = entry.prefix.to_string() + bound;
    Writer(leaves, Section::kSafelist, name, "safelist." + name).put("", ceiling_text(entry.ceiling));
  }
  for (const TrustedProxy& proxy : policy.trusted_proxies) {
    const std::string name = proxy.prefix.to_string();
    Writer(leaves, Section::kProxies, name, "trusted_proxies." + name).put("", ceiling_text(proxy.ceiling));
  }
}

Leaves leaves_of(const Policy& policy) {
  Leaves leaves;
  for (const Interface& interface : policy.interfaces) {
    Writer(leaves, Section::kInterfaces, interface.name, "interfaces." + interface.name)
        .put("", interface.mode == AttachMode::kNative ? "native" : "generic");
  }
  Writer(leaves, Section::kEnforce, "", "enforce").put("", yes_no(policy.enforce));
  put_sources(leaves, policy);
  Writer replies(leaves, Section::kReplies, "", "replies");
  put_limit(replies, "packets", policy.replies, false);
  Writer sources(leaves, Section::kSources, "", "sources");
  sources.put("ipv4_prefix", std::to_string(policy.ipv4_prefix));
  sources.put("ipv6_prefix", std::to_string(policy.ipv6_prefix));
  Writer(leaves, Section::kPackets, "", "malformed").put("", policy.drop_malformed ? "drop" : "pass");
  Writer(leaves, Section::kPackets, "fragments", "fragments")
      .put("non_first", policy.drop_non_first_fragments ? "drop" : "pass");
  for (const Service& service : policy.services) put_service(leaves, service);
  for (const KeptSection& section : policy.kept) {
    Writer(leaves, Section::kKept, section.path, section.path).put("", section.text);
  }
  return leaves;
}

}  // namespace

std::vector<Change> diff(const Policy& before, const Policy& after) {
  std::map<Place, Change> changes;
  for (const auto& [place, value] : leaves_of(before)) {
    changes[place] = {ChangeKind::kRemoved, place.path, value, ""};
  }
  for (const auto& [place, value] : leaves_of(after)) {
    const auto [found, added] = changes.try_emplace(place, Change{ChangeKind::kAdded, place.path, "", value});
    if (added) continue;
    found->second.kind = ChangeKind::kChanged;
    found->second.after = value;
  }
  std::vector<Change> result;
  for (auto& [place, change] : changes) {
    if (change.before != change.after || change.kind != ChangeKind::kChanged) result.push_back(std::move(change));
  }
  return result;
}

}  // namespace tidegate::policy
