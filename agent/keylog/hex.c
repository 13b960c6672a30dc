/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OpenSSL (3.0, ssl/ssl_lib.c) writes its key log lines with one sprintf("%02x") per byte: 400 for a handshake of TLS 1.3,
 * which take about 10 µs. These two do that format by hand and leave every other one
 * to the C library; for callers there is no difference. docs/adr/0010.
 */
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define EXPORTED __attribute__((visibility("default")))

/* Of the C library: what sprintf becomes with and without _FORTIFY_SOURCE. */
int vsprintf(char *out, const char *format, va_list arguments);
int __vsprintf_chk(char *out, int flag, size_t room, const char *format, va_list arguments);
int sprintf(char *out, const char *format, ...);
int __sprintf_chk(char *out, int flag, size_t room, const char *format, ...);

static inline bool is_hex_byte(const char *format) {
  return format[0] == '%' && format[1] == '0' && format[2] == '2' && format[3] == 'x' && format[4] == '\0';
}

static inline int put_hex_byte(char *out, unsigned value) {
  static const char kDigits[] = "0123456789abcdef";
  out[0] = kDigits[value >> 4];
  out[1] = kDigits[value & 15];
  out[2] = '\0';
  return 2;
}

EXPORTED int sprintf(char *out, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const unsigned value = is_hex_byte(format) ? va_arg(arguments, unsigned) : 256;
  va_end(arguments);
  if (value < 256) return put_hex_byte(out, value);
  va_start(arguments, format);
  const int size = vsprintf(out, format, arguments);
  va_end(arguments);
  return size;
}

EXPORTED int __sprintf_chk(char *out, int flag, size_t room, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const unsigned value = room > 2 && is_hex_byte(format) ? va_arg(arguments, unsigned) : 256;
  va_end(arguments);
  if (value < 256) return put_hex_byte(out, value);
  va_start(arguments, format);
  const int size = __vsprintf_chk(out, flag, room, format, arguments);
  va_end(arguments);
  return size;
}
