/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Peers whose TCP handshake the kernel itself saw complete, in any network namespace: they are proven, and no spoofed
 * flood can crowd them out (stage/newcomer.h). An ACK that merely arrived proves nothing. */
#ifndef TIDEGATE_HANDSHAKE_H
#define TIDEGATE_HANDSHAKE_H

#include <bpf/bpf_core_read.h>

#include "stage/context.h"
#include "stage/proven_bits.h"

#define TG_TCP_ESTABLISHED 1
#define TG_AF_INET 2
#define TG_AF_INET6 10

/* As much of the kernel's types as is read; offsets are relocated at load (CO-RE). */
struct in6_addr___tg {
	union {
		__be32 u6_addr32[4];
	} in6_u;
} __attribute__((preserve_access_index));

struct sock_common___tg {
	__be32 skc_daddr;
	unsigned short skc_family;
	struct in6_addr___tg skc_v6_daddr;
} __attribute__((preserve_access_index));

struct sock___tg {
	struct sock_common___tg __sk_common;
	__u16 sk_protocol;
} __attribute__((preserve_access_index));

/* The peer as an address, IPv4 also when it talks to an IPv6 socket; 0 when it has neither family. */
static __always_inline int tg_peer_of(const struct sock___tg *socket, struct tg_address *peer)
{
	__u32 family = BPF_CORE_READ(socket, __sk_common.skc_family), words[4];

	if (family == TG_AF_INET) {
		peer->lo = TG_V4_MAPPED | bpf_ntohl(BPF_CORE_READ(socket, __sk_common.skc_daddr));
		return 1;
	}
	if (family != TG_AF_INET6)
		return 0;
	BPF_CORE_READ_INTO(&words, socket, __sk_common.skc_v6_daddr.in6_u.u6_addr32);
	peer->hi = (__u64)bpf_ntohl(words[0]) << 32 | bpf_ntohl(words[1]);
	peer->lo = (__u64)bpf_ntohl(words[2]) << 32 | bpf_ntohl(words[3]);
	return 1;
}

static __always_inline void tg_prove(const struct tg_address *peer)
{
	struct tg_context c = {};
	struct tg_packet p = {.source = *peer};
	struct tg_proven_page *page;
	__u64 hash;
	__u32 line;

	if (!tg_context_open(&c))
		return;
	if (peer->hi == 0 && peer->lo >> 32 == 0xffff)
		p.flags = TG_PACKET_V4;
	tg_set_prefix(&c, &p);
	hash = tg_proven_hash(c.identity->seed, p.prefix);
	line = tg_proven_line(hash, TG_READ(c.control->proven_lines));
	page = tg_at(proven, tg_proven_page_of(line));
	if (page)
		tg_proven_set(page, line, c.control->proven_active, hash);
}

/* ctx: const struct sock *sk, int oldstate, int newstate */
static __always_inline int tg_handshake(struct bpf_raw_tracepoint_args *ctx)
{
	const struct sock___tg *socket = (const void *)ctx->args[0];
	struct tg_address peer = {};

	if (ctx->args[2] != TG_TCP_ESTABLISHED || BPF_CORE_READ(socket, sk_protocol) != TG_PROTOCOL_TCP)
		return 0;
	if (tg_peer_of(socket, &peer))
		tg_prove(&peer);
	return 0;
}

#endif
