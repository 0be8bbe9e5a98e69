/* fs/s3/s3_engine_call.c - requests that a thread waits for. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_engine.h"

#include "base/cleanup.h"

static void call_done(struct s3_request *rq, int r, const struct err *e)
{
    struct s3_engine_call *c = rq->arg;
    LOCKED(&c->lock);
    c->r = r;
    if (r < 0)
        c->e = *e;
    c->over = true;
    pthread_cond_signal(&c->cond);
}

void s3_engine_call_start(struct s3_engine *en, struct s3_request *rq, struct s3_engine_call *c)
{
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->cond, NULL);
    c->over = false;
    rq->done = call_done;
    rq->arg = c;
    s3_engine_submit(en, rq);
}

int s3_engine_call_wait(struct s3_engine_call *c, struct err *e)
{
    pthread_mutex_lock(&c->lock);
    while (!c->over)
        pthread_cond_wait(&c->cond, &c->lock);
    pthread_mutex_unlock(&c->lock);
    if (c->r < 0 && e)
        *e = c->e;
    pthread_cond_destroy(&c->cond);
    pthread_mutex_destroy(&c->lock);
    return c->r;
}

int s3_engine_call(struct s3_engine *en, struct s3_request *rq, struct err *e)
{
    struct s3_engine_call c;
    s3_engine_call_start(en, rq, &c);
    return s3_engine_call_wait(&c, e);
}
