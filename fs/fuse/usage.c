/* fs/fuse/usage.c - what is opened on a mount, noted for the review of grants. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/usage.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fuse/held.h"
#include "fs/fuse/seen.h"
#include "fs/lake/used.h"
#include "policy/index.h"

#define TAG "usage"
#define OPENED_MAX 4096

struct opened {
    struct seen *seen; /* a reference */
    node_id node;
};

struct usage {
    struct index *index;
    const char *dir;
    int64_t flushed_ms;

    pthread_mutex_t lock; /* guards what follows */
    struct opened opened[OPENED_MAX];
    size_t n;
};

struct usage *usage_new(struct index *index, const char *dir)
{
    struct usage *u = xcalloc(1, sizeof *u);
    u->index = index;
    u->dir = dir;
    u->flushed_ms = clock_mono_ms();
    pthread_mutex_init(&u->lock, NULL);
    return u;
}

void usage_free(struct usage *u)
{
    if (!u)
        return;
    for (size_t i = 0; i < u->n; i++)
        seen_unref(u->opened[i].seen);
    pthread_mutex_destroy(&u->lock);
    free(u);
}

void usage_opened(struct usage *u, struct seen *s, node_id id)
{
    if (!u)
        return;
    LOCKED(&u->lock);
    const struct opened *last = u->n > 0 ? &u->opened[u->n - 1] : NULL;
    if (u->n < OPENED_MAX && !(last && last->seen == s && last->node == id))
        u->opened[u->n++] = (struct opened){seen_ref(s), id};
}

struct noting {
    struct used *used;
    int64_t now;
};

static int note(void *arg, const char *edit, const char *principal, struct err *e)
{
    struct noting *to = arg;
    (void)e;
    used_note(to->used, principal, edit, to->now);
    return 0;
}

static void find_grants(struct usage *u, const struct opened *list, size_t n, struct used *ret)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct noting to = {.used = ret, .now = clock_wall()};
    struct err e;
    if (index_read_begin(u->index, &rd, &e) < 0)
        return;
    for (size_t i = 0; i < n; i++)
        if (held_each(rd, &list[i].seen->who, list[i].node, to.now, note, &to, &e) < 0)
            log_debug(TAG, "%s", e.text);
}

void usage_flush(struct usage *u, int64_t least_ms)
{
    if (!u || clock_mono_ms() - u->flushed_ms < least_ms)
        return;
    u->flushed_ms = clock_mono_ms();
    AUTO(free) struct opened *list = xcalloc(OPENED_MAX, sizeof *list);
    pthread_mutex_lock(&u->lock);
    size_t n = u->n;
    for (size_t i = 0; i < n; i++)
        list[i] = u->opened[i];
    u->n = 0;
    pthread_mutex_unlock(&u->lock);
    if (n == 0)
        return;
    AUTO(used) struct used *used = used_new();
    struct err e;
    find_grants(u, list, n, used);
    for (size_t i = 0; i < n; i++)
        seen_unref(list[i].seen);
    if (used_save(used, u->dir, &e) < 0)
        log_debug(TAG, "%s", e.text);
}
