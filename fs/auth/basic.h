/* fs/auth/basic.h - signing in with a name and a password (row AV1). */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_BASIC_H
#define FS_AUTH_BASIC_H

#include <jansson.h>

struct basic;
struct err;
struct identity;

#define BASIC_CACHED_MS 60000    /* a password that was right is not hashed again for so long */
#define BASIC_USER_TRIES 5       /* wrong ones of one user at once, then one every */
#define BASIC_USER_REFILL_MS 10000
#define BASIC_ALL_TRIES 50       /* wrong ones of all users at once, then one every */
#define BASIC_ALL_REFILL_MS 100

/* Users of the file at `path` (users.h), which is read again when it has changed. Reads nothing
 * yet. */
struct basic *basic_new(const char *path);
void basic_free(struct basic *b); /* NULL is fine */

/* Fills `ret` for a user of the file whose password it is. One sentence and one cost for a wrong
 * password, an unknown user and a disabled one: an unknown user's password is hashed like that of
 * some user of the file.
 * -EACCES: not so; -EAGAIN: too many wrong tries, of that name or of all, or no users file that
 * can be used. Thread-safe; hashing is one at a time, since each takes megabytes. */
int basic_check(struct basic *b, const json_t *user, const json_t *password, struct identity *ret,
                struct err *e);

#endif
