/* tests/fuzz/fuzz_auth_config.c - any bytes as a configuration of signing in, as a users file, and as
 * a provider's discovery document: refused with a sentence, or wholly usable. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/auth_config.h"
#include "fs/auth/discovery.h"
#include "fs/auth/fetch.h"
#include "fs/auth/users.h"
#include "policy/principals.h"

#define ISSUER "https://idp.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_config(const char *text, size_t n)
{
    AUTO(auth_config) struct auth_config c = {0};
    struct err e = {0};
    int r = auth_config_parse(text, n, "/etc", &c, &e);
    if (r < 0) {
        must(r == -EBADMSG && !c.json && *e.text, "a bad refusal");
        return;
    }
    must(c.idle_s > 0 && c.session_max_s > 0, "a session without end");
    must(!c.has_oidc || (c.has_jwt && fetch_url_is_safe(c.issuer) && c.client_id), "a bad provider");
    must(!c.has_basic || (c.users && *c.users == '/'), "users nowhere");
    if (!c.has_jwt)
        return;
    must(c.rules.algs != 0 && c.rules.audience && *c.rules.audience, "tokens of anybody");
    must(c.rules.lifetime_max_s > 0 && c.rules.skew_s >= 0, "tokens without end");
    must(c.keys ? *c.keys == '/' || fetch_url_is_safe(c.keys) : c.has_oidc, "keys from nowhere");
}

static void check_users(const char *text, size_t n)
{
    AUTO(users) struct users u = {0};
    char again[PRINCIPAL_MAX];
    struct err e = {0};
    int r = users_parse(text, n, &u, &e);
    must(r == 0 || (r == -EBADMSG && !u.all && *e.text), "a bad refusal of users");
    for (size_t i = 0; i < u.n; i++) {
        must(strncmp(u.all[i].name, "user:", 5) == 0, "a user that is none");
        must(users_find(&u, u.all[i].name) == &u.all[i], "a user that is not found");
        for (size_t k = 0; k < u.all[i].n_as; k++)
            must(principal_parse(u.all[i].as[k], again, &e) == 0 &&
                     strcmp(u.all[i].as[k], again) == 0, "a group that is not canonical");
    }
}

static void check_discovery(const char *text, size_t n)
{
    AUTO(discovery) struct discovery d = {0};
    struct err e = {0};
    int r = discovery_parse(text, n, ISSUER, &d, &e);
    must(r < 0 ? *e.text && !d.jwks_uri : fetch_url_is_safe(d.jwks_uri), "a bad discovery");
    must(!d.token || fetch_url_is_safe(d.token), "a token from anywhere");
    must(!d.device || fetch_url_is_safe(d.device), "a device anywhere");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(free) char *text = xcalloc(n + 1, 1);
    memcpy(text, data, n);
    check_config(text, n);
    check_users(text, n);
    check_discovery(text, n);
    return 0;
}
