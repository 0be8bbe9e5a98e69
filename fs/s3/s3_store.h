/* fs/s3/s3_store.h - what the S3 store offers beside struct store. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_STORE_H
#define FS_S3_S3_STORE_H

#include "fs/store/store.h"

/* A zero takes the default. */
struct s3_store_options {
    unsigned connections; /* to the store at once: $SHOTLAKE_CONNECTIONS, else 32 */
    unsigned bulk_reads;  /* of these, at most so many for reads over 512 KiB: all but 8, or but a
                             quarter. So many where the store is far away, 4 where it is near */
    unsigned parallel;    /* the answer of store_parallel(): 12 */
};

/* As s3_store_open() in fs/store/store.h, with options (NULL: defaults). Environment and AWS files
 * say where the store is and who we are (s3_cred.h). One signed request proves that the bucket and
 * the credentials are good; the sentence of a failure says which of them is not. Starts a thread:
 * a process that forks to become a daemon does so before. */
int s3_store_open_with(const char *url, const struct s3_store_options *options, struct store **ret,
                       struct err *e);

#define S3_PRESIGN_MAX_S 604800 /* AWS: seven days */

/* Appends a URL with which anybody can GET `key` during the next `expires_s` seconds (1 to
 * S3_PRESIGN_MAX_S), or until the lake's own credentials end, where that is sooner. The URL is a
 * secret while it lives. Nothing is sent. `s` is a store of s3_store_open(). 0 or -EINVAL. Any
 * thread. */
int s3_presign_get(struct store *s, const char *key, int expires_s, struct buf *ret, struct err *e);

/* The bucket's policy document, appended to `ret`; nothing where it has none. `s` is a store of
 * s3_store_open(); any thread. Codes of fs/store/store.h; -EACCES also where the credentials may
 * not ask. */
int s3_policy_get(struct store *s, struct buf *ret, struct err *e);

/* Replaces it, or with n == 0 takes it away. The store knows no condition on this: the last of two
 * writers wins, so who writes reads afterwards. */
int s3_policy_put(struct store *s, const char *policy, size_t n, struct err *e);

/* The lake's place: bucket, and prefix ("" or ending in '/'). Borrowed. */
const char *s3_store_bucket(struct store *s);
const char *s3_store_prefix(struct store *s);

#endif
