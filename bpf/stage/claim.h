/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Ways of the bucket table: finding one, claiming one, charging one when the quick path (bucket.h) could not.
 *
 * A way is free when none of its TATs is ahead of now; taking it from its key loses no debt. Two CPUs may claim two
 * ways for one key: whoever sees it releases all but the lowest. A CPU that charged a way which was released or
 * taken meanwhile sees another key when it reads again, and charges once more in the way that holds now. */
#ifndef TIDEGATE_STAGE_CLAIM_H
#define TIDEGATE_STAGE_CLAIM_H

#include "charge.h"
#include "context.h"

#define TG_NO_WAY TG_WAYS
#define TG_CLAIM_TRIES 3

/* The lowest way of a key, or TG_NO_WAY. `zero` is 0, which the verifier does not know (tg_zero): it goes on with one
 * unknown way, not with eight known ones. */
TG_INLINE __u32 tg_find_way(const struct tg_key_set *set, __u64 key, __u32 zero)
{
#pragma unroll
	for (__u32 i = 0; i < TG_WAYS; i++)
		if (TG_READ(set->key[i]) == key)
			return i + zero;
	return TG_NO_WAY + zero;
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

/* tg_release for a set by its index. Global, like what follows, so that the verifier walks it once. */
__noinline int tg_release_way(__u32 index, __u64 key, __u32 winner, __u32 loser, __u64 now)
{
	struct tg_key_set *set = tg_at(keys, index);
	struct tg_tat_set *tat_set = tg_at(tats, index);

	if (set && tat_set && tg_release(set, tat_set, key, winner, loser, now))
		tg_fault(TG_FAULT_CLAIM_LOST);
	return 0;
}

/* After a claim: the lowest way of the key stays, the others are released. */
__noinline int tg_settle(__u32 index, __u64 key, __u64 now)
{
	struct tg_key_set *set = tg_at(keys, index);
	const struct tg_cpu *state = tg_at(cpu, 0);
	__u32 winner;

	if (!set || !state)
		return 0;
	winner = tg_find_way(set, key, tg_zero(state));
	for (__u32 i = 1; i < TG_WAYS; i++)
		if (i > winner && TG_READ(set->key[i]) == key)
			tg_release_way(index, key, winner, i, now);
	return 0;
}

/* One attempt at claiming a way. Returns 0 when every way is in debt; else the caller looks for the key again. */
__noinline int tg_claim(__u32 index, __u64 key, __u64 now)
{
	struct tg_key_set *set = tg_at(keys, index);
	const struct tg_tat_set *tat_set = tg_at(tats, index);
	const struct tg_cpu *state = tg_at(cpu, 0);
	__u32 way;
	__u64 old;

	if (!set || !tat_set || !state)
		return 0;
	way = tg_find_free(set, tat_set, now, tg_zero(state));
	if (way == TG_NO_WAY)
		return 0;
	way = tg_below(way, TG_WAYS);
	old = TG_READ(set->key[way]);
	/* charged by the owner of `old` since it was found free? */
	if (tg_free_since(&tat_set->way[way]) > now)
		return 1;
	if (__sync_val_compare_and_swap(&set->key[way], old, key) == old)
		tg_settle(index, key, now);
	return 1;
}

/* The way of a key, claimed when there is none; TG_NO_WAY when every way is in debt or was taken by others. */
static __always_inline __u32 tg_obtain(const struct tg_key_set *set, __u32 index, __u64 key, __u64 now, __u32 zero)
{
	for (int i = 0; i < TG_CLAIM_TRIES; i++) {
		__u32 way = tg_find_way(set, key, zero);

		if (way < TG_WAYS)
			return way;
		if (!tg_claim(index, key, now))
			return TG_NO_WAY;
	}
	return tg_find_way(set, key, zero);
}

/* What tg_charge_source needs; in the memory of the CPU, because the stack is small. */
struct tg_account {
	struct tg_bill bill;
	__u64 key;       /* tg_way_key(prefix, tweak) */
	__u64 aggregate; /* the same of the prefix around the source */
	__u64 now;
};

TG_STATIC_ASSERT(sizeof(struct tg_packet) + sizeof(struct tg_account) <= sizeof(((struct tg_cpu *)0)->scratch),
		 "fits tg_cpu.scratch");

static __always_inline struct tg_account *tg_account_of(struct tg_cpu *state)
{
	return (struct tg_account *)(state->scratch + sizeof(struct tg_packet) / sizeof(state->scratch[0]));
}

/* tg_charge, walked once for all that is charged below. */
__noinline int tg_charge_tats(struct tg_tats *way, const struct tg_account *a, __u64 slack)
{
	if (!way || !a)
		return TG_REASON_INTERNAL;
	return tg_charge(way, &a->bill, a->now, slack);
}

/* Charges the bucket that all sources of a prefix share while their sets are full. It is direct-mapped: services
 * that meet in one share the debt, so that a TAT beyond the burst is no reason to forgive it. */
static __always_inline __u32 tg_charge_aggregate(const struct tg_account *a, const struct tg_identity *id)
{
	struct tg_tats *shared = tg_at(aggregates, tg_way_set(id->seed, a->aggregate, TG_AGGREGATES));
	__u32 reason;

	tg_fault(TG_FAULT_SET_FULL);
	if (!shared)
		return TG_REASON_INTERNAL;
	reason = tg_charge_tats(shared, a, TG_NO_CLAMP);
	if (reason == TG_REASON_PASSED)
		return TG_REASON_AGGREGATE;
	return reason == TG_REASON_CONTENTION ? reason : TG_REASON_AGGREGATE_LIMIT;
}

/* Charges a source in its way, which is claimed when it has none, else in the aggregate. Returns a reason. Global,
 * so that the verifier walks it once; new and limited sources and replies come here, known ones do not. */
__noinline int tg_charge_source(const struct tg_account *a)
{
	const struct tg_identity *id = tg_at(identity, 0);
	const struct tg_cpu *state = tg_at(cpu, 0);
	struct tg_key_set *set;
	struct tg_tat_set *tat_set;
	__u32 index;

	if (!a || !id || !state)
		return TG_REASON_INTERNAL;
	index = tg_way_set(id->seed, a->key, id->bucket_sets);
	set = tg_at(keys, index);
	tat_set = tg_at(tats, index);
	if (!set || !tat_set)
		return TG_REASON_INTERNAL;
	for (int i = 0; i < 2; i++) {
		__u32 way = tg_obtain(set, index, a->key, a->now, tg_zero(state)), reason;

		if (way == TG_NO_WAY)
			break;
		way = tg_below(way, TG_WAYS);
		reason = tg_charge_tats(&tat_set->way[way], a, TG_CLOCK_SLACK);
		if (TG_READ(set->key[way]) == a->key)
			return reason;
	}
	return tg_charge_aggregate(a, id);
}

#endif
