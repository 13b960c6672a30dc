/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* A parsed packet, and verdicts. Pure. */
#ifndef TIDEGATE_STAGE_PACKET_H
#define TIDEGATE_STAGE_PACKET_H

#include "portable.h"
#include "../abi/limits.h"
#include "../abi/reasons.h"

enum tg_packet_flag {
	TG_PACKET_V4 = 1 << 0,
	TG_PACKET_FRAGMENT = 1 << 1,  /* any fragment */
	TG_PACKET_NON_FIRST = 1 << 2, /* a fragment without an L4 header */
	TG_PACKET_HAS_PORT = 1 << 3,
	TG_PACKET_SYN = 1 << 4,      /* TCP SYN without ACK */
	TG_PACKET_BEYOND = 1 << 5,   /* the IP length exceeds what is in the linear buffer */
	TG_PACKET_EXTENDED = 1 << 6, /* IPv6 with extension headers */
	TG_PACKET_ADMITTED = 1 << 7, /* a newcomer that has drawn on the budget of its service */
};

struct tg_packet {
	struct tg_address source;
	struct tg_address destination;
	__u64 prefix; /* of the source, as buckets are kept by */
	__u32 length; /* L3 bytes */
	__u32 ifindex;
	__u32 flags;       /* enum tg_packet_flag */
	__u16 source_port; /* valid with TG_PACKET_HAS_PORT, host order */
	__u16 destination_port;
	__u16 echo;     /* identifier of an ICMP echo request or reply */
	__u8 protocol;  /* the L4 protocol */
	__u8 icmp_type; /* valid when the protocol is ICMP or ICMPv6 and there is an L4 header */
	__u8 icmp_code;
	__u8 hop_limit;
	__u8 malformed; /* what is wrong with the L4 header (enum tg_reason), or 0 */
	__u8 offset;    /* of L3 in the frame */
};

TG_STATIC_ASSERT(sizeof(struct tg_packet) == TG_CACHE_LINE, "fits tg_cpu.scratch");

/* A verdict names the service it is counted for and the reason; which reasons drop is in reasons.def. */
#define TG_VERDICT(service, reason) ((__u32)(service) << 8 | (__u32)(reason))
#define TG_VERDICT_SERVICE(verdict) ((verdict) >> 8 & (TG_SERVICES - 1))
#define TG_VERDICT_REASON(verdict) ((verdict) & (TG_REASON_SLOTS - 1))
#define TG_CONTINUE 0xffffffffU /* no verdict yet: the next stage decides */

TG_INLINE int tg_reason_drops(__u32 reason)
{
	const __u64 drops = 0
#define TG_CLASS_PASS 0ULL
#define TG_CLASS_DROP 1ULL
#define TG_REASON(name, number, class, text) | TG_CLASS_##class << (number)
#include "../abi/reasons.def"
#undef TG_REASON
		;
	return drops >> (reason & 63) & 1;
}

#endif
