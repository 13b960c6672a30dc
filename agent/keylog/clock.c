/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/clock.h"

#include <time.h>

int64_t coarse_ms(void) {
  struct timespec now;
  if (clock_gettime(CLOCK_MONOTONIC_COARSE, &now) != 0) return 0;
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
