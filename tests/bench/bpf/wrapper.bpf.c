// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* What stands in front of a program under test: it writes a source address that it has never used in
 * this order before, and jumps on. Its own cost is measured with the program `discard` behind it and
 * subtracted. Twice the same body, because a program array takes only programs of one kind (with or
 * without multi-buffer support). */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_helpers.h>

#include "prng.h"

struct target {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
};

struct target target SEC(".maps");
struct target target_frags SEC(".maps");

__u64 state;         /* of the generator; set once a process, never set back */
__u32 first;         /* sources are first … first + sources - 1, in host order; */
__u32 sources;       /* 0: all 2^32 */
__u32 ipv6;          /* the frame is IPv6: the number goes into bits 32 … 63 of its /64 */

static __always_inline int rewrite(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	struct ipv6hdr *ip6 = data + sizeof(struct ethhdr);
	__u32 source = __builtin_bswap32(draw_source(&state, first, sources));

	if ((void *)(ip6 + 1) > end)
		return -1;
	if (ipv6)
		ip6->saddr.in6_u.u6_addr32[1] = source;
	else
		ip->saddr = source;
	return 0;
}

SEC("xdp")
int wrapper(struct xdp_md *ctx)
{
	if (rewrite(ctx) == 0)
		bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

SEC("xdp.frags")
int wrapper_frags(struct xdp_md *ctx)
{
	if (rewrite(ctx) == 0)
		bpf_tail_call(ctx, &target_frags, 0);
	return XDP_ABORTED;
}

SEC("xdp")
int discard(struct xdp_md *ctx)
{
	return XDP_DROP;
}

SEC("xdp.frags")
int discard_frags(struct xdp_md *ctx)
{
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
