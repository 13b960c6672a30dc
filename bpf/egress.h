/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the host sends and forwards: UDP queries and ICMP echo requests, remembered so that stage/reply.h knows the
 * answers. TCP needs no memory, sockets are asked. */
#ifndef TIDEGATE_EGRESS_H
#define TIDEGATE_EGRESS_H

#include "stage/context.h"
#include "stage/flow_entry.h"
#include "stage/parse.h"
#include "stage/service.h"

#define TG_EGRESS_HEADERS 128 /* bytes that have to be linear */

/* Whether the datagram asks for answers: sent by a connected socket, or from an ephemeral port (also when forwarded),
 * and not from a port where a service of the policy answers, whose clients must stay clients. */
static __always_inline int tg_is_query(const struct tg_context *c, struct __sk_buff *skb, const struct tg_packet *p)
{
	struct bpf_sock *socket = skb->sk;
	int connected = 0;

	if (socket)
		connected = socket->dst_port != 0;
	if (!connected && p->source_port < c->control->ephemeral_low)
		return 0;
	return tg_named_service(c, p, &p->source, p->source_port) == TG_SERVICE_NONE;
}

static __always_inline int tg_is_echo_request(const struct tg_packet *p)
{
	return tg_is_icmp(p) && !p->malformed && !(p->flags & TG_PACKET_NON_FIRST) &&
	       p->icmp_type == (p->flags & TG_PACKET_V4 ? TG_ICMP_ECHO_REQUEST : TG_ICMPV6_ECHO_REQUEST);
}

static __always_inline void tg_expect_reply(const struct tg_context *c, const struct tg_packet *p)
{
	int echo = p->protocol != TG_PROTOCOL_UDP;
	const struct tg_flow flow = {
		.local = p->source,
		.remote = p->destination,
		.local_port = echo ? p->echo : p->source_port,
		.remote_port = echo ? p->echo : p->destination_port,
		.protocol = p->protocol,
	};
	__u64 hash = tg_flow_hash(c->identity->seed, &flow);
	struct tg_flow_set *set = tg_at(flows, tg_flow_set_of(hash, c->identity->flow_sets));

	if (set)
		tg_flow_store(set, hash, bpf_ktime_get_ns());
}

static __always_inline int tg_egress(struct __sk_buff *skb)
{
	struct tg_context c = {};
	struct tg_packet p = {};

	if (!tg_context_open(&c))
		return TC_ACT_UNSPEC;
	if (skb->data_end - skb->data < TG_EGRESS_HEADERS && skb->len > skb->data_end - skb->data)
		bpf_skb_pull_data(skb, skb->len < TG_EGRESS_HEADERS ? skb->len : TG_EGRESS_HEADERS);
	if (tg_parse((void *)(long)skb->data, (void *)(long)skb->data_end, &p) != TG_REASON_PASSED)
		return TC_ACT_UNSPEC;
	if (p.protocol == TG_PROTOCOL_UDP ? p.flags & TG_PACKET_HAS_PORT && tg_is_query(&c, skb, &p)
					  : tg_is_echo_request(&p))
		tg_expect_reply(&c, &p);
	return TC_ACT_UNSPEC;
}

#endif
