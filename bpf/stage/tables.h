/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Searches in the flat tables that the agent compiles (abi/config.h). Pure, branch-free inside the loops: a branch
 * on a comparison would double the verifier's states with every step. */
#ifndef TIDEGATE_STAGE_TABLES_H
#define TIDEGATE_STAGE_TABLES_H

#include "portable.h"
#include "../abi/config.h"
#include "../abi/limits.h"

#define TG_SEARCH_STEPS 12 /* log2 of TG_RANGES and of TG_ADDRESS_RANGES */

/* 1 when a < b, else 0, without a branch (Warren, Hacker's Delight, 2-12). */
TG_INLINE __u64 tg_less(__u64 a, __u64 b)
{
	return ((~a & b) | ((~a | b) & (a - b))) >> 63;
}

/* The service of a TG_POINT for a destination class: a slot, or TG_SERVICE_NONE. */
TG_INLINE __u32 tg_service_of(const struct tg_service_table *table, __u32 class_, __u32 point)
{
	__u32 base, count;

	class_ &= TG_DESTINATION_CLASSES - 1;
	base = table->first[class_];
	count = table->first[class_ + 1] - base;
	for (int i = 0; i < TG_SEARCH_STEPS && count > 1; i++) {
		__u32 half = count >> 1;
		/* both are below 2^25, so that the sign of the difference tells which is less */
		__u32 below = (point - table->start[(base + half) & (TG_RANGES - 1)]) >> 31;

		base += half * (1 - below);
		count -= half;
	}
	return table->service[base & (TG_RANGES - 1)];
}

/* The value of the range that holds an address; 0: not in the table. */
TG_INLINE __u32 tg_address_value(const struct tg_address_table *table, __u64 hi, __u64 lo)
{
	__u32 base = 0, count = table->count;

	if (count > TG_ADDRESS_RANGES)
		return 0;
	for (int i = 0; i < TG_SEARCH_STEPS && count > 1; i++) {
		__u32 half = count >> 1;
		const struct tg_address *start = &table->start[(base + half) & (TG_ADDRESS_RANGES - 1)];
		__u64 high = start->hi, same = tg_less(high, hi) | tg_less(hi, high);
		__u64 above = tg_less(hi, high) | ((same ^ 1) & tg_less(lo, start->lo));

		base += half * (1 - (__u32)above);
		count -= half;
	}
	return table->value[base & (TG_ADDRESS_RANGES - 1)];
}

/* The exact negative in front of it. */
TG_INLINE int tg_address_maybe(const struct tg_address_table *table, __u64 hi, __u64 lo, int is_v4)
{
	__u32 bit;

	if (is_v4) {
		bit = tg_filter4_bit(lo);
		return table->filter4[bit >> 6 & (TG_FILTER_BITS / 64 - 1)] >> (bit & 63) & 1;
	}
	bit = tg_filter6_bit(hi);
	return table->filter6[bit >> 6 & (TG_FILTER_BITS / 64 - 1)] >> (bit & 63) & 1;
}

#endif
