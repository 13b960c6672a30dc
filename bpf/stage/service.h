/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 6: which service a packet belongs to, by destination class, protocol and port. */
#ifndef TIDEGATE_STAGE_SERVICE_H
#define TIDEGATE_STAGE_SERVICE_H

#include "context.h"
#include "tables.h"

/* Behind the filter, and global: the verifier walks it once. */
__noinline int tg_search_destinations(__u32 half, __u64 hi, __u64 lo)
{
	const struct tg_address_table *table = tg_at(destinations, half);

	return table ? tg_address_value(table, hi, lo) : 0;
}

/* Destination class of a local address; 0 when no service names it. */
static __always_inline __u32 tg_class_of(const struct tg_context *c, const struct tg_address *local, __u32 v4)
{
	const struct tg_address_table *table;

	if (tg_likely(!(c->host->flags & TG_HOST_HAS_DESTINATIONS)))
		return 0;
	table = tg_at(destinations, c->half);
	if (!table || !tg_address_maybe(table, local->hi, local->lo, v4))
		return 0;
	return tg_search_destinations(c->half, local->hi, local->lo);
}

/* The slot of the most specific service, or TG_SERVICE_NONE when only the default is left. */
static __always_inline __u32 tg_named_service(const struct tg_context *c, const struct tg_packet *p,
					      const struct tg_address *local, __u16 port)
{
	const struct tg_service_table *table = tg_at(ranges, c->half);
	__u32 has_port = !!(p->flags & TG_PACKET_HAS_PORT);

	if (!table) {
		tg_fault(TG_FAULT_MAP_MISSING);
		return TG_SERVICE_NONE;
	}
	return tg_service_of(table, tg_class_of(c, local, p->flags & TG_PACKET_V4),
			     TG_POINT(p->protocol, has_port, has_port ? port : 0));
}

/* The slot, or TG_SERVICE_NONE. */
static __always_inline __u32 tg_stage_service(const struct tg_context *c, const struct tg_packet *p)
{
	__u32 slot = tg_named_service(c, p, &p->destination, p->destination_port);

	return slot == TG_SERVICE_NONE ? c->host->default_service : slot;
}

#endif
