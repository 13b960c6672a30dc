/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Key log lines (RFC 9850) as text: which of them are shared, and what is added to them.
 *   LABEL CLIENT_RANDOM SECRET[ tcp CLIENT:PORT SERVER:PORT[ 0xCIPHER]]
 * Pure functions; thread-safe.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
  LINE_RANDOM_DIGITS = 64,
  LINE_TAIL_ROOM = 128, /* what line_tail() writes at most, its end included */
  LINE_ROOM = 384,      /* the longest shared line with tail and newline */
};

enum line_kind {
  LINE_USELESS, /* nothing that an inspector could use, or no key log line */
  LINE_HELD,    /* of no use without a line that the same connection has yet to report */
  LINE_EARLY,   /* of use at once, together with the held ones that follow it: early data is read before the last line */
  LINE_LAST,    /* completes the held ones */
  LINE_ALONE,   /* complete by itself */
};

/* What to do with a line that OpenSSL reports. */
enum line_kind line_kind(const char *line);

/* The client random of a line that is not useless: LINE_RANDOM_DIGITS characters. */
const char *line_random(const char *line);

/*
 * Writes " tcp CLIENT:PORT SERVER:PORT 0xCIPHER" with its terminating NUL; IPv4 in IPv6 as IPv4, IPv6 in brackets, no
 * cipher when it is 0. Returns its length; 0 and an empty text when the addresses are not of IP.
 */
size_t line_tail(char out[LINE_TAIL_ROOM], const struct sockaddr_storage *client, const struct sockaddr_storage *server,
                 uint16_t cipher);

/* Writes line, tail and a newline, without a NUL. Returns the length; 0: it does not fit. */
size_t line_join(char *out, size_t room, const char *line, const char *tail, size_t tail_size);
