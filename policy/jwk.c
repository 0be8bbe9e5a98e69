/* policy/jwk.c - the public keys that tokens are verified with (RFC 7517, 7518, 8037). */
/* SPDX-License-Identifier: MIT */
#include "policy/jwk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/param_build.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"

#define KID_MAX 512

static const char *const alg_names[JWK_ALG_COUNT] = {
    [JWK_HS256] = "HS256", [JWK_HS384] = "HS384", [JWK_HS512] = "HS512", [JWK_RS256] = "RS256",
    [JWK_RS384] = "RS384", [JWK_RS512] = "RS512", [JWK_PS256] = "PS256", [JWK_PS384] = "PS384",
    [JWK_PS512] = "PS512", [JWK_ES256] = "ES256", [JWK_ES384] = "ES384", [JWK_ES512] = "ES512",
    [JWK_EDDSA] = "EdDSA",
};

DEFINE_AUTO(bn, BIGNUM *, BN_free);
DEFINE_AUTO(bld, OSSL_PARAM_BLD *, OSSL_PARAM_BLD_free);
DEFINE_AUTO(params, OSSL_PARAM *, OSSL_PARAM_free);
DEFINE_AUTO(pkey_ctx, EVP_PKEY_CTX *, EVP_PKEY_CTX_free);
DEFINE_AUTO(pkey, EVP_PKEY *, EVP_PKEY_free);

bool jwk_alg_of(const char *name, enum jwk_alg *ret)
{
    for (size_t i = 0; i < JWK_ALG_COUNT; i++)
        if (strcmp(name, alg_names[i]) == 0) {
            *ret = (enum jwk_alg)i;
            return true;
        }
    return false;
}

const char *jwk_alg_name(enum jwk_alg alg)
{
    return alg_names[alg];
}

static const char *text(const json_t *j, const char *key)
{
    return json_string_value(json_object_get(j, key));
}

/* A member of base64url bytes; false where it is absent, empty or spelled otherwise. */
static bool bytes(const json_t *j, const char *key, struct buf *ret)
{
    const json_t *v = json_object_get(j, key);
    return json_is_string(v) && json_string_length(v) > 0 &&
           base64url_decode(ret, json_string_value(v), json_string_length(v)) == 0;
}

static bool between(enum jwk_alg alg, enum jwk_alg first, enum jwk_alg last)
{
    return alg >= first && alg <= last;
}

/* Moduli made by a widely sold smart-card library can be factored: every one of them lies in the
 * subgroup that 65537 generates, modulo each small prime (CVE-2017-15361). */
static bool is_roca(const BIGNUM *n)
{
    static const unsigned char primes[] = {3,  5,  7,  11, 13, 17, 19, 23,  29,  31,  37,  41,  43,
                                           47, 53, 59, 61, 67, 71, 73, 79,  83,  89,  97,  101, 103,
                                           107, 109, 113, 127, 131, 137, 139, 149, 151, 157, 163, 167};
    for (size_t i = 0; i < COUNT(primes); i++) {
        unsigned p = primes[i], want = (unsigned)BN_mod_word(n, p), at = 1;
        unsigned step = 65537 % p, tries = 0;
        while (at != want && ++tries < p)
            at = at * step % p;
        if (at != want)
            return false;
    }
    return true;
}

static const char *make_key(const char *type, OSSL_PARAM_BLD *bld, EVP_PKEY **ret)
{
    AUTO(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    AUTO(pkey) EVP_PKEY *key = NULL;
    if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
        return "its numbers are no key";
    AUTO(pkey_ctx) EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (!check || EVP_PKEY_public_check(check) != 1)
        return "its numbers are no key";
    *ret = TAKE(key);
    return NULL;
}

/* Each reader fills the key and returns NULL, or says why the key is not used. */
static const char *read_rsa(const json_t *j, struct jwk *k)
{
    AUTO(buf) struct buf n = {0}, e = {0};
    if (!bytes(j, "n", &n) || !bytes(j, "e", &e))
        return "\"n\" or \"e\" is missing or not base64url";
    if (n.len > JWK_RSA_MAX_BITS / 8 + 1 || e.len > 8)
        return "its numbers are too long";
    AUTO(bn) BIGNUM *bn_n = BN_bin2bn((unsigned char *)n.p, (int)n.len, NULL);
    AUTO(bn) BIGNUM *bn_e = BN_bin2bn((unsigned char *)e.p, (int)e.len, NULL);
    AUTO(bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (!bn_n || !bn_e || !bld)
        return "no memory";
    if (BN_num_bits(bn_n) < JWK_RSA_MIN_BITS)
        return "an RSA key of fewer than 2048 bits";
    if (BN_num_bits(bn_n) > JWK_RSA_MAX_BITS)
        return "an RSA key of more than 8192 bits";
    if (!BN_is_odd(bn_n) || !BN_is_odd(bn_e) || BN_get_word(bn_e) < 65537)
        return "an RSA key with an unsafe modulus or exponent";
    if (is_roca(bn_n))
        return "an RSA key that can be factored (ROCA)";
    if (OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) != 1 ||
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e) != 1)
        return "no memory";
    return make_key("RSA", bld, &k->key);
}

static const struct curve {
    const char *crv, *group;
    enum jwk_alg alg;
    size_t bytes;
} curves[] = {
    {"P-256", "prime256v1", JWK_ES256, 32},
    {"P-384", "secp384r1", JWK_ES384, 48},
    {"P-521", "secp521r1", JWK_ES512, 66},
};

static const char *read_ec(const json_t *j, struct jwk *k)
{
    const char *crv = text(j, "crv");
    const struct curve *c = NULL;
    for (size_t i = 0; crv && i < COUNT(curves); i++)
        if (strcmp(crv, curves[i].crv) == 0)
            c = &curves[i];
    if (!c)
        return "an EC key of an unknown curve";
    if (k->alg != c->alg)
        return "an EC key whose \"alg\" is not its curve's";
    AUTO(buf) struct buf point = {0};
    buf_addc(&point, 4); /* uncompressed (SEC 1) */
    if (!bytes(j, "x", &point) || point.len != 1 + c->bytes || !bytes(j, "y", &point) ||
        point.len != 1 + 2 * c->bytes)
        return "an EC key whose \"x\" or \"y\" has the wrong length";
    AUTO(bld) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    if (!bld ||
        OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, c->group, 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, point.p, point.len) != 1)
        return "no memory";
    k->ec_bytes = c->bytes;
    return make_key("EC", bld, &k->key);
}

static const char *read_okp(const json_t *j, struct jwk *k)
{
    const char *crv = text(j, "crv");
    AUTO(buf) struct buf x = {0};
    if (!crv || strcmp(crv, "Ed25519") != 0)
        return "an OKP key of an unknown curve";
    if (!bytes(j, "x", &x) || x.len != 32)
        return "an Ed25519 key whose \"x\" has the wrong length";
    k->key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, (unsigned char *)x.p, x.len);
    return k->key ? NULL : "its bytes are no key";
}

static const char *read_oct(const json_t *j, struct jwk *k)
{
    static const size_t least[] = {32, 48, 64};
    AUTO(buf) struct buf secret = {0};
    bool ok = bytes(j, "k", &secret) && secret.len >= least[k->alg - JWK_HS256];
    if (ok) {
        k->secret = xcalloc(1, secret.len);
        memcpy(k->secret, secret.p, secret.len);
        k->secret_len = secret.len;
    }
    if (secret.p)
        OPENSSL_cleanse(secret.p, secret.len);
    return ok ? NULL : "a shared secret shorter than its hash";
}

/* "use" and "key_ops" (RFC 7517 4.2, 4.3): absent, or for signatures. */
static const char *read_purpose(const json_t *j)
{
    const json_t *use = json_object_get(j, "use"), *ops = json_object_get(j, "key_ops");
    if (use && (!json_is_string(use) || strcmp(json_string_value(use), "sig") != 0))
        return "its \"use\" is not \"sig\"";
    if (!ops)
        return NULL;
    size_t i;
    json_t *op;
    json_array_foreach(ops, i, op)
        if (json_is_string(op) && strcmp(json_string_value(op), "verify") == 0)
            return NULL;
    return "its \"key_ops\" does not hold \"verify\"";
}

static const char *read_alg(const json_t *j, const char *kty, struct jwk *k)
{
    const json_t *alg = json_object_get(j, "alg");
    if (alg) {
        if (!json_is_string(alg) || !jwk_alg_of(json_string_value(alg), &k->alg))
            return "its \"alg\" is none for signatures that is known here";
        return NULL;
    }
    const char *crv = text(j, "crv");
    if (strcmp(kty, "RSA") == 0) {
        k->alg = JWK_RS256;
        return NULL;
    }
    if (strcmp(kty, "OKP") == 0) {
        k->alg = JWK_EDDSA;
        return NULL;
    }
    for (size_t i = 0; crv && strcmp(kty, "EC") == 0 && i < COUNT(curves); i++)
        if (strcmp(crv, curves[i].crv) == 0) {
            k->alg = curves[i].alg;
            return NULL;
        }
    return "it has no \"alg\"";
}

static const struct kind {
    const char *kty;
    enum jwk_alg first, last;
    const char *(*read)(const json_t *j, struct jwk *k);
} kinds[] = {
    {"RSA", JWK_RS256, JWK_PS512, read_rsa},
    {"EC", JWK_ES256, JWK_ES512, read_ec},
    {"OKP", JWK_EDDSA, JWK_EDDSA, read_okp},
    {"oct", JWK_HS256, JWK_HS512, read_oct},
};

static const char *read_key(const json_t *j, struct jwk *k)
{
    const char *kty = text(j, "kty");
    const char *why = read_purpose(j);
    if (!why && !kty)
        why = "it has no \"kty\"";
    if (!why)
        why = read_alg(j, kty, k);
    for (size_t i = 0; !why && i < COUNT(kinds); i++)
        if (strcmp(kty, kinds[i].kty) == 0)
            return between(k->alg, kinds[i].first, kinds[i].last)
                       ? kinds[i].read(j, k)
                       : "its \"alg\" is not one of its \"kty\"";
    return why ? why : "its \"kty\" is not known here";
}

static void key_done(struct jwk *k)
{
    free(k->kid);
    EVP_PKEY_free(k->key);
    if (k->secret)
        OPENSSL_cleanse(k->secret, k->secret_len);
    free(k->secret);
}

/* What makes the whole set unfit; sees every key, the skipped ones too. */
static int check_member(const json_t *keys, size_t i, struct err *e)
{
    const json_t *j = json_array_get(keys, i);
    if (!json_is_object(j))
        return err_set(e, -EBADMSG, "key set: key %zu is not an object", i);
    const char *kty = text(j, "kty");
    bool secret = kty && strcmp(kty, "oct") == 0;
    if (json_object_get(j, "d") && !secret)
        return err_set(e, -EBADMSG, "key set: key %zu holds its private part", i);
    const json_t *kid = json_object_get(j, "kid");
    if (kid && (!json_is_string(kid) || json_string_length(kid) > KID_MAX))
        return err_set(e, -EBADMSG, "key set: \"kid\" of key %zu is no string of at most %d bytes",
                       i, KID_MAX);
    for (size_t k = 0; k < i; k++) {
        const json_t *other = json_array_get(keys, k);
        const char *other_kty = text(other, "kty");
        if (kid && json_equal(kid, json_object_get(other, "kid")))
            return err_set(e, -EBADMSG, "key set: keys %zu and %zu have the same \"kid\"", k, i);
        if (secret != (other_kty && strcmp(other_kty, "oct") == 0))
            return err_set(e, -EBADMSG, "key set: shared secrets and public keys are mixed");
    }
    return 0;
}

static int read_set(const json_t *keys, struct jwks *set, struct err *e)
{
    size_t n = json_array_size(keys);
    if (n > JWKS_MAX_KEYS)
        return err_set(e, -EFBIG, "key set: more than %d keys", JWKS_MAX_KEYS);
    set->keys = xcalloc(n ? n : 1, sizeof *set->keys);
    for (size_t i = 0; i < n; i++) {
        int r = check_member(keys, i, e);
        if (r < 0)
            return r;
        const json_t *j = json_array_get(keys, i);
        struct jwk k = {.kid = text(j, "kid") ? xstrdup(text(j, "kid")) : NULL};
        const char *why = read_key(j, &k);
        if (!why) {
            set->keys[set->n++] = k;
            continue;
        }
        key_done(&k);
        if (set->skipped++ == 0)
            snprintf(set->why, sizeof set->why, "key %zu: %s", i, why);
    }
    return 0;
}

int jwks_parse(const char *s, size_t n, struct jwks **ret, struct err *e)
{
    AUTO(jwks) struct jwks *set = xcalloc(1, sizeof *set);
    json_error_t je;
    if (n > JWKS_MAX_BYTES)
        return err_set(e, -EFBIG, "key set: more than %u bytes", JWKS_MAX_BYTES);
    json_auto_t *j = json_loadb(s, n, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(j))
        return err_set(e, -EBADMSG, "key set: not a JSON object%s%s", j ? "" : ": ",
                       j ? "" : je.text);
    json_t *keys = json_object_get(j, "keys");
    json_auto_t *one = keys ? NULL : json_pack("[O]", j);
    if (keys && !json_is_array(keys))
        return err_set(e, -EBADMSG, "key set: \"keys\" is not a list");
    int r = read_set(keys ? keys : one, set, e);
    if (r < 0)
        return r;
    *ret = TAKE(set);
    return 0;
}

void jwks_free(struct jwks *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        key_done(&set->keys[i]);
    free(set->keys);
    free(set);
}

const struct jwk *jwks_find(const struct jwks *set, const char *kid)
{
    if (!kid)
        return set->n == 1 && set->skipped == 0 ? &set->keys[0] : NULL;
    for (size_t i = 0; i < set->n; i++)
        if (set->keys[i].kid && strcmp(set->keys[i].kid, kid) == 0)
            return &set->keys[i];
    return NULL;
}
