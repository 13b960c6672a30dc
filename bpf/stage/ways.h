/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ways of a set of the bucket table: finding one, finding a free one, merging two of one key. Pure.
 * A way is free when none of its TATs is ahead of now; taking it from its key loses no debt. */
#ifndef TIDEGATE_STAGE_WAYS_H
#define TIDEGATE_STAGE_WAYS_H

#include "portable.h"
#include "../abi/limits.h"
#include "../abi/state.h"

#define TG_NO_WAY TG_WAYS

/* The lowest way of a key, or TG_NO_WAY. `zero` is 0, which the verifier does not know (tg_zero): it goes on with one
 * unknown way, not with eight known ones. */
TG_INLINE __u32 tg_find_way(const struct tg_key_set *set, __u64 key, __u32 zero)
{
	TG_UNROLL
	for (__u32 i = 0; i < TG_WAYS; i++)
		if (TG_READ(set->key[i]) == key)
			return i + zero;
	return TG_NO_WAY + zero;
}

/* How many ways hold the key. Without branches: the verifier would follow 256 outcomes. */
TG_INLINE __u32 tg_count_ways(const struct tg_key_set *set, __u64 key)
{
	__u64 others = 0;

	TG_UNROLL
	for (__u32 i = 0; i < TG_WAYS; i++) {
		__u64 differs = TG_READ(set->key[i]) ^ key;

		differs |= -differs; /* the top bit: not equal. Hidden, or the compiler makes a branch of it */
		__asm__("" : "+r"(differs));
		others += differs >> 63;
	}
	return TG_WAYS - (__u32)others;
}

/* When the last bucket of a way has run empty. */
TG_INLINE __u64 tg_free_since(const struct tg_tats *way)
{
	__u64 latest = TG_READ(way->packets), bytes = TG_READ(way->bytes), syn = TG_READ(way->syn);

	latest = bytes > latest ? bytes : latest;
	return syn > latest ? syn : latest;
}

/* The free way that nobody used for longest, one without a key first; TG_NO_WAY when all are in debt. */
TG_INLINE __u32 tg_find_free(const struct tg_key_set *set, const struct tg_tat_set *tat_set, __u64 now, __u32 zero)
{
	__u64 oldest = ~0ULL;
	__u32 victim = TG_NO_WAY + zero;

	for (__u32 i = 0; i < TG_WAYS; i++) {
		__u64 since = tg_free_since(&tat_set->way[i]);

		if (since > now)
			continue;
		if (!TG_READ(set->key[i]))
			since = 0;
		if (since < oldest) {
			oldest = since;
			victim = i + zero;
		}
	}
	return victim;
}

/* Adds the debt of a released bucket to the one that stays. */
TG_INLINE void tg_merge(__u64 *into, __u64 from, __u64 now)
{
	__u64 seen = TG_READ(*into);

	if (from <= now)
		return;
	for (int i = 0; i < TG_CAS_RETRIES; i++) {
		__u64 found = __sync_val_compare_and_swap(into, seen, (seen > now ? seen : now) + (from - now));

		if (found == seen)
			return;
		seen = found;
	}
}

/* Releases `loser`, a second way of the key, in favour of `winner`, with its debt. */
TG_INLINE int tg_release(struct tg_key_set *set, struct tg_tat_set *tat_set, __u64 key, __u32 winner, __u32 loser,
			 __u64 now)
{
	struct tg_tats *to = &tat_set->way[tg_below(winner, TG_WAYS)];
	struct tg_tats *from = &tat_set->way[tg_below(loser, TG_WAYS)];

	if (__sync_val_compare_and_swap(&set->key[tg_below(loser, TG_WAYS)], key, 0) != key)
		return 0;
	tg_merge(&to->packets, TG_READ(from->packets), now);
	tg_merge(&to->bytes, TG_READ(from->bytes), now);
	tg_merge(&to->syn, TG_READ(from->syn), now);
	return 1;
}

#endif
