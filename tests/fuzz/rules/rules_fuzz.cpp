// SPDX-License-Identifier: Apache-2.0
// Rules as anybody may write them, on requests as any client may send them: up to the first NUL byte the items of a
// `rules` list, then requests. Reading ends and stays in bounds; what is valid evaluates within its memory, and what it
// says fits on a line.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "agent/behavior/evaluator.hpp"
#include "agent/config/policy_reader.hpp"
#include "agent/policy/report.hpp"

namespace {

using namespace tidegate;

constexpr std::uint64_t kMemory = 1'000'000;

void require(bool condition) {
  if (!condition) std::abort();
}

// Takes bytes from the front; zeros when there are none.
class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : data_(data), size_(size) {}
  bool empty() const { return size_ == 0; }
  std::uint8_t byte() {
    if (size_ == 0) return 0;
    --size_;
    return *data_++;
  }
  std::uint64_t word() {
    std::uint64_t value = 0;
    for (int i = 0; i < 8; ++i) value = value << 8 | byte();
    return value;
  }
  std::string text() {
    std::string result;
    for (unsigned length = byte() % 64; length > 0; --length) result += static_cast<char>(byte());
    return result;
  }

 private:
  const std::uint8_t* data_;
  std::size_t size_;
};

void more(Bytes& bytes, inspect::Summary& summary) {
  const std::uint8_t what = bytes.byte();
  summary.attacks = what & inspect::kAllAttackFacts;
  summary.api_facts = bytes.byte() & inspect::kAllApiFacts;
  summary.api_operation = bytes.byte();
  summary.connection.tls = static_cast<inspect::TlsVersion>(what % 5);
  summary.connection.ja4 = bytes.text();
  summary.connection.sni = bytes.text();
  if (what % 2 == 0) summary.query_keys = {bytes.text()};
  if (what % 3 == 0) summary.grpc_status = bytes.byte();
  if (what % 4 == 0) summary.session_before = inspect::IdentityHash{std::byte{bytes.byte()}};
  if (what % 4 == 1) summary.account_before = inspect::IdentityHash{std::byte{bytes.byte()}};
}

inspect::Summary request(Bytes& bytes, std::int64_t& now) {
  inspect::Summary summary;
  const std::uint8_t kind = bytes.byte();
  now = static_cast<std::int64_t>(static_cast<std::uint64_t>(now) +
                                  (kind == 255 ? bytes.word() : kind * 1'000'000'000ULL));
  summary.began = WallTime(std::chrono::nanoseconds(now));
  summary.duration = std::chrono::nanoseconds(static_cast<std::int64_t>(kind % 7 == 0 ? bytes.word() : bytes.byte()));
  summary.connection.flow.client.address = {bytes.byte(), bytes.byte()};
  summary.connection.proven = kind % 13 != 0;
  summary.kind = static_cast<inspect::SummaryKind>(kind % 16 < 5 ? kind % 16 : 0);
  summary.service = kind % 2 == 0 ? "web" : bytes.text();
  summary.method = kind % 3 == 0 ? "GET" : bytes.text();
  summary.path = "/" + bytes.text();
  summary.path_template = summary.path;
  summary.host = bytes.text();
  summary.user_agent = bytes.text();
  if (kind % 5 != 0) summary.status = static_cast<std::uint16_t>(bytes.byte() * 3);
  if (kind % 4 == 0) summary.session = inspect::IdentityHash{std::byte{bytes.byte()}};
  if (kind % 4 == 1) summary.account = inspect::IdentityHash{std::byte{bytes.byte()}};
  if (kind % 11 == 0) summary.proxied = Address{0, bytes.byte()};
  summary.response_bytes = bytes.word();
  if (kind % 9 == 0) more(bytes, summary);
  return summary;
}

void evaluate(behavior::RuleSet rules, Bytes bytes) {
  rules.settings.memory = kMemory;
  behavior::Evaluator evaluator(std::move(rules), {});
  std::int64_t now = 1'900'000'000'000'000'000;
  while (!bytes.empty()) {
    std::vector<behavior::Finding> findings;
    evaluator.take(request(bytes, now), findings);
    // Requests that were held back may be judged with this one.
    require(findings.size() <= (3 * evaluator.rules().rules.size() + 1) * (1 + behavior::Evaluator::kMostHeld));
    for (const auto& finding : findings) {
      const std::string text = describe(finding);
      require(text.size() <= 1000 && std::none_of(text.begin(), text.end(), [](char c) { return c >= 0 && c < ' '; }));
      require(finding.evidence.examples.size() <= 3);
      require(!finding.enforced() || finding.target);
    }
  }
  require(evaluator.statistics().bytes <= 2 * kMemory + 2'500'000 + 16'384 * evaluator.rules().rules.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::uint8_t* const end = std::find(data, data + size, std::uint8_t{0});
  const std::string text(data, end);
  auto parsed = config::read_policy(
      "version: 1\nservices: [{name: web, match: [tcp/443], tls: {inspect: true}, session: {cookie: s}, account: "
      "{form: u}}]\n"
      "trusted_proxies: [\"::/120\"]\nrules: [" +
      text + "]\n");
  for (const auto& issue : parsed.issues) require(policy::printable(issue.message) == issue.message);
  if (!parsed.valid() || end == data + size) return 0;
  evaluate(std::move(parsed.rules), Bytes(end + 1, static_cast<std::size_t>(data + size - end - 1)));
  return 0;
}
