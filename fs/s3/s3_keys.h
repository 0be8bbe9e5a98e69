/* fs/s3/s3_keys.h - one set of credentials: immutable, counted, wiped at the end. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_KEYS_H
#define FS_S3_S3_KEYS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct err;

#define S3_KEYS_TEXT_MAX 16384 /* bytes of any part; session tokens have a few thousand */
#define S3_KEYS_TAIL 4         /* how much of a key id may be shown */

struct s3_keys {
    atomic_int refs;
    char *id, *secret;
    char *token;       /* of a session, or NULL */
    int64_t expires_s; /* since 1970; WHEN_NEVER for lasting keys */
};

/* Copies the texts; an empty `token` is none. Printable ASCII only, since they go into headers.
 * 0 or -EINVAL; the sentence shows none of them. The caller owns one reference. */
int s3_keys_new(const char *id, const char *secret, const char *token, int64_t expires_s,
                struct s3_keys **ret, struct err *e);

/* Another reference to the same keys. Any thread. */
struct s3_keys *s3_keys_ref(struct s3_keys *k);

/* Gives one up; the last wipes and frees. NULL is fine. Any thread. */
void s3_keys_unref(struct s3_keys *k);

bool s3_keys_equal(const struct s3_keys *a, const struct s3_keys *b);

/* The last characters of the key id, which tell an operator which key it is. */
const char *s3_keys_tail(const struct s3_keys *k);

static inline void auto_s3_keys(struct s3_keys **k)
{
    s3_keys_unref(*k);
}

#endif
