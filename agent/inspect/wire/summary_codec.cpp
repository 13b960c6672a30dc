// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/summary_codec.hpp"

#include "agent/inspect/wire/codec.hpp"
#include "agent/inspect/wire/tags.hpp"

namespace tidegate::inspect::wire {
namespace {

constexpr std::size_t kLongestNumber = 10;
constexpr std::size_t kLongestRecord = kMostText + kLongestMethod + kLongestHost + 2 * kLongestPath +
                                       kLongestUserAgent + kMostQueryKeys * kLongestQueryKey + kLongestSni +
                                       kLongestAlpn + kLongestJa4 + 4 * sizeof(Address) + sizeof(std::uint64_t) +
                                       4 * sizeof(IdentityHash) + (kMostQueryKeys + 32) * kLongestNumber;

// Writer into memory that is known to be enough: nothing here is longer than its bound. The place is apart from what is
// written, so that no byte written can be meant to change it.
class RecordWriter {
 public:
  explicit RecordWriter(std::byte* to) : at_(to) {}
  void byte(std::uint8_t value) { *at_++ = static_cast<std::byte>(value); }
  void number(std::uint64_t value) {
    std::byte* at = at_;
    for (; value >= 0x80; value >>= 7) *at++ = static_cast<std::byte>(value | 0x80);
    *at++ = static_cast<std::byte>(value);
    at_ = at;
  }
  void raw(Bytes bytes) {
    std::memcpy(at_, bytes.data(), bytes.size());
    at_ += bytes.size();
  }
  // Cut at `most` bytes.
  void text(std::string_view text, std::size_t most) {
    const std::size_t size = std::min(text.size(), most);
    number(size);
    raw(std::as_bytes(std::span(text.data(), size)));
  }
  void fixed64(std::uint64_t value) { raw(std::as_bytes(std::span(&value, 1))); }
  void address(const Address& value) {
    fixed64(value.hi);
    fixed64(value.lo);
  }
  std::byte* end() const { return at_; }

 private:
  std::byte* at_;
};

// What is there of the optional parts, one bit each.
enum Part : std::uint64_t {
  kConnectionProxied = 1,
  kProxied = 2,
  kStatus = 4,
  kGrpcStatus = 8,
  kSession = 16,
  kAccount = 32,
  kWebSocket = 64,
  kTruncated = 128,
  kLossy = 256,
  kReset = 512,
  kSessionBefore = 1024,
  kAccountBefore = 2048,
  kApi = 4096,
  kAttacks = 8192,
  kProven = 16384,
  kAllParts = 32767,
};

std::uint64_t parts_of(const Summary& summary) {
  const auto bit = [](bool there, Part part) { return there ? part : std::uint64_t{0}; };
  return bit(summary.connection.proxied.has_value(), kConnectionProxied) | bit(summary.proxied.has_value(), kProxied) |
         bit(summary.status.has_value(), kStatus) | bit(summary.grpc_status.has_value(), kGrpcStatus) |
         bit(summary.session.has_value(), kSession) | bit(summary.account.has_value(), kAccount) |
         bit(summary.websocket.has_value(), kWebSocket) | bit(summary.truncated, kTruncated) |
         bit(summary.lossy, kLossy) | bit(summary.reset, kReset) |
         bit(summary.session_before.has_value(), kSessionBefore) |
         bit(summary.account_before.has_value(), kAccountBefore) |
         bit(summary.api_operation != 0 || summary.api_facts != 0, kApi) | bit(summary.attacks != 0, kAttacks) |
         bit(summary.connection.proven, kProven);
}

void put(RecordWriter& writer, const Endpoint& endpoint) {
  writer.address(endpoint.address);
  writer.number(endpoint.port);
}

void put_connection(RecordWriter& writer, const ConnectionFacts& facts) {
  put(writer, facts.flow.client);
  put(writer, facts.flow.server);
  if (facts.proxied) writer.address(*facts.proxied);
  writer.byte(static_cast<std::uint8_t>(facts.tls));
  writer.text(facts.sni, kLongestSni);
  writer.text(facts.alpn, kLongestAlpn);
  writer.text(facts.ja4, kLongestJa4);
}

void put_request(RecordWriter& writer, const Summary& summary) {
  writer.byte(static_cast<std::uint8_t>(summary.http));
  writer.text(summary.service, kMostText);
  writer.text(summary.method, kLongestMethod);
  writer.text(summary.host, kLongestHost);
  writer.text(summary.path, kLongestPath);
  writer.text(summary.path_template, kLongestPath);
  writer.text(summary.user_agent, kLongestUserAgent);
  const std::size_t keys = std::min(summary.query_keys.size(), kMostQueryKeys);
  writer.number(keys);
  for (std::size_t i = 0; i < keys; ++i) writer.text(summary.query_keys[i], kLongestQueryKey);
  writer.number(summary.request_bytes);
  writer.number(summary.response_bytes);
}

void put_identities(RecordWriter& writer, const Summary& summary) {
  for (const auto* identity : {&summary.session, &summary.account, &summary.session_before, &summary.account_before}) {
    if (*identity) writer.raw(**identity);
  }
}

void put_optional(RecordWriter& writer, const Summary& summary) {
  if (summary.proxied) writer.address(*summary.proxied);
  if (summary.status) writer.number(*summary.status);
  if (summary.grpc_status) writer.number(*summary.grpc_status);
  put_identities(writer, summary);
  if (summary.api_operation != 0 || summary.api_facts != 0) {
    writer.number(summary.api_operation);
    writer.byte(summary.api_facts);
  }
  if (summary.attacks != 0) writer.byte(summary.attacks);
  if (!summary.websocket) return;
  for (const std::uint64_t count : {summary.websocket->client_frames, summary.websocket->server_frames,
                                    summary.websocket->client_bytes, summary.websocket->server_bytes}) {
    writer.number(count);
  }
}

void get(Reader& reader, Endpoint& endpoint) {
  endpoint.address = reader.address();
  endpoint.port = reader.small<std::uint16_t>();
}

void get_connection(Reader& reader, std::uint64_t parts, ConnectionFacts& facts) {
  get(reader, facts.flow.client);
  get(reader, facts.flow.server);
  facts.proxied.reset();
  if ((parts & kConnectionProxied) != 0) facts.proxied = reader.address();
  facts.proven = (parts & kProven) != 0;
  facts.tls = choice(reader, TlsVersion::k13);
  reader.text(facts.sni, kLongestSni);
  reader.text(facts.alpn, kLongestAlpn);
  reader.text(facts.ja4, kLongestJa4);
}

void get_request(Reader& reader, Summary& summary) {
  summary.http = choice(reader, HttpVersion::k2);
  reader.text(summary.service, kMostText);
  reader.text(summary.method, kLongestMethod);
  reader.text(summary.host, kLongestHost);
  reader.text(summary.path, kLongestPath);
  reader.text(summary.path_template, kLongestPath);
  reader.text(summary.user_agent, kLongestUserAgent);
  summary.query_keys.resize(reader.number(kMostQueryKeys));
  for (std::string& key : summary.query_keys) reader.text(key, kLongestQueryKey);
  summary.request_bytes = reader.number();
  summary.response_bytes = reader.number();
}

std::optional<IdentityHash> hash(Reader& reader, bool there) {
  if (!there) return std::nullopt;
  IdentityHash hash{};
  const Bytes found = reader.raw(hash.size());
  if (!found.empty()) std::ranges::copy(found, hash.begin());
  return hash;
}

std::optional<WebSocketCounts> websocket(Reader& reader, bool there) {
  if (!there) return std::nullopt;
  WebSocketCounts counts;
  for (std::uint64_t* count :
       {&counts.client_frames, &counts.server_frames, &counts.client_bytes, &counts.server_bytes}) {
    *count = reader.number();
  }
  return counts;
}

// Bits, none beyond `all`.
std::uint8_t bits(Reader& reader, std::uint8_t all) {
  const std::uint8_t found = reader.byte();
  if ((found & ~all) != 0) reader.fail();
  return reader.ok() ? found : std::uint8_t{0};
}

void get_optional(Reader& reader, std::uint64_t parts, Summary& summary) {
  const auto has = [parts](Part part) { return (parts & part) != 0; };
  summary.proxied.reset();
  summary.status.reset();
  summary.grpc_status.reset();
  if (has(kProxied)) summary.proxied = reader.address();
  if (has(kStatus)) summary.status = reader.small<std::uint16_t>();
  if (has(kGrpcStatus)) summary.grpc_status = reader.small<std::uint32_t>();
  summary.session = hash(reader, has(kSession));
  summary.account = hash(reader, has(kAccount));
  summary.session_before = hash(reader, has(kSessionBefore));
  summary.account_before = hash(reader, has(kAccountBefore));
  summary.api_operation = has(kApi) ? reader.small<std::uint16_t>() : std::uint16_t{0};
  summary.api_facts = has(kApi) ? bits(reader, kAllApiFacts) : std::uint8_t{0};
  summary.attacks = has(kAttacks) ? bits(reader, kAllAttackFacts) : std::uint8_t{0};
  summary.websocket = websocket(reader, has(kWebSocket));
  summary.truncated = has(kTruncated);
  summary.lossy = has(kLossy);
  summary.reset = has(kReset);
}

}  // namespace

SummaryBatch::SummaryBatch() {
  message_.reserve(kMostBytes);
  clear();
}

void SummaryBatch::clear() {
  message_.clear();
  message_.push_back(static_cast<std::byte>(kVersion));
  message_.push_back(static_cast<std::byte>(AgentTag::kSummaries));
  size_ = 0;
}

void SummaryBatch::add(const Summary& summary) {
  encode_record(summary, message_);
  ++size_;
}

void SummaryBatch::add_record(Bytes record) {
  message_.insert(message_.end(), record.begin(), record.end());
  ++size_;
}

void encode_record(const Summary& summary, std::vector<std::byte>& out) {
  std::array<std::byte, kLongestRecord> record;  // NOLINT: only what was written is read
  RecordWriter writer(record.data());
  writer.number(parts_of(summary));
  writer.byte(static_cast<std::uint8_t>(summary.kind));
  writer.number(summary.sequence);
  writer.fixed64(static_cast<std::uint64_t>(summary.began.time_since_epoch().count()));
  writer.number(static_cast<std::uint64_t>(std::max<std::int64_t>(summary.duration.count(), 0)));
  put_connection(writer, summary.connection);
  put_request(writer, summary);
  put_optional(writer, summary);
  out.insert(out.end(), record.data(), writer.end());
}

bool SummaryReader::next(Summary& summary) {
  if (!sound_ || left_.empty()) return false;
  Reader reader(left_);
  const std::uint64_t parts = reader.number(kAllParts);
  summary.kind = choice(reader, SummaryKind::kPayload);
  summary.sequence = reader.number();
  summary.began = WallTime(std::chrono::nanoseconds(static_cast<std::int64_t>(reader.fixed64())));
  constexpr std::uint64_t kLongest = std::numeric_limits<std::int64_t>::max();
  summary.duration = std::chrono::nanoseconds(reader.number(kLongest));
  get_connection(reader, parts, summary.connection);
  get_request(reader, summary);
  get_optional(reader, parts, summary);
  sound_ = reader.ok();
  left_ = left_.last(reader.left());
  return sound_;
}

}  // namespace tidegate::inspect::wire
