/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Token arithmetic: the generic cell rate algorithm (ITU-T I.371, annex A, virtual scheduling) on one 64-bit
 * theoretical arrival time (TAT) that several CPUs share. Pure.
 *
 * Bounds that the compiler of policies keeps: burst < 2^62, cost of a unit < 2^62, and cost per byte in fixed
 * point < 2^46, so that 2^17 bytes do not overflow. */
#ifndef TIDEGATE_STAGE_GCRA_H
#define TIDEGATE_STAGE_GCRA_H

#include "portable.h"
#include "../abi/config.h"
#include "../abi/limits.h"
#include "../abi/state.h"

/* A TAT is never further ahead than burst, seen by the clock that wrote it. The cached clocks of two CPUs differ by
 * a jiffy at most, by more when a hypervisor stops one of them. A TAT beyond burst and this slack is therefore left
 * from a wider limit or from before a jump of the clock. */
#define TG_CLOCK_SLACK (1ULL << 28)
#define TG_NO_CLAMP (1ULL << 63) /* a slack that no TAT exceeds */

/* The TAT after one more unit of `cost`, or 0 when the unit does not conform. A TAT too far ahead counts as "just
 * room for this unit": a limit that was changed acts at once, and forgives at most the debt beyond its own burst. */
TG_INLINE __u64 tg_gcra(__u64 tat, __u64 now, __u64 cost, __u64 burst, __u64 slack)
{
	__u64 debt = tat > now ? tat - now : 0;

	if (cost > burst)
		return 0;
	if (tg_unlikely(debt > burst + slack))
		debt = burst - cost;
	if (debt + cost > burst)
		return 0;
	return now + debt + cost;
}

/* What `length` bytes cost, in ns. */
TG_INLINE __u64 tg_byte_cost(__u64 cost, __u32 length)
{
	return (cost * length) >> TG_BYTE_SHIFT;
}

enum tg_committed {
	TG_COMMITTED,
	TG_EXCEEDED,  /* another CPU spent what was left */
	TG_CONTENDED, /* TG_CAS_RETRIES were not enough */
};

/* Writes `next`, computed from `seen`; computes again when another CPU was faster. */
TG_INLINE enum tg_committed tg_commit(__u64 *tat, __u64 seen, __u64 next, __u64 now, __u64 cost, __u64 burst,
				      __u64 slack)
{
	for (int i = 0; i < TG_CAS_RETRIES; i++) {
		__u64 found = __sync_val_compare_and_swap(tat, seen, next);

		if (found == seen)
			return TG_COMMITTED;
		seen = found;
		next = tg_gcra(seen, now, cost, burst, slack);
		if (!next)
			return TG_EXCEEDED;
	}
	return TG_CONTENDED;
}

/* Takes one unit of `rate` from a bucket of its own. cost 0: unlimited. */
TG_INLINE enum tg_committed tg_take(__u64 *tat, const struct tg_rate *rate, __u64 now)
{
	__u64 cost = rate->cost;
	__u64 burst = rate->burst;
	__u64 seen = TG_READ(*tat);
	__u64 next;

	if (!cost)
		return TG_COMMITTED;
	next = tg_gcra(seen, now, cost, burst, TG_CLOCK_SLACK);
	if (!next)
		return TG_EXCEEDED;
	return tg_commit(tat, seen, next, now, cost, burst, TG_CLOCK_SLACK);
}

/* The same where only this CPU writes: true when the unit conforms. */
TG_INLINE int tg_take_local(__u64 *tat, const struct tg_rate *rate, __u64 now)
{
	__u64 next;

	if (!rate->cost)
		return 1;
	next = tg_gcra(*tat, now, rate->cost, rate->burst, TG_CLOCK_SLACK);
	if (!next)
		return 0;
	*tat = next;
	return 1;
}

#endif
