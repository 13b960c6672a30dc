/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 8: the buckets of a source in its service. A known source is found and charged right here; everything else
 * goes through claim.h. */
#ifndef TIDEGATE_STAGE_BUCKET_H
#define TIDEGATE_STAGE_BUCKET_H

#include "charge.h"
#include "claim.h"
#include "context.h"
#include "newcomer.h"

static __always_inline __u32 tg_charge_unknown(const struct tg_context *c, const struct tg_packet *p,
					       const struct tg_bill *bill, __u64 tweak)
{
	struct tg_account *account = tg_account_of(c->cpu);

	account->bill = *bill;
	account->key = tg_way_key(p->prefix, tweak);
	account->aggregate = tg_way_key(tg_aggregate_prefix(p->prefix, p->flags & TG_PACKET_V4), tweak);
	account->now = c->now;
	return tg_charge_source(account);
}

static __always_inline __u32 tg_bucket_verdict(__u32 slot, __u32 reason)
{
	if (tg_unlikely(reason == TG_REASON_CONTENTION))
		tg_fault(TG_FAULT_CAS_EXHAUSTED);
	else if (tg_unlikely(reason == TG_REASON_INTERNAL))
		tg_fault(TG_FAULT_MAP_MISSING);
	return TG_VERDICT(slot, reason);
}

static __always_inline int tg_is_unlimited(const struct tg_service *s)
{
	return !(s->packets.cost | s->bytes.cost | s->syn.cost) && !(s->flags & TG_SERVICE_NEW_SOURCES);
}

static __always_inline __u32 tg_stage_bucket(const struct tg_context *c, struct tg_packet *p, __u32 slot,
					     const struct tg_service *service)
{
	__u64 key = tg_way_key(p->prefix, service->tweak);
	__u32 index = tg_way_set(c->identity->seed, key, c->identity->bucket_sets), way;
	const struct tg_key_set *set;
	struct tg_tat_set *tat_set;
	struct tg_bill bill;

	if (tg_is_unlimited(service))
		return TG_VERDICT(slot, TG_REASON_PASSED);
	set = tg_at(keys, index);
	if (!set)
		return tg_internal();
	way = tg_find_way(set, key, tg_zero(c->cpu));
	tg_bill_of(&bill, &service->packets, &service->bytes, &service->syn, p->length, p->flags & TG_PACKET_SYN);
	if (way < TG_WAYS) {
		__u32 reason;

		tat_set = tg_at(tats, index);
		if (!tat_set)
			return tg_internal();
		way = tg_below(way, TG_WAYS);
		reason = tg_charge(&tat_set->way[way], &bill, c->now, TG_CLOCK_SLACK);
		if (tg_likely(TG_READ(set->key[way]) == key))
			return tg_bucket_verdict(slot, reason);
	} else if (!tg_newcomer_passes(c, p, service, slot)) {
		return TG_VERDICT(slot, TG_REASON_NEW_SOURCES);
	}
	return tg_bucket_verdict(slot, tg_charge_unknown(c, p, &bill, service->tweak));
}

#endif
