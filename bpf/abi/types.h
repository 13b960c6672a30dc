/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Fixed-width types of the ABI between the datapath (C, BPF) and the agent (C++). */
#ifndef TIDEGATE_ABI_TYPES_H
#define TIDEGATE_ABI_TYPES_H

#include <linux/types.h>

#ifdef __cplusplus
#define TG_STATIC_ASSERT(condition, text) static_assert(condition, text)
#else
#define TG_STATIC_ASSERT(condition, text) _Static_assert(condition, text)
#endif

/* Raised whenever the meaning or the layout of anything in this directory changes. */
#define TG_ABI_VERSION 1

#define TG_CACHE_LINE 64

/* A 128-bit address as two host-order halves; IPv4 a.b.c.d is ::ffff:a.b.c.d (RFC 4291, 2.5.5.2).
 * Comparing (hi, lo) as unsigned integers orders addresses as they are written. */
struct tg_address {
	__u64 hi;
	__u64 lo;
};

#define TG_V4_MAPPED 0x0000ffff00000000ULL /* `lo` of ::ffff:0.0.0.0; `hi` is 0 */

TG_STATIC_ASSERT(sizeof(struct tg_address) == 16, "address is 16 bytes");

#endif
