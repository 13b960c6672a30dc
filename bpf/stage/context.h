/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What stages know about the packet in hand, and the feature switches. */
#ifndef TIDEGATE_STAGE_CONTEXT_H
#define TIDEGATE_STAGE_CONTEXT_H

#include "../maps.h"
#include "clock.h"
#include "packet.h"
#include "../abi/hash.h"

/* Set by the loader before the load. */
const volatile __u8 tg_use_socket_lookup = 1; /* replies test asks for TCP sockets */
const volatile __u8 tg_use_buff_len = 0;      /* kernel has bpf_xdp_get_buff_len (5.18) */

/* Read once per packet; one generation throughout. */
struct tg_context {
	const struct tg_control *control;
	const struct tg_identity *identity;
	const struct tg_host *host;
	struct tg_cpu *cpu;
	__u64 now;
	__u32 half; /* of the configuration maps: 0 or 1 */
};

/* Fails only when a map is missing: the packet passes. */
static __always_inline int tg_context_open(struct tg_context *c)
{
	c->control = tg_at(control, 0);
	c->identity = tg_at(identity, 0);
	c->cpu = tg_at(cpu, 0);
	if (!c->control || !c->identity || !c->cpu)
		return 0;
	c->half = TG_READ(c->control->active) & 1;
	c->host = tg_at(host, c->half);
	return c->host != 0;
}

/* A verdict for "a lookup that cannot fail failed": open, and said so. */
static __always_inline __u32 tg_internal(void)
{
	tg_fault(TG_FAULT_MAP_MISSING);
	return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_INTERNAL);
}

/* 0, which the verifier cannot know: states that differ only in a constant merge when this is added to it. */
static __always_inline __u32 tg_zero(const struct tg_cpu *state)
{
	return state->reserved;
}

#endif
