/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines on their way to the channel. A handshake of TLS 1.3 reports four lines at two moments, of which only all together
 * are of use; sending costs more than everything else here, because it may wake the reader. So lines that are of no use yet
 * wait for one that is, of this connection or any other of the process. Thread-safe; never waits for another thread.
 */
#pragma once

#include <stddef.h>

#include "agent/keylog/line.h"

/* One whole line of at most LINE_ROOM bytes. */
void batch_add(const char *line, size_t size, enum line_kind kind);
