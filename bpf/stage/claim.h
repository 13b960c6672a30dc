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

#define TG_TAKEN (TG_WAYS + 1)          /* look for the key again */
#define TG_CHARGE_TRIES 4               /* claims that other CPUs spoil, charges of a way that they take */
#define TG_CHARGE_AGAIN TG_REASON_SLOTS /* no reason: the charge went to nobody */

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

/* tg_find_free for a set by its index. */
__noinline int tg_find_victim(__u32 index, __u64 now)
{
	const struct tg_key_set *set = tg_at(keys, index);
	const struct tg_tat_set *tat_set = tg_at(tats, index);
	const struct tg_cpu *state = tg_at(cpu, 0);

	if (!set || !tat_set || !state)
		return TG_NO_WAY;
	return tg_find_free(set, tat_set, now, tg_zero(state));
}

/* Claims a way for the key: the way, TG_TAKEN when another CPU was faster, TG_NO_WAY when every way is in debt. */
static __always_inline __u32 tg_claim(struct tg_key_set *set, const struct tg_tat_set *tat_set, __u32 index, __u64 key,
				      __u64 now)
{
	__u32 way = tg_find_victim(index, now);
	__u64 old;

	if (way >= TG_NO_WAY)
		return TG_NO_WAY;
	way = tg_below(way, TG_WAYS);
	old = TG_READ(set->key[way]);
	/* charged by the owner of `old` since it was found free? */
	if (tg_free_since(&tat_set->way[way]) > now)
		return TG_TAKEN;
	if (__sync_val_compare_and_swap(&set->key[way], old, key) != old)
		return TG_TAKEN;
	if (tg_likely(tg_count_ways(set, key) == 1))
		return way;
	tg_settle(index, key, now);
	return TG_TAKEN;
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

/* Charges the bucket that all sources of a prefix share while their sets are full. It is direct-mapped: services
 * that meet in one share the debt, so that a TAT beyond the burst is no reason to forgive it. */
__noinline int tg_charge_aggregate(const struct tg_account *a)
{
	const struct tg_identity *id = tg_at(identity, 0);
	struct tg_tats *shared;
	__u32 reason;

	tg_fault(TG_FAULT_SET_FULL);
	if (!a || !id)
		return TG_REASON_INTERNAL;
	shared = tg_at(aggregates, tg_way_set(id->seed, a->aggregate, TG_AGGREGATES));
	if (!shared)
		return TG_REASON_INTERNAL;
	reason = tg_charge(shared, &a->bill, a->now, TG_NO_CLAMP);
	if (reason == TG_REASON_PASSED)
		return TG_REASON_AGGREGATE;
	return reason == TG_REASON_CONTENTION ? reason : TG_REASON_AGGREGATE_LIMIT;
}

/* Charges a source in its way, which is claimed when it has none, or in the aggregate when no way is free. Returns a
 * reason, or TG_CHARGE_AGAIN when other CPUs interfered. Global, like what it calls, so that the verifier walks each
 * once; what runs for every packet that claims stays in one piece, because a call costs 5 to 10 ns. */
__noinline int tg_charge_once(const struct tg_account *a)
{
	const struct tg_identity *id = tg_at(identity, 0);
	const struct tg_cpu *state = tg_at(cpu, 0);
	struct tg_key_set *set;
	struct tg_tat_set *tat_set;
	__u32 index, way, reason;

	if (!a || !id || !state)
		return TG_REASON_INTERNAL;
	index = tg_way_set(id->seed, a->key, id->bucket_sets);
	set = tg_at(keys, index);
	tat_set = tg_at(tats, index);
	if (!set || !tat_set)
		return TG_REASON_INTERNAL;
	way = tg_find_way(set, a->key, tg_zero(state));
	if (way >= TG_WAYS)
		way = tg_claim(set, tat_set, index, a->key, a->now);
	if (way == TG_NO_WAY)
		return tg_charge_aggregate(a);
	if (way == TG_TAKEN)
		return TG_CHARGE_AGAIN;
	way = tg_below(way, TG_WAYS);
	reason = tg_charge(&tat_set->way[way], &a->bill, a->now, TG_CLOCK_SLACK);
	return TG_READ(set->key[way]) == a->key ? reason : TG_CHARGE_AGAIN;
}

/* The rest of the tries; then the source is charged in the aggregate after all. */
__noinline int tg_charge_again(const struct tg_account *a)
{
	if (!a)
		return TG_REASON_INTERNAL;
	for (int i = 1; i < TG_CHARGE_TRIES; i++) {
		__u32 reason = tg_charge_once(a);

		if (reason != TG_CHARGE_AGAIN)
			return reason;
	}
	return tg_charge_aggregate(a);
}

/* New and limited sources and replies come here, known ones do not. Returns a reason. */
static __always_inline __u32 tg_charge_source(const struct tg_account *a)
{
	__u32 reason = tg_charge_once(a);

	return tg_likely(reason != TG_CHARGE_AGAIN) ? reason : tg_charge_again(a);
}

#endif
