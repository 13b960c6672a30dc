/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Claiming a way of the bucket table, and charging one when the quick path (bucket.h) could not; ways.h has the parts.
 *
 * Two CPUs may claim two ways for one key: whoever sees it releases all but the lowest. A CPU that charged a way which
 * was released or taken meanwhile sees another key when it reads again, and charges once more in the way that holds
 * now. */
#ifndef TIDEGATE_STAGE_CLAIM_H
#define TIDEGATE_STAGE_CLAIM_H

#include "charge.h"
#include "context.h"
#include "ways.h"

#define TG_CLAIM_TRIES 3

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
