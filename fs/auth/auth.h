/* fs/auth/auth.h - who is signing in: a credential in, an identity out (rows DC7, SL14, AV1, AV2). */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_AUTH_H
#define FS_AUTH_AUTH_H

#include <stdint.h>

#include <jansson.h>

#include "policy/principals.h"

struct auth;
struct err;

/* The configuration, a JSON file (unknown members are refused; every part may be absent):
 *   {"jwt":   {"alg": ["RS256"], "issuer": "https://idp", "issuer_enforced": true,
 *              "audience": "shotlake", "jwk": "FILE or https://…", "username": "sub",
 *              "groups": "groups", "affiliation": "CLAIM", "entitlements": "CLAIM",
 *              "superuser_client_ids": […], "superuser_groups": […],
 *              "group_expansion": {"Some group": ["viewer"]}, "skew": 60, "max_lifetime": 86400},
 *    "oidc":  {"issuer": "https://idp", "client_id": "shotlake", "scope": "openid groups",
 *              "token": "id_token"},
 *    "basic": {"users": "FILE"},
 *    "session": {"idle": 28800, "max": 86400},
 *    "ca": "FILE"}
 * Where "jwt" has no "jwk", the key set is that which the discovery of "oidc" names; likewise its
 * issuer, and the client id is the audience of an id_token. http:// only to loopback. */
int auth_load(const char *path, struct auth **ret, struct err *e);
void auth_free(struct auth *a); /* NULL is fine */
static inline void auto_auth(struct auth **a)
{
    auth_free(*a);
}

struct identity {
    struct who who; /* as[0] "user:NAME"; then groups; without address */
    int64_t expires; /* of the credential, Unix seconds; the session ends then at the latest */
    char *id;        /* "jti", or NULL */
    const char *how; /* "token" or "basic"; static */
};
void identity_done(struct identity *id);
static inline void auto_identity(struct identity *id)
{
    identity_done(id);
}

/* Checks {"token": "…"} or {"user": "…", "password": "…"}. May fetch a key set, so it can take
 * seconds: not on a thread that serves others. -EACCES with a sentence that tells nothing of other
 * users; -EOPNOTSUPP: that way is not configured; -EAGAIN: too many tries, or the key set cannot be
 * had now. Thread-safe. Secrets are wiped from what it allocates; `credential` is the caller's. */
int auth_check(struct auth *a, const json_t *credential, int64_t now, struct identity *ret,
               struct err *e);

int64_t auth_idle_s(const struct auth *a);
int64_t auth_session_max_s(const struct auth *a);

#endif
