/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Reasons as C constants; the list itself is reasons.def. */
#ifndef TIDEGATE_ABI_REASONS_H
#define TIDEGATE_ABI_REASONS_H

enum tg_reason {
#define TG_REASON(name, number, class, text) TG_REASON_##name = number,
#include "reasons.def"
#undef TG_REASON
	TG_REASON_COUNT
};

/* Room for reasons to come without a change of map sizes; a power of two. */
#define TG_REASON_SLOTS 64

#endif
