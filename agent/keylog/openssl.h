/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The OpenSSL of the process, found at run time: it may be linked by the program, or come later with a module that keeps
 * its symbols to itself (Python, Apache). Thread-safe.
 */
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>

struct openssl {
  SSL_CTX *(*ctx_new)(const SSL_METHOD *);
  void (*ctx_set_keylog_callback)(SSL_CTX *, SSL_CTX_keylog_cb_func);
  SSL_CTX_keylog_cb_func (*ctx_get_keylog_callback)(const SSL_CTX *);
  int (*ctx_set_ex_data)(SSL_CTX *, int, void *);
  void *(*ctx_get_ex_data)(const SSL_CTX *, int);
  SSL_CTX *(*get_ctx)(const SSL *);
  int (*is_server)(const SSL *);
  int (*is_dtls)(const SSL *);
  int (*get_fd)(const SSL *);
  const SSL_CIPHER *(*get_pending_cipher)(const SSL *);
  const SSL_CIPHER *(*get_current_cipher)(const SSL *);
  uint16_t (*cipher_get_protocol_id)(const SSL_CIPHER *);
  int (*get_ex_new_index)(int, long, void *, CRYPTO_EX_new *, CRYPTO_EX_dup *, CRYPTO_EX_free *);

  int index; /* of the application's own callback in the ex_data of a context */
};

/*
 * The library that code at `caller` was linked with, or NULL: it is not usable (too old, or not OpenSSL), or a second one
 * in this process, whose contexts are left alone.
 */
const struct openssl *openssl_of(const void *caller);

/* The one that openssl_of() found first; NULL before. */
const struct openssl *openssl_known(void);

/* The function `name` as code at `caller` would call it without this library; NULL: there is none. */
void *openssl_function(const char *name, const void *caller);

/* Whether this library itself holds that code. */
bool openssl_is_ours(const void *code);
