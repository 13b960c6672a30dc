/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Bits of a proven source within its 64-byte line. Pure. */
#ifndef TIDEGATE_STAGE_PROVEN_BITS_H
#define TIDEGATE_STAGE_PROVEN_BITS_H

#include "portable.h"
#include "../abi/hash.h"
#include "../abi/state.h"

#define TG_PROVEN_LINES_PER_PAGE (TG_PROVEN_PAGE / 64)

/* Value of map `proven` that holds a line. */
TG_INLINE __u32 tg_proven_page_of(__u32 line)
{
	return line / TG_PROVEN_LINES_PER_PAGE;
}

/* Word of bit `which` of generation 0 within that page. Bounded once more at the end: the verifier of Linux 6.1
 * forgets what it knows of an OR of two unknowns, which is what the compiler makes of this sum. */
TG_INLINE __u64 tg_proven_word(__u32 line, __u64 hash, __u32 which)
{
	return tg_below(line % TG_PROVEN_LINES_PER_PAGE * 8 + (tg_proven_bit(hash, which) >> 6), TG_PROVEN_PAGE / 8);
}

/* Whether either generation holds the source. */
TG_INLINE int tg_proven_test(const struct tg_proven_page *page, __u32 line, __u64 hash)
{
	__u64 first = 1, second = 1;

	for (__u32 i = 0; i < TG_PROVEN_BITS; i++) {
		__u64 word = tg_proven_word(line, hash, i);
		__u32 shift = tg_proven_bit(hash, i) & 63;

		first &= page->word[word] >> shift;
		second &= page->word[word | TG_PROVEN_WORDS] >> shift;
	}
	return (first | second) & 1;
}

TG_INLINE void tg_proven_set(struct tg_proven_page *page, __u32 line, __u32 generation, __u64 hash)
{
	for (__u32 i = 0; i < TG_PROVEN_BITS; i++) {
		__u64 index = tg_proven_word(line, hash, i) | (generation & 1) * TG_PROVEN_WORDS;
		__u64 *word = &page->word[tg_below(index, TG_PROVEN_PAGE / 8)];
		__u64 bit = 1ULL << (tg_proven_bit(hash, i) & 63);

		if (!(TG_READ(*word) & bit))
			__sync_fetch_and_or(word, bit);
	}
}

/* Forgets a generation in one page. */
TG_INLINE void tg_proven_clear(struct tg_proven_page *page, __u32 generation)
{
	for (__u32 i = 0; i < TG_PROVEN_PAGE / 8; i++)
		if (((i / TG_PROVEN_WORDS) & 1) == (generation & 1))
			TG_WRITE(page->word[i], 0);
}

#endif
