/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* TCP (RFC 9293), UDP (RFC 768), UDP-Lite and SCTP ports, ICMP (RFC 792) and ICMPv6 (RFC 4443) headers. Pure. */
#ifndef TIDEGATE_STAGE_PARSE_L4_H
#define TIDEGATE_STAGE_PARSE_L4_H

#include "packet.h"

#define TG_PROTOCOL_ICMP 1
#define TG_PROTOCOL_TCP 6
#define TG_PROTOCOL_UDP 17
#define TG_PROTOCOL_ICMPV6 58
#define TG_PROTOCOL_SCTP 132

#define TG_ICMP_ECHO_REPLY 0
#define TG_ICMP_ECHO_REQUEST 8
#define TG_ICMPV6_ECHO_REQUEST 128
#define TG_ICMPV6_ECHO_REPLY 129

/* Where parsing is, the end of what may be read, and how many bytes the IP header says are left. */
struct tg_cursor {
	const unsigned char *at;
	const unsigned char *end;
	__u32 left;
};

TG_INLINE void tg_parse_ports(const unsigned char *at, struct tg_packet *p)
{
	__u32 ports = tg_be32(at);

	p->source_port = ports >> 16;
	p->destination_port = ports & 0xffff;
	p->flags |= TG_PACKET_HAS_PORT;
}

TG_INLINE void tg_parse_tcp(const struct tg_cursor *c, struct tg_packet *p)
{
	const unsigned char *tcp = c->at;
	__u32 header;

	if (tcp + 20 > c->end || c->left < 20) {
		p->malformed = TG_REASON_MALFORMED_TCP;
		return;
	}
	header = (tcp[12] >> 4) * 4;
	if (header < 20 || header > c->left) {
		p->malformed = TG_REASON_MALFORMED_TCP;
		return;
	}
	tg_parse_ports(tcp, p);
	if ((tcp[13] & 0x12) == 0x02)
		p->flags |= TG_PACKET_SYN;
}

TG_INLINE void tg_parse_udp(const struct tg_cursor *c, struct tg_packet *p)
{
	const unsigned char *udp = c->at;
	__u32 length;

	if (udp + 8 > c->end || c->left < 8) {
		p->malformed = TG_REASON_MALFORMED_UDP;
		return;
	}
	/* The length is that of the whole datagram, also in a first fragment. */
	length = tg_be16(udp + 4);
	if (length < 8 || (length > c->left && !(p->flags & TG_PACKET_FRAGMENT))) {
		p->malformed = TG_REASON_MALFORMED_UDP;
		return;
	}
	tg_parse_ports(udp, p);
}

TG_INLINE void tg_parse_icmp(const struct tg_cursor *c, struct tg_packet *p)
{
	const unsigned char *icmp = c->at;

	if (icmp + 8 > c->end || c->left < 8) {
		p->malformed = TG_REASON_MALFORMED_ICMP;
		return;
	}
	p->icmp_type = icmp[0];
	p->icmp_code = icmp[1];
	p->echo = tg_be16(icmp + 4);
}

/* ICMP counts only in its own IP version: ICMPv6 in IPv4 is just another protocol. */
TG_INLINE int tg_is_icmp(const struct tg_packet *p)
{
	return p->protocol == (p->flags & TG_PACKET_V4 ? TG_PROTOCOL_ICMP : TG_PROTOCOL_ICMPV6);
}

TG_INLINE void tg_parse_l4(const struct tg_cursor *c, struct tg_packet *p)
{
	if (p->protocol == TG_PROTOCOL_TCP)
		tg_parse_tcp(c, p);
	else if (p->protocol == TG_PROTOCOL_UDP)
		tg_parse_udp(c, p);
	else if (tg_is_icmp(p))
		tg_parse_icmp(c, p);
	else if (p->protocol == TG_PROTOCOL_SCTP && c->at + 4 <= c->end && c->left >= 4)
		tg_parse_ports(c->at, p);
}

#endif
