/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* State that outlives generations, programs and agents: it lives in pinned maps and is adopted. */
#ifndef TIDEGATE_ABI_STATE_H
#define TIDEGATE_ABI_STATE_H

#include "limits.h"
#include "types.h"

#define TG_IDENTITY_MAGIC 0x7469646567617465ULL /* "tidegate" */

/* Map `identity`, one entry, written once when the maps are made: what the other maps mean. */
struct tg_identity {
	__u64 magic;
	__u32 abi_version;
	__u32 bucket_sets;      /* sets of map `keys` and `tats` */
	__u32 block_buckets;    /* buckets of map `blocks` */
	__u32 block_filter_lines; /* values of map `block_filter`, a power of two */
	__u32 flow_sets;        /* values of map `flows`, a power of two */
	__u32 reserved;
	__u64 seed[4];          /* secret: [0] bucket index, [1] and [2] block keys, [3] flows and proven */
};

/* Prefix lengths in use, longest first, as lengths of the 128-bit form (IPv4 /24 is 120). */
struct tg_lengths {
	__u16 count4;
	__u16 count6;
	__u8 v4[TG_PREFIX_LENGTHS];
	__u8 v6[TG_PREFIX_LENGTHS];
};

/* Map `control`, one entry, memory-mapped by the agent and changed by single aligned stores. */
struct tg_control {
	__u32 active;             /* half of the configuration maps in force: 0 or 1 */
	__u32 proven_active;      /* generation of the proven bitmap that is written: 0 or 1 */
	__u32 block_lengths;      /* which of the two `blocks` below holds */
	__u32 limit_lengths;
	__u32 block_filter_lines; /* lines of `block_filter` in use, a power of two; 0: the whole map. Few blocks need few
	                           * lines, which then stay in the nearest caches */
	__u32 stash_count;        /* block_stash has to be searched when this is not 0 */
	__u32 ephemeral_low;      /* lowest local port of the host's own UDP queries */
	__u32 sample_interval_ns; /* per CPU and class (passed, dropped): one event in this time, 0 for none */
	__u32 lookup_interval_ns; /* per CPU: one socket lookup of the replies test in this time on average */
	__u32 proven_lines;       /* lines of `proven` in use, a power of two; 0: the whole map */
	__u32 flow_filter_lines;  /* lines of `flow_filter` in use, a power of two; 0: no connection is blocked */
	__u32 reserved;
	struct tg_lengths blocks[2];
	struct tg_lengths limits[2];
};

/* Map `keys`: a set is one cache line. Key 0 is a free way. */
struct tg_key_set {
	__u64 key[TG_WAYS];
};

/* The theoretical arrival times of a source, CLOCK_MONOTONIC ns. */
struct tg_tats {
	__u64 packets;
	__u64 bytes;
	__u64 syn;
	__u64 reserved;
};

/* Map `tats`, same index as `keys`. */
struct tg_tat_set {
	struct tg_tats way[TG_WAYS];
};

/* Map `fresh`, by service slot: state of the new-sources budgets, a cache line each. */
struct tg_fresh {
	__u64 tat;
	__u64 tat_syn;
	__u64 reserved[6];
};

/* Map `blocks`: a bucket is a line of keys and a line of expiries (CLOCK_MONOTONIC ns,
 * TG_NEVER for none). A key is found in bucket tg_bucket_of(…, 0) or (…, 1) or in the stash.
 * The agent writes expiry before key, and clears key before expiry. */
struct tg_block_bucket {
	__u64 key[TG_BLOCK_WAYS];
	__u64 expires[TG_BLOCK_WAYS];
};

#define TG_NEVER (~0ULL)

struct tg_block_stash {
	__u64 key[TG_BLOCK_STASH];
	__u64 expires[TG_BLOCK_STASH];
};

/* Maps `block_filter`, `limit_filter` and `flow_filter`: two bits per key in one line. */
struct tg_filter_line {
	__u64 word[8];
};

/* Map `limits`, by tg_prefix_key: a limit decision. Rates as struct tg_rate. */
struct tg_limit {
	__u64 expires;
	__u64 packets_cost;
	__u64 packets_burst;
	__u64 bytes_cost;
	__u64 bytes_burst;
};

/* A flow as the host sees it: of a client, `remote` is the client. For ICMP echo both ports are the identifier.
 * It is a key of maps: what it does not use is zero. */
struct tg_flow {
	struct tg_address local;
	struct tg_address remote;
	__u16 local_port;
	__u16 remote_port;
	__u8 protocol;
	__u8 reserved[3];
};

/* Map `flow_blocks`, by struct tg_flow: a connection whose packets to the host are dropped. Only `expires` means
 * something to the datapath; the rest tells a later agent whose block it is. */
struct tg_flow_block {
	__u64 expires;           /* CLOCK_MONOTONIC ns */
	__u64 decision;          /* number of the decision */
	char rule[TG_RULE_NAME]; /* NUL-terminated */
};

/* Map `flows`: replies the host may expect. An entry is tag << 24 | when; when is in units of
 * 2^TG_FLOW_TICK ns and wraps; 0 is free. */
struct tg_flow_set {
	__u64 entry[TG_FLOW_WAYS];
};

#define TG_FLOW_TICK 28

/* Map `proven`: a 64-byte line of a page holds the bits of a source, of both generations (tg_proven_hash). */
struct tg_proven_page {
	__u64 word[TG_PROVEN_PAGE / 8];
};

/* Map `service_slots`, by slot: who owns it; survives agents so that counters and buckets keep their meaning. */
struct tg_service_slot {
	char name[64];   /* NUL-terminated; empty: free */
	__u64 tweak;     /* secret */
};

/* Map `counters`, per CPU, by service * TG_REASON_SLOTS + reason. A drop reason counts as passed
 * in dry-run or where the policy tolerates it. Bytes are L3 lengths. */
struct tg_counter {
	__u64 dropped_packets;
	__u64 dropped_bytes;
	__u64 passed_packets;
	__u64 passed_bytes;
};

/* Map `interfaces`, per CPU, by ifindex % TG_INTERFACES: struct tg_counter likewise. */

/* Map `faults`, per CPU, by enum tg_fault: what went wrong inside, for status and metrics. */
enum tg_fault {
	TG_FAULT_CAS_EXHAUSTED,   /* also counted as reason CONTENTION */
	TG_FAULT_SET_FULL,        /* a source met a set full of debt */
	TG_FAULT_CLAIM_LOST,      /* two CPUs claimed one key; the loser released its way */
	TG_FAULT_EVENT_LOST,      /* ring buffer full */
	TG_FAULT_LOOKUP_BUDGET,   /* replies test skipped: socket lookup budget spent */
	TG_FAULT_MAP_MISSING,     /* also counted as reason INTERNAL */
	TG_FAULT_COUNT,
	TG_FAULT_SLOTS = 16,
};

/* Map `cpu`, per CPU, one entry: clock, budgets and sampling of that CPU. */
struct tg_cpu {
	__u64 now;               /* cached CLOCK_MONOTONIC ns */
	__u64 jiffies;           /* when it was read */
	__u32 age;               /* packets since */
	__u32 reserved;
	__u64 next_sample[2];    /* [0] passed, [1] dropped: not before this time */
	__u64 since_packets[2];  /* packets of the class since its last sample: the next sample's weight */
	__u64 since_bytes[2];
	__u64 neighbour_tat;
	__u64 icmp_error_tat;
	__u64 lookup_tat;
	__u64 scratch[20];       /* the packet in hand; means nothing outside the datapath */
};

TG_STATIC_ASSERT(sizeof(struct tg_key_set) == TG_CACHE_LINE, "a set of keys is one cache line");
TG_STATIC_ASSERT(sizeof(struct tg_fresh) == TG_CACHE_LINE, "a budget is one cache line");
TG_STATIC_ASSERT(sizeof(struct tg_flow_set) == TG_CACHE_LINE, "a set of flows is one cache line");
TG_STATIC_ASSERT(sizeof(struct tg_block_bucket) == 2 * TG_CACHE_LINE, "a bucket is two cache lines");
TG_STATIC_ASSERT(sizeof(struct tg_identity) == 64, "identity layout");
TG_STATIC_ASSERT(sizeof(struct tg_flow) == 40, "no padding: a flow is a key");

#endif
