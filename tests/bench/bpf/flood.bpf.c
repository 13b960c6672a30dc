// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* A flood with sources of its own making, for BPF_PROG_TEST_RUN with live frames: each run of the program
 * is one frame that is redirected into an interface. Run once a batch of frames is recycled, so what a
 * receiver may have changed (a router's TTL) does not matter here: receivers drop. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_helpers.h>

#include "prng.h"

__u64 state;
__u32 first;
__u32 sources;  /* 0: all 2^32 */
__u32 ifindex;

SEC("xdp")
int flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__u32 source, sum;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	source = __builtin_bswap32(draw_source(&state, first, sources));
	/* RFC 1624, equation 3: the stack behind a peer verifies the header's checksum. */
	sum = (__u16)~ip->check + (__u16)~ip->saddr + (__u16)~(ip->saddr >> 16) + (__u16)source + (source >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = ~sum;
	ip->saddr = source;
	return bpf_redirect(ifindex, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
