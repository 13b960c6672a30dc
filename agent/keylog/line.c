/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/line.h"

#include <arpa/inet.h>
#include <netinet/in.h>
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

static bool is_digit(char c) { return (unsigned)(c - '0') < 10 || (unsigned)((c | 0x20) - 'a') < 6; }

typedef signed char sixteen __attribute__((vector_size(16)));

/* Whether all of `text` are hexadecimal digits: 600 characters for each handshake, so sixteen at once. */
static bool all_digits(const char *text, size_t size) {
  for (; size >= sizeof(sixteen); text += sizeof(sixteen), size -= sizeof(sixteen)) {
    sixteen c;
    memcpy(&c, text, sizeof c);
    const sixteen letter = c | 0x20;
    const sixteen good = ((c >= '0') & (c <= '9')) | ((letter >= 'a') & (letter <= 'f'));
    uint64_t halves[2];
    memcpy(halves, &good, sizeof halves);
    if ((halves[0] & halves[1]) != UINT64_MAX) return false;
  }
  while (size > 0 && is_digit(*text)) ++text, --size;
  return size == 0;
}

static bool well_formed(const char *random) {
  const size_t size = strnlen(random, LINE_RANDOM_DIGITS + 1 + LONGEST_SECRET_DIGITS + 1);
  if (size <= LINE_RANDOM_DIGITS + 1 || size > LINE_RANDOM_DIGITS + 1 + LONGEST_SECRET_DIGITS) return false;
  const char *secret = random + LINE_RANDOM_DIGITS + 1;
  return random[LINE_RANDOM_DIGITS] == ' ' && all_digits(random, LINE_RANDOM_DIGITS) &&
         all_digits(secret, size - LINE_RANDOM_DIGITS - 1);
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

static char *put_decimal(char *out, unsigned value) {
  char digits_of[10];
  size_t count = 0;
  do digits_of[count++] = (char)('0' + value % 10);
  while ((value /= 10) != 0);
  while (count > 0) *out++ = digits_of[--count];
  return out;
}

static char *put_ipv4(char *out, const uint8_t *bytes) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *out++ = '.';
    out = put_decimal(out, bytes[i]);
  }
  return out;
}

static char *put_ipv6(char *out, const struct in6_addr *address) {
  *out++ = '[';
  if (inet_ntop(AF_INET6, address, out, INET6_ADDRSTRLEN) != NULL) out += strlen(out);
  *out++ = ']';
  return out;
}

/* "192.0.2.1:443" or "[2001:db8::1]:443"; NULL when the address is not of IP. */
static char *put_endpoint(char *out, const struct sockaddr_storage *address) {
  const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
  const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
  if (address->ss_family == AF_INET) {
    out = put_ipv4(out, (const uint8_t *)&v4->sin_addr);
  } else if (address->ss_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
    out = put_ipv4(out, v6->sin6_addr.s6_addr + 12);
  } else if (address->ss_family == AF_INET6) {
    out = put_ipv6(out, &v6->sin6_addr);
  } else {
    return NULL;
  }
  *out++ = ':';
  return put_decimal(out, ntohs(v4->sin_port)); /* at the same place in both */
}

static char *put_cipher(char *out, uint16_t cipher) {
  static const char kDigits[] = "0123456789ABCDEF";
  *out++ = ' ';
  *out++ = '0';
  *out++ = 'x';
  for (int shift = 12; shift >= 0; shift -= 4) *out++ = kDigits[cipher >> shift & 15];
  return out;
}

/* The longest: 5, twice 1 + 45 + 1 + 1 + 5 with a blank between them, 7, and the NUL. */
_Static_assert(5 + 53 + 1 + 53 + 7 + 1 <= LINE_TAIL_ROOM, "a tail fits");

/* No snprintf: this is done for every connection of a server. */
size_t line_tail(char out[LINE_TAIL_ROOM], const struct sockaddr_storage *client, const struct sockaddr_storage *server,
                 uint16_t cipher) {
  static const char kBegin[] = " tcp ";
  memcpy(out, kBegin, sizeof kBegin - 1);
  char *end = put_endpoint(out + sizeof kBegin - 1, client);
  if (end != NULL) {
    *end++ = ' ';
    end = put_endpoint(end, server);
  }
  if (end == NULL) end = out;
  if (end != out && cipher != 0) end = put_cipher(end, cipher);
  *end = '\0';
  return (size_t)(end - out);
}

size_t line_join(char *out, size_t room, const char *line, const char *tail, size_t tail_size) {
  const size_t size = strlen(line);
  if (size + tail_size + 1 > room) return 0;
  memcpy(out, line, size);
  memcpy(out + size, tail, tail_size);
  out[size + tail_size] = '\n';
  return size + tail_size + 1;
}
