/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The one clock of the datapath. bpf_ktime_get_ns costs 40 to 90 ns, because it keeps cache misses from overlapping:
 * each CPU reads it when jiffies changed and at every 16th packet, and else takes what it read last. A late clock
 * only delays credit; it never admits more than burst + rate * t. */
#ifndef TIDEGATE_STAGE_CLOCK_H
#define TIDEGATE_STAGE_CLOCK_H

#include "../maps.h"
#include "../abi/event.h"
#include "portable.h"

#define TG_CLOCK_PACKETS 16

const volatile __u8 tg_replay = 0; /* the clock is what struct tg_replay_meta says */

static __always_inline __u64 tg_clock(struct tg_cpu *state)
{
	__u64 jiffies = bpf_jiffies64();

	if (tg_unlikely(jiffies != state->jiffies || ++state->age >= TG_CLOCK_PACKETS)) {
		state->jiffies = jiffies;
		state->age = 0;
		state->now = bpf_ktime_get_ns();
	}
	return state->now;
}

/* What the replaying process put in front of the packet; NULL when there is nothing. */
static __always_inline struct tg_replay_meta *tg_replay_of(struct xdp_md *ctx)
{
	struct tg_replay_meta *meta = (void *)(long)ctx->data_meta;

	return (void *)(meta + 1) > (void *)(long)ctx->data ? 0 : meta;
}

static __always_inline __u64 tg_now(struct xdp_md *ctx, struct tg_cpu *state)
{
	struct tg_replay_meta *meta;

	if (!tg_replay)
		return tg_clock(state);
	meta = tg_replay_of(ctx);
	return meta ? meta->now : 0;
}

#endif
