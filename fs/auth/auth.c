/* fs/auth/auth.c - who is signing in: a credential in, an identity out. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/auth.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/auth/auth_config.h"
#include "fs/auth/auth_file.h"
#include "fs/auth/auth_impl.h"
#include "fs/auth/basic.h"
#include "fs/auth/jwks_source.h"
#include "policy/jwk.h"

#define TAG "auth"

int auth_load(const char *path, struct auth **ret, struct err *e)
{
    AUTO(auth) struct auth *a = xcalloc(1, sizeof *a);
    AUTO(buf) struct buf text = {0};
    struct auth_file_id id;
    const char *slash = strrchr(path, '/');
    AUTO(free) char *folder = slash ? xstrndup(path, (size_t)(slash - path)) : xstrdup(".");
    int r = auth_file_read(path, AUTH_CONFIG_BYTES_MAX, &text, &id, e);
    if (r < 0)
        return r;
    r = auth_config_parse(buf_str(&text), text.len, folder, &a->config, e);
    if (r < 0)
        return err_wrap(e, "'%s'", path);
    const struct auth_config *c = &a->config;
    if (c->has_jwt)
        a->keys = jwks_source_new(c->keys, c->issuer, c->ca);
    if (c->has_basic)
        a->basic = basic_new(c->users);
    *ret = TAKE(a);
    return 0;
}

void auth_free(struct auth *a)
{
    if (!a)
        return;
    jwks_source_free(a->keys);
    basic_free(a->basic);
    auth_config_done(&a->config);
    free(a);
}

int64_t auth_idle_s(const struct auth *a)
{
    return a->config.idle_s;
}

int64_t auth_session_max_s(const struct auth *a)
{
    return a->config.session_max_s;
}

void identity_done(struct identity *id)
{
    who_done(&id->who);
    free(id->id);
    *id = (struct identity){0};
}

/* Tokens */

/* Always of that kind: what a token calls its user must not become an ARN or a group. */
static int canonical(const char *kind, const char *name, char ret[PRINCIPAL_MAX], struct err *e)
{
    AUTO(free) char *text = xasprintf("%s:%s", kind, name);
    return principal_parse(text, ret, e);
}

/* A group whose name no rule could hold gives nothing, and is no reason to turn its member away.
 * "/vendors" is how some providers write the group "vendors"; of "/vendors/acme" no part is taken,
 * because the last one alone could be the name of quite another group. */
static void add_group(struct who *w, const char *name)
{
    char principal[PRINCIPAL_MAX];
    struct err e;
    if (canonical("group", name + (*name == '/'), principal, &e) == 0)
        who_add(w, principal);
    else
        log_info(TAG, "a group of %s is left out: %s", w->as[0], e.text);
}

static int from_token(struct jwt_identity *id, struct identity *ret, struct err *e)
{
    char principal[PRINCIPAL_MAX];
    struct who *w = &ret->who;
    int r = canonical("user", id->user, principal, e);
    if (r < 0)
        return err_set(e, -EBADMSG, "token: its user's name is none that a principal can have");
    who_add(w, principal);
    for (size_t i = 0; i < id->n_groups; i++)
        add_group(w, id->groups[i]);
    w->affiliation = TAKE(id->affiliation);
    w->entitlements = TAKE(id->entitlements);
    w->n_entitlements = id->n_entitlements;
    id->n_entitlements = 0;
    w->superuser = id->superuser;
    w->details = TAKE(id->details);
    ret->id = TAKE(id->id);
    ret->expires = id->expires;
    ret->how = "token";
    return 0;
}

static int check_token(struct auth *a, const json_t *token, int64_t now, struct identity *ret,
                       struct err *e)
{
    AUTO(jwks_ref) struct jwks_ref keys = {0};
    AUTO(jwt_identity) struct jwt_identity id = {0};
    const char *s = json_string_value(token);
    size_t n = json_string_length(token);
    if (!a->keys)
        return err_set(e, -EOPNOTSUPP, "tokens are not accepted here");
    int r = jwks_source_get(a->keys, s, n, &keys, e);
    if (r == 0)
        r = jwt_verify(s, n, keys.keys, &a->config.rules, now, &id, e);
    return r < 0 ? r : from_token(&id, ret, e);
}

int auth_check(struct auth *a, const json_t *credential, int64_t now, struct identity *ret,
               struct err *e)
{
    AUTO(identity) struct identity id = {0};
    const json_t *token = json_object_get(credential, "token");
    const json_t *user = json_object_get(credential, "user");
    const json_t *password = json_object_get(credential, "password");
    int r;
    if (json_is_string(token) && json_object_size(credential) == 1)
        r = check_token(a, token, now, &id, e);
    else if (!json_is_string(user) || !json_is_string(password) ||
             json_object_size(credential) != 2)
        r = err_set(e, -EBADMSG, "neither a token nor a user's name and password");
    else if (!a->basic)
        r = err_set(e, -EOPNOTSUPP, "passwords are not accepted here");
    else
        r = basic_check(a->basic, user, password, &id, e);
    if (r < 0)
        return r;
    *ret = id;
    id = (struct identity){0};
    return 0;
}
