/* tests/fuzz/fuzz_jwt.c - any bytes as a token, as its claims, and as a key set.
 *
 * The first byte chooses. Claims go to the check behind the signature, which random bytes would
 * never pass; a token must never verify, since nobody here holds the key. */
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
#include "policy/jwk.h"
#include "policy/jws.h"
#include "policy/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void as_keys(const char *s, size_t n)
{
    AUTO(jwks) struct jwks *keys = NULL;
    struct err e = {0};
    int r = jwks_parse(s, n, &keys, &e);
    must(r == 0 || ((r == -EBADMSG || r == -EFBIG) && *e.text), "a bad refusal of keys");
    for (size_t i = 0; r == 0 && i < keys->n; i++)
        must((keys->keys[i].key != NULL) != (keys->keys[i].secret != NULL), "half a key");
}

static void as_claims(const char *s, size_t n)
{
    AUTO(jwt_identity) struct jwt_identity id = {0};
    const struct jwt_rules rules = {.audience = "a", .skew_s = 60, .lifetime_max_s = INT32_MAX};
    struct err e = {0};
    int r = jwt_check(s, n, &rules, 1750000000, &id, &e);
    must(r == 0 || ((r == -EBADMSG || r == -EACCES) && *e.text), "a bad refusal of claims");
    must(r < 0 || (id.user && *id.user && id.expires > 1750000000 - 60), "half an identity");
}

static void as_token(const char *s, size_t n)
{
    /* a point that nobody has the number of */
    static const char set[] =
        "{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\","
        "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","
        "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}";
    AUTO(jwks) struct jwks *keys = NULL;
    AUTO(buf) struct buf payload = {0};
    struct err e = {0};
    must(jwks_parse(set, sizeof set - 1, &keys, &e) == 0, e.text);
    int r = jws_verify(s, n, keys, ~0u, &payload, &e);
    must((r == -EBADMSG || r == -EACCES) && *e.text && payload.len == 0, "a forged token");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    if (n == 0)
        return 0;
    const char *s = (const char *)data + 1;
    if (data[0] == 'k')
        as_keys(s, n - 1);
    else if (data[0] == 'c')
        as_claims(s, n - 1);
    else
        as_token(s, n - 1);
    return 0;
}
