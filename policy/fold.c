/* policy/fold.c - names compared as people read them: NFC and without regard to case. */
/* SPDX-License-Identifier: MIT */
#include "policy/fold.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include <utf8proc.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "policy/hash.h"

#define KEPT_BYTES (FOLD_KEY_BYTES - SHA256_SIZE)

/* Nearly every name of a lake: worth a loop of its own, there are millions of them. */
static bool fold_ascii(const char *s, size_t n, struct buf *ret)
{
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)s[i] >= 0x80)
            return false;
    char *to = buf_room(ret, n);
    for (size_t i = 0; i < n; i++)
        to[i] = s[i] >= 'A' && s[i] <= 'Z' ? (char)(s[i] + ('a' - 'A')) : s[i];
    buf_added(ret, n);
    return true;
}

int fold_name(const char *s, size_t n, struct buf *ret)
{
    if (n > FOLD_MAX_BYTES)
        return -E2BIG;
    if (n == 0 || fold_ascii(s, n, ret))
        return 0;
    AUTO(free) utf8proc_uint8_t *to = NULL;
    utf8proc_ssize_t len = utf8proc_map((const utf8proc_uint8_t *)s, (utf8proc_ssize_t)n, &to,
                                        UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_CASEFOLD);
    if (len < 0)
        buf_add(ret, s, n);
    else
        buf_add(ret, to, (size_t)len);
    return 0;
}

int fold_key(const char *s, size_t n, struct buf *ret)
{
    size_t before = ret->len;
    int r = fold_name(s, n, ret);
    if (r < 0 || ret->len - before <= KEPT_BYTES)
        return r;
    uint8_t hash[SHA256_SIZE];
    hash_sha256(ret->p + before, ret->len - before, hash);
    ret->len = before + KEPT_BYTES;
    buf_add(ret, hash, sizeof hash);
    return 0;
}
