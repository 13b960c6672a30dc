/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 8b: sources that have no way yet. Proven ones (proven.h) get one; the others draw on the service's budget. */
#ifndef TIDEGATE_STAGE_NEWCOMER_H
#define TIDEGATE_STAGE_NEWCOMER_H

#include "context.h"
#include "gcra.h"
#include "proven_bits.h"

/* Whether a socket of this host was ever ESTABLISHED with the source, in either generation. */
static __always_inline int tg_is_proven(const struct tg_context *c, const struct tg_packet *p)
{
	__u64 hash = tg_proven_hash(c->identity->seed, p->prefix);
	__u32 line = tg_proven_line(hash, TG_READ(c->control->proven_lines));
	const struct tg_proven_page *page = tg_at(proven, tg_proven_page_of(line));

	return page && tg_proven_test(page, line, hash);
}

/* Whether the service's budget of packets from newcomers has room. SYNs have a share that nothing else can spend, so
 * that a new client reaches the kernel's SYN cookies during a flood. */
static __always_inline int tg_admit_newcomer(const struct tg_context *c, const struct tg_packet *p,
					     const struct tg_service *service, __u32 slot)
{
	struct tg_fresh *budget = tg_at(fresh, slot);

	if (!budget)
		return 1;
	if (p->flags & TG_PACKET_SYN && tg_take(&budget->tat_syn, &service->fresh_syn, c->now) == TG_COMMITTED)
		return 1;
	return tg_take(&budget->tat, &service->fresh, c->now) == TG_COMMITTED;
}

static __always_inline int tg_newcomer_passes(const struct tg_context *c, struct tg_packet *p,
					      const struct tg_service *service, __u32 slot)
{
	if (!(service->flags & TG_SERVICE_NEW_SOURCES) || p->flags & TG_PACKET_ADMITTED)
		return 1;
	if (!tg_is_proven(c, p) && !tg_admit_newcomer(c, p, service, slot))
		return 0;
	p->flags |= TG_PACKET_ADMITTED;
	return 1;
}

#endif
