/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 2: safelisted sources and trusted proxies, under the ceiling of their entry. Skips every later stage. */
#ifndef TIDEGATE_STAGE_SOURCE_H
#define TIDEGATE_STAGE_SOURCE_H

#include "context.h"
#include "gcra.h"
#include "tables.h"

static __always_inline __u32 tg_ceiling(const struct tg_context *c, const struct tg_source_entry *entry, __u32 index)
{
	int proxy = entry->kind == TG_SOURCE_PROXY;
	__u64 *tat = tg_at(ceilings, index);

	if (!tat)
		return tg_internal();
	switch (tg_take(tat, &entry->ceiling, c->now)) {
	case TG_COMMITTED:
		return proxy ? TG_VERDICT(TG_SERVICE_PROXY, TG_REASON_TRUSTED_PROXY)
			     : TG_VERDICT(TG_SERVICE_SAFELIST, TG_REASON_SAFELISTED);
	case TG_EXCEEDED:
		return proxy ? TG_VERDICT(TG_SERVICE_PROXY, TG_REASON_PROXY_CEILING)
			     : TG_VERDICT(TG_SERVICE_SAFELIST, TG_REASON_SAFELIST_CEILING);
	default:
		tg_fault(TG_FAULT_CAS_EXHAUSTED);
		return TG_VERDICT(proxy ? TG_SERVICE_PROXY : TG_SERVICE_SAFELIST, TG_REASON_CONTENTION);
	}
}

/* An entry that is bound to another interface gives way to the entry that covers it. */
static __always_inline __u32 tg_source_chain(const struct tg_context *c, const struct tg_packet *p, __u32 index)
{
	for (int i = 0; i < TG_SOURCE_CHAIN; i++) {
		const struct tg_source_entry *entry;

		index &= TG_SOURCE_ENTRIES - 1;
		if (!index)
			return TG_CONTINUE;
		entry = tg_at(source_entries, c->half * TG_SOURCE_ENTRIES + index);
		if (!entry)
			return tg_internal();
		if (!entry->ifindex || entry->ifindex == p->ifindex)
			return tg_ceiling(c, entry, index);
		index = entry->next;
	}
	return TG_CONTINUE;
}

/* Behind the filter, and global: the verifier walks it once. */
__noinline int tg_search_sources(__u32 half, __u64 hi, __u64 lo)
{
	const struct tg_address_table *table = tg_at(sources, half);

	return table ? tg_address_value(table, hi, lo) : 0;
}

static __always_inline __u32 tg_stage_source(const struct tg_context *c, const struct tg_packet *p)
{
	const struct tg_address_table *table;
	__u32 index;

	if (!(c->host->flags & TG_HOST_HAS_SOURCES))
		return TG_CONTINUE;
	table = tg_at(sources, c->half);
	if (!table)
		return tg_internal();
	if (tg_likely(!tg_address_maybe(table, p->source.hi, p->source.lo, p->flags & TG_PACKET_V4)))
		return TG_CONTINUE;
	index = tg_search_sources(c->half, p->source.hi, p->source.lo);
	return index ? tg_source_chain(c, p, index) : TG_CONTINUE;
}

#endif
