/* fs/s3/s3_answer.h - what an attempt's outcome means: a code, a sentence, whether to try again. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_ANSWER_H
#define FS_S3_S3_ANSWER_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/s3/retry.h"
#include "fs/s3/s3_xml.h"
#include "fs/store/store.h"

struct err;

/* What one attempt brought back. */
struct s3_answer {
    int curl;                  /* CURLcode of the transfer */
    long status;               /* HTTP status, 0 where none came */
    struct s3_xml_error error; /* of the body, where the status is a failure */
    int64_t date_s;            /* the store's Date, 0 where it sent none */

    /* From the headers of a success: */
    char etag[STORE_ETAG_MAX]; /* "" where it sent none */
    int64_t mtime_ns;
    bool has_mtime, has_length, has_range;
    uint64_t length;                               /* Content-Length */
    uint64_t range_first, range_last, range_total; /* Content-Range */
    struct store_meta *meta; /* NULL, or where x-amz-meta-* goes */
    bool malformed; /* one of these headers was there but made no sense */
};

/* What was asked, for the sentences and for what depends on it. */
struct s3_asked {
    const char *method, *origin, *bucket, *region;
    const char *key;      /* relative to the lake; "" for the bucket */
    const char *key_tail; /* the end of the access key's id */
    bool if_match, if_absent;
    int64_t now_s; /* our wall clock, corrected by what was learnt about the store's */
};

/* A clock difference over which requests may be refused for it; stores allow 15 minutes. */
#define S3_ANSWER_SKEW_MAX_S 300

/* Judges a failed attempt: any transfer error, or a status outside 200-299. Writes the code of
 * store.h's table to `*ret` and a sentence that tells the operator what to do; answers in which
 * way another attempt could help. Pure; any thread. */
enum retry_class s3_answer_judge(const struct s3_answer *a, const struct s3_asked *q, int *ret,
                                 struct err *e);

/* Takes one header line of an answer (CRLF or not) into `a`. A status line starts a new set, as
 * after "100 Continue". Pure; any thread. */
void s3_answer_header(struct s3_answer *a, const char *line, size_t n);

#endif
