/* fs/auth/password.c - password hashes as crypt(3) keeps them. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/password.h"

#include <crypt.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/buf.h"
#include "base/err.h"

_Static_assert(PASSWORD_HASH_SIZE >= CRYPT_OUTPUT_SIZE, "any hash fits");
_Static_assert(PASSWORD_MAX < CRYPT_MAX_PASSPHRASE_SIZE, "any password is taken whole");

#define BCRYPT_COST_MAX 14
#define SHA512_ROUNDS_MAX 1000000

/* The hash with a setting (or another hash) as its parameters; false where there is none. */
static bool compute(const char *password, const char *setting, char ret[PASSWORD_HASH_SIZE])
{
    struct crypt_data *data = xcalloc(1, sizeof *data); /* 32 KiB: not for a thread's stack */
    const char *hash = crypt_rn(password, setting, data, (int)sizeof *data);
    bool ok = hash && hash[0] != '*';
    if (ok)
        strcpy(ret, hash);
    explicit_bzero(data, sizeof *data);
    free(data);
    return ok;
}

int password_hash(const char *password, char ret[PASSWORD_HASH_SIZE], struct err *e)
{
    char setting[CRYPT_GENSALT_OUTPUT_SIZE];
    size_t n = strlen(password);
    if (n < PASSWORD_MIN || n > PASSWORD_MAX)
        return err_set(e, -EINVAL, "a password has %d to %d bytes", PASSWORD_MIN, PASSWORD_MAX);
    if (!crypt_gensalt_rn("$y$", /* count= */ 0, /* random bytes of its own= */ NULL, 0, setting,
                          sizeof setting) ||
        !compute(password, setting, ret))
        return err_set(e, -EIO, "the password cannot be hashed");
    return 0;
}

bool password_is(const char *hash, const char *password)
{
    char got[PASSWORD_HASH_SIZE];
    bool ok = compute(password, hash, got) && strlen(got) == strlen(hash) &&
              CRYPTO_memcmp(got, hash, strlen(hash)) == 0;
    explicit_bzero(got, sizeof got);
    return ok;
}

bool password_hash_is_good(const char *hash)
{
    static const char rounds[] = "$6$rounds=";
    if (strlen(hash) >= PASSWORD_HASH_SIZE || crypt_checksalt(hash) != CRYPT_SALT_OK)
        return false;
    if (strncmp(hash, "$2b$", 4) == 0 || strncmp(hash, "$2y$", 4) == 0)
        return strlen(hash) == 60 && atoi(hash + 4) <= BCRYPT_COST_MAX;
    if (strncmp(hash, rounds, sizeof rounds - 1) == 0)
        return atol(hash + sizeof rounds - 1) <= SHA512_ROUNDS_MAX;
    return strncmp(hash, "$y$", 3) == 0 || strncmp(hash, "$6$", 3) == 0;
}
