/* SPDX-License-Identifier: Apache-2.0 */
/* Time for pauses and patience: cheap enough for every connection, exact to some milliseconds. Thread-safe. */
#pragma once

#include <stdint.h>

/* Milliseconds of CLOCK_MONOTONIC_COARSE, without a system call; 0 where there is no such clock. */
int64_t coarse_ms(void);
