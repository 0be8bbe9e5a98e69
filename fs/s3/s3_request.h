/* fs/s3/s3_request.h - one request and one attempt at it: send, receive, verify, classify. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_REQUEST_H
#define FS_S3_S3_REQUEST_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/err.h"
#include "fs/s3/retry.h"
#include "fs/s3/s3_answer.h"
#include "fs/s3/s3_url.h"

struct s3_keys;
struct s3_request;

/* Bytes after which a waiting reader is told of more, and how long fewer may go untold. */
#define S3_REQUEST_PROGRESS_BYTES (128u << 10)
#define S3_REQUEST_PROGRESS_MS 5

enum s3_lane {
    S3_LANE_META,  /* anything but reads: somebody waits for each of them */
    S3_LANE_SHORT, /* short reads: random access */
    S3_LANE_BULK,  /* long reads, of which a few at once already fill the line */
    S3_LANES,
};

TAILQ_HEAD(s3_request_queue, s3_request);

/* One request. The owner fills the first two parts, gives it to the engine (s3_engine.h), and
 * leaves it and everything it points to alone until done(). Start with {0}. */
struct s3_request {
    /* What to ask. */
    const char *method; /* GET, HEAD, PUT or DELETE */
    const char *key;    /* with the lake's prefix; "" for the bucket */
    const char *query;  /* encoded (s3_url_param); NULL for none */
    const void *body;   /* of a PUT; not NULL then */
    size_t body_n;
    const char
        *body_hash; /* sigv4_hash() of it, by the owner: long ones would hold up the thread */
    const char *content_type, *content_md5; /* of the body; NULL: none */
    bool if_absent;                         /* If-None-Match: * */
    const char *if_match;                   /* ETag without quotes, or NULL */
    enum s3_lane lane;
    int64_t deadline_ms; /* clock_mono_ms() */
    unsigned attempts;   /* at most, without progress between them */

    /* Where a success's body goes: to `data`, for a ranged read of `length` bytes at `offset`, or
     * appended to `sink`, up to `sink_max` bytes in all; without either it is dropped. */
    char *data;
    size_t length;
    uint64_t offset;
    struct buf *sink;
    size_t sink_max;
    struct store_meta *meta; /* NULL, or where the object's metadata goes */
    void (*progress)(struct s3_request *rq, size_t have);            /* NULL: nobody listens */
    void (*done)(struct s3_request *rq, int r, const struct err *e); /* exactly once */
    void *arg;                                                       /* the owner's */
    void **slot;                        /* NULL, or the owner's handle for s3_engine_cancel() */
    const atomic_bool *group_cancelled; /* NULL, or a mark that cancels it as well */

    /* For a ranged read that is made of several requests (s3_read.c), else NULL. The engine calls
     * them; what they answer is its to carry out, and is not asked to do the same again. */
    struct s3_request *(*cut)(struct s3_request *rq, size_t keep); /* one for all but the first
        `keep` bytes, which `rq` is left with; before its first attempt */
    struct s3_request *(*twin)(struct s3_request *rq); /* a second one for the same bytes, which
        has one attempt; NULL: there can be none */
    size_t *filled; /* so many bytes of `data` are there, by whichever request; each writes only
                       what lies behind them, so that readers see every byte written once */

    /* Of the last attempt; for done() and after. */
    struct s3_answer answer;
    bool unclear; /* some attempt failed in a way that leaves open whether the store acted */

    /* Private. */
    TAILQ_ENTRY(s3_request) link;
    struct s3_request_queue *in; /* the engine's list that holds it */
    atomic_bool cancelled;
    struct retry retry;
    int64_t retry_at_ms;
    int64_t started_ms, late_at_ms; /* of the attempt under way */
    bool waits_for_keys, is_twin;
    struct err last; /* of the last failed attempt */
    CURL *curl;      /* of the attempt under way */
    struct curl_slist *headers;
    struct s3_keys *keys;            /* that the attempt was signed with */
    int64_t signed_s;                /* the time in its signature */
    size_t sink_start;               /* length of `sink` before the first byte of ours */
    size_t have, reported, begun_at; /* bytes of `data`; before the attempt under way */
    int64_t reported_ms;
    char pin[STORE_ETAG_MAX]; /* ETag of the bytes in `data` so far */
    struct buf error_body;
    bool headers_over;
    int refusal; /* 0, or why the transfer was ended by us; `last` has the sentence */
    enum retry_class refusal_class;
};

/* What all requests of a store have in common. */
struct s3_request_site {
    struct s3_url_site url;
    char *bucket, *region;
    char *ca_bundle; /* NULL: the system's */
};

/* Prepares attempt `rq->curl` = `c`: URL, headers, signature with `keys` (a reference is taken) at
 * the time `now_s`. A ranged read goes on at its first missing byte. Engine's thread. */
void s3_request_begin(struct s3_request *rq, CURL *c, const struct s3_request_site *site,
                      struct s3_keys *keys, int64_t now_s);

/* Ends the attempt with curl's outcome. 0 for a verified success; else the code, with the sentence
 * in rq->last and the class in `*ret_class`. Gives up everything but `rq->curl`. */
int s3_request_end(struct s3_request *rq, CURLcode outcome, const struct s3_request_site *site,
                   enum retry_class *ret_class);

/* Gives up what an attempt holds, for one that is broken off. */
void s3_request_drop(struct s3_request *rq);

/* Tells a listener of bytes not yet told, where there are any and `now_ms` says that it is time. */
void s3_request_report_late(struct s3_request *rq, int64_t now_ms);

#endif
