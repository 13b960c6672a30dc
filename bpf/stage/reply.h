/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Stage 9: what a limit or a budget would drop may be an answer to the host itself: then it is no client, and is
 * charged in a bucket of its own. Blocks are not asked here: they win. */
#ifndef TIDEGATE_STAGE_REPLY_H
#define TIDEGATE_STAGE_REPLY_H

#include "bucket.h"
#include "context.h"
#include "flow_entry.h"
#include "parse_l4.h"

#define TG_TCP_SYN_SENT 2
#define TG_TCP_LISTEN 10

static __always_inline void tg_tuple_of(struct bpf_sock_tuple *tuple, const struct tg_packet *p, __u16 remote_port)
{
	if (p->flags & TG_PACKET_V4) {
		tuple->ipv4.saddr = bpf_htonl((__u32)p->source.lo);
		tuple->ipv4.daddr = bpf_htonl((__u32)p->destination.lo);
		tuple->ipv4.sport = bpf_htons(remote_port);
		tuple->ipv4.dport = bpf_htons(p->destination_port);
		return;
	}
	tuple->ipv6.saddr[0] = bpf_htonl(p->source.hi >> 32);
	tuple->ipv6.saddr[1] = bpf_htonl((__u32)p->source.hi);
	tuple->ipv6.saddr[2] = bpf_htonl(p->source.lo >> 32);
	tuple->ipv6.saddr[3] = bpf_htonl((__u32)p->source.lo);
	tuple->ipv6.daddr[0] = bpf_htonl(p->destination.hi >> 32);
	tuple->ipv6.daddr[1] = bpf_htonl((__u32)p->destination.hi);
	tuple->ipv6.daddr[2] = bpf_htonl(p->destination.lo >> 32);
	tuple->ipv6.daddr[3] = bpf_htonl((__u32)p->destination.lo);
	tuple->ipv6.sport = bpf_htons(remote_port);
	tuple->ipv6.dport = bpf_htons(p->destination_port);
}

/* The state of the socket that would take the segment, in the namespace of the interface; 0: none. */
static __always_inline __u32 tg_socket_state(struct xdp_md *ctx, const struct tg_packet *p, __u16 remote_port)
{
	struct bpf_sock_tuple tuple = {};
	__u32 size = p->flags & TG_PACKET_V4 ? sizeof(tuple.ipv4) : sizeof(tuple.ipv6), state;
	struct bpf_sock *socket;

	tg_tuple_of(&tuple, p, remote_port);
	socket = bpf_skc_lookup_tcp(ctx, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!socket)
		return 0;
	state = socket->state;
	bpf_sk_release(socket);
	return state;
}

/* A connection that the host opened. One that it accepted has a listener on its port: an attacker must not reach the
 * bucket of replies through a connection of its own. */
static __always_inline int tg_is_own_connection(struct xdp_md *ctx, const struct tg_packet *p)
{
	__u32 state = tg_socket_state(ctx, p, p->source_port);

	if (state == 0 || state == TG_TCP_LISTEN)
		return 0;
	return state == TG_TCP_SYN_SENT || tg_socket_state(ctx, p, 0) != TG_TCP_LISTEN;
}

static __always_inline int tg_may_look_up(const struct tg_control *ctl, struct tg_cpu *state, __u64 now)
{
	const struct tg_rate budget = {
		.cost = ctl->lookup_interval_ns,
		.burst = (__u64)ctl->lookup_interval_ns * TG_LOOKUP_BURST,
	};

	if (tg_take_local(&state->lookup_tat, &budget, now))
		return 1;
	tg_fault(TG_FAULT_LOOKUP_BUDGET);
	return 0;
}

/* The flow of a packet that could be a reply; 0 when it cannot be one. */
static __always_inline int tg_reply_flow(struct tg_flow *flow, const struct tg_packet *p)
{
	flow->local = p->destination;
	flow->remote = p->source;
	flow->protocol = p->protocol;
	if (p->flags & TG_PACKET_HAS_PORT) {
		flow->local_port = p->destination_port;
		flow->remote_port = p->source_port;
		return p->protocol == TG_PROTOCOL_UDP ||
		       (p->protocol == TG_PROTOCOL_TCP && !(p->flags & TG_PACKET_SYN));
	}
	flow->local_port = p->echo;
	flow->remote_port = p->echo;
	return tg_is_icmp(p) && !p->malformed && !(p->flags & TG_PACKET_NON_FIRST) &&
	       p->icmp_type == (p->flags & TG_PACKET_V4 ? TG_ICMP_ECHO_REPLY : TG_ICMPV6_ECHO_REPLY);
}

/* Whether the packet answers the host. Global, so that the verifier walks it once; never on the path of what passes. */
__noinline int tg_is_reply(struct xdp_md *ctx, const struct tg_packet *p, __u64 now)
{
	const struct tg_control *ctl = tg_at(control, 0);
	const struct tg_identity *id = tg_at(identity, 0);
	struct tg_cpu *state = tg_at(cpu, 0);
	struct tg_flow flow = {};
	struct tg_flow_set *set;
	__u64 hash;
	int tcp;

	if (!p || !ctl || !id || !state || !tg_reply_flow(&flow, p))
		return 0;
	tcp = p->protocol == TG_PROTOCOL_TCP;
	hash = tg_flow_hash(id->seed, &flow);
	set = tg_at(flows, tg_flow_set_of(hash, id->flow_sets));
	if (!set)
		return 0;
	if (tg_flow_find(set, hash, now, tcp ? TG_FLOW_AGE_TCP : TG_FLOW_AGE_DATAGRAM))
		return 1;
	if (!tcp || !tg_use_socket_lookup || !tg_may_look_up(ctl, state, now) || !tg_is_own_connection(ctx, p))
		return 0;
	tg_flow_store(set, hash, now);
	return 1;
}

/* `verdict` is what the packet would get as a client. */
static __always_inline __u32 tg_stage_reply(struct xdp_md *ctx, const struct tg_context *c, const struct tg_packet *p,
					    __u32 verdict)
{
	const struct tg_rate none = {0, 0};
	struct tg_bill bill;
	__u32 reason;

	/* A SYN without ACK never is one, and most of what a flood sends: it is spared the call. */
	if (p->flags & TG_PACKET_SYN || tg_likely(!tg_is_reply(ctx, p, c->now)))
		return verdict;
	tg_bill_of(&bill, &c->host->replies, &none, &none, p->length, 0);
	reason = tg_charge_unknown(c, p, &bill, c->host->replies_tweak);
	return TG_VERDICT(TG_SERVICE_REPLIES, tg_reason_drops(reason) ? TG_REASON_REPLY_LIMIT : TG_REASON_REPLY);
}

#endif
