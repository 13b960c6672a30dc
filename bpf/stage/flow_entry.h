/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Entries of map `flows`: what the host sent lately, so that answers are recognised. Pure.
 * An entry is 40 bits of the flow's keyed hash and 24 bits of time in ticks of 2^TG_FLOW_TICK ns (268 ms), which
 * wrap after 52 days; an entry that nobody overwrote for exactly that long would count as fresh for a minute. */
#ifndef TIDEGATE_STAGE_FLOW_ENTRY_H
#define TIDEGATE_STAGE_FLOW_ENTRY_H

#include "portable.h"
#include "../abi/hash.h"
#include "../abi/state.h"

#define TG_FLOW_TIME_BITS 24
#define TG_FLOW_TIME_MASK ((1ULL << TG_FLOW_TIME_BITS) - 1)
#define TG_FLOW_AGE_DATAGRAM 224 /* ticks: 60 s for UDP and ICMP echo */
#define TG_FLOW_AGE_TCP 4        /* ticks: about 1 s, then the socket is looked up again */

TG_INLINE __u32 tg_flow_set_of(__u64 hash, __u32 sets)
{
	return hash & (sets - 1) & TG_FLOW_TIME_MASK;
}

TG_INLINE __u64 tg_flow_entry(__u64 hash, __u64 now)
{
	return (hash & ~TG_FLOW_TIME_MASK) | (now >> TG_FLOW_TICK & TG_FLOW_TIME_MASK);
}

/* Ticks since an entry was written. One from the near future (another CPU's clock) counts as just written. */
TG_INLINE __u64 tg_flow_age(__u64 entry, __u64 now)
{
	__u64 age = ((now >> TG_FLOW_TICK) - entry) & TG_FLOW_TIME_MASK;

	return age > TG_FLOW_TIME_MASK - 4 ? 0 : age;
}

TG_INLINE int tg_flow_same(__u64 entry, __u64 hash)
{
	return entry && ((entry ^ hash) & ~TG_FLOW_TIME_MASK) == 0;
}

TG_INLINE int tg_flow_find(const struct tg_flow_set *set, __u64 hash, __u64 now, __u64 most_ticks)
{
	for (int i = 0; i < TG_FLOW_WAYS; i++) {
		__u64 entry = TG_READ(set->entry[i]);

		if (tg_flow_same(entry, hash))
			return tg_flow_age(entry, now) <= most_ticks;
	}
	return 0;
}

/* Stores the flow over itself, else over a free or the oldest entry. Two CPUs may store one flow twice: harmless. */
TG_INLINE void tg_flow_store(struct tg_flow_set *set, __u64 hash, __u64 now)
{
	__u64 fresh = tg_flow_entry(hash, now), oldest = 0;
	__u32 victim = 0;

	for (int i = 0; i < TG_FLOW_WAYS; i++) {
		__u64 entry = TG_READ(set->entry[i]);
		__u64 age = entry ? tg_flow_age(entry, now) + 1 : ~0ULL;

		if (tg_flow_same(entry, hash)) {
			if (entry != fresh)
				TG_WRITE(set->entry[i], fresh);
			return;
		}
		if (age > oldest) {
			oldest = age;
			victim = i;
		}
	}
	TG_WRITE(set->entry[victim & (TG_FLOW_WAYS - 1)], fresh);
}

#endif
