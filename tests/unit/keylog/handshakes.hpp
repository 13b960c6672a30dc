// SPDX-License-Identifier: Apache-2.0
// Real TLS servers and clients inside one process, over loopback.
#pragma once

extern "C" {

// Makes the server's context, with an own keylog callback that prints each line as "own LINE" if `own_callback`; prints
// "hidden 1" if the context then reports that very callback as its own, and "hidden 0" if not.
void handshakes_prepare(int own_callback);

// One connection of both ends, with a request and a response; prints "endpoints CLIENT SERVER" as the server sees them.
// `version` is 12 or 13. Returns 0 when all went well.
int handshakes_run(int version);

// As above over a pair of memory buffers, without any socket.
int handshakes_run_in_memory(int version);
}
