/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The turns of event loops, seen by the calls in which they wait. nginx, HAProxy, libevent, libuv and Python's asyncio
 * wait in one of these; a server that waits in another way has no turns, and each of its handshakes is sent by itself.
 */
#include <dlfcn.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/keylog/batch.h"

#define EXPORTED __attribute__((visibility("default")))

typedef int wait_function(int fd, struct epoll_event* events, int room, int timeout);
typedef int masked_wait_function(int fd, struct epoll_event* events, int room, int timeout, const sigset_t* mask);

static wait_function* next_wait;
static masked_wait_function* next_masked_wait;

/* As soon as this library is there, and again for those who wait before that. */
__attribute__((constructor)) static void find_next(void) {
  void* found = dlsym(RTLD_NEXT, "epoll_wait");
  memcpy(&next_wait, &found, sizeof found);
  found = dlsym(RTLD_NEXT, "epoll_pwait");
  memcpy(&next_masked_wait, &found, sizeof found);
}

/* Lines of the last turn of a process that ends in an orderly way. */
__attribute__((destructor)) static void end_last_turn(void) { batch_end_turn(); }

static int begin_turn(int ready) {
  if (ready > 0) batch_begin_turn();
  return ready;
}

static int wait_unmasked(int fd, struct epoll_event* events, int room, int timeout, const sigset_t* unused) {
  (void)unused;
  return next_wait(fd, events, room, timeout);
}

/* Looks first, where lines may wait for what is ready already; what it finds is what waiting would have found. */
static int wait_in_turns(masked_wait_function* wait, int fd, struct epoll_event* events, int room, int timeout,
                         const sigset_t* mask) {
  if (batch_may_wait()) {
    const int ready = wait(fd, events, room, 0, mask);
    if (ready > 0) return begin_turn(ready);
    batch_end_turn();
    if (ready < 0 || timeout == 0) return ready;
  }
  batch_end_turn();
  return begin_turn(wait(fd, events, room, timeout, mask));
}

EXPORTED int epoll_wait(int fd, struct epoll_event* events, int room, int timeout) {
  if (next_wait == NULL) find_next();
  return wait_in_turns(wait_unmasked, fd, events, room, timeout, NULL);
}

EXPORTED int epoll_pwait(int fd, struct epoll_event* events, int room, int timeout, const sigset_t* mask) {
  if (next_masked_wait == NULL) find_next();
  return wait_in_turns(next_masked_wait, fd, events, room, timeout, mask);
}
