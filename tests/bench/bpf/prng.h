/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
#ifndef TIDEGATE_BENCH_PRNG_H
#define TIDEGATE_BENCH_PRNG_H

static __always_inline __u64 draw(__u64 *state)
{
	__u64 x = *state += 0x9e3779b97f4a7c15ULL;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* A source out of first … first + sources - 1; sources 0: out of all 2^32. */
static __always_inline __u32 draw_source(__u64 *state, __u32 first, __u32 sources)
{
	__u32 number = draw(state) >> 32;

	return sources ? first + (__u32)(((__u64)number * sources) >> 32) : number;
}

#endif
