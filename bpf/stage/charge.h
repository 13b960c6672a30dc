/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Charging one packet to the three buckets of a way: check all, then commit. Pure. */
#ifndef TIDEGATE_STAGE_CHARGE_H
#define TIDEGATE_STAGE_CHARGE_H

#include "gcra.h"
#include "../abi/reasons.h"

/* What a packet costs and against which rates. */
struct tg_bill {
	struct tg_rate packets;
	struct tg_rate bytes; /* cost is already that of the whole packet, ns */
	struct tg_rate syn;   /* cost 0 when the packet is no SYN */
};

TG_INLINE void tg_bill_of(struct tg_bill *bill, const struct tg_rate *packets, const struct tg_rate *bytes,
			  const struct tg_rate *syn, __u32 length, int is_syn)
{
	bill->packets = *packets;
	bill->bytes.cost = tg_byte_cost(bytes->cost, length);
	bill->bytes.burst = bytes->burst;
	bill->syn.cost = is_syn ? syn->cost : 0;
	bill->syn.burst = syn->burst;
}

TG_INLINE __u32 tg_reason_of(enum tg_committed committed, __u32 exceeded)
{
	return committed == TG_EXCEEDED ? exceeded : (__u32)TG_REASON_CONTENTION;
}

/* Returns TG_REASON_PASSED or the limit that was exceeded. A packet that does not conform writes nothing, unless
 * another CPU spends the second bucket between check and commit: then the first one keeps the charge, which errs
 * on the side of less. */
TG_INLINE __u32 tg_charge(struct tg_tats *tats, const struct tg_bill *bill, __u64 now, __u64 slack)
{
	__u64 packets = TG_READ(tats->packets), bytes = 0, syn = 0;
	__u64 next_packets = 0, next_bytes = 0, next_syn = 0;
	enum tg_committed committed;

	if (bill->packets.cost) {
		next_packets = tg_gcra(packets, now, bill->packets.cost, bill->packets.burst, slack);
		if (!next_packets)
			return TG_REASON_PACKET_LIMIT;
	}
	if (bill->bytes.cost) {
		bytes = TG_READ(tats->bytes);
		next_bytes = tg_gcra(bytes, now, bill->bytes.cost, bill->bytes.burst, slack);
		if (!next_bytes)
			return TG_REASON_BYTE_LIMIT;
	}
	if (bill->syn.cost) {
		syn = TG_READ(tats->syn);
		next_syn = tg_gcra(syn, now, bill->syn.cost, bill->syn.burst, slack);
		if (!next_syn)
			return TG_REASON_SYN_LIMIT;
		committed = tg_commit(&tats->syn, syn, next_syn, now, bill->syn.cost, bill->syn.burst, slack);
		if (committed != TG_COMMITTED)
			return tg_reason_of(committed, TG_REASON_SYN_LIMIT);
	}
	if (bill->packets.cost) {
		committed = tg_commit(&tats->packets, packets, next_packets, now, bill->packets.cost,
				      bill->packets.burst, slack);
		if (committed != TG_COMMITTED)
			return tg_reason_of(committed, TG_REASON_PACKET_LIMIT);
	}
	if (bill->bytes.cost) {
		committed = tg_commit(&tats->bytes, bytes, next_bytes, now, bill->bytes.cost, bill->bytes.burst, slack);
		if (committed != TG_COMMITTED)
			return tg_reason_of(committed, TG_REASON_BYTE_LIMIT);
	}
	return TG_REASON_PASSED;
}

#endif
