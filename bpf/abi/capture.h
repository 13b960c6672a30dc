/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the capture filter (capture.bpf.c) reads and counts. Its maps live and end with the agent: nothing of this is
 * pinned, and TG_ABI_VERSION does not cover it. */
#ifndef TIDEGATE_ABI_CAPTURE_H
#define TIDEGATE_ABI_CAPTURE_H

#include "types.h"

#define TG_CAPTURE_INTERFACES 256
#define TG_CAPTURE_SHED_FLOWS 65536     /* connections remembered as not admitted; the longest idle ones make room */
#define TG_CAPTURE_ALL (1ULL << 32)     /* a share of everything */

/* Value of map `interfaces`, by ifindex. */
#define TG_CAPTURE_LOOPBACK 1U          /* sees each packet twice: what is sent is left out */
#define TG_CAPTURE_RAW_IP 2U            /* packets begin with their IP header */

struct tg_capture_control {
	__u64 seed;          /* of the flow hash: nobody outside can aim for the share that is left out */
	__u64 sample;        /* connections are captured whose hash has a top half below */
	__u64 shed_share;    /* and new ones left out whose hash has a bottom half below, while the inspector sheds */
	__u32 shed;          /* connections may have been shed: look them up */
	__u32 headers_only;  /* of what servers send only the headers are captured */
};

/* Of one TCP port each; both of a segment are asked for. */
struct tg_capture_ports {
	__u64 bits[65536 / 64];
};

/* Per CPU. */
struct tg_capture_counts {
	__u64 shed_connections;
	__u64 shed_packets;
	__u64 fragments; /* of TCP segments, whose ports are not known */
};

/* The same as flow_hash() of agent/inspect/model/flow_hash.hpp, so that filter and inspector leave out the same
 * connections; equal for both directions. */
static inline __u64 tg_capture_mix(__u64 value)
{
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
	return value ^ (value >> 31);
}

static inline __u64 tg_capture_end(__u64 seed, struct tg_address address, __u32 port)
{
	return tg_capture_mix(address.hi ^ tg_capture_mix(address.lo ^ tg_capture_mix(port ^ seed)));
}

static inline __u64 tg_capture_hash(__u64 seed, struct tg_address a, __u32 a_port, struct tg_address b, __u32 b_port)
{
	return tg_capture_mix(tg_capture_end(seed, a, a_port) + tg_capture_end(seed, b, b_port));
}

TG_STATIC_ASSERT(sizeof(struct tg_capture_control) == 32, "capture control is 32 bytes");

#endif
