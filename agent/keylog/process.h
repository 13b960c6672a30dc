/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which process this is, without asking the kernel each time: answers stay in a page that fork, in whatever way it is
 * done, leaves empty for the child (MADV_WIPEONFORK, Linux 4.14). Thread-safe.
 */
#pragma once

#include <sys/types.h>

/* Makes the page, once, before other threads use this module. Without it process_id() asks the kernel each time. */
void process_prepare(void);

/* getpid(); the parent's for a child that shares the parent's memory (vfork), until it has a program of its own. */
pid_t process_id(void);
