// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* The filter in front of the inspector's AF_PACKET sockets: TCP of inspected services, both directions, on the
 * policy's interfaces. The sockets are locked to it, so that only these maps change what is captured. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "abi/capture.h"

#define TG_KEEP_ALL -1
#define TG_DROP 0
#define TG_VLAN_TAGS 2
#define TG_EXTENSIONS 6
#define TG_TCP_SYN 0x02
#define TG_TCP_ACK 0x10
#define TG_FRAGMENT_OFFSET 0x1fff
#define TG_FRAGMENT_MORE 0x2000

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TG_CAPTURE_INTERFACES);
	__type(key, __u32);
	__type(value, __u32);
} interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tg_capture_ports);
} ports SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct tg_capture_control);
} capture_control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TG_CAPTURE_SHED_FLOWS);
	__type(key, __u64);
	__type(value, __u8);
} shed_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct tg_capture_counts);
} counts SEC(".maps");

struct tg_segment {
	struct tg_address source;
	struct tg_address destination;
	__u32 source_port;
	__u32 destination_port;
	__u32 payload; /* offset of it in the frame */
	__u8 flags;
	__u8 fragment; /* 1: a part of a segment */
};

static __always_inline __u64 tg_be64(const __u8 *bytes)
{
	__u64 value;

	__builtin_memcpy(&value, bytes, sizeof(value));
	return bpf_be64_to_cpu(value);
}

/* The ethertype behind at most two VLAN tags that are still in the frame; 0: there is none. */
static __always_inline __u16 tg_ethertype(struct __sk_buff *skb, __u32 *offset)
{
	__be16 type;

	if (bpf_skb_load_bytes(skb, ETH_ALEN * 2, &type, sizeof(type)))
		return 0;
	*offset = ETH_HLEN;
	for (int i = 0; i < TG_VLAN_TAGS; i++) {
		if (type != bpf_htons(ETH_P_8021Q) && type != bpf_htons(ETH_P_8021AD))
			break;
		if (bpf_skb_load_bytes(skb, *offset + 2, &type, sizeof(type)))
			return 0;
		*offset += 4;
	}
	return bpf_ntohs(type);
}

/* The same of a device without a link header: by the IP version. */
static __always_inline __u16 tg_ip_version(struct __sk_buff *skb)
{
	__u8 first;

	if (bpf_skb_load_bytes(skb, 0, &first, sizeof(first)))
		return 0;
	return first >> 4 == 4 ? ETH_P_IP : first >> 4 == 6 ? ETH_P_IPV6 : 0;
}

/* RFC 791. Moves `offset` to the TCP header; 0 for anything else, later fragments too: they name no port. */
static __always_inline int tg_ipv4(struct __sk_buff *skb, __u32 *offset, struct tg_segment *s)
{
	__u8 header[20];
	__u32 size, fragment;

	if (bpf_skb_load_bytes(skb, *offset, header, sizeof(header)))
		return 0;
	size = (header[0] & 15) * 4;
	if (header[0] >> 4 != 4 || size < sizeof(header) || header[9] != IPPROTO_TCP)
		return 0;
	fragment = header[6] << 8 | header[7];
	s->fragment = (fragment & (TG_FRAGMENT_MORE | TG_FRAGMENT_OFFSET)) != 0;
	if ((fragment & TG_FRAGMENT_OFFSET) != 0)
		return 0;
	s->source.lo = TG_V4_MAPPED | (__u32)tg_be64(header + 8);
	s->destination.lo = TG_V4_MAPPED | (__u32)tg_be64(header + 12);
	*offset += size;
	return 1;
}

/* RFC 8200. Likewise, over at most six extension headers. */
static __always_inline int tg_ipv6(struct __sk_buff *skb, __u32 *offset, struct tg_segment *s)
{
	__u8 header[40], extension[8], next;

	if (bpf_skb_load_bytes(skb, *offset, header, sizeof(header)) || header[0] >> 4 != 6)
		return 0;
	s->source.hi = tg_be64(header + 8);
	s->source.lo = tg_be64(header + 16);
	s->destination.hi = tg_be64(header + 24);
	s->destination.lo = tg_be64(header + 32);
	next = header[6];
	*offset += sizeof(header);
	for (int i = 0; i < TG_EXTENSIONS && next != IPPROTO_TCP; i++) {
		if (next != IPPROTO_HOPOPTS && next != IPPROTO_ROUTING && next != IPPROTO_FRAGMENT &&
		    next != IPPROTO_DSTOPTS && next != IPPROTO_AH)
			return 0;
		if (bpf_skb_load_bytes(skb, *offset, extension, sizeof(extension)))
			return 0;
		if (next == IPPROTO_FRAGMENT && ((extension[2] << 8 | extension[3]) & 0xfff9) != 0)
			s->fragment = extension[0] == IPPROTO_TCP;
		if (next == IPPROTO_FRAGMENT && ((extension[2] << 8 | extension[3]) & 0xfff8) != 0)
			return 0;
		if (next == IPPROTO_FRAGMENT)
			*offset += 8;
		else if (next == IPPROTO_AH)
			*offset += (extension[1] + 2) * 4;
		else
			*offset += (extension[1] + 1) * 8;
		next = extension[0];
	}
	return next == IPPROTO_TCP;
}

static __always_inline int tg_tcp_segment(struct __sk_buff *skb, __u32 interface, struct tg_segment *s)
{
	__u32 offset = 0;
	__u16 type = interface & TG_CAPTURE_RAW_IP ? tg_ip_version(skb) : tg_ethertype(skb, &offset);
	__u8 header[14]; /* RFC 9293, up to the flags */
	int found = 0;

	if (type == ETH_P_IP)
		found = tg_ipv4(skb, &offset, s);
	else if (type == ETH_P_IPV6)
		found = tg_ipv6(skb, &offset, s);
	if (!found || bpf_skb_load_bytes(skb, offset, header, sizeof(header)))
		return 0;
	s->source_port = header[0] << 8 | header[1];
	s->destination_port = header[2] << 8 | header[3];
	s->payload = offset + (header[12] >> 4) * 4;
	s->flags = header[13];
	return 1;
}

static __always_inline int tg_has_port(const struct tg_capture_ports *of, __u32 port)
{
	__u32 word = port >> 6;

	barrier_var(word); /* or clang drops the mask, and Linux 6.1 no longer knows the bounds */
	return of->bits[word & 1023] >> (port & 63) & 1;
}

/* Whole connections are left out: what was shed at its SYN stays out to its end. */
static __always_inline int tg_admits(const struct tg_capture_control *control, const struct tg_segment *s)
{
	__u32 zero = 0, is_new = (s->flags & (TG_TCP_SYN | TG_TCP_ACK)) == TG_TCP_SYN;
	struct tg_capture_counts *count;
	__u64 hash;
	__u8 one = 1;

	if (control->sample >= TG_CAPTURE_ALL && !control->shed)
		return 1;
	hash = tg_capture_hash(control->seed, s->source, s->source_port, s->destination, s->destination_port);
	if (hash >> 32 >= control->sample)
		return 0;
	if (!control->shed)
		return 1;
	count = bpf_map_lookup_elem(&counts, &zero);
	if (is_new && (hash & 0xffffffff) >= control->shed_share) {
		bpf_map_delete_elem(&shed_flows, &hash);
		return 1;
	}
	if (is_new)
		bpf_map_update_elem(&shed_flows, &hash, &one, BPF_ANY);
	else if (!bpf_map_lookup_elem(&shed_flows, &hash))
		return 1;
	if (count) {
		count->shed_connections += is_new;
		count->shed_packets++;
	}
	return 0;
}

static __always_inline void tg_count_fragment(void)
{
	__u32 zero = 0;
	struct tg_capture_counts *count = bpf_map_lookup_elem(&counts, &zero);

	if (count)
		count->fragments++;
}

SEC("socket")
int tidegate_capture(struct __sk_buff *skb)
{
	__u32 ifindex = skb->ifindex, zero = 0;
	const __u32 *interface = bpf_map_lookup_elem(&interfaces, &ifindex);
	const struct tg_capture_control *control;
	const struct tg_capture_ports *inspected;
	struct tg_segment s = {};
	int from_server, to_server;

	if (!interface || (*interface & TG_CAPTURE_LOOPBACK && skb->pkt_type == PACKET_OUTGOING))
		return TG_DROP;
	control = bpf_map_lookup_elem(&capture_control, &zero);
	inspected = bpf_map_lookup_elem(&ports, &zero);
	if (!control || !inspected)
		return TG_DROP;
	if (!tg_tcp_segment(skb, *interface, &s)) {
		if (s.fragment)
			tg_count_fragment();
		return TG_DROP;
	}
	from_server = tg_has_port(inspected, s.source_port);
	to_server = tg_has_port(inspected, s.destination_port);
	if ((!from_server && !to_server) || !tg_admits(control, &s))
		return TG_DROP;
	if (control->headers_only && from_server && (!to_server || s.source_port < s.destination_port))
		return s.payload;
	return TG_KEEP_ALL;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
