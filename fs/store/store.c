/* fs/store/store.c - dispatch to a store, and the checks that hold for every store. */
/* SPDX-License-Identifier: MIT */
#include "fs/store/store.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

static int key_check(const char *key, struct err *e)
{
    size_t n = key ? strlen(key) : 0;
    if (n == 0)
        return err_set(e, -EINVAL, "an empty key names no object");
    if (n > STORE_KEY_MAX)
        return err_set(e, -EINVAL, "key '%.64s…' has %zu bytes, more than %d", key, n,
                       STORE_KEY_MAX);
    return 0;
}

int store_head(struct store *s, const char *key, struct store_stat *ret, struct err *e)
{
    int r = key_check(key, e);
    return r < 0 ? r : s->ops->head(s, key, ret, e);
}

int store_get(struct store *s, const char *key, size_t max, struct buf *ret,
              struct store_stat *ret_st, struct err *e)
{
    int r = key_check(key, e);
    return r < 0 ? r : s->ops->get(s, key, max, ret, ret_st, e);
}

int store_list(struct store *s, const char *prefix, const char *after, store_list_fn *fn, void *arg,
               struct err *e)
{
    return s->ops->list(s, prefix, after, fn, arg, e);
}

int store_put(struct store *s, const char *key, const void *data, size_t n, int flags,
              struct store_stat *ret, struct err *e)
{
    int r = key_check(key, e);
    return r < 0 ? r : s->ops->put(s, key, data, n, flags, ret, e);
}

int store_remove(struct store *s, const char *key, struct err *e)
{
    int r = key_check(key, e);
    return r < 0 ? r : s->ops->remove(s, key, e);
}

int store_get_tags(struct store *s, const char *key, struct store_tags *ret, struct err *e)
{
    int r = key_check(key, e);
    return r < 0 ? r : s->ops->get_tags(s, key, ret, e);
}

int store_put_tags(struct store *s, const char *key, const struct store_tags *tags, struct err *e)
{
    int r = key_check(key, e);
    return r < 0 ? r : s->ops->put_tags(s, key, tags, e);
}

void store_read_start(struct store *s, struct store_read *rd)
{
    assert(rd->length > 0 && rd->done);
    s->ops->read_start(s, rd);
}

void store_read_cancel(struct store *s, struct store_read *rd)
{
    s->ops->read_cancel(s, rd);
}

void store_address(struct store *s, const char *key, struct buf *ret)
{
    s->ops->address(s, key, ret);
}

int store_parallel(struct store *s)
{
    return s->ops->parallel(s);
}

void store_stats(struct store *s, struct store_stats *ret)
{
    *ret = (struct store_stats){0};
    if (s->ops->stats)
        s->ops->stats(s, ret);
}

void store_close(struct store *s)
{
    if (s)
        s->ops->close(s);
}

struct wait {
    struct store_read rd;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
    int r;
    struct err *e;
};

static void wait_done(struct store_read *rd, int r, const struct err *e)
{
    struct wait *w = (struct wait *)rd;
    LOCKED(&w->lock);
    w->r = r;
    if (r < 0 && w->e && e)
        *w->e = *e;
    w->over = true;
    pthread_cond_signal(&w->cond);
}

static int wait_for(struct store *s, const struct store_read *what, struct err *e)
{
    struct wait w = {
        .rd = *what,
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .cond = PTHREAD_COND_INITIALIZER,
        .e = e,
    };
    w.rd.done = wait_done;
    store_read_start(s, &w.rd);
    pthread_mutex_lock(&w.lock);
    while (!w.over)
        pthread_cond_wait(&w.cond, &w.lock);
    pthread_mutex_unlock(&w.lock);
    return w.r;
}

int store_read_wait(struct store *s, const char *key, const char *etag, uint64_t offset,
                    size_t length, char *data, struct err *e)
{
    struct store_read rd = {
        .key = key, .etag = etag, .offset = offset, .length = length, .data = data};
    return wait_for(s, &rd, e);
}

int store_read_start_of(struct store *s, const char *key, const char *etag, size_t length,
                        char *data, struct store_meta *ret_meta, struct err *e)
{
    struct store_read rd = {
        .key = key, .etag = etag, .length = length, .data = data, .meta = ret_meta};
    ret_meta->n = 0;
    return wait_for(s, &rd, e);
}

void store_meta_add(struct store_meta *m, const char *key, size_t key_n, const char *value,
                    size_t value_n)
{
    if (m->n == STORE_META_MAX || key_n > STORE_META_KEY_MAX || value_n > STORE_META_VALUE_MAX)
        return;
    memcpy(m->item[m->n].key, key, key_n);
    m->item[m->n].key[key_n] = '\0';
    memcpy(m->item[m->n].value, value, value_n);
    m->item[m->n].value[value_n] = '\0';
    m->n++;
}

const char *store_meta_get(const struct store_meta *m, const char *key)
{
    for (size_t i = 0; i < m->n; i++)
        if (strcmp(m->item[i].key, key) == 0)
            return m->item[i].value;
    return NULL;
}
