/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/batch.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "agent/keylog/channel.h"
#include "agent/keylog/clock.h"
#include "agent/keylog/process.h"

enum {
  ROOM = 16384,          /* about twenty handshakes; more, and they are sent in parts */
  LONGEST_TURN_MS = 100, /* after which a thread is not believed to come back to its loop soon */
  LONGEST_WAIT_MS = 4,   /* of complete lines, over turns that follow each other at once */
};

static struct {
  size_t size;
  unsigned lines;
  bool early; /* holds a line that is needed before its connection's last */
  char bytes[ROOM];
} held;

static _Atomic pid_t holder; /* the process one of whose threads uses `held`; 0: none */
static pid_t owner;          /* the process whose lines they are */
static _Atomic bool due;     /* `held` has to be sent by whoever can take it */

static _Thread_local int64_t turn_ends; /* when this thread has to be back at its loop; 0: it has none */
static _Thread_local int64_t send_by;   /* the complete lines that this thread left in `held`; 0: it left none */

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
  if (held.size == 0) return;
  channel_send(held.bytes, held.size, held.lines);
  explicit_bzero(held.bytes, held.size);
  held.size = held.lines = 0;
  held.early = false;
}

/* Who finds `held` taken leaves word in `due`, and who had it looks there after giving it back: one of them sends. */
static void send_due(pid_t self) {
  while (due && take(self)) {
    due = false;
    send_held();
    holder = 0;
  }
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

/* Whether complete lines may stay in `held`, because this thread comes back for them. */
static bool leave(void) {
  const int64_t now = turn_ends == 0 ? 0 : coarse_ms();
  if (now >= turn_ends) return false;
  if (send_by == 0) send_by = now + LONGEST_WAIT_MS;
  return true;
}

void batch_add(const char *line, size_t size, enum line_kind kind) {
  const pid_t self = process_id();
  if (!take(self)) {
    channel_send(line, size, 1);
    return;
  }
  append(line, size);
  held.early = held.early || kind == LINE_EARLY;
  const bool complete = kind == LINE_LAST || kind == LINE_ALONE || completes_early(line);
  if (complete && !leave()) send_held();
  holder = 0;
  send_due(self);
}

void batch_begin_turn(void) { turn_ends = coarse_ms() + LONGEST_TURN_MS; }

bool batch_may_wait(void) { return send_by != 0 && coarse_ms() < send_by; }

void batch_end_turn(void) {
  turn_ends = 0;
  if (send_by == 0) return;
  send_by = 0;
  due = true;
  send_due(process_id());
}
