/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 3: dynamic blocks, one probe per prefix length in use. A bit filter first; then two buckets and a stash.
 * Expiry is checked here, so that no block outlives its time when the agent is gone. */
#ifndef TIDEGATE_STAGE_BLOCK_H
#define TIDEGATE_STAGE_BLOCK_H

#include "context.h"

static __always_inline int tg_filter_test(const struct tg_filter_line *line, __u64 hash)
{
	__u32 first = tg_filter_bit(hash, 0), second = tg_filter_bit(hash, 1);

	return line->word[first >> 6] >> (first & 63) & line->word[second >> 6] >> (second & 63) & 1;
}

/* When the block of `key` ends; 0 when it is not in this bucket. */
static __always_inline __u64 tg_block_in_bucket(const struct tg_identity *id, __u64 hash, __u64 key, __u32 choice)
{
	const struct tg_block_bucket *bucket = tg_at(blocks, tg_bucket_of(hash, choice, id->block_buckets));

	if (!bucket)
		return 0;
	TG_UNROLL
	for (int i = 0; i < TG_BLOCK_WAYS; i++)
		if (TG_READ(bucket->key[i]) == key)
			return TG_READ(bucket->expires[i]);
	return 0;
}

static __always_inline __u64 tg_block_in_stash(__u64 key)
{
	const struct tg_block_stash *stash = tg_at(block_stash, 0);

	if (!stash)
		return 0;
	for (int i = 0; i < TG_BLOCK_STASH; i++)
		if (TG_READ(stash->key[i]) == key)
			return TG_READ(stash->expires[i]);
	return 0;
}

/* Whether a block of exactly this key is in force. */
static __always_inline int tg_blocked(const struct tg_identity *id, const struct tg_control *ctl, __u64 key, __u64 now)
{
	__u64 hash = tg_prefix_hash(id->seed, key);
	__u32 used = TG_READ(ctl->block_filter_lines), lines = used ? used : id->block_filter_lines;
	const struct tg_filter_line *line = tg_at(block_filter, tg_filter_line_of(hash, lines));
	__u64 expires;

	/* without a line the table itself is searched: the filter only saves time */
	if (line && tg_likely(!tg_filter_test(line, hash)))
		return 0;
	expires = tg_block_in_bucket(id, hash, key, 0);
	if (!expires)
		expires = tg_block_in_bucket(id, hash, key, 1);
	if (!expires && TG_READ(ctl->stash_count))
		expires = tg_block_in_stash(key);
	return expires > now;
}

/* Whether a block of the prefix of this length around the source is in force. Global functions are walked once by the
 * verifier, however often a loop calls them. */
__noinline int tg_blocked_at(const struct tg_packet *p, __u32 length, __u64 now)
{
	const struct tg_control *ctl = tg_at(control, 0);
	const struct tg_identity *id = tg_at(identity, 0);

	if (!p || !ctl || !id)
		return 0;
	return tg_blocked(id, ctl, tg_prefix_key(id->seed, tg_mask(p->source, length), length), now);
}

/* The prefix lengths in use for the family of the packet's source, longest first. */
static __always_inline const __u8 *tg_lengths_for(const struct tg_packet *p, const struct tg_lengths *list,
						  __u32 *count)
{
	*count = p->flags & TG_PACKET_V4 ? list->count4 : list->count6;
	return p->flags & TG_PACKET_V4 ? list->v4 : list->v6;
}

/* Every length but the host's. */
__noinline int tg_blocked_prefix(const struct tg_packet *p, __u64 now)
{
	const struct tg_control *ctl = tg_at(control, 0);
	const __u8 *lengths;
	__u32 count;

	if (!p || !ctl)
		return 0;
	lengths = tg_lengths_for(p, &ctl->blocks[TG_READ(ctl->block_lengths) & 1], &count);
	for (__u32 i = 0; i < TG_PREFIX_LENGTHS && i < count; i++)
		if (lengths[i] != 128 && tg_blocked_at(p, lengths[i], now))
			return 1;
	return 0;
}

static __always_inline __u32 tg_stage_block(const struct tg_context *c, const struct tg_packet *p)
{
	__u32 count;
	const __u8 *lengths = tg_lengths_for(p, &c->control->blocks[TG_READ(c->control->block_lengths) & 1], &count);
	int host = lengths[0] == 128;

	if (!count)
		return TG_CONTINUE;
	if (host && tg_blocked(c->identity, c->control, tg_prefix_key(c->identity->seed, p->source, 128), c->now))
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_BLOCKED_ADDRESS);
	if (count > (__u32)host && tg_blocked_prefix(p, c->now))
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_BLOCKED_PREFIX);
	return TG_CONTINUE;
}

#endif
