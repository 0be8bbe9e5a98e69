/* policy/hash.c - SHA-256 and random bytes, over OpenSSL and the kernel. */
/* SPDX-License-Identifier: MIT */
#include "policy/hash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <openssl/evp.h>

#include "base/codec.h"

void hash_sha256(const void *data, size_t n, uint8_t ret[SHA256_SIZE])
{
    unsigned len = 0;
    if (EVP_Digest(data, n, ret, &len, EVP_sha256(), NULL) != 1 || len != SHA256_SIZE) {
        fputs("shotlake: the crypto library cannot compute SHA-256\n", stderr);
        abort();
    }
}

void hash_sha256_hex(const void *data, size_t n, char ret[SHA256_HEX_SIZE])
{
    uint8_t h[SHA256_SIZE];
    hash_sha256(data, n, h);
    hex_encode(h, sizeof h, ret);
}

void hash_random(void *ret, size_t n)
{
    char *p = ret;
    while (n > 0) {
        ssize_t got = getrandom(p, n, 0);
        if (got < 0 && errno != EINTR)
            abort(); /* keys and ids must not be guessable */
        if (got < 0)
            continue;
        p += got;
        n -= (size_t)got;
    }
}

void hash_edit_id(char ret[EDIT_ID_SIZE])
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    for (int i = 0; i < EDIT_ID_LEN;) {
        uint8_t b;
        hash_random(&b, 1);
        if (b < 252) /* 7 * 36: above it the draw would not be even */
            ret[i++] = alphabet[b % 36];
    }
    ret[EDIT_ID_LEN] = '\0';
}
