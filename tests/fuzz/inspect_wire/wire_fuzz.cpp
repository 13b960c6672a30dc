// SPDX-License-Identifier: Apache-2.0
// The channel, both directions: whatever comes is refused or read within its bounds, and what was read is written to
// the same again.
#include <cstdint>
#include <cstdlib>

#include "agent/inspect/wire/payload_codec.hpp"
#include "agent/inspect/wire/settings_parts.hpp"
#include "agent/inspect/wire/summary_codec.hpp"

namespace {

using namespace tidegate::inspect;

void require(bool condition) {
  if (!condition) std::abort();
}

// Numbers may have been spelled longer than needed; written once, they are stable.
template <typename Message, typename Decode>
void expect_stable(const Message& message, Decode decode) {
  const auto written = wire::encode(message);
  const auto again = decode(written);
  require(again.has_value() && again->index() == message.index());
  require(wire::encode(*again) == written);
}

void read_summaries(const wire::Summaries& summaries) {
  wire::SummaryReader reader(summaries.records);
  wire::SummaryBatch batch;
  for (Summary summary; reader.next(summary);) {
    require(summary.path.size() <= kLongestPath && summary.query_keys.size() <= kMostQueryKeys);
    if (!batch.full()) batch.add(summary);
  }
  require(batch.message().size() <= wire::kMostBytes);
}

void read_settings(Bytes bytes) {
  wire::SettingsAssembler assembler;
  const std::size_t half = bytes.size() / 2;
  if (!assembler.add({.first = true, .last = false, .bytes = bytes.first(half)})) return;
  const auto settings = assembler.add({.first = false, .last = true, .bytes = bytes.subspan(half)});
  if (!settings || !*settings) return;
  require((*settings)->sample >= 0 && (*settings)->sample <= 1);
  static_cast<void>(wire::encode_settings(**settings));
}

void read_payload(Bytes bytes) {
  wire::PayloadMessage payload;
  if (!wire::decode_payload(bytes, payload)) return;
  require(payload.fields.size() <= kMostPayloadFields && payload.body.size() <= kMostPayloadBody);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const Bytes bytes = std::as_bytes(std::span(data, size));
  if (const auto message = wire::decode_to_inspector(bytes)) expect_stable(*message, wire::decode_to_inspector);
  if (const auto message = wire::decode_to_agent(bytes)) {
    if (const auto* summaries = std::get_if<wire::Summaries>(&*message)) read_summaries(*summaries);
    expect_stable(*message, wire::decode_to_agent);
  }
  read_settings(bytes);
  read_payload(bytes);
  return 0;
}
