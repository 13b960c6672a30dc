// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* Reference programs: the floor below which no filter of this kind can be, and a plain GCRA limiter on the
 * kernel's own LRU table. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Nothing but the verdict. */
SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

static __always_inline __u32 source_of(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	struct iphdr *ip = data + sizeof(*eth);

	if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IP) || ip->ihl < 5)
		return 0;
	return ip->saddr;
}

__u64 malformed;

/* Parse as far as the source address, then drop. */
SEC("xdp")
int parse_and_drop(struct xdp_md *ctx)
{
	if (source_of(ctx) == 0)
		malformed++;
	return XDP_DROP;
}

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1 << 20);
	__type(key, __u32);
	__type(value, __u64);
} tats SEC(".maps");

__u64 cost = 10;            /* ns between conforming packets */
__u64 burst = 1000000000;   /* ns */

/* bpf_jiffies64 is the cheapest clock there is (2 ns): the comparison favours the peer. */
SEC("xdp")
int gcra_lru(struct xdp_md *ctx)
{
	__u64 now = bpf_jiffies64() * 4000000;
	__u32 source = source_of(ctx);
	__u64 *tat = bpf_map_lookup_elem(&tats, &source);
	__u64 fresh = now + cost;

	if (!tat) {
		bpf_map_update_elem(&tats, &source, &fresh, BPF_ANY);
		return XDP_PASS;
	}
	for (int i = 0; i < 4; i++) {
		__u64 old = *tat;
		__u64 next = (old > now ? old : now) + cost;

		if (next - now > burst)
			return XDP_DROP;
		if (__sync_val_compare_and_swap(tat, old, next) == old)
			return XDP_PASS;
	}
	return XDP_DROP;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
