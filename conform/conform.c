/* conform/conform.c - which objects of the lake does this timeline use? */
/* SPDX-License-Identifier: MIT */
#include "conform/conform.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/match.h"
#include "conform/otio_read.h"
#include "conform/relink.h"
#include "conform/sequence.h"

static_assert(sizeof(((struct conform_plan *)0)->mark) == OTIO_MARK_SIZE, "a mark fits the plan");

/* A clip that is switched off plays nothing: its media is not part of the edit. */
static void leave_out(const struct otio_clip *clip, struct conform_item *it)
{
    bool own = json_is_false(json_object_get(clip->object, "enabled"));
    it->status = CONFORM_NO_MEDIA;
    it->url = xstrdup("");
    it->reason = xstrdup(own ? "the clip is disabled" : "its track is disabled");
}

static int plan_item(struct otio_doc *doc, struct otio_ref *ref, struct match *m,
                     struct conform_plan *p, struct err *e)
{
    const struct otio_clip *clip = &doc->clips[ref->clip];
    struct conform_item *it = &p->items[p->n_items++];
    it->clip = xstrdup(clip->name);
    it->pointer = xstrdup(ref->pointer);
    it->counts = ref->active;
    if (!clip->enabled) {
        leave_out(clip, it);
        return 0;
    }
    int r = match_reference(m, ref->object, it, e);
    if (r < 0)
        return err_wrap(e, "at '%.200s'", ref->pointer);
    if (it->n_nodes > 0)
        roaring_bitmap_add_many(p->objects, it->n_nodes, it->nodes);
    return 0;
}

int conform_plan(struct index_read *rd, struct store *store, const char *otio, size_t n,
                 struct conform_plan **ret, struct err *e)
{
    AUTO(otio_doc) struct otio_doc *doc = NULL;
    AUTO(match) struct match *m = NULL;
    AUTO(conform_plan) struct conform_plan *p = xcalloc(1, sizeof *p);
    struct err mine;
    e = e ? e : &mine;
    int r = otio_read(otio, n, &doc, e);
    if (r == 0)
        r = match_new(rd, store, &m, e);
    if (r < 0)
        return r;
    p->objects = roaring_bitmap_create();
    p->items = xcalloc(doc->n_refs ? doc->n_refs : 1, sizeof *p->items);
    p->name = xstrdup(doc->name);
    p->clips = doc->n_clips;
    memcpy(p->mark, doc->mark, sizeof p->mark);
    for (size_t i = 0; r == 0 && i < doc->n_refs; i++)
        r = plan_item(doc, &doc->refs[i], m, p, e);
    for (size_t i = 0; r == 0 && i < doc->n_refs; i++)
        r = relink(doc, &doc->refs[i], &p->items[i], rd, store, e);
    if (r < 0)
        return r;
    p->timeline = TAKE(doc->root);
    *ret = TAKE(p);
    return 0;
}

static void item_done(struct conform_item *it)
{
    free(it->clip);
    free(it->pointer);
    free(it->url);
    free(it->nodes);
    free(it->frames);
    free(it->candidates);
    free(it->missing_frames);
    free(it->reason);
    sequence_free(it->sequence);
}

void conform_plan_free(struct conform_plan *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n_items; i++)
        item_done(&p->items[i]);
    free(p->items);
    free(p->name);
    if (p->objects)
        roaring_bitmap_free(p->objects);
    json_decref(p->timeline);
    free(p);
}

bool conform_has_missing(const struct conform_plan *p)
{
    for (size_t i = 0; i < p->n_items; i++)
        if (p->items[i].counts &&
            (p->items[i].status == CONFORM_MISSING || p->items[i].status == CONFORM_PARTLY))
            return true;
    return false;
}

bool conform_has_ambiguous(const struct conform_plan *p)
{
    for (size_t i = 0; i < p->n_items; i++)
        if (p->items[i].status == CONFORM_AMBIGUOUS)
            return true;
    return false;
}

int conform_manifest(const struct conform_plan *p, struct buf *ret, struct err *e)
{
    return otio_write(p->timeline, p->mark, ret, e);
}
