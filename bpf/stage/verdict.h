/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 10: dry-run, counters, sampled events, and the action. */
#ifndef TIDEGATE_STAGE_VERDICT_H
#define TIDEGATE_STAGE_VERDICT_H

#include "context.h"
#include "../abi/event.h"

static __always_inline void tg_count(struct tg_counter *counter, int dropped, __u32 length)
{
	if (dropped) {
		counter->dropped_packets++;
		counter->dropped_bytes += length;
	} else {
		counter->passed_packets++;
		counter->passed_bytes += length;
	}
}

/* Policy may tolerate what has a reason to be dropped. */
static __always_inline int tg_is_enforced(const struct tg_context *c, __u32 verdict, __u32 service_flags)
{
	__u32 reason = TG_VERDICT_REASON(verdict);

	if (!tg_reason_drops(reason) || !(c->host->flags & TG_HOST_ENFORCE) || service_flags & TG_SERVICE_DRY_RUN)
		return 0;
	if (reason >= TG_REASON_MALFORMED_ETHERNET && reason <= TG_REASON_MALFORMED_ICMP)
		return !!(c->host->flags & TG_HOST_DROP_MALFORMED);
	return 1;
}

static __always_inline __u32 tg_event_flags(const struct tg_packet *p, __u32 reason, int dropped)
{
	__u32 flags = 0;

	if (dropped)
		flags |= TG_EVENT_DROPPED;
	else if (tg_reason_drops(reason))
		flags |= TG_EVENT_DRY_RUN;
	if (p->flags & TG_PACKET_FRAGMENT)
		flags |= TG_EVENT_FRAGMENT;
	if (p->flags & TG_PACKET_SYN)
		flags |= TG_EVENT_SYN;
	return flags;
}

/* One event for all packets of the class since the last; then none for an interval, give or take half of one, so that
 * no sender can stay in step with it. Global: runs once per interval. */
__noinline int tg_sample(const struct tg_packet *p, __u32 verdict, __u32 dropped, __u32 generation, __u64 now)
{
	const struct tg_control *ctl = tg_at(control, 0);
	struct tg_cpu *state = tg_at(cpu, 0);
	struct tg_event *event;
	__u64 interval;

	if (!p || !ctl || !state)
		return 0;
	dropped &= 1;
	interval = ctl->sample_interval_ns;
	state->next_sample[dropped] = now + interval / 2 + ((interval * bpf_get_prandom_u32()) >> 32);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		tg_fault(TG_FAULT_EVENT_LOST);
		return 0;
	}
	event->time = now;
	event->source = p->source;
	event->destination = p->destination;
	event->weight_packets = state->since_packets[dropped];
	event->weight_bytes = state->since_bytes[dropped];
	event->ifindex = p->ifindex;
	event->generation = generation;
	event->length = p->length;
	event->source_port = p->source_port;
	event->destination_port = p->destination_port;
	event->service = TG_VERDICT_SERVICE(verdict);
	event->reason = TG_VERDICT_REASON(verdict);
	event->protocol = p->protocol;
	event->flags = tg_event_flags(p, TG_VERDICT_REASON(verdict), dropped);
	event->reserved = 0;
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
	state->since_packets[dropped] = 0;
	state->since_bytes[dropped] = 0;
	return 1;
}

static __always_inline void tg_account_sample(const struct tg_context *c, const struct tg_packet *p, __u32 verdict,
					      __u32 dropped)
{
	if (!c->control->sample_interval_ns)
		return;
	c->cpu->since_packets[dropped]++;
	c->cpu->since_bytes[dropped] += p->length;
	if (tg_unlikely(c->now >= c->cpu->next_sample[dropped]))
		tg_sample(p, verdict, dropped, c->host->generation, c->now);
}

/* Never called, costs nothing: it puts types that no map names into the object's BTF, where a test compares them with
 * what the agent compiled. */
__noinline int tg_abi_types(const struct tg_event *event, const struct tg_replay_meta *meta)
{
	return event && meta;
}

static __always_inline void tg_tell_replay(struct xdp_md *ctx, const struct tg_packet *p, __u32 verdict, int dropped)
{
	struct tg_replay_meta *meta = tg_replay_of(ctx);

	if (!meta)
		return;
	meta->service = TG_VERDICT_SERVICE(verdict);
	meta->reason = TG_VERDICT_REASON(verdict);
	meta->flags = tg_event_flags(p, TG_VERDICT_REASON(verdict), dropped);
}

static __always_inline int tg_finish(struct xdp_md *ctx, const struct tg_context *c, const struct tg_packet *p,
				     __u32 verdict, __u32 service_flags)
{
	int dropped = tg_is_enforced(c, verdict, service_flags);
	struct tg_counter *by_reason, *by_interface;
	__u32 slot;

	verdict += tg_zero(c->cpu);
	slot = TG_VERDICT_SERVICE(verdict) * TG_REASON_SLOTS + TG_VERDICT_REASON(verdict);
	by_reason = tg_at(counters, slot);
	by_interface = tg_at(interfaces, p->ifindex % TG_INTERFACES);
	if (by_reason)
		tg_count(by_reason, dropped, p->length);
	if (by_interface)
		tg_count(by_interface, dropped, p->length);
	tg_account_sample(c, p, verdict, dropped);
	if (tg_replay)
		tg_tell_replay(ctx, p, verdict, dropped);
	return dropped ? XDP_DROP : XDP_PASS;
}

#endif
