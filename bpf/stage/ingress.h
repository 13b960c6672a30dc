/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 0 and 1: parse; what is not IP, and neighbour discovery, which has to work even for blocked sources. */
#ifndef TIDEGATE_STAGE_INGRESS_H
#define TIDEGATE_STAGE_INGRESS_H

#include "context.h"
#include "gcra.h"
#include "parse.h"

/* IP length against the whole frame, where the linear part is shorter. */
static __always_inline int tg_truncated(struct xdp_md *ctx, const struct tg_packet *p, __u32 linear, int frags)
{
	if (tg_likely(!(p->flags & TG_PACKET_BEYOND)))
		return 0;
	if (!frags || !tg_use_buff_len)
		return 1;
	return p->length > bpf_xdp_get_buff_len(ctx) - linear;
}

static __always_inline void tg_set_prefix(const struct tg_context *c, struct tg_packet *p)
{
	struct tg_address masked = p->source;

	if (p->flags & TG_PACKET_V4) {
		p->prefix = masked.lo & c->host->source_mask_v4;
		return;
	}
	masked.hi &= c->host->source_mask_v6.hi;
	masked.lo &= c->host->source_mask_v6.lo;
	p->prefix = tg_source_prefix(c->identity->seed, masked, 0, c->host->source_mask_v6.lo != 0);
}

static __always_inline __u32 tg_neighbour(const struct tg_context *c)
{
	if (tg_take_local(&c->cpu->neighbour_tat, &c->host->neighbour, c->now))
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_NEIGHBOUR);
	return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_NEIGHBOUR_LIMIT);
}

/* Router and neighbour solicitation, advertisement and redirect (RFC 4861) never cross a router: hop limit 255; and
 * never come in fragments (RFC 6980). */
static __always_inline int tg_is_discovery(const struct tg_packet *p)
{
	return p->icmp_type >= 133 && p->icmp_type <= 137 && p->protocol == TG_PROTOCOL_ICMPV6 && p->hop_limit == 255 &&
	       !(p->flags & (TG_PACKET_V4 | TG_PACKET_EXTENDED));
}

/* The packet is parsed on the stack, in registers where that is possible, and then moved to the memory of the CPU: of
 * that the verifier remembers nothing, so that the ways in which a packet can be parsed do not multiply with what the
 * later stages do. */
static __always_inline __u32 tg_parse_frame(struct xdp_md *ctx, struct tg_packet *p)
{
	struct tg_packet parsed = {.ifindex = ctx->ingress_ifindex};
	__u32 reason = tg_parse((void *)(long)ctx->data, (void *)(long)ctx->data_end, &parsed);

	*p = parsed;
	return reason;
}

static __always_inline __u32 tg_stage_ingress(struct xdp_md *ctx, const struct tg_context *c, struct tg_packet *p,
					      int frags)
{
	__u32 reason = tg_parse_frame(ctx, p);

	if (tg_unlikely(reason != TG_REASON_PASSED)) {
		if (reason == TG_REASON_NEIGHBOUR)
			return tg_neighbour(c);
		return TG_VERDICT(TG_SERVICE_NONE, reason);
	}
	if (tg_truncated(ctx, p, p->offset, frags)) {
		reason = p->flags & TG_PACKET_V4 ? TG_REASON_MALFORMED_IPV4 : TG_REASON_MALFORMED_IPV6;
		return TG_VERDICT(TG_SERVICE_NONE, reason);
	}
	if (tg_unlikely(tg_is_discovery(p)))
		return tg_neighbour(c);
	tg_set_prefix(c, p);
	return TG_CONTINUE;
}

#endif
