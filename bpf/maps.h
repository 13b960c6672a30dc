/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Every map of the datapath. The loader pins them by name; what they hold is described in abi/.
 * Maps marked "sized by the loader" get their max_entries before the load; struct tg_identity records it.
 * BPF_F_MMAPABLE also makes the first value page-aligned, so that a 64-byte value is one cache line. */
#ifndef TIDEGATE_MAPS_H
#define TIDEGATE_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "abi/config.h"
#include "abi/limits.h"
#include "abi/reasons.h"
#include "abi/state.h"

#define TG_ARRAY(name, entries, struct_, flags)                                                                        \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_ARRAY);                                                                      \
		__uint(max_entries, entries);                                                                          \
		__uint(map_flags, flags);                                                                              \
		__type(key, __u32);                                                                                    \
		__type(value, struct_);                                                                                \
	} name SEC(".maps")

#define TG_PERCPU(name, entries, struct_)                                                                              \
	struct {                                                                                                       \
		__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);                                                               \
		__uint(max_entries, entries);                                                                          \
		__type(key, __u32);                                                                                    \
		__type(value, struct_);                                                                                \
	} name SEC(".maps")

/* What the maps mean, and what the agent steers at run time. */
TG_ARRAY(identity, 1, struct tg_identity, 0);
TG_ARRAY(control, 1, struct tg_control, BPF_F_MMAPABLE);

/* The policy: two halves each, tg_control.active says which one holds. */
TG_ARRAY(host, 2, struct tg_host, 0);
TG_ARRAY(services, 2 * TG_SERVICES, struct tg_service, 0);
TG_ARRAY(ranges, 2, struct tg_service_table, 0);
TG_ARRAY(sources, 2, struct tg_address_table, 0);
TG_ARRAY(destinations, 2, struct tg_address_table, 0);
TG_ARRAY(source_entries, 2 * TG_SOURCE_ENTRIES, struct tg_source_entry, 0);

/* Buckets. keys and tats are sized by the loader. */
TG_ARRAY(ceilings, TG_SOURCE_ENTRIES, __u64, 0);
TG_ARRAY(keys, 8192, struct tg_key_set, BPF_F_MMAPABLE);
TG_ARRAY(tats, 8192, struct tg_tat_set, BPF_F_MMAPABLE);
TG_ARRAY(fresh, TG_SERVICES, struct tg_fresh, BPF_F_MMAPABLE);
TG_ARRAY(aggregates, TG_AGGREGATES, struct tg_tats, BPF_F_MMAPABLE);

/* Decisions. blocks and block_filter are sized by the loader. */
TG_ARRAY(blocks, 1024, struct tg_block_bucket, BPF_F_MMAPABLE);
TG_ARRAY(block_stash, 1, struct tg_block_stash, BPF_F_MMAPABLE);
TG_ARRAY(block_filter, 1024, struct tg_filter_line, BPF_F_MMAPABLE);
TG_ARRAY(limit_filter, TG_LIMIT_FILTER_LINES, struct tg_filter_line, BPF_F_MMAPABLE);
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TG_LIMITS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct tg_limit);
} limits SEC(".maps");
TG_ARRAY(flow_filter, TG_FLOW_FILTER_LINES, struct tg_filter_line, BPF_F_MMAPABLE);
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TG_FLOW_BLOCKS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct tg_flow);
	__type(value, struct tg_flow_block);
} flow_blocks SEC(".maps");

/* What the host itself did: replies it may expect (sized by the loader), peers that completed a handshake. */
TG_ARRAY(flows, 1024, struct tg_flow_set, BPF_F_MMAPABLE);
TG_ARRAY(proven, TG_PROVEN_PAGES, struct tg_proven_page, BPF_F_MMAPABLE);

/* Who owns a service slot; only the agent uses it. */
TG_ARRAY(service_slots, TG_SERVICES, struct tg_service_slot, 0);

/* What the datapath tells. */
TG_PERCPU(counters, TG_SERVICES *TG_REASON_SLOTS, struct tg_counter);
TG_PERCPU(interfaces, TG_INTERFACES, struct tg_counter);
TG_PERCPU(faults, TG_FAULT_SLOTS, __u64);
TG_PERCPU(cpu, 1, struct tg_cpu);
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} events SEC(".maps");

/* An array lookup; NULL only when the index is out of range. */
#define tg_at(map, index)                                                                                              \
	({                                                                                                             \
		__u32 tg_index = (index);                                                                              \
		bpf_map_lookup_elem(&(map), &tg_index);                                                                \
	})

static __always_inline void tg_fault(__u32 which)
{
	__u64 *count = tg_at(faults, which);

	if (count)
		++*count;
}

#endif
