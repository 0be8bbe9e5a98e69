/* fs/s3/s3_engine.h - one thread that carries out requests: lanes, deadlines, retries. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_ENGINE_H
#define FS_S3_S3_ENGINE_H

#include <pthread.h>
#include <stdint.h>

#include "fs/s3/s3_request.h"

struct s3_cred;
struct s3_engine;
struct store_stats;

#define S3_ENGINE_CONNECTIONS_MAX 256

struct s3_engine_limits {
    unsigned connections; /* at once, in all lanes; a few of them are never given to reads */
    unsigned bulk;        /* of these, at most so many for the bulk lane */
    unsigned bulk_least;  /* and so many where the store is near; s3_pace.h says when more */
};

/* Starts the thread. Takes `site` (its texts are freed with the engine) and `cred`, both also on
 * failure. 0, -EINVAL for limits out of range, or -EIO. A process that forks to become a daemon
 * does so before: a thread does not survive it. */
int s3_engine_new(struct s3_request_site site, struct s3_cred *cred,
                  const struct s3_engine_limits *limits, struct s3_engine **ret, struct err *e);

/* Ends every request that is left with -ECANCELED, and the thread. NULL is fine. */
void s3_engine_free(struct s3_engine *en);

/* Hands `rq` over until its done(), which comes from the engine's thread with no lock held. Any
 * thread, also from within progress() and done(). */
void s3_engine_submit(struct s3_engine *en, struct s3_request *rq);

/* Asks the request that `*slot` stands for, if there still is one, to end soon with -ECANCELED. The
 * engine empties the slot before done(). Any thread, at any time between submit and the return of
 * done(). */
void s3_engine_cancel(struct s3_engine *en, void **slot);

/* Lets `*slot` stand for all requests whose `group_cancelled` is `mark`; NULL: for nothing. */
void s3_engine_hold(struct s3_engine *en, void **slot, atomic_bool *mark);

/* What was done so far. Any thread. */
void s3_engine_stats(struct s3_engine *en, struct store_stats *ret);

/* Submits and waits. `rq->done`, `rq->arg` and `rq->slot` are the engine's. Not from the engine's
 * own thread. Returns what done() would get. */
int s3_engine_call(struct s3_engine *en, struct s3_request *rq, struct err *e);

/* As above in two steps, so that the caller can work meanwhile. Start with {0}. */
struct s3_engine_call {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
    int r;
    struct err e;
};
void s3_engine_call_start(struct s3_engine *en, struct s3_request *rq, struct s3_engine_call *c);
int s3_engine_call_wait(struct s3_engine_call *c, struct err *e);

/* Our wall clock, corrected by what a store once said about its own. Any thread. */
int64_t s3_engine_now_s(const struct s3_engine *en);

/* Borrowed, fixed for the engine's life. */
const struct s3_request_site *s3_engine_site(const struct s3_engine *en);
struct s3_cred *s3_engine_cred(struct s3_engine *en);

#endif
