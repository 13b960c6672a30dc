/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* From a frame to struct tg_packet with one cursor. Pure; never reads at or beyond `end`.
 *
 * Ethernet, up to two VLAN tags (802.1Q, 802.1ad), IPv4 (RFC 791), IPv6 with extension headers (RFC 8200), then
 * the L4 header (parse_l4.h). The result says how far L3 was understood; what is wrong with L4 is in
 * tg_packet.malformed, because rules on addresses apply to such packets too. */
#ifndef TIDEGATE_STAGE_PARSE_H
#define TIDEGATE_STAGE_PARSE_H

#include "packet.h"
#include "parse_extensions.h"
#include "parse_l4.h"

#define TG_ETHERTYPE_IPV4 0x0800
#define TG_ETHERTYPE_ARP 0x0806
#define TG_ETHERTYPE_VLAN 0x8100 /* IEEE 802.1Q */
#define TG_ETHERTYPE_IPV6 0x86dd
#define TG_ETHERTYPE_QINQ 0x88a8 /* IEEE 802.1ad */

TG_INLINE int tg_is_vlan(__u32 type)
{
	return type == TG_ETHERTYPE_VLAN || type == TG_ETHERTYPE_QINQ;
}

/* The EtherType behind the first tag, and maybe behind a second. Whether there is one is kept out of branches, so that
 * the verifier sees one place where L3 begins. */
TG_INLINE __u32 tg_parse_tags(struct tg_cursor *c)
{
	const unsigned char *at = c->at;
	__u32 type, more;

	if (at + 4 > c->end)
		return 0;
	type = tg_be16(at + 2);
	more = tg_same(type, TG_ETHERTYPE_VLAN) + tg_same(type, TG_ETHERTYPE_QINQ);
	at += 4 + 4 * more;
	if (at > c->end)
		return 0;
	c->at = at;
	return tg_be16(at - 2);
}

/* Returns the EtherType behind at most two tags, 0 for a truncated frame, or that of a third tag. */
TG_INLINE __u32 tg_parse_ethernet(struct tg_cursor *c)
{
	__u32 type;

	if (c->at + 14 > c->end)
		return 0;
	type = tg_be16(c->at + 12);
	c->at += 14;
	if (tg_unlikely(tg_is_vlan(type)))
		type = tg_parse_tags(c);
	return type;
}

TG_INLINE __u32 tg_parse_ipv4(struct tg_cursor *c, struct tg_packet *p)
{
	const unsigned char *ip = c->at;
	__u32 header, fragment;

	if (ip + 20 > c->end || ip[0] >> 4 != 4)
		return TG_REASON_MALFORMED_IPV4;
	header = (ip[0] & 15) * 4;
	p->length = tg_be16(ip + 2);
	if (header < 20 || p->length < header || ip + header > c->end)
		return TG_REASON_MALFORMED_IPV4;
	if (ip + p->length > c->end)
		p->flags |= TG_PACKET_BEYOND;
	p->flags |= TG_PACKET_V4;
	p->hop_limit = ip[8];
	p->protocol = ip[9];
	p->source.hi = 0;
	p->source.lo = TG_V4_MAPPED | tg_be32(ip + 12);
	p->destination.hi = 0;
	p->destination.lo = TG_V4_MAPPED | tg_be32(ip + 16);
	c->at = ip + header;
	c->left = p->length - header;
	fragment = tg_be16(ip + 6);
	if (tg_unlikely(fragment & 0x3fff)) {
		p->flags |= TG_PACKET_FRAGMENT;
		if (fragment & 0x1fff)
			p->flags |= TG_PACKET_NON_FIRST;
		/* Reassembled, no datagram is longer than its length field can say ("ping of death"). */
		if ((fragment & 0x1fff) * 8 + c->left > 0xffff)
			return TG_REASON_MALFORMED_IPV4;
	}
	return TG_REASON_PASSED;
}

TG_INLINE __u32 tg_parse_ipv6(struct tg_cursor *c, struct tg_packet *p)
{
	const unsigned char *ip = c->at;

	if (ip + 40 > c->end || ip[0] >> 4 != 6)
		return TG_REASON_MALFORMED_IPV6;
	c->left = tg_be16(ip + 4);
	p->length = c->left + 40;
	if (ip + p->length > c->end)
		p->flags |= TG_PACKET_BEYOND;
	p->protocol = ip[6];
	p->hop_limit = ip[7];
	p->source.hi = tg_be64(ip + 8);
	p->source.lo = tg_be64(ip + 16);
	p->destination.hi = tg_be64(ip + 24);
	p->destination.lo = tg_be64(ip + 32);
	/* A v4-mapped source on the wire would pass for an IPv4 address in every table; Linux drops it as well. */
	if (p->source.hi == 0 && p->source.lo >> 32 == 0xffff)
		return TG_REASON_MALFORMED_IPV6;
	c->at = ip + 40;
	if (tg_unlikely(tg_is_extension(p->protocol))) {
		p->flags |= TG_PACKET_EXTENDED;
		tg_parse_extensions(c, p);
	}
	return TG_REASON_PASSED;
}

/* Returns TG_REASON_PASSED when L3 was understood, NEIGHBOUR for ARP, NOT_IP for other protocols, or a MALFORMED
 * reason when no address can be relied on. `p` is zeroed but for what the caller put in. */
TG_INLINE __u32 tg_parse(const unsigned char *data, const unsigned char *end, struct tg_packet *p)
{
	struct tg_cursor c = {data, end, 0};
	__u32 type = tg_parse_ethernet(&c);
	__u32 reason;

	p->offset = (__u8)tg_span(data, c.at);
	p->length = (__u32)tg_span(c.at, end);
	if (tg_likely(type == TG_ETHERTYPE_IPV4))
		reason = tg_parse_ipv4(&c, p);
	else if (type == TG_ETHERTYPE_IPV6)
		reason = tg_parse_ipv6(&c, p);
	else if (type == 0)
		return TG_REASON_MALFORMED_ETHERNET;
	else if (tg_is_vlan(type))
		return TG_REASON_MALFORMED_VLAN;
	else
		return type == TG_ETHERTYPE_ARP ? TG_REASON_NEIGHBOUR : TG_REASON_NOT_IP;
	if (reason == TG_REASON_PASSED && !p->malformed && !(p->flags & TG_PACKET_NON_FIRST))
		tg_parse_l4(&c, p);
	return reason;
}

#endif
