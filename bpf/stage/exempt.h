/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stages 4 and 5: malformed L4 headers and fragments by policy; ICMP errors under a bucket of their own. */
#ifndef TIDEGATE_STAGE_EXEMPT_H
#define TIDEGATE_STAGE_EXEMPT_H

#include "context.h"
#include "gcra.h"
#include "parse_l4.h"

/* A malformed packet that the policy tolerates goes on without a port, so that it cannot get around its buckets. */
static __always_inline __u32 tg_stage_malformed(const struct tg_context *c, struct tg_packet *p)
{
	if (tg_unlikely(p->malformed) && c->host->flags & TG_HOST_DROP_MALFORMED)
		return TG_VERDICT(TG_SERVICE_NONE, p->malformed);
	if (tg_unlikely(p->flags & TG_PACKET_NON_FIRST) && c->host->flags & TG_HOST_DROP_NON_FIRST)
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_FRAGMENT);
	return TG_CONTINUE;
}

/* Fragmentation needed and time exceeded (RFC 792), Packet Too Big and Time Exceeded (RFC 4443): without them path
 * MTU discovery and traceroute fail. */
static __always_inline int tg_is_icmp_error(const struct tg_packet *p)
{
	if (!tg_is_icmp(p) || p->malformed || p->flags & TG_PACKET_NON_FIRST)
		return 0;
	if (p->flags & TG_PACKET_V4)
		return (p->icmp_type == 3 && p->icmp_code == 4) || p->icmp_type == 11;
	return p->icmp_type == 2 || p->icmp_type == 3;
}

static __always_inline __u32 tg_stage_icmp_error(const struct tg_context *c, const struct tg_packet *p)
{
	if (tg_likely(!tg_is_icmp_error(p)))
		return TG_CONTINUE;
	if (tg_take_local(&c->cpu->icmp_error_tat, &c->host->icmp_error, c->now))
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_ICMP_ERROR);
	return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_ICMP_ERROR_LIMIT);
}

#endif
