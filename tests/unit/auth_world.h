/* tests/unit/auth_world.h - keys, tokens and configuration files for the tests of signing in. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_AUTH_WORLD_H
#define TESTS_UNIT_AUTH_WORLD_H

#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define AUTH_NOW 1750000000

/* A folder that is removed in the end, and a clock that only the test moves. */
struct auth_world {
    char dir[64];
    char path[128]; /* of the last auth_world_write() */
};

static int64_t world_mono_ms, world_wall = AUTH_NOW;

static int64_t world_get_mono(void)
{
    return __atomic_load_n(&world_mono_ms, __ATOMIC_SEQ_CST);
}

static int64_t world_get_wall(void)
{
    return world_wall;
}

static int world_remove(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static void auth_world_init(struct auth_world *w)
{
    strcpy(w->dir, "/tmp/shotlake-auth-XXXXXX");
    assert_non_null(mkdtemp(w->dir));
    world_mono_ms = 1000000;
    clock_set(world_get_wall, world_get_mono);
}

static void auth_world_done(struct auth_world *w)
{
    clock_set(NULL, NULL);
    nftw(w->dir, world_remove, 8, FTW_DEPTH | FTW_PHYS);
}

/* Puts a file into its place at once and returns its path. */
__attribute__((format(printf, 3, 4), unused)) static const char *
auth_world_write(struct auth_world *w, const char *name, const char *fmt, ...)
{
    AUTO(free) char *new_path = xasprintf("%s/new", w->dir);
    snprintf(w->path, sizeof w->path, "%s/%s", w->dir, name);
    FILE *f = fopen(new_path, "we");
    assert_non_null(f);
    va_list ap;
    va_start(ap, fmt);
    vfprintf(f, fmt, ap);
    va_end(ap);
    assert_int_equal(fchmod(fileno(f), 0600), 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(new_path, w->path), 0);
    return w->path;
}

static void world_base64url(struct buf *b, const void *data, size_t n)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const unsigned char *p = data;
    for (size_t i = 0; i < n; i += 3) {
        unsigned v = (unsigned)p[i] << 16 | (i + 1 < n ? (unsigned)p[i + 1] << 8 : 0) |
                     (i + 2 < n ? p[i + 2] : 0);
        for (size_t k = 0; k < 4 && i + k <= n; k++)
            buf_addc(b, abc[v >> (18 - 6 * k) & 63]);
    }
}

/* An Ed25519 key pair made of a number, so that two runs are the same. */
static EVP_PKEY *world_key(unsigned char number)
{
    unsigned char seed[32] = {number, 1};
    EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof seed);
    assert_non_null(key);
    return key;
}

/* The public key with that number as a member of a key set; its kid is "k" and the number. */
__attribute__((unused)) static char *world_jwk(unsigned char number)
{
    AUTO(buf) struct buf x = {0};
    unsigned char raw[32];
    size_t n = sizeof raw;
    EVP_PKEY *key = world_key(number);
    assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &n), 1);
    EVP_PKEY_free(key);
    world_base64url(&x, raw, n);
    return xasprintf("{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k%u\",\"x\":\"%s\"}", number,
                     buf_str(&x));
}

/* A token signed with the key of that number. */
__attribute__((unused)) static char *world_token(unsigned char number, const char *payload)
{
    AUTO(buf) struct buf t = {0};
    AUTO(free) char *header = xasprintf("{\"alg\":\"EdDSA\",\"kid\":\"k%u\"}", number);
    unsigned char sig[64];
    size_t n = sizeof sig;
    world_base64url(&t, header, strlen(header));
    buf_addc(&t, '.');
    world_base64url(&t, payload, strlen(payload));
    EVP_PKEY *key = world_key(number);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    assert_int_equal(EVP_DigestSignInit(ctx, NULL, NULL, NULL, key), 1);
    assert_int_equal(EVP_DigestSign(ctx, sig, &n, (unsigned char *)t.p, t.len), 1);
    EVP_MD_CTX_free(ctx);
    EVP_PKEY_free(key);
    buf_addc(&t, '.');
    world_base64url(&t, sig, n);
    return buf_take(&t);
}

#endif
