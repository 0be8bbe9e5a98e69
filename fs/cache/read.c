/* fs/cache/read.c - one read: the ranges it is put together from, its waiting and its answer. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/cache_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define EXACT_ALIGN                                                                                \
    65536u /* shorter random reads are rounded to this: it costs a store as little */
#define STREAM_LEAST (256u << 10)
#define STREAM_MS 2000 /* who reads on within that time is counted as a stream */

enum read_state {
    READ_IDLE,    /* not started */
    READ_QUEUED,  /* waits for memory */
    READ_WAITING, /* waits for bytes */
    READ_READY,   /* to be answered, or being answered */
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* ---- waiting (lock held) ------------------------------------------------------------------- */

static void link_waiting(struct cache *c, struct cache_read *rd)
{
    rd->prev = NULL;
    rd->next = c->waiting;
    if (rd->next)
        rd->next->prev = rd;
    else
        pthread_cond_signal(&c->watch_cond); /* the watch sleeps while nothing can be overdue */
    c->waiting = rd;
}

static void unlink_waiting(struct cache *c, struct cache_read *rd)
{
    if (rd->next)
        rd->next->prev = rd->prev;
    if (rd->prev)
        rd->prev->next = rd->next;
    else
        c->waiting = rd->next;
}

static void wait_for(struct cache_piece *p)
{
    struct extent *x = p->extent;
    p->waits = true;
    p->prev = NULL;
    p->next = x->waiters;
    if (p->next)
        p->next->prev = p;
    x->waiters = p;
    p->read->n_waits++;
}

static void stop_waiting(struct cache_piece *p)
{
    if (!p->waits)
        return;
    p->waits = false;
    if (p->next)
        p->next->prev = p->prev;
    if (p->prev)
        p->prev->next = p->next;
    else
        p->extent->waiters = p->next;
    p->read->n_waits--;
}

static void leave_queue(struct cache *c, struct cache_read *rd)
{
    struct read_list rest;
    read_list_init(&rest);
    for (struct cache_read *at; (at = read_list_pop(&c->queue));)
        if (at != rd)
            read_list_add(&rest, at);
    c->queue = rest;
    if (!rest.first)
        c->queue.last = &c->queue.first;
}

void read_end(struct cache *c, struct cache_read *rd, int r)
{
    if (rd->state != READ_QUEUED && rd->state != READ_WAITING)
        return;
    if (rd->state == READ_QUEUED)
        leave_queue(c, rd);
    for (int i = 0; i < rd->n_pieces; i++)
        stop_waiting(&rd->piece[i]);
    unlink_waiting(c, rd);
    rd->result = r;
    rd->state = READ_READY;
    c->answering++;
    read_list_add(&c->ready, rd);
}

void read_expire(struct cache *c, int64_t now_ms)
{
    for (struct cache_read *rd = c->waiting, *next; rd; rd = next) {
        next = rd->next;
        if (now_ms >= rd->deadline_ms)
            read_end(c, rd, -ETIMEDOUT);
    }
}

/* ---- streams (lock held) ------------------------------------------------------------------- */

static void stream_leave(struct cache *c, struct cache_file *f)
{
    if (f->stream_ms == 0)
        return;
    TAILQ_REMOVE(&c->streams, f, stream_link);
    c->n_streams--;
    f->stream_ms = 0;
}

void read_end_stream(struct cache_file *f)
{
    stream_leave(f->cache, f);
}

/* Notes that the file is being read through. Whoever paused is not counted for long. */
static void stream_note(struct cache *c, struct cache_file *f, int64_t now_ms)
{
    stream_leave(c, f);
    f->stream_ms = now_ms;
    TAILQ_INSERT_TAIL(&c->streams, f, stream_link);
    c->n_streams++;
    for (struct cache_file *old; now_ms - (old = TAILQ_FIRST(&c->streams))->stream_ms > STREAM_MS;)
        stream_leave(c, old);
}

/* What one stream fetches at once: a block, unless there are so many streams that the half of the
 * memory would not hold one for each. Their blocks would be gone before they had read them; with
 * less each, their number keeps the store as busy. */
static uint64_t stream_share(const struct cache *c)
{
    uint64_t share = c->block_bytes;
    while (c->n_streams * share > c->arena_count * c->block_bytes / 2 && share > STREAM_LEAST)
        share /= 2;
    return share;
}

/* ---- planning (lock held) ------------------------------------------------------------------ */

static bool has_bytes(const struct cache_piece *p)
{
    return p->extent->state == EXTENT_READY || p->extent->offset + p->extent->have >= p->to;
}

static uint64_t rounded_up(uint64_t n, uint64_t unit)
{
    return (n + unit - 1) / unit * unit;
}

/* Fetches for a read of [from, …): in a stream to the end of its share, else exactly what was asked
 * for. Never from before `from`, so that nothing unwanted comes first. */
static struct extent *fetch(struct cache *c, const struct cache_read *rd, uint64_t from,
                            enum readahead_fetch how)
{
    struct object *o = rd->file->object;
    uint64_t end = rd->offset + rd->length, unit = stream_share(c);
    bool sequential = how != READAHEAD_EXACT;
    if (how == READAHEAD_SOME)
        unit = least(unit, CACHE_READ_BYTES);
    else if (how == READAHEAD_FIRST)
        unit = least(unit, READAHEAD_FIRST_BYTES);
    uint64_t align = sequential || rd->length < EXACT_ALIGN ? EXACT_ALIGN : c->unit_bytes;
    uint64_t start = from / align * align;
    uint64_t block_end = least((from / c->block_bytes + 1) * c->block_bytes, rd->file->size);
    uint64_t stop = least(rounded_up(end, align), block_end);
    if (sequential) {
        /* At least what was asked for: a read has room for so many pieces only. */
        uint64_t share = least((from / unit + 1) * unit, block_end),
                 n = share > stop ? share : stop;
        struct extent *x = extent_new(c, o, start, (size_t)(n - start), GIVE_WAY_FRESH);
        if (x)
            return x;
    }
    return extent_new(c, o, start, (size_t)(stop - start), GIVE_WAY_BEGUN);
}

/* Somebody asked for it: no prefetch any more. One that waits for the fetch thread goes first. */
static void want(struct cache *c, const struct cache_piece *p)
{
    struct extent *x = p->extent;
    extent_used(x);
    if (p->to > x->read_to)
        x->read_to = p->to;
    if (!x->in_ahead)
        return;
    extent_list_remove(&c->ahead, x);
    x->in_ahead = false;
    extent_list_add(&c->start, x);
}

/* Puts the read together from extents that are there or under way, `most` of them, and from new
 * ones: all or none, so that reads which wait for memory hold none. False: not now. */
static bool put_together(struct cache *c, struct cache_read *rd, enum readahead_fetch how,
                         bool may_fetch, int most)
{
    struct object *o = rd->file->object;
    struct extent *new[CACHE_PIECES];
    int n_new = 0;
    uint64_t end = rd->offset + rd->length;
    bool whole = true;

    rd->n_pieces = rd->n_waits = 0;
    for (uint64_t at = rd->offset; at < end;) {
        uint64_t block_end = (at / c->block_bytes + 1) * c->block_bytes;
        struct extent *x = extent_find(c, o, at);
        /* Two pieces are always enough for the rest if they are fetched whole. */
        if (x && rd->n_pieces >= most && x->offset + x->length < least(end, block_end))
            x = NULL;
        if (!x && may_fetch && (x = fetch(c, rd, at, how)))
            new[n_new++] = x;
        if (!x) {
            whole = false;
            break;
        }
        assert(rd->n_pieces < CACHE_PIECES);
        extent_ref(x);
        uint64_t to = least(end, x->offset + x->length);
        rd->piece[rd->n_pieces++] =
            (struct cache_piece){.extent = x, .from = at, .to = to, .read = rd};
        at = to;
    }
    for (int i = 0; i < rd->n_pieces; i++) {
        if (!whole)
            extent_unref(rd->piece[i].extent);
        else if (!has_bytes(&rd->piece[i]))
            wait_for(&rd->piece[i]);
    }
    for (int i = 0; i < n_new; i++) {
        if (whole)
            extent_list_add(&c->start, new[i]);
        else
            extent_abandon(new[i]);
    }
    if (!whole) {
        rd->n_pieces = 0;
        return false;
    }
    for (int i = 0; i < rd->n_pieces; i++)
        want(c, &rd->piece[i]);
    return true;
}

/* False: not now. In a small memory the pieces that are there may hold all of it, and leave none
 * for what is missing: then the read is fetched anew, as two pieces, for which there is always
 * room. */
static bool plan(struct cache *c, struct cache_read *rd, enum readahead_fetch how, bool may_fetch)
{
    return put_together(c, rd, how, may_fetch, CACHE_PIECES - 2) ||
           (may_fetch && put_together(c, rd, how, may_fetch, 0));
}

/* Memory may have come free: those that wait for it go on, in their order. */
static void run_queue(struct cache *c)
{
    while (c->queue.first && plan(c, c->queue.first, READAHEAD_EXACT, /* may_fetch= */ true)) {
        struct cache_read *rd = read_list_pop(&c->queue);
        rd->state = READ_WAITING;
        if (rd->n_waits == 0)
            read_end(c, rd, 0);
    }
}

bool read_ahead(struct cache *c, struct object *o, uint64_t from, uint64_t to)
{
    bool any = false;
    uint64_t at = from;
    if (c->queue.first || stream_share(c) < c->block_bytes)
        return false; /* somebody waits for memory, or all of it is shared out */
    while (at < to) {
        uint64_t stop = least((at / c->block_bytes + 1) * c->block_bytes, to);
        struct extent *x = extent_find(c, o, at);
        if (x) {
            at = x->offset + x->length;
            continue;
        }
        x = extent_new(c, o, at, (size_t)(stop - at), GIVE_WAY_READ);
        if (!x)
            break;
        x->in_ahead = true;
        extent_list_add(&c->ahead, x);
        any = true;
        at = stop;
    }
    if (any)
        pthread_cond_signal(&c->fetch_cond);
    return at >= to;
}

/* ---- the store's answers ------------------------------------------------------------------- */

static void wake_waiters(struct cache *c, struct extent *x)
{
    for (struct cache_piece *p = x->waiters, *next; p; p = next) {
        next = p->next;
        if (!has_bytes(p))
            continue;
        stop_waiting(p);
        if (p->read->n_waits == 0)
            read_end(c, p->read, 0);
    }
}

static void on_progress(struct store_read *sr, size_t have)
{
    struct extent *x = (struct extent *)sr;
    struct cache *c = x->cache;
    pthread_mutex_lock(&c->lock);
    if (have > x->have)
        x->have = have;
    wake_waiters(c, x);
    if (c->ready.first)
        read_pump(c);
    pthread_mutex_unlock(&c->lock);
}

/* The fetch ended, or never began. */
static void fetched(struct cache *c, struct extent *x, int r)
{
    if (r == 0)
        x->have = x->length;
    c->fetched_bytes += x->have;
    if (x->ahead)
        c->prefetched_bytes += x->have;
    x->state = r == 0 ? EXTENT_READY : EXTENT_FAILED;
    if (r == 0) {
        wake_waiters(c, x);
    } else {
        extent_forget(x);
        while (x->waiters)
            read_end(c, x->waiters->read, r);
    }
    c->fetching--;
    if (x->counted) {
        c->ahead_bytes -= x->length;
        c->n_ahead--;
        pthread_cond_signal(&c->fetch_cond);
    }
    extent_unref(x);
    run_queue(c);
}

static void on_done(struct store_read *sr, int r, const struct err *e)
{
    (void)e; /* fronts tell callers a code; the store logs the sentence */
    struct extent *x = (struct extent *)sr;
    struct cache *c = x->cache;
    pthread_mutex_lock(&c->lock);
    fetched(c, x, r);
    read_pump(c);
    pthread_mutex_unlock(&c->lock);
}

/* Lock held; released meanwhile. */
static void start(struct cache *c, struct extent *x)
{
    x->rd.progress = on_progress;
    x->rd.done = on_done;
    if (x->unwanted) {
        fetched(c, x, -ECANCELED);
        extent_unref(x);
        return;
    }
    pthread_mutex_unlock(&c->lock);
    store_read_start(c->store, &x->rd);
    pthread_mutex_lock(&c->lock);
    x->started = true;
    if (x->unwanted && x->state == EXTENT_FETCHING)
        store_read_cancel(c->store, &x->rd);
    extent_unref(x);
    run_queue(c);
}

void read_start_ahead(struct cache *c, struct extent *x)
{
    x->in_ahead = false;
    x->counted = true;
    c->ahead_bytes += x->length;
    c->n_ahead++;
    start(c, x);
}

/* ---- answering ----------------------------------------------------------------------------- */

/* Lock held; released meanwhile. `rd` may be freed by its reply. */
static void answer(struct cache *c, struct cache_read *rd)
{
    struct extent *used[CACHE_PIECES];
    struct iovec iov[CACHE_PIECES];
    struct cache_file *file = rd->file;
    int n = rd->n_pieces, r = rd->result;

    for (int i = 0; i < n; i++) {
        const struct cache_piece *p = &rd->piece[i];
        used[i] = p->extent;
        iov[i] = (struct iovec){.iov_base = p->extent->rd.data + (p->from - p->extent->offset),
                                .iov_len = (size_t)(p->to - p->from)};
    }
    if (r == 0)
        c->served_bytes += rd->length;
    pthread_mutex_unlock(&c->lock);
    rd->reply(rd, r, r == 0 ? iov : NULL, r == 0 ? n : 0);
    pthread_mutex_lock(&c->lock);
    for (int i = 0; i < n; i++) {
        if (r == 0 && file->is_kept)
            used[i]->spent += iov[i].iov_len;
        extent_unref(used[i]);
    }
    file_unref(file);
    run_queue(c);
    c->answering--;
}

/* Lock held; released meanwhile. A store may call done() from within store_read_start(), and a
 * reply may start the next read: the outermost call on a thread does the work of all, so the stack
 * does not grow with their number. */
void read_pump(struct cache *c)
{
    static _Thread_local struct cache *answering, *starting;
    struct cache *was_answering = answering, *was_starting = starting;
    struct cache_read *rd;
    struct extent *x;

    c->pumping++;
    do {
        if (was_answering != c) {
            answering = c;
            while ((rd = read_list_pop(&c->ready)))
                answer(c, rd);
            answering = was_answering;
        }
        if (was_answering == c || was_starting == c)
            break;
        starting = c;
        if ((x = extent_list_pop(&c->start)))
            start(c, x);
        starting = was_starting;
    } while (c->start.first || c->ready.first);
    if (--c->pumping == 0)
        pthread_cond_broadcast(&c->idle_cond);
}

void cache_read_start(struct cache_read *rd)
{
    struct cache_file *f = rd->file;
    struct cache *c = f->cache;
    struct readahead_plan p;

    assert(rd->length > 0 && rd->length <= CACHE_READ_BYTES);
    assert(rd->offset < f->size && rd->length <= f->size - rd->offset);
    pthread_mutex_lock(&c->lock);
    f->refs++;
    rd->n_pieces = rd->n_waits = 0;
    int64_t now_ms = clock_mono_ms();
    rd->deadline_ms = now_ms + c->deadline_ms;
    link_waiting(c, rd);
    rd->state = READ_WAITING;
    readahead_next(&f->readahead, rd->offset, rd->length, f->size, c->block_bytes, c->window, &p);
    if (p.fetch != READAHEAD_EXACT)
        stream_note(c, f, now_ms);
    if (rd->result < 0) {
        read_end(c, rd, rd->result); /* cancelled before it was started */
    } else if (!plan(c, rd, p.fetch, /* may_fetch= */ !c->queue.first)) {
        rd->state = READ_QUEUED;
        read_list_add(&c->queue, rd);
        extent_cancel_one(c);
    } else {
        if (rd->n_waits == 0)
            read_end(c, rd, 0);
        read_ahead(c, f->object, p.ahead_from, p.ahead_to);
        if (!f->was_read && f->object->ends.tail > 0)
            read_ahead(c, f->object, f->size - f->object->ends.tail, f->size);
        f->was_read = true;
    }
    read_pump(c);
    pthread_mutex_unlock(&c->lock);
}

void cache_read_cancel(struct cache_read *rd, int r)
{
    struct cache *c = rd->file->cache;
    assert(r < 0);
    LOCKED(&c->lock);
    if (rd->state == READ_IDLE)
        rd->result = r;
    read_end(c, rd, r);
    pthread_cond_signal(&c->watch_cond);
}
