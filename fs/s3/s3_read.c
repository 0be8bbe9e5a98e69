/* fs/s3/s3_read.c - one read of a range: its pieces, and second requests for slow ones. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_read.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/s3/s3_engine.h"
#include "fs/store/store.h"

/*
 *   read    [ piece ──────► piece ──────► piece ]     in the order of their bytes
 *               │ first        │ first
 *               │              └ second            while the first is slow
 *
 * What arrives is told as far as it is without a gap. The read ends when the last of its requests
 * has: whoever lost a race is cancelled, and the engine ends it before it takes another byte.
 */
struct piece {
    struct read *read;
    struct piece *next;
    struct s3_request first, *second;
    size_t filled;
    bool first_ended, second_ended, over;
    int r; /* of the first, where the second is awaited */
    struct err e;
};

struct read {
    struct store_read *rd;
    struct s3_engine *en;
    atomic_bool cancelled; /* all its requests: by the caller, or because one has failed */
    unsigned live;         /* requests */
    size_t told;
    int r;
    struct err e;
    struct piece head;
    char key[];
};

static void free_read(struct read *read)
{
    for (struct piece *next, *p = read->head.next; p; p = next) {
        next = p->next;
        free(p->second);
        free(p);
    }
    free(read->head.second);
    free(read);
}

static void cancel(struct s3_engine *en, atomic_bool *mark)
{
    void *slot = mark;
    s3_engine_cancel(en, &slot);
}

static void on_progress(struct s3_request *rq, size_t have)
{
    struct read *read = ((struct piece *)rq->arg)->read;
    (void)have;
    have = 0;
    for (const struct piece *p = &read->head; p; p = p->next) {
        have += p->filled;
        if (p->filled < p->first.length)
            break;
    }
    if (have <= read->told)
        return;
    read->told = have;
    if (read->rd->progress)
        read->rd->progress(read->rd, have);
}

static void fail(struct read *read, int r, const struct err *e)
{
    if (read->r < 0)
        return;
    read->r = r;
    read->e = *e;
    cancel(read->en, &read->cancelled);
}

static void piece_over(struct piece *p)
{
    p->over = true;
    if (!p->first_ended)
        cancel(p->read->en, &p->first.cancelled);
    if (p->second && !p->second_ended)
        cancel(p->read->en, &p->second->cancelled);
}

/* One of a piece's requests has failed. The other may still bring the bytes, unless what failed is
 * the object. */
static void piece_failed(struct piece *p, bool is_second, int r, const struct err *e)
{
    bool other_runs = is_second ? !p->first_ended : p->second && !p->second_ended;
    if (!is_second) {
        p->r = r;
        p->e = *e;
    }
    if (r == -ESTALE || !other_runs)
        fail(p->read, p->r < 0 ? p->r : r, p->r < 0 ? &p->e : e);
}

static void on_done(struct s3_request *rq, int r, const struct err *e)
{
    struct piece *p = rq->arg;
    struct read *read = p->read;
    bool is_second = rq == p->second;
    *(is_second ? &p->second_ended : &p->first_ended) = true;
    read->live--;
    if (r == 0 && !p->over)
        piece_over(p);
    else if (r < 0 && !p->over)
        piece_failed(p, is_second, r, e);
    if (read->live > 0)
        return;

    struct store_read *rd = read->rd;
    assert(read->r < 0 || read->told == rd->length);
    s3_engine_hold(read->en, &rd->store_private, NULL);
    rd->done(rd, read->r, read->r < 0 ? &read->e : NULL); /* `rd` may be gone afterwards */
    free_read(read);
}

static struct s3_request *cut(struct s3_request *rq, size_t keep);
static struct s3_request *twin(struct s3_request *rq);

/* The request for the bytes of a piece from `skip` on, which is `like` that of another. */
static struct s3_request ask(struct piece *p, const struct s3_request *like, size_t skip)
{
    p->read->live++;
    return (struct s3_request){
        .method = like->method,
        .key = p->read->key,
        .if_match = like->if_match,
        .lane = like->lane,
        .deadline_ms = like->deadline_ms,
        .attempts = like->attempts,
        .data = like->data + skip,
        .length = like->length - skip,
        .offset = like->offset + skip,
        .meta = like->meta,
        .progress = on_progress,
        .done = on_done,
        .arg = p,
        .group_cancelled = &p->read->cancelled,
        .filled = &p->filled,
    };
}

static struct s3_request *cut(struct s3_request *rq, size_t keep)
{
    struct piece *p = rq->arg, *rest = xcalloc(1, sizeof *rest);
    assert(p->filled == 0 && keep < rq->length);
    rest->read = p->read;
    rest->next = p->next;
    p->next = rest;
    rest->first = ask(rest, rq, keep);
    rest->first.twin = twin;
    rq->length = keep;
    return &rest->first;
}

static struct s3_request *twin(struct s3_request *rq)
{
    struct piece *p = rq->arg;
    if (p->second || p->over)
        return NULL;
    p->second = xcalloc(1, sizeof *p->second);
    *p->second = ask(p, rq, 0);
    p->second->attempts = 1;
    return p->second;
}

void s3_read_start(struct s3_engine *en, struct store_read *rd, const struct s3_request *like)
{
    size_t n = strlen(like->key) + 1;
    struct read *read = xcalloc(1, sizeof *read + n);
    memcpy(read->key, like->key, n);
    read->rd = rd;
    read->en = en;
    read->head.read = read;

    struct s3_request whole = *like;
    whole.if_match = rd->etag;
    whole.data = rd->data;
    whole.length = rd->length;
    whole.offset = rd->offset;
    whole.meta = rd->meta;
    read->head.first = ask(&read->head, &whole, 0);
    if (rd->etag && !rd->meta) { /* `meta` has room for one answer */
        read->head.first.cut = cut;
        read->head.first.twin = twin;
    }
    s3_engine_hold(en, &rd->store_private, &read->cancelled);
    s3_engine_submit(en, &read->head.first);
}
