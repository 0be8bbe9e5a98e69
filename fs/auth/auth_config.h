/* fs/auth/auth_config.h - the configuration of signing in: a JSON text into a struct, strictly. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_AUTH_CONFIG_H
#define FS_AUTH_AUTH_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "policy/jwt.h"

struct err;

#define AUTH_CONFIG_BYTES_MAX (1u << 20)
#define AUTH_LIST_MAX 1000 /* elements of any list */

#define AUTH_IDLE_S 28800
#define AUTH_SESSION_MAX_S 86400
#define AUTH_SESSION_LIMIT_S (31 * 86400) /* no session is configured to last longer */

/* What auth.h's auth_load() describes. Strings are borrowed from `json` or the struct's own. */
struct auth_config {
    json_t *json; /* the whole, which everything below points into */
    bool has_jwt, has_oidc, has_basic;
    struct jwt_rules rules; /* algs 0 where !has_jwt; the lists are the struct's own */
    char *keys;             /* a file's path or a URI; NULL: the discovery of `issuer` names it */
    const char *issuer, *client_id, *scope; /* of "oidc" */
    bool is_id_token;       /* which of the two tokens signs in */
    char *users;            /* path of the users file; NULL where !has_basic */
    char *ca;               /* path; NULL: the system's */
    int64_t idle_s, session_max_s;
};

/* Reads the text of a configuration. Files that it names relatively lie in `folder`. Every error is
 * -EBADMSG and names the place as a JSON pointer. auth_config_done() after 0. Pure. */
int auth_config_parse(const char *text, size_t n, const char *folder, struct auth_config *ret,
                      struct err *e);
void auth_config_done(struct auth_config *c);

static inline void auto_auth_config(struct auth_config *c)
{
    auth_config_done(c);
}

#endif
