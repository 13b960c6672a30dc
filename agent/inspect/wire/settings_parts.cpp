// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/settings_parts.hpp"

#include <string.h>

#include <bit>

#include "agent/inspect/model/payload.hpp"
#include "agent/inspect/wire/api_codec.hpp"
#include "agent/inspect/wire/codec.hpp"

namespace tidegate::inspect::wire {
namespace {

constexpr std::size_t kPartBytes = 48 << 10;

void put(Writer& writer, const std::vector<Prefix>& prefixes) {
  writer.number(prefixes.size());
  for (const Prefix& prefix : prefixes) {
    writer.address(prefix.address);
    writer.byte(prefix.length);
  }
}

void put(Writer& writer, const std::optional<IdentityField>& field) {
  writer.flag(field.has_value());
  if (!field) return;
  writer.byte(static_cast<std::uint8_t>(field->where));
  writer.text(field->name, kMostName);
}

void put(Writer& writer, const InspectedService& service) {
  writer.text(service.name, kMostName);
  writer.number(service.ports.size());
  for (const auto& [first, last] : service.ports) {
    writer.number(first);
    writer.number(last);
  }
  put(writer, service.addresses);
  put(writer, service.session);
  put(writer, service.account);
  writer.flag(service.excluded);
  writer.fixed64(std::bit_cast<std::uint64_t>(service.payload_sample));
  writer.number(service.payload_body);
  writer.number(service.api);
}

std::vector<Prefix> prefixes(Reader& reader) {
  std::vector<Prefix> found;
  const std::uint64_t count = reader.number(kMostPrefixes);
  for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
    const Address address = reader.address();
    const std::uint8_t length = reader.byte();
    if (length > 128 || Prefix::around(address, std::min<unsigned>(length, 128)).address != address) reader.fail();
    found.push_back({address, length});
  }
  return found;
}

std::optional<IdentityField> identity_field(Reader& reader) {
  if (!reader.flag()) return std::nullopt;
  IdentityField field;
  const std::uint8_t where = reader.byte();
  if (where > static_cast<std::uint8_t>(IdentityField::Where::kBasic)) reader.fail();
  field.where = static_cast<IdentityField::Where>(where);
  field.name = reader.text(kMostName);
  return field;
}

double share(Reader& reader) {
  const auto value = std::bit_cast<double>(reader.fixed64());
  if (!(value >= 0 && value <= 1)) reader.fail();  // nor NaN
  return value;
}

InspectedService service(Reader& reader, std::size_t apis) {
  InspectedService service;
  service.name = reader.text(kMostName);
  const std::uint64_t ports = reader.number(kMostPorts);
  for (std::uint64_t i = 0; i < ports && reader.ok(); ++i) {
    const auto first = reader.small<std::uint16_t>();
    service.ports.emplace_back(first, reader.small<std::uint16_t>());
  }
  service.addresses = prefixes(reader);
  service.session = identity_field(reader);
  service.account = identity_field(reader);
  service.excluded = reader.flag();
  service.payload_sample = share(reader);
  service.payload_body = static_cast<std::uint32_t>(reader.number(kMostPayloadBody));
  service.api = static_cast<std::uint32_t>(reader.number(apis));
  return service;
}

// The keys are filled in when `out` grows no more, so that no memory it gave back has them. To be wiped.
std::vector<std::byte> whole(const Settings& settings) {
  std::vector<std::byte> out;
  Writer writer(out);
  writer.flag(settings.everything);
  writer.number(settings.memory_bytes);
  writer.fixed64(std::bit_cast<std::uint64_t>(settings.sample));
  writer.fixed64(settings.sample_seed);
  const auto key = static_cast<std::ptrdiff_t>(out.size());
  writer.raw(HashKey());
  writer.flag(settings.identity_key_before.has_value());
  const auto before = static_cast<std::ptrdiff_t>(out.size());
  if (settings.identity_key_before) writer.raw(HashKey());
  put(writer, settings.trusted_proxies);
  writer.number(settings.apis.size());
  for (const auto& api : settings.apis) put_api(writer, *api);
  writer.number(settings.services.size());
  for (const InspectedService& service : settings.services) put(writer, service);
  std::ranges::copy(settings.identity_key, out.begin() + key);
  if (settings.identity_key_before) std::ranges::copy(*settings.identity_key_before, out.begin() + before);
  return out;
}

Result<Settings> parsed(Bytes bytes) {
  Reader reader(bytes);
  Settings settings;
  settings.everything = reader.flag();
  settings.memory_bytes = reader.number();
  settings.sample = share(reader);
  settings.sample_seed = reader.fixed64();
  const Bytes key = reader.raw(settings.identity_key.size());
  if (!key.empty()) std::ranges::copy(key, settings.identity_key.begin());
  if (reader.flag()) {
    const Bytes before = reader.raw(settings.identity_key.size());
    if (!before.empty()) std::ranges::copy(before, settings.identity_key_before.emplace().begin());
  }
  settings.trusted_proxies = prefixes(reader);
  const std::uint64_t apis = reader.number(kMostServices);
  for (std::uint64_t i = 0; i < apis && reader.ok(); ++i) settings.apis.push_back(take_api(reader));
  const std::uint64_t services = reader.number(kMostServices);
  for (std::uint64_t i = 0; i < services && reader.ok(); ++i) {
    settings.services.push_back(service(reader, settings.apis.size()));
  }
  if (!reader.ok() || !reader.at_end()) {
    return fail(ErrorCode::kInvalidArgument, "settings for the inspector cannot be read");
  }
  return settings;
}

Result<std::vector<std::vector<std::byte>>> cut(Bytes bytes) {
  if (bytes.size() > kMostSettingsBytes) {
    return fail(ErrorCode::kResourceExhausted,
                "the policy's inspected services are more than the inspector takes; "
                "name fewer ports and addresses in them");
  }
  std::vector<std::vector<std::byte>> messages;
  for (std::size_t at = 0; at < bytes.size(); at += kPartBytes) {
    const std::size_t size = std::min(kPartBytes, bytes.size() - at);
    messages.push_back(
        encode(SettingsPart{.first = at == 0, .last = at + size == bytes.size(), .bytes = bytes.subspan(at, size)}));
  }
  return messages;
}

}  // namespace

Result<std::vector<std::vector<std::byte>>> encode_settings(const Settings& settings) {
  std::vector<std::byte> bytes = whole(settings);
  auto messages = cut(bytes);
  ::explicit_bzero(bytes.data(), bytes.size());
  return messages;
}

void SettingsAssembler::drop() {
  begun_ = false;
  bytes_ = SecretBytes();
}

Result<std::optional<Settings>> SettingsAssembler::add(const SettingsPart& part) {
  const bool in_turn = part.first || begun_;
  if (part.first) drop();
  begun_ = in_turn && !part.last;
  if (!in_turn || part.bytes.size() > kMostSettingsBytes - bytes_.size()) {
    drop();
    return fail(ErrorCode::kInvalidArgument, "settings for the inspector came out of turn or are too long");
  }
  bytes_.insert(bytes_.end(), part.bytes.begin(), part.bytes.end());
  if (!part.last) return std::optional<Settings>();
  auto settings = parsed(bytes_);
  drop();
  if (!settings) return std::unexpected(std::move(settings.error()));
  return std::optional<Settings>(std::move(*settings));
}

}  // namespace tidegate::inspect::wire
