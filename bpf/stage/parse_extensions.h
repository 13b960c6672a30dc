/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* IPv6 extension headers (RFC 8200, section 4). Pure. Without branches where that is possible: what the verifier
 * learns on one side of a branch would multiply over the headers of a chain. */
#ifndef TIDEGATE_STAGE_PARSE_EXTENSIONS_H
#define TIDEGATE_STAGE_PARSE_EXTENSIONS_H

#include "parse_l4.h"

#define TG_IPV6_FRAGMENT 44
#define TG_IPV6_AUTHENTICATION 51

/* Bit n % 64 of word n / 64: hop-by-hop 0, routing 43, fragment 44, authentication 51, destination 60; mobility 135,
 * HIP 139, Shim6 140. ESP and "no next header" end a chain. */
#define TG_EXTENSIONS_0 (1ULL << 0 | 1ULL << 43 | 1ULL << 44 | 1ULL << 51 | 1ULL << 60)
#define TG_EXTENSIONS_2 (1ULL << (135 - 128) | 1ULL << (139 - 128) | 1ULL << (140 - 128))

/* 1 or 0. */
TG_INLINE __u32 tg_is_extension(__u32 next)
{
	__u64 word = tg_same(next >> 6, 0) * TG_EXTENSIONS_0 + tg_same(next >> 6, 2) * TG_EXTENSIONS_2;

	return word >> (next & 63) & 1;
}

/* Bytes of an extension header whose second byte is `length`. */
TG_INLINE __u32 tg_extension_size(__u32 type, __u32 length)
{
	__u32 fragment = tg_same(type, TG_IPV6_FRAGMENT), authentication = tg_same(type, TG_IPV6_AUTHENTICATION);

	return fragment * 8 + authentication * (length + 2) * 4 + (1 - fragment - authentication) * (length + 1) * 8;
}

/* Flags that a fragment header's offset field gives; an atomic fragment (RFC 6946) gives none. */
TG_INLINE __u32 tg_fragment_flags(__u32 type, __u32 field)
{
	__u32 any = (1 - tg_same(field & 0xfff9, 0)) * TG_PACKET_FRAGMENT;
	__u32 non_first = (1 - tg_same(field & 0xfff8, 0)) * TG_PACKET_NON_FIRST;

	return tg_same(type, TG_IPV6_FRAGMENT) * (any | non_first);
}

/* Walks the chain to the L4 header, or to the fragment header behind which there is none. A chain that is cut off or
 * too long marks the packet as malformed; its addresses stay valid. */
TG_INLINE void tg_parse_extensions(struct tg_cursor *c, struct tg_packet *p)
{
	const unsigned char *base = c->at;
	__u32 next = p->protocol, offset = 0, flags = 0;

	for (int i = 0; i <= TG_MAX_EXTENSIONS; i++) {
		const unsigned char *at;

#ifdef __bpf__
		__asm__ volatile("" : "+r"(offset));
#endif
		at = base + (offset & 0x3fff);
		if (!tg_is_extension(next) || flags & TG_PACKET_NON_FIRST) {
			p->protocol = next;
			p->flags |= flags;
			c->at = at;
			c->left -= offset;
			return;
		}
		if (i == TG_MAX_EXTENSIONS || at + 8 > c->end)
			break;
		offset += tg_extension_size(next, at[1]);
		flags |= tg_fragment_flags(next, tg_be16(at + 2));
		next = at[0];
		if (offset > c->left)
			break;
	}
	p->protocol = next;
	p->flags |= flags;
	p->malformed = TG_REASON_MALFORMED_EXTENSION;
}

#endif
