/* fs/s3/s3_keys.c - one set of credentials: immutable, counted, wiped at the end. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/err.h"

static bool is_sendable(const char *s)
{
    size_t n = strlen(s);
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x21 || s[i] > 0x7e)
            return false;
    return n > 0 && n <= S3_KEYS_TEXT_MAX;
}

int s3_keys_new(const char *id, const char *secret, const char *token, int64_t expires_s,
                struct s3_keys **ret, struct err *e)
{
    const char *wrong = NULL;
    if (!is_sendable(id) || strpbrk(id, "/,"))
        wrong = "access key id";
    else if (!is_sendable(secret))
        wrong = "secret access key";
    else if (token && *token && !is_sendable(token))
        wrong = "session token";
    if (wrong)
        return err_set(e, -EINVAL, "the %s is empty or has characters that no such key has", wrong);

    struct s3_keys *k = xcalloc(1, sizeof *k);
    k->refs = 1;
    k->id = xstrdup(id);
    k->secret = xstrdup(secret);
    k->token = token && *token ? xstrdup(token) : NULL;
    k->expires_s = expires_s;
    *ret = k;
    return 0;
}

struct s3_keys *s3_keys_ref(struct s3_keys *k)
{
    atomic_fetch_add(&k->refs, 1);
    return k;
}

void s3_keys_unref(struct s3_keys *k)
{
    if (!k || atomic_fetch_sub(&k->refs, 1) != 1)
        return;
    OPENSSL_cleanse(k->secret, strlen(k->secret));
    if (k->token)
        OPENSSL_cleanse(k->token, strlen(k->token));
    free(k->id);
    free(k->secret);
    free(k->token);
    free(k);
}

bool s3_keys_equal(const struct s3_keys *a, const struct s3_keys *b)
{
    return strcmp(a->id, b->id) == 0 && strcmp(a->secret, b->secret) == 0 &&
           strcmp(a->token ? a->token : "", b->token ? b->token : "") == 0;
}

const char *s3_keys_tail(const struct s3_keys *k)
{
    size_t n = strlen(k->id);
    /* Of a short id, half at most. */
    size_t show = n / 2 < S3_KEYS_TAIL ? n / 2 : S3_KEYS_TAIL;
    return k->id + n - show;
}
