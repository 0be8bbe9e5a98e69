/* fs/s3/sigv4.c - AWS Signature Version 4: strings in, strings out; no clock, no I/O. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/sigv4.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define DAY_LENGTH 8 /* "20130524", the start of a time */

void sigv4_time(int64_t t, char ret[SIGV4_TIME_SIZE])
{
    struct tm tm;
    time_t at = (time_t)t;
    size_t n = 0;
    if (gmtime_r(&at, &tm))
        n = strftime(ret, SIGV4_TIME_SIZE, "%Y%m%dT%H%M%SZ", &tm);
    assert(n == SIGV4_TIME_SIZE - 1); /* a year of four digits */
}

void sigv4_hash(const void *data, size_t n, char ret[SIGV4_HASH_SIZE])
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    SHA256(data, n, hash);
    hex_encode(hash, sizeof hash, ret);
}

/* One parameter of a query: a slice "name" or "name=value". */
struct param {
    const char *p;
    size_t name, all;
};

static int slice_compare(const char *a, size_t na, const char *b, size_t nb)
{
    int c = memcmp(a, b, na < nb ? na : nb);
    return c != 0 ? c : (na > nb) - (na < nb);
}

/* By name, then by value: comparing whole slices would let '=' take part in the order. */
static int param_compare(const void *x, const void *y)
{
    const struct param *a = x, *b = y;
    int c = slice_compare(a->p, a->name, b->p, b->name);
    return c != 0
               ? c
               : slice_compare(a->p + a->name, a->all - a->name, b->p + b->name, b->all - b->name);
}

static void add_query(const char *query, struct buf *ret)
{
    size_t n = 0, room = 1;
    for (const char *p = query; *p; p++)
        room += *p == '&';
    AUTO(free) struct param *params = xcalloc(room, sizeof *params);

    for (const char *p = query; *p; p += *p == '&') {
        size_t all = strcspn(p, "&"), name = strcspn(p, "=&");
        if (all > 0)
            params[n++] = (struct param){.p = p, .name = name, .all = all};
        p += all;
    }
    qsort(params, n, sizeof *params, param_compare);
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_addc(ret, '&');
        buf_add(ret, params[i].p, params[i].all);
        if (params[i].name == params[i].all)
            buf_addc(ret, '='); /* a name alone is signed with an empty value */
    }
}

/* Points at the headers in order of name; those of one name stay in the order of sending. */
static const struct sigv4_header **sorted_headers(const struct sigv4_request *rq)
{
    const struct sigv4_header **h = xcalloc(rq->n_headers, sizeof(void *));
    for (size_t i = 0; i < rq->n_headers; i++) {
        size_t at = i;
        for (; at > 0 && strcasecmp(h[at - 1]->name, rq->headers[i].name) > 0; at--)
            h[at] = h[at - 1];
        h[at] = &rq->headers[i];
    }
    return h;
}

static void add_lower(struct buf *b, const char *s)
{
    for (; *s; s++)
        buf_addc(b, (char)tolower((unsigned char)*s));
}

static void add_folded(struct buf *b, const char *value)
{
    static const char blank[] = " \t\r\n";
    value += strspn(value, blank);
    while (*value) {
        size_t word = strcspn(value, blank);
        buf_add(b, value, word);
        value += word;
        value += strspn(value, blank);
        if (*value)
            buf_addc(b, ' ');
    }
}

static void add_signed_names(const struct sigv4_request *rq, const char *separator, struct buf *ret)
{
    AUTO(free) const struct sigv4_header **h = sorted_headers(rq);
    for (size_t i = 0; i < rq->n_headers; i++) {
        if (i > 0 && strcasecmp(h[i]->name, h[i - 1]->name) == 0)
            continue;
        if (i > 0)
            buf_adds(ret, separator);
        add_lower(ret, h[i]->name);
    }
}

void sigv4_canonical(const struct sigv4_request *rq, struct buf *ret)
{
    AUTO(free) const struct sigv4_header **h = sorted_headers(rq);
    size_t path = strcspn(rq->target, "?");

    buf_addf(ret, "%s\n", rq->method);
    buf_add(ret, rq->target, path);
    buf_addc(ret, '\n');
    add_query(rq->target[path] ? rq->target + path + 1 : "", ret);
    buf_addc(ret, '\n');
    for (size_t i = 0; i < rq->n_headers; i++) {
        bool again = i > 0 && strcasecmp(h[i]->name, h[i - 1]->name) == 0;
        if (!again) {
            if (i > 0)
                buf_addc(ret, '\n');
            add_lower(ret, h[i]->name);
        }
        buf_addc(ret, again ? ',' : ':');
        add_folded(ret, h[i]->value);
    }
    buf_adds(ret, "\n\n");
    add_signed_names(rq, ";", ret);
    buf_addf(ret, "\n%s", rq->payload);
}

void sigv4_string_to_sign(const struct sigv4_signer *by, const char *canonical, struct buf *ret)
{
    char hash[SIGV4_HASH_SIZE];
    sigv4_hash(canonical, strlen(canonical), hash);
    buf_addf(ret, ALGORITHM "\n%s\n%.*s/%s/%s/aws4_request\n%s", by->time, DAY_LENGTH, by->time,
             by->region, by->service, hash);
}

static void hmac(const void *key, size_t n_key, const char *data, size_t n,
                 unsigned char ret[SHA256_DIGEST_LENGTH])
{
    unsigned char out[SHA256_DIGEST_LENGTH]; /* `key` and `ret` may be the same bytes */
    unsigned int len = sizeof out;
    const unsigned char *r =
        HMAC(EVP_sha256(), key, (int)n_key, (const unsigned char *)data, n, out, &len);
    assert(r && len == sizeof out);
    memcpy(ret, out, sizeof out);
    OPENSSL_cleanse(out, sizeof out);
}

void sigv4_signature(const struct sigv4_signer *by, const char *string_to_sign,
                     char ret[SIGV4_HASH_SIZE])
{
    unsigned char key[SHA256_DIGEST_LENGTH];
    size_t n = strlen("AWS4") + strlen(by->secret);
    char *first = xcalloc(n + 1, 1);
    memcpy(first, "AWS4", strlen("AWS4"));
    memcpy(first + strlen("AWS4"), by->secret, n - strlen("AWS4"));

    hmac(first, n, by->time, DAY_LENGTH, key);
    hmac(key, sizeof key, by->region, strlen(by->region), key);
    hmac(key, sizeof key, by->service, strlen(by->service), key);
    hmac(key, sizeof key, "aws4_request", strlen("aws4_request"), key);
    hmac(key, sizeof key, string_to_sign, strlen(string_to_sign), key);
    hex_encode(key, sizeof key, ret);
    OPENSSL_cleanse(first, n);
    OPENSSL_cleanse(key, sizeof key);
    free(first);
}

static void sign(const struct sigv4_request *rq, const struct sigv4_signer *by,
                 char ret[SIGV4_HASH_SIZE])
{
    AUTO(buf) struct buf canonical = {0}, text = {0};
    sigv4_canonical(rq, &canonical);
    sigv4_string_to_sign(by, buf_str(&canonical), &text);
    sigv4_signature(by, buf_str(&text), ret);
}

void sigv4_authorization(const struct sigv4_request *rq, const struct sigv4_signer *by,
                         struct buf *ret)
{
    char signature[SIGV4_HASH_SIZE];
    sign(rq, by, signature);
    buf_addf(ret, ALGORITHM " Credential=%s/%.*s/%s/%s/aws4_request, SignedHeaders=", by->key_id,
             DAY_LENGTH, by->time, by->region, by->service);
    add_signed_names(rq, ";", ret);
    buf_addf(ret, ", Signature=%s", signature);
}

static void add_encoded(struct buf *b, const char *s)
{
    percent_encode(b, s, strlen(s), /* keep_slash= */ false);
}

void sigv4_presign_target(const struct sigv4_request *rq, const struct sigv4_signer *by,
                          const char *token, int expires_s, struct buf *target)
{
    buf_addc(target, strchr(buf_str(target), '?') ? '&' : '?');
    buf_adds(target, "X-Amz-Algorithm=" ALGORITHM "&X-Amz-Credential=");
    add_encoded(target, by->key_id);
    buf_addf(target, "%%2F%.*s%%2F", DAY_LENGTH, by->time);
    add_encoded(target, by->region);
    buf_adds(target, "%2F");
    add_encoded(target, by->service);
    buf_addf(target, "%%2Faws4_request&X-Amz-Date=%s&X-Amz-Expires=%d", by->time, expires_s);
    if (token) {
        buf_adds(target, "&X-Amz-Security-Token=");
        add_encoded(target, token);
    }
    buf_adds(target, "&X-Amz-SignedHeaders=");
    add_signed_names(rq, "%3B", target);
}

void sigv4_presign(const struct sigv4_request *rq, const struct sigv4_signer *by, const char *token,
                   int expires_s, struct buf *target)
{
    char signature[SIGV4_HASH_SIZE];
    sigv4_presign_target(rq, by, token, expires_s, target);
    struct sigv4_request whole = *rq;
    whole.target = buf_str(target);
    sign(&whole, by, signature);
    buf_addf(target, "&X-Amz-Signature=%s", signature);
}
