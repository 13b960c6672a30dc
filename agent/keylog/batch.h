/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on their way to the channel. Sending costs more than everything else here, so it is done for as many lines at once
 * as nobody misses meanwhile:
 *  - A handshake of TLS 1.3 reports four lines at two moments, of which only all together are of use. Those of no use yet
 *    wait for one that is, of this connection or any other of the process.
 *  - A thread that serves many connections from one event loop comes back to its waiting call when it has done what was
 *    ready. Complete lines wait until nothing is ready any more: the busier the server, the more handshakes go at once.
 * Thread-safe; never waits for another thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "agent/keylog/line.h"

/* One whole line of at most LINE_ROOM bytes. */
void batch_add(const char *line, size_t size, enum line_kind kind);

/*
 * This thread begins a turn of its event loop, and will be back there soon. In a turn that lasts longer than one should,
 * complete lines are sent at once again.
 */
void batch_begin_turn(void);

/* Whether lines that this thread left may wait for one more turn, if that can begin at once. */
bool batch_may_wait(void);

/* Before this thread waits for events: sends the complete lines that it left, if any. */
void batch_end_turn(void);
