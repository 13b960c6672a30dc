/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Hashes that both sides must compute alike. All are keyed by secrets of struct tg_identity, so that an
 * outsider can neither aim at a set nor build a collision; none is cryptographic. */
#ifndef TIDEGATE_ABI_HASH_H
#define TIDEGATE_ABI_HASH_H

#include "state.h"
#include "types.h"

/* A bijection of 64 bits: the finaliser of MurmurHash3 (Appleby, public domain). */
static inline __u64 tg_mix(__u64 x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdULL;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53ULL;
	x ^= x >> 33;
	return x;
}

/* Maps the top half of a hash onto 0 … count - 1 without a division. */
static inline __u32 tg_reduce(__u64 hash, __u32 count)
{
	return (__u32)(((hash >> 32) * count) >> 32);
}

/* Zeroes all but the first `length` bits; length 0 … 128. */
static inline struct tg_address tg_mask(struct tg_address a, __u32 length)
{
	if (length <= 64) {
		a.lo = 0;
		a.hi = length == 0 ? 0 : a.hi & (~0ULL << ((64 - length) & 63));
	} else if (length < 128) {
		a.lo &= ~0ULL << ((128 - length) & 63);
	}
	return a;
}

/* The key of a prefix in the tables of blocks and limits: exact for IPv4, a keyed hash for IPv6; never 0.
 * `a` is masked; `length` is that of the 128-bit form. */
static inline __u64 tg_prefix_key(const __u64 seed[4], struct tg_address a, __u32 length)
{
	__u64 key;

	if (a.hi == 0 && (a.lo >> 32) == 0xffff && length >= 96)
		return 1ULL << 63 | (__u64)length << 32 | (a.lo & 0xffffffffULL);
	key = tg_mix(tg_mix(a.hi ^ seed[1]) ^ a.lo ^ seed[2] ^ (__u64)length << 56);
	return (key & ~(1ULL << 63)) | 1;
}

/* The one hash of a prefix key from which filter bits and both buckets are taken. */
static inline __u64 tg_prefix_hash(const __u64 seed[4], __u64 key)
{
	return tg_mix(key ^ seed[1]);
}

/* Bucket `choice` (0 or 1) of a hash. The two may coincide. */
static inline __u32 tg_bucket_of(__u64 hash, __u32 choice, __u32 buckets)
{
	return tg_reduce(choice ? tg_mix(hash) : hash, buckets);
}

/* Filter: the line of a hash, and its two bits within that line. lines is a power of two. */
static inline __u32 tg_filter_line_of(__u64 hash, __u32 lines)
{
	return (__u32)(hash >> 18) & (lines - 1);
}

static inline __u32 tg_filter_bit(__u64 hash, __u32 which)
{
	return (__u32)(which ? hash >> 9 : hash) & 511;
}

/* The hash of a flow: its set of map `flows`, and its bits in map `flow_filter`. */
static inline __u64 tg_flow_hash(const __u64 seed[4], const struct tg_flow *flow)
{
	__u64 ports = (__u64)flow->protocol << 32 | (__u64)flow->local_port << 16 | flow->remote_port;
	__u64 hash = tg_mix(flow->local.hi ^ seed[3]);

	hash = tg_mix(hash ^ flow->local.lo);
	hash = tg_mix(hash ^ flow->remote.hi);
	hash = tg_mix(hash ^ flow->remote.lo);
	return tg_mix(hash ^ ports ^ seed[2]);
}

/* The 64-bit prefix that buckets are kept by. `a` is already masked to the configured length.
 * IPv4 is told apart by 0x0000ffff in the top half, which no unicast IPv6 prefix has. */
static inline __u64 tg_source_prefix(const __u64 seed[4], struct tg_address a, int is_v4, int longer_than_64)
{
	if (is_v4)
		return a.lo;
	if (longer_than_64)
		return tg_mix(a.hi ^ seed[1]) ^ tg_mix(a.lo ^ seed[2]);
	return a.hi;
}

/* The key of a way; never 0. */
static inline __u64 tg_way_key(__u64 prefix, __u64 tweak)
{
	__u64 key = prefix ^ tweak;

	return key ? key : ~0ULL;
}

/* The prefix behind the aggregate bucket of a source: /24 or /48. `prefix` is that of tg_source_prefix. */
static inline __u64 tg_aggregate_prefix(__u64 prefix, int is_v4)
{
	return prefix & (is_v4 ? ~0xffULL : ~0xffffULL);
}

/* Proven sources: a Bloom filter blocked to 64-byte lines, four bits a source. A line holds both generations, so that
 * a newcomer costs one cache miss: words 0 … 3 are generation 0, words 4 … 7 generation 1. */
#define TG_PROVEN_LINES (TG_PROVEN_PAGES * (TG_PROVEN_PAGE / 64))
#define TG_PROVEN_WORDS 4 /* of one generation in a line */
#define TG_PROVEN_BITS 4

static inline __u64 tg_proven_hash(const __u64 seed[4], __u64 prefix)
{
	return tg_mix(prefix ^ seed[3]);
}

/* `lines`: tg_control.proven_lines. Line i of a narrow table is split over i, i + lines, i + 2 * lines, … of a wider
 * one. */
static inline __u32 tg_proven_line(__u64 hash, __u32 lines)
{
	return (__u32)(hash >> 48) & (lines - 1) & (TG_PROVEN_LINES - 1);
}

/* Bit `which` (0 … TG_PROVEN_BITS - 1) within the words of a generation. */
static inline __u32 tg_proven_bit(__u64 hash, __u32 which)
{
	return (hash >> (8 * which)) & 255;
}

static inline __u32 tg_way_set(const __u64 seed[4], __u64 key, __u32 sets)
{
	return tg_reduce(tg_mix(key ^ seed[0]), sets);
}

#endif
