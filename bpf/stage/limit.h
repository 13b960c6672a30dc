/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 7: limit decisions, a tighter bucket for one source or prefix; the most specific one in force counts. */
#ifndef TIDEGATE_STAGE_LIMIT_H
#define TIDEGATE_STAGE_LIMIT_H

#include "block.h"
#include "bucket.h"
#include "context.h"

/* The decision of exactly this key, or NULL when there is none in force. */
static __always_inline const struct tg_limit *tg_limit_of(const struct tg_identity *id, __u64 key, __u64 now)
{
	__u64 hash = tg_prefix_hash(id->seed, key);
	const struct tg_filter_line *line = tg_at(limit_filter, tg_filter_line_of(hash, TG_LIMIT_FILTER_LINES));
	const struct tg_limit *limit;

	if (!line || !tg_filter_test(line, hash))
		return 0;
	limit = bpf_map_lookup_elem(&limits, &key);
	return limit && limit->expires > now ? limit : 0;
}

/* Makes out the account of the CPU for the decision for the prefix of this length around the source; 0 when no such
 * decision is in force. Every source has a bucket of its own, also where the decision names a prefix: it gives each of
 * its sources that limit. Global: the verifier walks it once. It does not charge by itself: six calls deep, the stack
 * would be too small for Linux 6.1. */
__noinline int tg_limit_at(const struct tg_packet *p, __u32 length, __u64 tweak, __u64 now)
{
	const struct tg_identity *id = tg_at(identity, 0);
	const struct tg_rate none = {0, 0};
	const struct tg_limit *limit;
	struct tg_account *account;
	struct tg_rate packets, bytes;
	struct tg_cpu *state = tg_at(cpu, 0);
	__u64 key;

	if (!p || !id || !state)
		return 0;
	key = tg_prefix_key(id->seed, tg_mask(p->source, length), length);
	limit = tg_limit_of(id, key, now);
	if (!limit)
		return 0;
	packets = (struct tg_rate){limit->packets_cost, limit->packets_burst};
	bytes = (struct tg_rate){limit->bytes_cost, limit->bytes_burst};
	account = tg_account_of(state);
	account->key = tg_way_key(p->prefix, tweak);
	account->aggregate = tg_way_key(tg_aggregate_prefix(p->prefix, p->flags & TG_PACKET_V4), tweak);
	account->now = now;
	tg_bill_of(&account->bill, &packets, &bytes, &none, p->length, 0);
	return 1;
}

/* The account of the most specific decision in force; 0 when there is none. */
__noinline int tg_limited(const struct tg_packet *p, __u64 tweak, __u64 now)
{
	const struct tg_control *ctl = tg_at(control, 0);
	const __u8 *lengths;
	__u32 count;

	if (!p || !ctl)
		return 0;
	lengths = tg_lengths_for(p, &ctl->limits[TG_READ(ctl->limit_lengths) & 1], &count);
	for (__u32 i = 0; i < TG_PREFIX_LENGTHS && i < count; i++) {
		if (tg_limit_at(p, lengths[i], tweak, now))
			return 1;
	}
	return 0;
}

static __always_inline int tg_has_way(const struct tg_context *c, __u64 key)
{
	const struct tg_key_set *set = tg_at(keys, tg_way_set(c->identity->seed, key, c->identity->bucket_sets));

	return set && tg_find_way(set, key, tg_zero(c->cpu)) < TG_WAYS;
}

/* A limited source needs a way, like any other: the newcomers among those of a limited prefix draw on the budget of
 * their service first (once, bucket.h asks no more), so that a spoofed flood cannot fill the table here. `service` is
 * NULL where none matches. */
static __always_inline __u32 tg_stage_limit(const struct tg_context *c, struct tg_packet *p, __u32 slot,
					    const struct tg_service *service)
{
	struct tg_account *account = tg_account_of(c->cpu);
	__u32 count;
	int reason;

	tg_lengths_for(p, &c->control->limits[TG_READ(c->control->limit_lengths) & 1], &count);
	if (tg_likely(!count))
		return TG_CONTINUE;
	if (!tg_limited(p, c->host->limited_tweak, c->now))
		return TG_CONTINUE;
	if (service && !tg_has_way(c, account->key) && !tg_newcomer_passes(c, p, service, slot))
		return TG_VERDICT(slot, TG_REASON_NEW_SOURCES);
	reason = tg_charge_source(account);
	if (reason == TG_REASON_INTERNAL)
		return tg_internal();
	return tg_reason_drops(reason) ? TG_VERDICT(TG_SERVICE_LIMITED, TG_REASON_SOURCE_LIMIT) : TG_CONTINUE;
}

#endif
