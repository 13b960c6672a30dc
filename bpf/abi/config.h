/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the agent compiles from a policy: one half per generation, two halves per map.
 * The datapath reads struct tg_control.active once per packet and uses that half throughout. */
#ifndef TIDEGATE_ABI_CONFIG_H
#define TIDEGATE_ABI_CONFIG_H

#include "limits.h"
#include "types.h"

/* GCRA parameters (ITU-T I.371, annex A: virtual scheduling).
 * cost: ns between conforming units, rounded up; 0 means unlimited. For bytes: ns per byte in
 *       fixed point, << TG_BYTE_SHIFT, and below 2^46 (2^17 bytes must not overflow).
 * burst: tolerance in ns: a unit conforms when max(TAT, now) + cost - now <= burst. Below 2^62,
 *        and at least the cost of one unit (for bytes: of the largest packet), or nothing ever conforms. */
struct tg_rate {
	__u64 cost;
	__u64 burst;
};

#define TG_BYTE_SHIFT 20

enum tg_service_flag {
	TG_SERVICE_DRY_RUN = 1 << 0,      /* count what would be dropped, drop nothing */
	TG_SERVICE_NEW_SOURCES = 1 << 1,  /* `fresh` and `fresh_syn` bound newcomers */
};

struct tg_service {
	struct tg_rate packets;
	struct tg_rate bytes;
	struct tg_rate syn;
	struct tg_rate fresh;      /* newcomers' packets beyond the SYN share, whole service */
	struct tg_rate fresh_syn;  /* newcomers' share for SYNs, whole service; a SYN tries this first */
	__u64 tweak;               /* secret; XORed onto the source prefix to make the way's key */
	__u32 flags;               /* enum tg_service_flag */
	__u32 reserved;
};

enum tg_host_flag {
	TG_HOST_ENFORCE = 1 << 0,              /* unset: dry-run of the whole host */
	TG_HOST_DROP_MALFORMED = 1 << 1,
	TG_HOST_DROP_NON_FIRST = 1 << 2,
	TG_HOST_HAS_DESTINATIONS = 1 << 3,     /* some service names addresses */
	TG_HOST_HAS_SOURCES = 1 << 4,          /* the source table is not empty */
};

struct tg_host {
	__u32 generation;           /* the policy generation, for events and status */
	__u32 flags;                /* enum tg_host_flag */
	__u64 source_mask_v4;       /* masks `lo` of a v4-mapped source: /32 is ~0 */
	struct tg_address source_mask_v6;
	struct tg_rate replies;     /* packets, per source */
	struct tg_rate neighbour;   /* packets, per CPU */
	struct tg_rate icmp_error;  /* packets, per CPU */
	__u64 replies_tweak;        /* as tg_service.tweak, for TG_SERVICE_REPLIES */
	__u64 limited_tweak;        /* … for TG_SERVICE_LIMITED */
	__u16 default_service;      /* slot, or TG_SERVICE_NONE */
	__u16 reserved[3];
};

/* Protocol and port, flattened: disjoint ranges, sorted, one run per destination class.
 * A point is protocol << 17 | has_port << 16 | port. Range i holds from start[i] up to start[i + 1];
 * class c owns ranges first[c] … first[c + 1] - 1, and start[first[c]] is 0.
 * service[i] is a slot, or TG_SERVICE_NONE for "the default". */
struct tg_service_table {
	__u32 start[TG_RANGES];
	__u16 service[TG_RANGES];
	__u16 first[TG_DESTINATION_CLASSES + 2];
};

#define TG_POINT(protocol, has_port, port) \
	((__u32)(protocol) << 17 | (__u32)(has_port) << 16 | (__u32)(port))

/* Addresses to a number, flattened: range i holds from start[i] up to start[i + 1] - 1, start[0] is
 * 0::0, `count` ranges, the rest unused. value 0 means "not in the table". The filters are exact
 * negatives: bit clear = not in the table. IPv4 by the top 16 bits of the address, IPv6 by
 * tg_filter6_bit of its top 32 (prefixes shorter than 16 or 32 set every bit they cover, or all). */
struct tg_address_table {
	__u32 count;
	__u32 reserved;
	__u64 filter4[TG_FILTER_BITS / 64];
	__u64 filter6[TG_FILTER_BITS / 64];
	struct tg_address start[TG_ADDRESS_RANGES];
	__u16 value[TG_ADDRESS_RANGES];
};

static inline __u32 tg_filter4_bit(__u64 lo)
{
	return (lo >> 16) & 0xffff;
}

static inline __u32 tg_filter6_bit(__u64 hi)
{
	__u32 top = (__u32)(hi >> 32);

	return (top * 0x9e3779b1U) >> 16;
}

enum tg_source_kind {
	TG_SOURCE_SAFELIST = 1,
	TG_SOURCE_PROXY = 2,
};

/* What a value of the source table points to. */
struct tg_source_entry {
	struct tg_rate ceiling;  /* packets, for the whole entry; state in map `ceilings`, same index */
	__u32 ifindex;           /* 0: any interface */
	__u16 next;              /* the covering entry to try when ifindex does not match, or 0 */
	__u8 kind;               /* enum tg_source_kind */
	__u8 reserved;
};

TG_STATIC_ASSERT(sizeof(struct tg_service) == 96, "service layout");
TG_STATIC_ASSERT(sizeof(struct tg_host) == 104, "host layout");
TG_STATIC_ASSERT(sizeof(struct tg_source_entry) == 24, "source entry layout");

#endif
