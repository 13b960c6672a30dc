/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 3b: single TCP connections that a rule blocked, by their exact 5-tuple, behind a bit filter. While there is none,
 * a word of the control line is all that is read. Expiry is checked here, as for blocks. A fragment that is not the
 * first has no port and goes on: without the first, which is dropped, nobody can put its datagram together. */
#ifndef TIDEGATE_STAGE_FLOW_BLOCK_H
#define TIDEGATE_STAGE_FLOW_BLOCK_H

#include "block.h"
#include "context.h"
#include "parse_l4.h"

/* Whether the connection of a segment is blocked. Global: the verifier walks it once. */
__noinline int tg_flow_blocked(const struct tg_packet *p, __u32 lines, __u64 now)
{
	const struct tg_identity *id = tg_at(identity, 0);
	const struct tg_filter_line *line;
	const struct tg_flow_block *block;
	struct tg_flow flow = {};
	__u64 hash;

	if (!p || !id)
		return 0;
	flow.local = p->destination;
	flow.remote = p->source;
	flow.local_port = p->destination_port;
	flow.remote_port = p->source_port;
	flow.protocol = p->protocol;
	hash = tg_flow_hash(id->seed, &flow);
	line = tg_at(flow_filter, tg_filter_line_of(hash, lines));
	if (line && tg_likely(!tg_filter_test(line, hash)))
		return 0;
	block = bpf_map_lookup_elem(&flow_blocks, &flow);
	return block && block->expires > now;
}

static __always_inline __u32 tg_stage_flow_block(const struct tg_context *c, const struct tg_packet *p)
{
	__u32 lines = TG_READ(c->control->flow_filter_lines);

	if (tg_likely(!lines))
		return TG_CONTINUE;
	if (p->protocol != TG_PROTOCOL_TCP || !(p->flags & TG_PACKET_HAS_PORT))
		return TG_CONTINUE;
	if (tg_flow_blocked(p, lines, c->now))
		return TG_VERDICT(TG_SERVICE_NONE, TG_REASON_BLOCKED_FLOW);
	return TG_CONTINUE;
}

#endif
