// SPDX-License-Identifier: Apache-2.0
#include "agent/inspect/wire/codec.hpp"
#include "agent/inspect/wire/messages.hpp"
#include "agent/inspect/wire/tags.hpp"

namespace tidegate::inspect::wire {
namespace {

constexpr std::uint64_t kMillion = 1'000'000;

void same_counters(Reader& reader) {
  if (reader.number() != kCounters) reader.fail();
}

Start start(Reader& reader) {
  same_counters(reader);
  Start start;
  start.mode = choice(reader, Start::Mode::kExamineOffline);
  start.workers = static_cast<std::uint16_t>(reader.number(kMostWorkers));
  start.keylogs = static_cast<std::uint16_t>(reader.number(kMostKeylogs));
  start.ring_block_bytes = reader.small<std::uint32_t>();
  start.ring_blocks = reader.small<std::uint32_t>();
  start.payloads = reader.flag();
  start.rules = reader.text(kMostText);
  return start;
}

SettingsPart settings_part(Reader& reader) {
  SettingsPart part;
  part.first = reader.flag();
  part.last = reader.flag();
  part.bytes = reader.bytes(kMostBytes);
  return part;
}

IdentityKey identity_key(Reader& reader) {
  IdentityKey identity;
  const Bytes key = reader.raw(identity.key.size());
  if (!key.empty()) std::ranges::copy(key, identity.key.begin());
  if (!reader.flag()) return identity;
  const Bytes before = reader.raw(identity.key.size());
  if (!before.empty()) std::ranges::copy(before, identity.before.emplace().begin());
  return identity;
}

KeySource key_source(Reader& reader) {
  KeySource source;
  source.id = reader.small<std::uint32_t>();
  source.kind = choice(reader, KeySource::Kind::kFile);
  const std::uint64_t users = reader.number(kMostAllowedUsers);
  for (std::uint64_t i = 0; i < users && reader.ok(); ++i) {
    source.allowed_users.push_back(reader.small<std::uint32_t>());
  }
  const bool grouped = reader.flag();
  const auto group = reader.small<std::uint32_t>();
  if (grouped) source.allowed_group = group;
  return source;
}

KeyLines key_lines(Reader& reader) {
  KeyLines lines;
  lines.source = reader.small<std::uint32_t>();
  lines.lines = reader.bytes(kMostBytes);
  return lines;
}

Ready ready(Reader& reader) {
  same_counters(reader);
  Ready ready;
  for (bool* fact : {&ready.secrets_locked, &ready.key_store_locked, &ready.filter, &ready.no_capabilities,
                     &ready.no_dump, &ready.landlock}) {
    *fact = reader.flag();
  }
  return ready;
}

Summaries summaries(Reader& reader) { return {reader.raw(reader.left())}; }

void get_counters(Reader& reader, Counters& counters) {
  same_counters(reader);
  for (std::uint64_t& value : counters.values()) value = reader.number();
}

Statistics statistics(Reader& reader) {
  Statistics statistics;
  statistics.worker = static_cast<std::uint16_t>(reader.number(kMostWorkers));
  get_counters(reader, statistics.counters);
  statistics.connections = reader.number();
  statistics.memory_bytes = reader.number();
  statistics.shedding = reader.byte();
  statistics.shed_millionth = static_cast<std::uint32_t>(reader.number(kMillion));
  statistics.ring_fill_millionth = static_cast<std::uint32_t>(reader.number(kMillion));
  return statistics;
}

KeyStatistics key_statistics(Reader& reader) {
  KeyStatistics statistics;
  get_counters(reader, statistics.counters);
  statistics.sessions = reader.number();
  statistics.resident_bytes = reader.number();
  const std::uint64_t sources = reader.number(kMostKeySources);
  for (std::uint64_t i = 0; i < sources && reader.ok(); ++i) {
    KeyStatistics::Source& source = statistics.sources.emplace_back();
    source.id = reader.small<std::uint32_t>();
    for (std::uint64_t* figure :
         {&source.accepted, &source.malformed, &source.dropped, &source.refused, &source.senders}) {
      *figure = reader.number();
    }
  }
  return statistics;
}

Problem problem(Reader& reader) {
  Problem problem;
  problem.fatal = reader.flag();
  problem.descriptor = reader.small<std::uint32_t>();
  problem.text = reader.text(kMostText);
  return problem;
}

Finished finished(Reader& reader) {
  Finished finished;
  finished.statistics = statistics(reader);
  finished.problem = reader.text(kMostText);
  finished.key_lines = reader.number();
  return finished;
}

std::optional<ToInspector> body(InspectorTag tag, Reader& reader) {
  switch (tag) {
    case InspectorTag::kStart:
      return start(reader);
    case InspectorTag::kSettingsPart:
      return settings_part(reader);
    case InspectorTag::kIdentityKey:
      return identity_key(reader);
    case InspectorTag::kKeySource:
      return key_source(reader);
    case InspectorTag::kKeySourceRemoved:
      return KeySourceRemoved{reader.small<std::uint32_t>()};
    case InspectorTag::kKeyLines:
      return key_lines(reader);
    case InspectorTag::kStop:
      return Stop{};
  }
  return std::nullopt;
}

std::optional<ToAgent> body(AgentTag tag, Reader& reader) {
  switch (tag) {
    case AgentTag::kReady:
      return ready(reader);
    case AgentTag::kSummaries:
      return summaries(reader);
    case AgentTag::kStatistics:
      return statistics(reader);
    case AgentTag::kKeyStatistics:
      return key_statistics(reader);
    case AgentTag::kKeySourceEnded:
      return KeySourceEnded{reader.small<std::uint32_t>()};
    case AgentTag::kProblem:
      return problem(reader);
    case AgentTag::kProgress:
      return Progress{reader.number()};
    case AgentTag::kFinished:
      return finished(reader);
  }
  return std::nullopt;
}

template <typename Message, typename Tag>
Result<Message> decoded(Bytes bytes) {
  if (bytes.size() > kMostBytes) return fail(ErrorCode::kInvalidArgument, "a message of the channel is too long");
  Reader reader(bytes);
  if (reader.byte() != kVersion) {
    return fail(ErrorCode::kInvalidArgument, "agent and inspector are of different versions; restart tidegated");
  }
  const auto tag = static_cast<Tag>(reader.byte());
  auto message = body(tag, reader);
  if (!message || !reader.ok() || !reader.at_end()) {
    return fail(ErrorCode::kInvalidArgument,
                "message " + std::to_string(static_cast<unsigned>(tag)) + " of the channel cannot be read");
  }
  return std::move(*message);
}

}  // namespace

Result<ToInspector> decode_to_inspector(Bytes message) { return decoded<ToInspector, InspectorTag>(message); }
Result<ToAgent> decode_to_agent(Bytes message) { return decoded<ToAgent, AgentTag>(message); }

}  // namespace tidegate::inspect::wire
