// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/codec.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "agent/inspect/wire/tags.hpp"

namespace tidegate::inspect::wire {
namespace {

template <typename Tag>
Writer begin(std::vector<std::byte>& out, Tag tag) {
  Writer writer(out);
  writer.byte(kVersion);
  writer.byte(static_cast<std::uint8_t>(tag));
  return writer;
}

void put(std::vector<std::byte>& out, const Start& start) {
  Writer writer = begin(out, InspectorTag::kStart);
  writer.number(kCounters);
  writer.byte(static_cast<std::uint8_t>(start.mode));
  writer.number(start.workers);
  writer.number(start.keylogs);
  writer.number(start.ring_block_bytes);
  writer.number(start.ring_blocks);
  writer.flag(start.payloads);
  writer.text(start.rules, kMostText);
}

void put(std::vector<std::byte>& out, const SettingsPart& part) {
  Writer writer = begin(out, InspectorTag::kSettingsPart);
  writer.flag(part.first);
  writer.flag(part.last);
  writer.bytes(part.bytes);
}

void put(std::vector<std::byte>& out, const IdentityKey& identity) {
  Writer writer = begin(out, InspectorTag::kIdentityKey);
  writer.raw(identity.key);
  writer.flag(identity.before.has_value());
  if (identity.before) writer.raw(*identity.before);
}

void put(std::vector<std::byte>& out, const KeySource& source) {
  Writer writer = begin(out, InspectorTag::kKeySource);
  writer.number(source.id);
  writer.byte(static_cast<std::uint8_t>(source.kind));
  const std::size_t users = std::min(source.allowed_users.size(), kMostAllowedUsers);
  writer.number(users);
  for (std::size_t i = 0; i < users; ++i) writer.number(source.allowed_users[i]);
  writer.flag(source.allowed_group.has_value());
  writer.number(source.allowed_group.value_or(0));
}

void put(std::vector<std::byte>& out, const KeySourceRemoved& removed) {
  begin(out, InspectorTag::kKeySourceRemoved).number(removed.id);
}

void put(std::vector<std::byte>& out, const KeyLines& lines) {
  Writer writer = begin(out, InspectorTag::kKeyLines);
  writer.number(lines.source);
  writer.bytes(lines.lines);
}

void put(std::vector<std::byte>& out, const Stop&) { begin(out, InspectorTag::kStop); }

void put(std::vector<std::byte>& out, const Ready& ready) {
  Writer writer = begin(out, AgentTag::kReady);
  writer.number(kCounters);
  for (const bool fact : {ready.secrets_locked, ready.key_store_locked, ready.filter, ready.no_capabilities,
                          ready.no_dump, ready.landlock}) {
    writer.flag(fact);
  }
}

void put(std::vector<std::byte>& out, const Summaries& summaries) {
  begin(out, AgentTag::kSummaries).raw(summaries.records);
}

void put_counters(Writer& writer, const Counters& counters) {
  writer.number(kCounters);
  for (const std::uint64_t value : counters.values()) writer.number(value);
}

void put_statistics(Writer& writer, const Statistics& statistics) {
  writer.number(statistics.worker);
  put_counters(writer, statistics.counters);
  writer.number(statistics.connections);
  writer.number(statistics.memory_bytes);
  writer.byte(statistics.shedding);
  writer.number(statistics.shed_millionth);
  writer.number(statistics.ring_fill_millionth);
}

void put(std::vector<std::byte>& out, const Statistics& statistics) {
  Writer writer = begin(out, AgentTag::kStatistics);
  put_statistics(writer, statistics);
}

void put(std::vector<std::byte>& out, const KeyStatistics& statistics) {
  Writer writer = begin(out, AgentTag::kKeyStatistics);
  put_counters(writer, statistics.counters);
  writer.number(statistics.sessions);
  writer.number(statistics.resident_bytes);
  const std::size_t sources = std::min(statistics.sources.size(), kMostKeySources);
  writer.number(sources);
  for (std::size_t i = 0; i < sources; ++i) {
    const KeyStatistics::Source& source = statistics.sources[i];
    writer.number(source.id);
    for (const std::uint64_t figure :
         {source.accepted, source.malformed, source.dropped, source.refused, source.senders}) {
      writer.number(figure);
    }
  }
}

void put(std::vector<std::byte>& out, const KeySourceEnded& ended) {
  begin(out, AgentTag::kKeySourceEnded).number(ended.id);
}

void put(std::vector<std::byte>& out, const Problem& problem) {
  Writer writer = begin(out, AgentTag::kProblem);
  writer.flag(problem.fatal);
  writer.number(problem.descriptor);
  writer.text(problem.text, kMostText);
}

void put(std::vector<std::byte>& out, const Progress& progress) {
  begin(out, AgentTag::kProgress).number(progress.bytes);
}

void put(std::vector<std::byte>& out, const Finished& finished) {
  Writer writer = begin(out, AgentTag::kFinished);
  put_statistics(writer, finished.statistics);
  writer.text(finished.problem, kMostText);
  writer.number(finished.key_lines);
}

template <typename Message>
std::vector<std::byte> encoded(const Message& message) {
  std::vector<std::byte> out;
  out.reserve(128);
  std::visit([&out](const auto& kind) { put(out, kind); }, message);
  return out;
}

}  // namespace

std::vector<std::byte> encode(const ToInspector& message) { return encoded(message); }
std::vector<std::byte> encode(const ToAgent& message) { return encoded(message); }

}  // namespace tidegate::inspect::wire
