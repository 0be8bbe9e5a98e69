/* policy/jws.c - is this token signed by one of these keys? (RFC 7515, compact form) */
/* SPDX-License-Identifier: MIT */
#include "policy/jws.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>
#include <openssl/crypto.h>
#include <openssl/ecdsa.h>
#include <openssl/hmac.h>
#include <openssl/rsa.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "policy/jwk.h"

DEFINE_AUTO(md_ctx, EVP_MD_CTX *, EVP_MD_CTX_free);
DEFINE_AUTO(ecdsa, ECDSA_SIG *, ECDSA_SIG_free);

struct part {
    const char *s;
    size_t n;
};

struct token {
    struct part header, payload, signature;
    struct part signed_part; /* header "." payload, as they came */
};

static int split(const char *s, size_t n, struct token *ret, struct err *e)
{
    const char *dot = memchr(s, '.', n);
    const char *dot2 = dot ? memchr(dot + 1, '.', n - (size_t)(dot + 1 - s)) : NULL;
    if (!dot2 || memchr(dot2 + 1, '.', n - (size_t)(dot2 + 1 - s)))
        return err_set(e, -EBADMSG, "token: not three parts with dots between them");
    ret->header = (struct part){s, (size_t)(dot - s)};
    ret->payload = (struct part){dot + 1, (size_t)(dot2 - dot - 1)};
    ret->signature = (struct part){dot2 + 1, n - (size_t)(dot2 + 1 - s)};
    ret->signed_part = (struct part){s, (size_t)(dot2 - s)};
    return 0;
}

/* Members that would let a token choose its own key, or be read in another way than it is here. */
static int check_members(const json_t *h, struct err *e)
{
    static const char *const refused[] = {"crit", "b64", "zip", "jku", "jwk", "x5u", "x5c"};
    for (size_t i = 0; i < COUNT(refused); i++)
        if (json_object_get(h, refused[i]))
            return err_set(e, -EBADMSG, "token: a header with \"%s\" is refused", refused[i]);
    const json_t *typ = json_object_get(h, "typ"), *kid = json_object_get(h, "kid");
    const char *type = json_string_value(typ);
    if (typ && (!type || (strcasecmp(type, "JWT") != 0 && strcasecmp(type, "at+jwt") != 0)))
        return err_set(e, -EBADMSG, "token: \"typ\" is neither JWT nor at+jwt");
    if (kid && !json_is_string(kid))
        return err_set(e, -EBADMSG, "token: \"kid\" is not a string");
    return 0;
}

static int read_header(const struct token *t, json_t **ret, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    json_error_t je;
    if (base64url_decode(&text, t->header.s, t->header.n) < 0)
        return err_set(e, -EBADMSG, "token: its header is not base64url");
    json_auto_t *h = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_object(h))
        return err_set(e, -EBADMSG, "token: its header is not a JSON object");
    *ret = TAKE(h);
    return 0;
}

static int choose_key(const struct token *t, const struct jwks *keys, unsigned algs,
                      const struct jwk **ret, struct err *e)
{
    json_auto_t *h = NULL;
    enum jwk_alg alg;
    int r = read_header(t, &h, e);
    if (r < 0)
        return r;
    if ((r = check_members(h, e)) < 0)
        return r;
    const char *name = json_string_value(json_object_get(h, "alg"));
    if (!name || !jwk_alg_of(name, &alg))
        return err_set(e, -EBADMSG, "token: \"alg\" is missing or not known");
    if (!(algs & 1u << alg))
        return err_set(e, -EACCES, "token: the algorithm %s is not allowed", jwk_alg_name(alg));
    const char *kid = json_string_value(json_object_get(h, "kid"));
    const struct jwk *k = jwks_find(keys, kid);
    if (!k)
        return err_set(e, -EACCES, kid ? "token: no key of the set has its \"kid\""
                                       : "token: it has no \"kid\" to choose a key by");
    if (k->alg != alg)
        return err_set(e, -EACCES, "token: its key is for %s, not for %s", jwk_alg_name(k->alg),
                       jwk_alg_name(alg));
    *ret = k;
    return 0;
}

static const EVP_MD *digest_of(enum jwk_alg alg)
{
    switch (alg) {
    case JWK_HS256:
    case JWK_RS256:
    case JWK_PS256:
    case JWK_ES256:
        return EVP_sha256();
    case JWK_HS384:
    case JWK_RS384:
    case JWK_PS384:
    case JWK_ES384:
        return EVP_sha384();
    case JWK_HS512:
    case JWK_RS512:
    case JWK_PS512:
    case JWK_ES512:
        return EVP_sha512();
    case JWK_EDDSA:
    case JWK_ALG_COUNT:
        break;
    }
    return NULL; /* Ed25519 hashes by itself */
}

static bool verify_mac(const struct jwk *k, const struct part *data, const struct buf *sig)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    return HMAC(digest_of(k->alg), k->secret, (int)k->secret_len, (const unsigned char *)data->s,
                data->n, mac, &len) &&
           sig->len == len && CRYPTO_memcmp(mac, sig->p, len) == 0;
}

/* r || s of fixed width (RFC 7518 3.4) as the DER that OpenSSL reads. */
static bool ec_to_der(const struct jwk *k, struct buf *sig)
{
    AUTO(ecdsa) ECDSA_SIG *es = ECDSA_SIG_new();
    if (!es || sig->len != 2 * k->ec_bytes)
        return false;
    const unsigned char *p = (const unsigned char *)sig->p;
    BIGNUM *r = BN_bin2bn(p, (int)k->ec_bytes, NULL);
    BIGNUM *s = BN_bin2bn(p + k->ec_bytes, (int)k->ec_bytes, NULL);
    if (!r || !s || BN_is_zero(r) || BN_is_zero(s) || ECDSA_SIG_set0(es, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    unsigned char *der = NULL;
    int n = i2d_ECDSA_SIG(es, &der);
    buf_clear(sig);
    if (n > 0)
        buf_add(sig, der, (size_t)n);
    OPENSSL_free(der);
    return n > 0;
}

static bool is_pss(enum jwk_alg alg)
{
    return alg == JWK_PS256 || alg == JWK_PS384 || alg == JWK_PS512;
}

static bool verify(const struct jwk *k, const struct part *data, struct buf *sig)
{
    AUTO(md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *pctx = NULL; /* of ctx */
    if (k->secret)
        return verify_mac(k, data, sig);
    if (k->ec_bytes > 0 && !ec_to_der(k, sig))
        return false;
    if (!ctx || EVP_DigestVerifyInit(ctx, &pctx, digest_of(k->alg), NULL, k->key) != 1)
        return false;
    if (is_pss(k->alg) && (EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) != 1 ||
                           EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST) != 1))
        return false;
    return EVP_DigestVerify(ctx, (unsigned char *)sig->p, sig->len, (const unsigned char *)data->s,
                            data->n) == 1;
}

int jws_verify(const char *token, size_t n, const struct jwks *keys, unsigned algs,
               struct buf *ret, struct err *e)
{
    AUTO(buf) struct buf sig = {0}, payload = {0};
    struct token t = {0};
    const struct jwk *k = NULL;
    if (n > JWS_MAX_BYTES)
        return err_set(e, -EBADMSG, "token: more than %d bytes", JWS_MAX_BYTES);
    int r = split(token, n, &t, e);
    if (r == 0)
        r = choose_key(&t, keys, algs, &k, e);
    if (r < 0)
        return r;
    if (base64url_decode(&sig, t.signature.s, t.signature.n) < 0 || sig.len == 0)
        return err_set(e, -EBADMSG, "token: its signature is missing or not base64url");
    if (base64url_decode(&payload, t.payload.s, t.payload.n) < 0)
        return err_set(e, -EBADMSG, "token: its payload is not base64url");
    if (!verify(k, &t.signed_part, &sig))
        return err_set(e, -EACCES, "token: its signature is not its key's");
    buf_add(ret, buf_str(&payload), payload.len);
    return 0;
}

bool jws_has_key(const char *token, size_t n, const struct jwks *keys)
{
    struct token t = {0};
    json_auto_t *h = NULL;
    struct err e;
    if (n > JWS_MAX_BYTES || split(token, n, &t, &e) < 0 || read_header(&t, &h, &e) < 0 ||
        check_members(h, &e) < 0)
        return true;
    return jwks_find(keys, json_string_value(json_object_get(h, "kid"))) != NULL;
}
