/* policy/jwk.h - the public keys that tokens are verified with (RFC 7517, 7518, 8037). */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_JWK_H
#define POLICY_JWK_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/evp.h>

struct err;

#define JWKS_MAX_BYTES (1u << 20)
#define JWKS_MAX_KEYS 100
#define JWK_RSA_MIN_BITS 2048
#define JWK_RSA_MAX_BITS 8192

/* The signature algorithms that are known here. "none" is not one of them and never will be. */
enum jwk_alg {
    JWK_HS256,
    JWK_HS384,
    JWK_HS512,
    JWK_RS256,
    JWK_RS384,
    JWK_RS512,
    JWK_PS256,
    JWK_PS384,
    JWK_PS512,
    JWK_ES256,
    JWK_ES384,
    JWK_ES512,
    JWK_EDDSA, /* Ed25519 only */
    JWK_ALG_COUNT
};

/* True and the algorithm for its exact name ("RS256"); names are case-sensitive (RFC 7515 4.1.1). */
bool jwk_alg_of(const char *name, enum jwk_alg *ret);
const char *jwk_alg_name(enum jwk_alg alg);

/* One key, and the one algorithm that it is for: the key decides that, never the token. */
struct jwk {
    char *kid;        /* NULL: it has none */
    enum jwk_alg alg;
    EVP_PKEY *key;    /* NULL for HS*: `secret` then */
    unsigned char *secret;
    size_t secret_len;
    size_t ec_bytes;  /* ES*: of r, and of s */
};

struct jwks {
    struct jwk *keys; /* only those that are fit to verify signatures */
    size_t n;
    size_t skipped; /* encryption keys, keys of unknown kind, keys that are too weak */
    char why[200];  /* the first skipped one, for the operator */
};

/* Reads a key set {"keys":[…]} or one key. A key that is not for verifying, is of a kind not known
 * here, or is unsafe (RSA below 2048 bits, an exponent below 65537, the ROCA pattern, a point off
 * its curve, a secret shorter than its hash) is skipped and counted. The set is refused (-EBADMSG)
 * where it is not strict JSON, where two keys have one kid, where it mixes shared secrets with
 * public keys (a public key used as a secret is the classic forgery), or where a public key comes
 * with its private part. An RSA key without "alg" is for RS256. -EFBIG: over the limits. */
int jwks_parse(const char *s, size_t n, struct jwks **ret, struct err *e);
void jwks_free(struct jwks *set); /* NULL is fine; wipes secrets */

/* The key of exactly that kid; where a token has none (NULL), the only key of the set. NULL: none.
 * Borrowed. */
const struct jwk *jwks_find(const struct jwks *set, const char *kid);

static inline void auto_jwks(struct jwks **set)
{
    jwks_free(*set);
}

#endif
