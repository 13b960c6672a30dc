/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The way of key lines out of a server: one Unix stream socket per process. Nothing here blocks, raises a signal, changes
 * errno, or writes anywhere but to a socket that this module itself has connected, however much the server closes, forks
 * and changes its root. What cannot be sent at once is dropped, counted, and told as "#dropped N" by what is sent next.
 * Thread-safe.
 */
#pragma once

#include <stddef.h>

/* Where to connect to; forgets everything before. "" or a path too long for a socket: nothing is ever sent. Once, before
 * other threads use this module. */
void channel_configure(const char *path);

/* Connects if that is possible now, so that a later change of root or user does not matter. */
void channel_prepare(void);

/* Sends `lines` whole lines. */
void channel_send(const char *bytes, size_t size, unsigned lines);
