/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/keylog/clock.h"
#include "agent/keylog/process.h"

enum {
  LOWEST_DESCRIPTOR = 100, /* out of the way of servers that count on small numbers */
  SEND_BUFFER = 1 << 20,   /* some hundred handshakes that the reader has not come to */
  SHORTEST_PAUSE_MS = 100, /* between attempts to connect */
  LONGEST_PAUSE_MS = 2000,
  PATIENCE = 50,            /* how often a thread yields to one that connects */
  NOTE_ROOM = 48,
};

static struct sockaddr_un address;
static socklen_t address_size;

/*
 * The connection. A descriptor number alone proves nothing: servers close what they do not know, and the number may be a
 * client's socket a moment later. So it is used only while it names the inode that was connected here, and it is never
 * closed once connected, only replaced in one step by dup3: no other thread can find somebody else's socket under it.
 */
static _Atomic int descriptor = -1;
static _Atomic ino_t inode;
static _Atomic pid_t process; /* that settled on this connection; a child makes its own */

static _Atomic pid_t renewing; /* the process one of whose threads connects now; 0: none */
static _Atomic int64_t retry_at, pause_ms;
static _Atomic unsigned long dropped; /* lines that the reader has not been told of */
static _Atomic bool torn;             /* the last message was cut within a line */

void channel_configure(const char *path) {
  const size_t size = strlen(path);
  process_prepare();
  memset(&address, 0, sizeof address);
  address_size = 0;
  descriptor = -1;
  process = renewing = 0;
  retry_at = dropped = 0;
  pause_ms = SHORTEST_PAUSE_MS;
  torn = false;
  if (size == 0 || size >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path, size);
  address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size + 1);
}

/* The number under which our connection is still open; -1: it is not. */
static int connected(void) {
  struct stat found;
  const int fd = descriptor;
  const ino_t expected = inode;
  if (fd < 0 || fstat(fd, &found) != 0) return -1;
  return S_ISSOCK(found.st_mode) && found.st_ino == expected ? fd : -1;
}

static int connect_socket(void) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return -1;
  const int room = SEND_BUFFER;
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room) != 0)
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  if (connect(fd, (const struct sockaddr *)&address, address_size) == 0) return fd;
  close(fd);
  return -1;
}

/* Takes the place of `old`, or a high number of its own when that is -1. Returns the number; -1: none. */
static int settle(int fd, int old) {
  const int number = old >= 0 ? dup3(fd, old, O_CLOEXEC) : fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
  if (number < 0 && old < 0 && fd > STDERR_FILENO) return fd; /* the limit of descriptors is low */
  close(fd);
  return number;
}

static bool replace_connection(void) {
  struct stat found;
  const int fd = connect_socket();
  if (fd < 0) return false;
  if (fstat(fd, &found) != 0) {
    close(fd);
    return false;
  }
  const int number = settle(fd, connected());
  if (number < 0) return false;
  inode = found.st_ino;
  descriptor = number;
  torn = false;
  return true;
}

/* Another thread of this process connects: gives it the time that this takes. */
static bool wait_for_other(pid_t self) {
  for (int i = 0; i < PATIENCE && renewing == self; ++i) sched_yield();
  return connected() >= 0;
}

/* Connects anew unless that failed a moment ago. */
static bool renew(pid_t self) {
  const int64_t now = coarse_ms();
  if (now < retry_at) return false;
  pid_t holder = 0;
  while (!atomic_compare_exchange_strong(&renewing, &holder, self)) {
    if (holder == self) return wait_for_other(self);
    /* Held by a thread of the parent that did not come along when this process was forked. */
  }
  const bool done = replace_connection();
  retry_at = done ? 0 : now + pause_ms;
  pause_ms = done ? SHORTEST_PAUSE_MS : pause_ms * 2 < LONGEST_PAUSE_MS ? pause_ms * 2 : LONGEST_PAUSE_MS;
  renewing = 0;
  return done;
}

/* After fork: a connection of its own; where that is refused (root or user changed), the parent's serves both. */
static bool settle_in_child(pid_t self) {
  retry_at = 0;
  pause_ms = SHORTEST_PAUSE_MS;
  dropped = 0; /* the parent tells of its own */
  const bool done = renew(self) || connected() >= 0;
  process = self;
  return done;
}

/* The number of a connection of this process, made now if need be; -1: none can be made. */
static int ready(void) {
  const pid_t self = process_id();
  if (process == self) {
    const int fd = connected();
    return fd >= 0 || !renew(self) ? fd : connected();
  }
  return settle_in_child(self) ? connected() : -1;
}

enum outcome { SENT, FULL, GONE };

/* Of what has to be said before lines: nothing, as a rule. */
static size_t write_note(char out[NOTE_ROOM], bool cut, unsigned long untold) {
  size_t size = 0;
  if (cut) out[size++] = '\n'; /* ends the line that was cut */
  if (untold > 0) size += (size_t)snprintf(out + size, NOTE_ROOM - size, "#dropped %lu\n", untold);
  return size;
}

static ssize_t send_both(int fd, const char *note, size_t note_size, const char *bytes, size_t size) {
  if (note_size == 0) return send(fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
  struct iovec parts[] = {{(void *)(uintptr_t)note, note_size}, {(void *)(uintptr_t)bytes, size}};
  const struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
  return sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static enum outcome transmit(int fd, const char *bytes, size_t size) {
  char note[NOTE_ROOM];
  const unsigned long untold = dropped == 0 ? 0 : atomic_exchange(&dropped, 0);
  const bool cut = torn && atomic_exchange(&torn, false);
  const size_t note_size = write_note(note, cut, untold);
  const ssize_t sent = fd < 0 ? -1 : send_both(fd, note, note_size, bytes, size);
  if (sent == (ssize_t)(size + note_size)) return SENT;
  const bool full = fd >= 0 && (sent > 0 || errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM || errno == EINTR);
  if (sent > 0 || cut) torn = true;
  if (sent < (ssize_t)note_size) atomic_fetch_add(&dropped, untold);
  return full ? FULL : GONE;
}

static bool deliver(const char *bytes, size_t size) {
  const int fd = ready();
  if (fd < 0) return false;
  const enum outcome first = transmit(fd, bytes, size);
  if (first != GONE) return first == SENT;
  return renew(process_id()) && transmit(connected(), bytes, size) == SENT;
}

void channel_prepare(void) {
  const int saved = errno;
  if (address_size != 0) (void)ready();
  errno = saved;
}

void channel_send(const char *bytes, size_t size, unsigned lines) {
  const int saved = errno;
  if (address_size != 0 && !deliver(bytes, size)) atomic_fetch_add(&dropped, lines);
  errno = saved;
}
