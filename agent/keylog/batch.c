/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/batch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "agent/keylog/channel.h"
#include "agent/keylog/process.h"

enum { ROOM = 8192 }; /* about ten handshakes under way; more, and they are sent in parts */

static struct {
  size_t size;
  unsigned lines;
  bool early; /* holds a line that is needed before its connection's last */
  char bytes[ROOM];
} held;

static _Atomic pid_t holder; /* the process one of whose threads uses `held`; 0: none */
static pid_t owner;          /* the process whose lines they are */

/* False: another thread is at it. What a thread held that did not come along with fork is free again. */
static bool take(pid_t self) {
  pid_t found = 0;
  while (!atomic_compare_exchange_strong(&holder, &found, self)) {
    if (found == self) return false;
  }
  if (owner != self) explicit_bzero(&held, sizeof held); /* the parent's, who sends them */
  owner = self;
  return true;
}

static void send_held(void) {
  channel_send(held.bytes, held.size, held.lines);
  explicit_bzero(held.bytes, held.size);
  held.size = held.lines = 0;
  held.early = false;
}

static void append(const char *line, size_t size) {
  if (size > ROOM - held.size) send_held();
  memcpy(held.bytes + held.size, line, size);
  held.size += size;
  ++held.lines;
}

/* The server's last secret before it reads early data; it may answer and close without ever reporting another. */
static bool completes_early(const char *line) {
  static const char kLabel[] = "SERVER_TRAFFIC_SECRET_0 ";
  return held.early && strncmp(line, kLabel, sizeof kLabel - 1) == 0;
}

void batch_add(const char *line, size_t size, enum line_kind kind) {
  if (!take(process_id())) {
    channel_send(line, size, 1);
    return;
  }
  append(line, size);
  held.early = held.early || kind == LINE_EARLY;
  if (kind == LINE_LAST || kind == LINE_ALONE || completes_early(line)) send_held();
  holder = 0;
}
