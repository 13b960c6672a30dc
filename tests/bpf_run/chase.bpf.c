// SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only
/* In front of the datapath under test: packets of all CPUs come from one source at a time, a new one every
 * 2^slice_shift ns. So CPUs meet each source for the first time within nanoseconds of each other. */
// clang-format off: bpf_helpers.h wants the types of linux/bpf.h before it
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
// clang-format on

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} target SEC(".maps");

const volatile __u32 slice_shift = 11;

SEC("xdp")
int chase(struct xdp_md *ctx)
{
	unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (data + 34 > end)
		return XDP_ABORTED;
	*(__u32 *)(data + 26) = bpf_htonl(0x0a000000 | ((bpf_ktime_get_ns() >> slice_shift) & 0xffffff));
	bpf_tail_call(ctx, &target, 0);
	return XDP_ABORTED;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
