/* fs/fuse/sequence.c - the next frames of what is being played, fetched before they are opened. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/sequence.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/cache/cache.h"
#include "fs/cache/ends.h"
#include "fs/fuse/seen.h"
#include "fs/view/view.h"
#include "policy/index.h"

#define TAG "sequence"
#define SEQUENCES_MAX 64 /* the one that was read least recently goes */
#define AHEAD_FRAMES 64
#define GLANCES                                                                                    \
    2 /* after so many frames in a row that were only looked at, the next will be, too */
#define GLANCE_ALIGN ((uint64_t)64 << 10)

struct sequence {
    struct sequence_frame of; /* some frame of it */
    struct frame_cursors cursors;
    unsigned glances;   /* handles in a row that did not read to the middle */
    uint64_t glance_to; /* how far they read at most */
    uint64_t stamp;     /* 0: unused */
    uint64_t id;        /* never given twice */
};

struct sequences {
    struct front *f;
    pthread_mutex_t lock; /* guards what follows; held for arithmetic only */
    struct sequence *item[SEQUENCES_MAX];
    uint64_t clock, last_id;
};

struct sequences *sequences_new(struct front *f)
{
    struct sequences *s = xcalloc(1, sizeof *s);
    s->f = f;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void sequences_free(struct sequences *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < SEQUENCES_MAX; i++)
        free(s->item[i]);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

void sequence_frame_of(const struct node *n, uid_t uid, struct sequence_frame *ret)
{
    AUTO(buf) struct buf pattern = {0};
    int width;
    *ret = (struct sequence_frame){.uid = uid, .dir = n->parent, .size = n->size};
    if (n->size == 0 || n->size > SEQUENCE_FRAME_BYTES || n->name_len > SEQUENCE_NAME_MAX ||
        !frame_pattern(n->name, n->name_len, &pattern, &ret->number, &width))
        return;
    memcpy(ret->name, n->name, n->name_len);
    if (ends_of(ret->name, n->size).tail > 0)
        return; /* a clip: the next one is another's */
    /* The pattern is the name with its digits made one '#': they stand where the two differ. */
    const char *p = buf_str(&pattern);
    while (ret->pattern < n->name_len && p[ret->pattern] == n->name[ret->pattern])
        ret->pattern++;
    ret->width = (uint32_t)width;
}

/* ---- which sequence (lock held) -------------------------------------------------------------- */

static bool is_of(const struct sequence *q, const struct sequence_frame *f)
{
    const struct sequence_frame *of = &q->of;
    return of->dir == f->dir && of->uid == f->uid && of->pattern == f->pattern &&
           !memcmp(of->name, f->name, f->pattern) &&
           !strcmp(of->name + of->pattern + of->width, f->name + f->pattern + f->width);
}

static struct sequence *find(struct sequences *s, const struct sequence_frame *f)
{
    for (size_t i = 0; i < SEQUENCES_MAX && s->item[i]; i++)
        if (is_of(s->item[i], f))
            return s->item[i];
    return NULL;
}

static struct sequence *find_or_make(struct sequences *s, const struct sequence_frame *f)
{
    struct sequence *q = find(s, f);
    if (!q) {
        size_t at = 0;
        for (size_t i = 1; i < SEQUENCES_MAX && s->item[at]; i++)
            if (!s->item[i] || s->item[i]->stamp < s->item[at]->stamp)
                at = i;
        if (!s->item[at])
            s->item[at] = xcalloc(1, sizeof *s->item[at]);
        q = s->item[at];
        *q = (struct sequence){.of = *f, .id = ++s->last_id};
    }
    q->stamp = ++s->clock;
    return q;
}

static unsigned most_ahead(uint64_t size, uint64_t bytes)
{
    uint64_t n = (bytes > SEQUENCE_AHEAD_BYTES ? bytes : SEQUENCE_AHEAD_BYTES) / size;
    return n > AHEAD_FRAMES ? AHEAD_FRAMES : n > 0 ? (unsigned)n : 1;
}

/* ---- fetching -------------------------------------------------------------------------------- */

/* What the reader sees at this moment. */
struct look {
    struct front *f;
    struct seen *seen;
    struct index_read *rd;
};

static int look_up(struct look *l, const struct sequence_frame *of, int64_t number, int width,
                   node_id *ret)
{
    char name[2 * SEQUENCE_NAME_MAX];
    struct err e;
    int n = snprintf(name, sizeof name, "%.*s%0*" PRId64 "%s", (int)of->pattern, of->name, width,
                     number, of->name + of->pattern + of->width);
    return view_lookup(l->seen->view, l->rd, of->dir, name, (size_t)n, ret, &e);
}

static bool may_open(struct front *f, uid_t uid, node_id id)
{
    AUTO(seen) struct seen *now = mount_state_get(f->state, uid);
    return !now->stale && view_may_open(now->view, id);
}

/* False: there is no memory for it now. A frame that is not there, or not to be seen, is passed. */
static bool fetch(struct look *l, const struct sequence_frame *of, int64_t number, uint64_t length)
{
    AUTO(buf) struct buf key = {0};
    struct cache *cache = l->f->cache;
    struct node n;
    struct err e;
    node_id id;
    int r = look_up(l, of, number, (int)of->width, &id);
    if (r < 0)
        r = look_up(l, of, number, /* width= */ 1, &id); /* 1000 is before 999 without a 0 */
    if (r < 0 || !view_may_open(l->seen->view, id) || index_node(l->rd, id, &n, &e) < 0 ||
        !n.live || n.is_dir || n.is_link || n.size == 0 || n.size > SEQUENCE_FRAME_BYTES ||
        index_object_key(l->rd, &n, &key, &e) < 0)
        return true;
    mount_state_note_opened(l->f->state, id); /* first: so its loss is one that empties the cache */
    bool all = cache_prefetch(cache, buf_str(&key), n.etag, n.size < length ? n.size : length);
    /* Taken away meanwhile: whoever did that may have emptied the cache before this was in it. */
    if (!mount_state_is_current(l->f->state, of->uid, l->seen) && !may_open(l->f, of->uid, id))
        cache_drop(cache, buf_str(&key), NULL);
    return all;
}

static unsigned fetch_all(struct front *f, const struct sequence_next *next)
{
    const struct sequence_frame *of = &next->frame;
    const struct frame_plan *p = &next->plan;
    AUTO(seen) struct seen *seen = mount_state_get(f->state, of->uid);
    AUTO(index_read) struct index_read *rd = NULL;
    struct err e;
    if (seen->stale || index_read_begin(f->index, &rd, &e) < 0)
        return 0;
    struct look l = {.f = f, .seen = seen, .rd = rd};
    for (unsigned i = 0; i < p->count; i++)
        if (!fetch(&l, of, p->first + (int64_t)i * p->stride, next->length))
            return i;
    return p->count;
}

void sequence_note(struct sequences *s, const struct sequence_frame *frame,
                   struct sequence_next *ret)
{
    *ret = (struct sequence_next){.frame = *frame};
    if (frame->width == 0)
        return;
    uint64_t ahead = cache_ahead_bytes(s->f->cache);
    LOCKED(&s->lock);
    struct sequence *q = find_or_make(s, frame);
    ret->length = q->glances < GLANCES ? SEQUENCE_FRAME_BYTES
                                       : (q->glance_to / GLANCE_ALIGN + 1) * GLANCE_ALIGN;
    uint64_t each = frame->size < ret->length ? frame->size : ret->length;
    frame_cursors_next(&q->cursors, frame->number, most_ahead(each, ahead), &ret->plan);
    ret->id = q->id;
}

void sequence_fetch(struct sequences *s, const struct sequence_next *next)
{
    const struct frame_plan *p = &next->plan;
    if (p->count == 0)
        return;
    unsigned n = fetch_all(s->f, next);
    log_debug(TAG, "after frame %" PRId64 ": %u of %u from %" PRId64 " by %" PRId64,
              next->frame.number, n, p->count, p->first, p->stride);
    if (n == p->count)
        return;
    LOCKED(&s->lock);
    struct sequence *q = find(s, &next->frame);
    if (q && q->id == next->id)
        frame_cursors_refused(&q->cursors, p, n);
}

void sequence_closed(struct sequences *s, const struct sequence_frame *frame, uint64_t read_to)
{
    if (frame->width == 0 || read_to == 0)
        return;
    LOCKED(&s->lock);
    struct sequence *q = find(s, frame);
    if (!q)
        return;
    if (read_to >= frame->size / 2) {
        q->glances = 0;
        q->glance_to = 0;
    } else {
        q->glances++;
        if (read_to > q->glance_to)
            q->glance_to = read_to;
    }
}
