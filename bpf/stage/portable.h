/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* What the pure stage headers need, so that they compile for BPF and, for tests and the fuzzer, for the host
 * (C or C++). Pure headers touch no map and call no helper. */
#ifndef TIDEGATE_STAGE_PORTABLE_H
#define TIDEGATE_STAGE_PORTABLE_H

#include "../abi/types.h"

#ifdef __bpf__
#define TG_INLINE static inline __attribute__((always_inline, unused))
#define TG_UNROLL _Pragma("unroll")
#else
#define TG_INLINE static inline __attribute__((unused))
#define TG_UNROLL
#include <string.h>
#endif

#define tg_likely(x) __builtin_expect(!!(x), 1)
#define tg_unlikely(x) __builtin_expect(!!(x), 0)

/* A load that the compiler may neither repeat nor tear, of memory that other CPUs write. */
#define TG_READ(lvalue) (*(const volatile __typeof__(lvalue) *)&(lvalue))
#define TG_WRITE(lvalue, value) (*(volatile __typeof__(lvalue) *)&(lvalue) = (value))

/* x modulo a power of two, in a way that the compiler cannot drop because it knows better than the verifier. */
TG_INLINE __u64 tg_below(__u64 x, __u64 power)
{
	x &= power - 1;
#ifdef __bpf__
	__asm__ volatile("%0 &= %1" : "+r"(x) : "i"(power - 1));
#endif
	return x;
}

/* 1 when a == b, else 0, for a and b below 2^31, without a branch: multiply with it. A mask (0 or -1) would not do:
 * since Linux 6.17 the verifier follows both values of it. */
TG_INLINE __u32 tg_same(__u32 a, __u32 b)
{
	__u32 same = ((a ^ b) - 1) >> 31;
#ifdef __bpf__
	__asm__ volatile("" : "+r"(same)); /* or the compiler makes a branch of it again */
#endif
	return same;
}

/* Big-endian loads from a packet. BPF runs where unaligned loads are fine (the verifier checks); the host goes
 * through memcpy, so that UBSan has nothing to say. */
TG_INLINE __u16 tg_be16(const unsigned char *at)
{
	__u16 v;
#ifdef __bpf__
	v = *(const __u16 *)at;
#else
	memcpy(&v, at, sizeof(v));
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap16(v);
#endif
	return v;
}

TG_INLINE __u32 tg_be32(const unsigned char *at)
{
	__u32 v;
#ifdef __bpf__
	v = *(const __u32 *)at;
#else
	memcpy(&v, at, sizeof(v));
#endif
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	v = __builtin_bswap32(v);
#endif
	return v;
}

/* Bytes between two pointers. The verifier wants the whole 64-bit difference before it is narrowed. */
TG_INLINE __u64 tg_span(const unsigned char *from, const unsigned char *to)
{
	__u64 span = (__u64)(to - from);
#ifdef __bpf__
	__asm__ volatile("" : "+r"(span));
#endif
	return span;
}

TG_INLINE __u64 tg_be64(const unsigned char *at)
{
	return (__u64)tg_be32(at) << 32 | tg_be32(at + 4);
}

#endif
