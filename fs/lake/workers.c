/* fs/lake/workers.c - many small jobs, some at once. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/workers.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/store/store.h"

struct workers {
    workers_fn *fn;
    void *arg;
    size_t n;
    atomic_size_t next;
    atomic_bool failed;
    pthread_mutex_t lock; /* guards what follows */
    struct err err;
};

static void *work(void *arg)
{
    struct workers *w = arg;
    while (!w->failed) {
        size_t i = atomic_fetch_add(&w->next, 1);
        struct err e;
        if (i >= w->n)
            break;
        int r = w->fn(w->arg, i, &e);
        if (r >= 0)
            continue;
        LOCKED(&w->lock);
        if (!w->failed)
            w->err = e;
        w->failed = true;
    }
    return NULL;
}

int workers_run(struct store *store, int at_once, size_t n, workers_fn *fn, void *arg,
                struct err *e)
{
    struct workers w = {.fn = fn, .arg = arg, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER};
    pthread_t threads[WORKERS_MAX];
    int started = 0;
    if (at_once < 1 || at_once > WORKERS_MAX)
        at_once = store_parallel(store);
    while (started < at_once && started < WORKERS_MAX && (size_t)started < n &&
           pthread_create(&threads[started], NULL, work, &w) == 0)
        started++;
    if (started == 0)
        work(&w); /* no thread to be had: slowly, then */
    for (int i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    if (!w.failed)
        return 0;
    if (e)
        *e = w.err;
    return w.err.code;
}
