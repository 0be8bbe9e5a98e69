/* fs/auth/password.h - password hashes as crypt(3) keeps them. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_PASSWORD_H
#define FS_AUTH_PASSWORD_H

#include <stdbool.h>
#include <stddef.h>

struct err;

#define PASSWORD_MIN 8
#define PASSWORD_MAX 511       /* bytes; what crypt(3) takes */
#define PASSWORD_HASH_SIZE 384 /* of any hash, with its NUL */

/* A new hash: yescrypt at the cost that the system's own passwords have. -EINVAL: shorter than
 * PASSWORD_MIN or longer than PASSWORD_MAX bytes. Tens of milliseconds and megabytes. */
int password_hash(const char *password, char ret[PASSWORD_HASH_SIZE], struct err *e);

/* Is it that password's? The time is the hash's own, whatever the answer. False also where the hash
 * cannot be computed. */
bool password_is(const char *hash, const char *password);

/* A hash that password_is() takes: yescrypt, and for users who bring theirs bcrypt ($2b$, $2y$) and
 * SHA-512 ($6$), at costs that do not stall a sign-in. */
bool password_hash_is_good(const char *hash);

#endif
