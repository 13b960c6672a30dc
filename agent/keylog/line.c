/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/line.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum { LONGEST_SECRET_DIGITS = 96 }; /* SHA-384, or a TLS 1.2 master secret */

static const struct {
  const char *label;
  enum line_kind kind;
} kLabels[] = {
    {"CLIENT_EARLY_TRAFFIC_SECRET", LINE_EARLY},
    {"CLIENT_HANDSHAKE_TRAFFIC_SECRET", LINE_HELD},
    {"SERVER_HANDSHAKE_TRAFFIC_SECRET", LINE_HELD},
    {"SERVER_TRAFFIC_SECRET_0", LINE_HELD},
    {"CLIENT_TRAFFIC_SECRET_0", LINE_LAST},
    {"CLIENT_RANDOM", LINE_ALONE},
};

/* How many hexadecimal digits `text` begins with, at most `limit`. */
static size_t digits(const char *text, size_t limit) {
  size_t count = 0;
  while (count < limit && strchr("0123456789abcdefABCDEF", text[count]) != NULL && text[count] != '\0') ++count;
  return count;
}

static bool well_formed(const char *random) {
  if (digits(random, LINE_RANDOM_DIGITS) != LINE_RANDOM_DIGITS || random[LINE_RANDOM_DIGITS] != ' ') return false;
  const char *secret = random + LINE_RANDOM_DIGITS + 1;
  const size_t size = digits(secret, LONGEST_SECRET_DIGITS);
  return size > 0 && secret[size] == '\0';
}

enum line_kind line_kind(const char *line) {
  for (size_t i = 0; i < sizeof kLabels / sizeof *kLabels; ++i) {
    const size_t size = strlen(kLabels[i].label);
    if (strncmp(line, kLabels[i].label, size) == 0 && line[size] == ' ')
      return well_formed(line + size + 1) ? kLabels[i].kind : LINE_USELESS;
  }
  return LINE_USELESS;
}

const char *line_random(const char *line) { return strchr(line, ' ') + 1; }

/* "192.0.2.1:443" or "[2001:db8::1]:443"; 0 when the address is not of IP. */
static int endpoint(char *out, size_t room, const struct sockaddr_storage *address) {
  char text[INET6_ADDRSTRLEN];
  if (address->ss_family == AF_INET) {
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    if (inet_ntop(AF_INET, &v4->sin_addr, text, sizeof text) == NULL) return 0;
    return snprintf(out, room, "%s:%u", text, ntohs(v4->sin_port));
  }
  if (address->ss_family != AF_INET6) return 0;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
  const bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
  if (inet_ntop(mapped ? AF_INET : AF_INET6, v6->sin6_addr.s6_addr + (mapped ? 12 : 0), text, sizeof text) == NULL)
    return 0;
  return snprintf(out, room, mapped ? "%s:%u" : "[%s]:%u", text, ntohs(v6->sin6_port));
}

size_t line_tail(char out[LINE_TAIL_ROOM], const struct sockaddr_storage *client, const struct sockaddr_storage *server,
                 uint16_t cipher) {
  char from[INET6_ADDRSTRLEN + 10], to[INET6_ADDRSTRLEN + 10];
  out[0] = '\0';
  if (endpoint(from, sizeof from, client) == 0 || endpoint(to, sizeof to, server) == 0) return 0;
  const int size = cipher == 0 ? snprintf(out, LINE_TAIL_ROOM, " tcp %s %s", from, to)
                               : snprintf(out, LINE_TAIL_ROOM, " tcp %s %s 0x%04X", from, to, cipher);
  return size > 0 && size < LINE_TAIL_ROOM ? (size_t)size : 0;
}

size_t line_join(char *out, size_t room, const char *line, const char *tail, size_t tail_size) {
  const size_t size = strlen(line);
  if (size + tail_size + 1 > room) return 0;
  memcpy(out, line, size);
  memcpy(out + size, tail, tail_size);
  out[size + tail_size] = '\n';
  return size + tail_size + 1;
}
