/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Sampled packets, as they travel through the ring buffer `events`. Copy out, never cast in place. */
#ifndef TIDEGATE_ABI_EVENT_H
#define TIDEGATE_ABI_EVENT_H

#include "types.h"

enum tg_event_flag {
	TG_EVENT_DROPPED = 1 << 0,
	TG_EVENT_DRY_RUN = 1 << 1,   /* passed only because of dry-run or tolerance */
	TG_EVENT_FRAGMENT = 1 << 2,
	TG_EVENT_SYN = 1 << 3,
};

struct tg_event {
	__u64 time;            /* CLOCK_MONOTONIC ns */
	struct tg_address source;
	struct tg_address destination;
	__u64 weight_packets;  /* packets of this class (passed or dropped) this sample stands for, itself included */
	__u64 weight_bytes;
	__u32 ifindex;
	__u32 generation;
	__u32 length;          /* L3 bytes of this packet */
	__u16 source_port;
	__u16 destination_port;
	__u16 service;         /* slot, or a TG_SERVICE_* */
	__u16 reason;          /* enum tg_reason */
	__u8 protocol;
	__u8 flags;            /* enum tg_event_flag */
	__u16 reserved;
};

/* What a program loaded with tg_replay = 1 finds in front of the packet (XDP metadata) and leaves there. */
struct tg_replay_meta {
	__u64 now;      /* in: the clock, ns */
	__u16 service;  /* out: slot, or a TG_SERVICE_* */
	__u16 reason;   /* out: enum tg_reason */
	__u32 flags;    /* out: enum tg_event_flag */
};

TG_STATIC_ASSERT(sizeof(struct tg_replay_meta) == 16, "replay layout");
TG_STATIC_ASSERT(sizeof(struct tg_event) == 80, "event layout");

#endif
