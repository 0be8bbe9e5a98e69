/* fs/s3/sigv4.h - AWS Signature Version 4: strings in, strings out; no clock, no I/O. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_SIGV4_H
#define FS_S3_SIGV4_H

#include <stddef.h>
#include <stdint.h>

struct buf;

/* Source: "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API Reference.
 * Every function borrows its arguments and may be called by any thread. */

#define SIGV4_TIME_SIZE 17 /* "20130524T000000Z" and NUL */
#define SIGV4_HASH_SIZE 65 /* a SHA-256 in hex and NUL */
#define SIGV4_EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define SIGV4_UNSIGNED_PAYLOAD "UNSIGNED-PAYLOAD"

struct sigv4_header {
    const char *name;  /* any case */
    const char *value; /* as sent; blanks around and within are folded for the signature */
};

struct sigv4_request {
    const char *method;
    const char *target;                 /* "/path?query", encoded exactly as it is sent */
    const struct sigv4_header *headers; /* the ones to sign, "host" among them, in any order */
    size_t n_headers;
    const char *payload; /* SHA-256 of the body in hex, or SIGV4_UNSIGNED_PAYLOAD */
};

struct sigv4_signer {
    const char *key_id, *secret;
    const char *region, *service;
    const char *time; /* of sigv4_time() */
};

/* Formats seconds since 1970 as the compact UTC form that requests carry. */
void sigv4_time(int64_t t, char ret[SIGV4_TIME_SIZE]);

/* SHA-256 in lower-case hex. */
void sigv4_hash(const void *data, size_t n, char ret[SIGV4_HASH_SIZE]);

/* Appends the canonical request: method, path, sorted query, headers, their names, payload. The
 * path is taken as it is: S3 neither normalises nor encodes it a second time. */
void sigv4_canonical(const struct sigv4_request *rq, struct buf *ret);

/* Appends the four lines that are signed. */
void sigv4_string_to_sign(const struct sigv4_signer *by, const char *canonical, struct buf *ret);

/* The signature of such a string, in hex. */
void sigv4_signature(const struct sigv4_signer *by, const char *string_to_sign,
                     char ret[SIGV4_HASH_SIZE]);

/* Appends the value of the Authorization header:
 * "AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…". */
void sigv4_authorization(const struct sigv4_request *rq, const struct sigv4_signer *by,
                         struct buf *ret);

/* The query form ("presigned URL"). Appends to `target`, which starts as path and query, the
 * parameters that carry the signature; it is then valid for `expires_s` seconds. `rq->target` is
 * not looked at. `token` is the session token or NULL. */
void sigv4_presign(const struct sigv4_request *rq, const struct sigv4_signer *by, const char *token,
                   int expires_s, struct buf *target);

/* What the two functions above sign, for the tests: the target with every parameter of the query
 * form but the signature. */
void sigv4_presign_target(const struct sigv4_request *rq, const struct sigv4_signer *by,
                          const char *token, int expires_s, struct buf *target);

#endif
