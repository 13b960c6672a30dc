/* SPDX-License-Identifier: Apache-2.0 */
#include "agent/keylog/openssl.h"

#include <dlfcn.h>
#include <link.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

static const struct {
  const char *name;
  size_t offset;
} kFunctions[] = {
    {"SSL_CTX_new", offsetof(struct openssl, ctx_new)},
    {"SSL_CTX_set_keylog_callback", offsetof(struct openssl, ctx_set_keylog_callback)},
    {"SSL_CTX_get_keylog_callback", offsetof(struct openssl, ctx_get_keylog_callback)},
    {"SSL_CTX_set_ex_data", offsetof(struct openssl, ctx_set_ex_data)},
    {"SSL_CTX_get_ex_data", offsetof(struct openssl, ctx_get_ex_data)},
    {"SSL_get_SSL_CTX", offsetof(struct openssl, get_ctx)},
    {"SSL_is_server", offsetof(struct openssl, is_server)},
    {"SSL_is_dtls", offsetof(struct openssl, is_dtls)},
    {"SSL_get_fd", offsetof(struct openssl, get_fd)},
    {"SSL_get_pending_cipher", offsetof(struct openssl, get_pending_cipher)},
    {"SSL_get_current_cipher", offsetof(struct openssl, get_current_cipher)},
    {"SSL_CIPHER_get_protocol_id", offsetof(struct openssl, cipher_get_protocol_id)},
    {"CRYPTO_get_ex_new_index", offsetof(struct openssl, get_ex_new_index)},
};

/* The object file that holds `address`; NULL: unknown. */
static const struct link_map *object_of(const void *address) {
  Dl_info info;
  void *map = NULL;
  return dladdr1(address, &info, &map, RTLD_DL_LINKMAP) != 0 ? map : NULL;
}

bool openssl_is_ours(const void *code) {
  return code != NULL && object_of(code) == object_of((const void *)(uintptr_t)openssl_function);
}

/* In the object of the caller and what that depends on. The program itself has no name: there it would find us. */
static void *in_caller(const char *name, const void *caller) {
  const struct link_map *object = object_of(caller);
  if (object == NULL || object->l_name == NULL || object->l_name[0] == '\0') return NULL;
  void *handle = dlopen(object->l_name, RTLD_LAZY | RTLD_NOLOAD);
  if (handle == NULL) return NULL;
  void *found = dlsym(handle, name);
  dlclose(handle);
  return openssl_is_ours(found) ? NULL : found;
}

void *openssl_function(const char *name, const void *caller) {
  void *found = in_caller(name, caller);
  if (found == NULL) found = dlsym(RTLD_NEXT, name);
  return openssl_is_ours(found) ? NULL : found;
}

static bool fill(struct openssl *api, const void *caller) {
  for (size_t i = 0; i < sizeof kFunctions / sizeof *kFunctions; ++i) {
    void *found = openssl_function(kFunctions[i].name, caller);
    if (found == NULL) return false;
    memcpy((char *)api + kFunctions[i].offset, &found, sizeof found);
  }
  api->index = api->get_ex_new_index(CRYPTO_EX_INDEX_SSL_CTX, 0, NULL, NULL, NULL, NULL);
  return api->index > 0; /* 0 belongs to the application: SSL_CTX_set_app_data */
}

enum { UNKNOWN, SEARCHING, USABLE, UNUSABLE };
static struct openssl library;
static _Atomic int state = UNKNOWN;

const struct openssl *openssl_known(void) { return state == USABLE ? &library : NULL; }

/* The first caller fills the table; others wait for it, which takes no longer than some look-ups of names. */
static void search(const void *caller) {
  int expected = UNKNOWN;
  if (atomic_compare_exchange_strong(&state, &expected, SEARCHING)) {
    state = fill(&library, caller) ? USABLE : UNUSABLE;
    return;
  }
  for (int i = 0; i < 10000 && state == SEARCHING; ++i) sched_yield();
}

const struct openssl *openssl_of(const void *caller) {
  SSL_CTX *(*create)(const SSL_METHOD *) = NULL;
  if (state == UNKNOWN || state == SEARCHING) search(caller);
  if (state != USABLE) return NULL;
  void *found = openssl_function("SSL_CTX_new", caller);
  memcpy(&create, &found, sizeof found);
  return create == library.ctx_new ? &library : NULL;
}
