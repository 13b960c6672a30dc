// SPDX-License-Identifier: Apache-2.0
// The object's BTF against what C++ compiled: sizes and offsets of everything that crosses the boundary. And what the
// verifier spends on each program.
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include <cstddef>
#include <cstdio>
#include <map>

#include "bpf/tidegate.skel.h"
#include "tests/bpf_run/fixture.hpp"

namespace tidegate::test {
namespace {

struct Member {
  const char* name;
  std::size_t offset;
};

struct Shape {
  const char* name;
  std::size_t size;
  std::vector<Member> members;
};

#define TG_MEMBER(type, member) \
  { #member, offsetof(type, member) }

std::vector<Shape> shapes() {
  return {
      {"tg_address", sizeof(tg_address), {TG_MEMBER(tg_address, hi), TG_MEMBER(tg_address, lo)}},
      {"tg_rate", sizeof(tg_rate), {TG_MEMBER(tg_rate, cost), TG_MEMBER(tg_rate, burst)}},
      {"tg_service",
       sizeof(tg_service),
       {TG_MEMBER(tg_service, packets), TG_MEMBER(tg_service, bytes), TG_MEMBER(tg_service, syn),
        TG_MEMBER(tg_service, fresh), TG_MEMBER(tg_service, fresh_syn), TG_MEMBER(tg_service, tweak),
        TG_MEMBER(tg_service, flags)}},
      {"tg_host",
       sizeof(tg_host),
       {TG_MEMBER(tg_host, generation), TG_MEMBER(tg_host, flags), TG_MEMBER(tg_host, source_mask_v4),
        TG_MEMBER(tg_host, source_mask_v6), TG_MEMBER(tg_host, replies), TG_MEMBER(tg_host, neighbour),
        TG_MEMBER(tg_host, icmp_error), TG_MEMBER(tg_host, replies_tweak), TG_MEMBER(tg_host, limited_tweak),
        TG_MEMBER(tg_host, default_service)}},
      {"tg_service_table",
       sizeof(tg_service_table),
       {TG_MEMBER(tg_service_table, start), TG_MEMBER(tg_service_table, service), TG_MEMBER(tg_service_table, first)}},
      {"tg_address_table",
       sizeof(tg_address_table),
       {TG_MEMBER(tg_address_table, count), TG_MEMBER(tg_address_table, filter4), TG_MEMBER(tg_address_table, filter6),
        TG_MEMBER(tg_address_table, start), TG_MEMBER(tg_address_table, value)}},
      {"tg_source_entry",
       sizeof(tg_source_entry),
       {TG_MEMBER(tg_source_entry, ceiling), TG_MEMBER(tg_source_entry, ifindex), TG_MEMBER(tg_source_entry, next),
        TG_MEMBER(tg_source_entry, kind)}},
      {"tg_identity",
       sizeof(tg_identity),
       {TG_MEMBER(tg_identity, magic), TG_MEMBER(tg_identity, abi_version), TG_MEMBER(tg_identity, bucket_sets),
        TG_MEMBER(tg_identity, block_buckets), TG_MEMBER(tg_identity, block_filter_lines),
        TG_MEMBER(tg_identity, flow_sets), TG_MEMBER(tg_identity, seed)}},
      {"tg_lengths",
       sizeof(tg_lengths),
       {TG_MEMBER(tg_lengths, count4), TG_MEMBER(tg_lengths, count6), TG_MEMBER(tg_lengths, v4),
        TG_MEMBER(tg_lengths, v6)}},
      {"tg_control",
       sizeof(tg_control),
       {TG_MEMBER(tg_control, active), TG_MEMBER(tg_control, proven_active), TG_MEMBER(tg_control, block_lengths),
        TG_MEMBER(tg_control, limit_lengths), TG_MEMBER(tg_control, stash_count), TG_MEMBER(tg_control, ephemeral_low),
        TG_MEMBER(tg_control, sample_interval_ns), TG_MEMBER(tg_control, lookup_interval_ns),
        TG_MEMBER(tg_control, proven_lines), TG_MEMBER(tg_control, flow_filter_lines), TG_MEMBER(tg_control, blocks),
        TG_MEMBER(tg_control, limits)}},
      {"tg_key_set", sizeof(tg_key_set), {TG_MEMBER(tg_key_set, key)}},
      {"tg_tats", sizeof(tg_tats), {TG_MEMBER(tg_tats, packets), TG_MEMBER(tg_tats, bytes), TG_MEMBER(tg_tats, syn)}},
      {"tg_tat_set", sizeof(tg_tat_set), {TG_MEMBER(tg_tat_set, way)}},
      {"tg_fresh", sizeof(tg_fresh), {TG_MEMBER(tg_fresh, tat), TG_MEMBER(tg_fresh, tat_syn)}},
      {"tg_block_bucket",
       sizeof(tg_block_bucket),
       {TG_MEMBER(tg_block_bucket, key), TG_MEMBER(tg_block_bucket, expires)}},
      {"tg_block_stash", sizeof(tg_block_stash), {TG_MEMBER(tg_block_stash, key), TG_MEMBER(tg_block_stash, expires)}},
      {"tg_filter_line", sizeof(tg_filter_line), {TG_MEMBER(tg_filter_line, word)}},
      {"tg_limit",
       sizeof(tg_limit),
       {TG_MEMBER(tg_limit, expires), TG_MEMBER(tg_limit, packets_cost), TG_MEMBER(tg_limit, packets_burst),
        TG_MEMBER(tg_limit, bytes_cost), TG_MEMBER(tg_limit, bytes_burst)}},
      {"tg_flow",
       sizeof(tg_flow),
       {TG_MEMBER(tg_flow, local), TG_MEMBER(tg_flow, remote), TG_MEMBER(tg_flow, local_port),
        TG_MEMBER(tg_flow, remote_port), TG_MEMBER(tg_flow, protocol)}},
      {"tg_flow_block",
       sizeof(tg_flow_block),
       {TG_MEMBER(tg_flow_block, expires), TG_MEMBER(tg_flow_block, decision), TG_MEMBER(tg_flow_block, rule)}},
      {"tg_flow_set", sizeof(tg_flow_set), {TG_MEMBER(tg_flow_set, entry)}},
      {"tg_proven_page", sizeof(tg_proven_page), {TG_MEMBER(tg_proven_page, word)}},
      {"tg_service_slot",
       sizeof(tg_service_slot),
       {TG_MEMBER(tg_service_slot, name), TG_MEMBER(tg_service_slot, tweak)}},
      {"tg_counter",
       sizeof(tg_counter),
       {TG_MEMBER(tg_counter, dropped_packets), TG_MEMBER(tg_counter, dropped_bytes),
        TG_MEMBER(tg_counter, passed_packets), TG_MEMBER(tg_counter, passed_bytes)}},
      {"tg_cpu",
       sizeof(tg_cpu),
       {TG_MEMBER(tg_cpu, now), TG_MEMBER(tg_cpu, jiffies), TG_MEMBER(tg_cpu, age), TG_MEMBER(tg_cpu, next_sample),
        TG_MEMBER(tg_cpu, since_packets), TG_MEMBER(tg_cpu, since_bytes), TG_MEMBER(tg_cpu, neighbour_tat),
        TG_MEMBER(tg_cpu, icmp_error_tat), TG_MEMBER(tg_cpu, lookup_tat)}},
      {"tg_event",
       sizeof(tg_event),
       {TG_MEMBER(tg_event, time), TG_MEMBER(tg_event, source), TG_MEMBER(tg_event, destination),
        TG_MEMBER(tg_event, weight_packets), TG_MEMBER(tg_event, weight_bytes), TG_MEMBER(tg_event, ifindex),
        TG_MEMBER(tg_event, generation), TG_MEMBER(tg_event, length), TG_MEMBER(tg_event, source_port),
        TG_MEMBER(tg_event, destination_port), TG_MEMBER(tg_event, service), TG_MEMBER(tg_event, reason),
        TG_MEMBER(tg_event, protocol), TG_MEMBER(tg_event, flags)}},
      {"tg_replay_meta",
       sizeof(tg_replay_meta),
       {TG_MEMBER(tg_replay_meta, now), TG_MEMBER(tg_replay_meta, service), TG_MEMBER(tg_replay_meta, reason),
        TG_MEMBER(tg_replay_meta, flags)}},
  };
}

std::map<std::string, std::size_t> members_of(const btf* types, const btf_type* type) {
  std::map<std::string, std::size_t> out;
  const btf_member* member = btf_members(type);
  for (unsigned i = 0; i < btf_vlen(type); ++i)
    out[btf__name_by_offset(types, member[i].name_off)] = btf_member_bit_offset(type, i) / 8;
  return out;
}

TEST(Abi, TheObjectsTypesAreThoseOfTheAgent) {
  tidegate_bpf* skeleton = tidegate_bpf__open();
  ASSERT_NE(skeleton, nullptr);
  const btf* types = bpf_object__btf(skeleton->obj);
  ASSERT_NE(types, nullptr);
  for (const Shape& shape : shapes()) {
    const int id = btf__find_by_name_kind(types, shape.name, BTF_KIND_STRUCT);
    ASSERT_GT(id, 0) << shape.name;
    const btf_type* type = btf__type_by_id(types, static_cast<unsigned>(id));
    EXPECT_EQ(type->size, shape.size) << shape.name;
    const auto members = members_of(types, type);
    for (const Member& member : shape.members) {
      ASSERT_TRUE(members.contains(member.name)) << shape.name << "." << member.name;
      EXPECT_EQ(members.at(member.name), member.offset) << shape.name << "." << member.name;
    }
  }
  tidegate_bpf__destroy(skeleton);
}

TEST(Abi, ValuesOfMapsAreTheTypesOfTheAbi) {
  tidegate_bpf* s = tidegate_bpf__open();
  ASSERT_NE(s, nullptr);
  const std::vector<std::pair<bpf_map*, std::size_t>> sizes = {{s->maps.control, sizeof(tg_control)},
                                                               {s->maps.identity, sizeof(tg_identity)},
                                                               {s->maps.host, sizeof(tg_host)},
                                                               {s->maps.services, sizeof(tg_service)},
                                                               {s->maps.ranges, sizeof(tg_service_table)},
                                                               {s->maps.sources, sizeof(tg_address_table)},
                                                               {s->maps.destinations, sizeof(tg_address_table)},
                                                               {s->maps.source_entries, sizeof(tg_source_entry)},
                                                               {s->maps.ceilings, sizeof(std::uint64_t)},
                                                               {s->maps.keys, sizeof(tg_key_set)},
                                                               {s->maps.tats, sizeof(tg_tat_set)},
                                                               {s->maps.fresh, sizeof(tg_fresh)},
                                                               {s->maps.aggregates, sizeof(tg_tats)},
                                                               {s->maps.blocks, sizeof(tg_block_bucket)},
                                                               {s->maps.block_stash, sizeof(tg_block_stash)},
                                                               {s->maps.block_filter, sizeof(tg_filter_line)},
                                                               {s->maps.limits, sizeof(tg_limit)},
                                                               {s->maps.limit_filter, sizeof(tg_filter_line)},
                                                               {s->maps.flow_blocks, sizeof(tg_flow_block)},
                                                               {s->maps.flow_filter, sizeof(tg_filter_line)},
                                                               {s->maps.flows, sizeof(tg_flow_set)},
                                                               {s->maps.proven, sizeof(tg_proven_page)},
                                                               {s->maps.service_slots, sizeof(tg_service_slot)},
                                                               {s->maps.counters, sizeof(tg_counter)},
                                                               {s->maps.interfaces, sizeof(tg_counter)},
                                                               {s->maps.faults, sizeof(std::uint64_t)},
                                                               {s->maps.cpu, sizeof(tg_cpu)}};
  for (const auto& [map, size] : sizes) EXPECT_EQ(bpf_map__value_size(map), size) << bpf_map__name(map);
  EXPECT_EQ(bpf_map__key_size(s->maps.flow_blocks), sizeof(tg_flow));
  tidegate_bpf__destroy(s);
}

class Verifier : public testing::TestWithParam<bool> {};

TEST_P(Verifier, SpendsLessThanItsBudget) {
  const Program program({.replay = false, .frags = GetParam()});
  const std::map<std::string, unsigned> budgets = {
      {GetParam() ? "tidegate_frags" : "tidegate", 50000}, {"tidegate_egress", 20000}, {"tidegate_established", 2000}};
  for (const auto& [name, budget] : budgets) {
    const unsigned spent = program.verified_instructions(name);
    RecordProperty("verified_instructions_" + name, static_cast<int>(spent));
    std::printf("[ verifier ] %s: %u instructions of %u\n", name.c_str(), spent, budget);
    if (spent == 0) GTEST_SKIP() << "this kernel does not tell (before 5.16)";
    EXPECT_LE(spent, budget) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Programs, Verifier, testing::Values(false, true),
                         [](const auto& param) { return param.param ? "Frags" : "Plain"; });

}  // namespace
}  // namespace tidegate::test
