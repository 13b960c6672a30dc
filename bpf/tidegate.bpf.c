// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The datapath: a table of contents. Stages in order, one header each in stage/; a stage gives a verdict or lets the
 * next one decide (TG_CONTINUE). What the maps hold is in abi/, the maps themselves in maps.h. */
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "maps.h"
#include "stage/context.h"
#include "stage/ingress.h"
#include "stage/source.h"
#include "stage/block.h"
#include "stage/flow_block.h"
#include "stage/exempt.h"
#include "stage/service.h"
#include "stage/limit.h"
#include "stage/bucket.h"
#include "stage/reply.h"
#include "stage/verdict.h"
#include "egress.h"
#include "handshake.h"

/* Stages 7 to 9: limits of the source, buckets of the service, and whether it is a reply after all. */
static __always_inline __u32 tg_decide_client(struct xdp_md *ctx, const struct tg_context *c, struct tg_packet *p,
					      __u32 *service_flags)
{
	__u32 slot = tg_stage_service(c, p), verdict;
	const struct tg_service *service = 0;

	if (slot != TG_SERVICE_NONE) {
		service = tg_at(services, c->half * TG_SERVICES + (slot & (TG_SERVICES - 1)));
		if (!service)
			return tg_internal();
		*service_flags = service->flags;
	}
	verdict = tg_stage_limit(c, p, slot, service);
	if (verdict == TG_CONTINUE && !service)
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_NO_SERVICE);
	if (verdict == TG_CONTINUE)
		verdict = tg_stage_bucket(c, p, slot, service);
	else if (TG_VERDICT_SERVICE(verdict) == TG_SERVICE_LIMITED)
		*service_flags = 0; /* an operator's decision holds also where the service only reports */
	if (tg_reason_drops(TG_VERDICT_REASON(verdict)))
		verdict = tg_stage_reply(ctx, c, p, verdict);
	else if (tg_unlikely(p->malformed))
		verdict = TG_VERDICT(slot, p->malformed);
	return verdict;
}

static __always_inline __u32 tg_decide(struct xdp_md *ctx, const struct tg_context *c, struct tg_packet *p,
				       __u32 *service_flags, int frags)
{
	__u32 verdict = tg_stage_ingress(ctx, c, p, frags);

	if (verdict == TG_CONTINUE)
		verdict = tg_stage_source(c, p);
	if (verdict == TG_CONTINUE)
		verdict = tg_stage_block(c, p);
	if (verdict == TG_CONTINUE)
		verdict = tg_stage_flow_block(c, p);
	if (verdict == TG_CONTINUE)
		verdict = tg_stage_malformed(c, p);
	if (verdict == TG_CONTINUE)
		verdict = tg_stage_icmp_error(c, p);
	if (verdict == TG_CONTINUE)
		verdict = tg_decide_client(ctx, c, p, service_flags);
	return verdict;
}

static __always_inline int tg_ingress(struct xdp_md *ctx, int frags)
{
	struct tg_context c = {};
	struct tg_packet *p;
	__u32 service_flags = 0, verdict;

	if (!tg_context_open(&c)) {
		tg_fault(TG_FAULT_MAP_MISSING);
		return XDP_PASS;
	}
	c.now = tg_now(ctx, c.cpu);
	p = (struct tg_packet *)c.cpu->scratch;
	verdict = tg_decide(ctx, &c, p, &service_flags, frags);
	return tg_finish(ctx, &c, p, verdict, service_flags);
}

/* The loader takes one of the two: frags where the kernel has them (5.18), for frames larger than a page. */
SEC("xdp.frags")
int tidegate_frags(struct xdp_md *ctx)
{
	return tg_ingress(ctx, 1);
}

SEC("xdp")
int tidegate(struct xdp_md *ctx)
{
	return tg_ingress(ctx, 0);
}

SEC("tc")
int tidegate_egress(struct __sk_buff *skb)
{
	return tg_egress(skb);
}

SEC("raw_tp/inet_sock_set_state")
int tidegate_established(struct bpf_raw_tracepoint_args *ctx)
{
	return tg_handshake(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
