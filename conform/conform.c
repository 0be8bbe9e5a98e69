/* conform/conform.c - which objects of the lake does this timeline use? */
/* SPDX-License-Identifier: MIT */
#include "conform/conform.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/envelope.h"
#include "conform/match.h"
#include "conform/media_class.h"
#include "conform/otio_read.h"
#include "conform/relink.h"
#include "conform/sequence.h"
#include "conform/shot.h"
#include "conform/sidecar.h"
#include "policy/index.h"

struct planning {
    const struct otio_doc *doc;
    const struct conform_options *opt;
    struct index_read *rd;
    struct match *match;
    struct conform_plan *plan;
    roaring_bitmap_t *sidecars; /* those that are in the plan */
};

/* A clip that plays nothing: its media is not part of the edit. */
static void leave_out(struct conform_item *it, const char *reason)
{
    it->status = CONFORM_NO_MEDIA;
    it->url = xstrdup("");
    it->reason = xstrdup(reason);
}

static void set_use(struct conform_item *it, const struct envelope *env, bool whole)
{
    it->warnings = whole ? 0 : env->warnings;
    it->has_use = env->known && !whole;
    it->part = it->has_use && env->numbered;
    it->use_first = env->lo;
    it->use_last = env->hi;
    it->speed = env->speed;
    it->record_known = env->record_known;
    it->record_rate = env->record_rate;
    it->record_in = env->record_in;
    it->record_out = env->record_out;
}

static int add_sidecar(void *arg, node_id node, const char *rule, struct err *e)
{
    (void)e;
    struct planning *pl = arg;
    struct conform_plan *p = pl->plan;
    if (!roaring_bitmap_add_checked(pl->sidecars, node))
        return 0;
    if ((p->n_sidecars & (p->n_sidecars - 1)) == 0) /* grows at powers of two */
        p->sidecars = xrealloc(p->sidecars, p->n_sidecars ? 2 * p->n_sidecars : 1,
                               sizeof *p->sidecars);
    p->sidecars[p->n_sidecars++] =
        (struct conform_sidecar){.node = node, .rule = rule, .item = p->n_items - 1};
    roaring_bitmap_add(p->objects, node);
    return 0;
}

/* What belongs to the media of the item in hand. */
static int add_sidecars(struct planning *pl, const json_t *clip, const struct conform_item *it,
                        struct err *e)
{
    if (!pl->opt->sidecars)
        return 0;
    AUTO(free) char *shot = shot_name(clip);
    struct sidecar_media media = {.node = it->first, .sequence = it->sequence, .shot = shot};
    return sidecars_find(pl->opt->sidecars, pl->rd, &media, add_sidecar, pl, e);
}

/* Exporters write a sequence as the path of its first frame, and a still that is held just so. It is
 * taken as the still that it says; where the next frame lies beside it somebody should look. */
static int look_beside(struct planning *pl, struct conform_item *it, struct err *e)
{
    AUTO(buf) struct buf key = {0}, name = {0};
    struct err ignored;
    struct node nd;
    node_id next;
    int64_t number;
    int width;
    if (it->sequence || it->n_nodes != 1 || !it->has_use || it->use_last <= it->use_first)
        return 0;
    int r = index_node(pl->rd, it->first, &nd, e);
    if (r < 0 || !frame_pattern(nd.name, nd.name_len, &name, &number, &width) || number == INT64_MAX)
        return r;
    AUTO(free) char *file = xstrndup(nd.name, nd.name_len);
    if (media_class_of(file) != MEDIA_CLASS_PLATE)
        return 0;
    const char *hash = strrchr(buf_str(&name), '#');
    r = index_key(pl->rd, nd.parent, &key, e);
    buf_addf(&key, "%.*s%0*" PRId64 "%s", (int)(hash - buf_str(&name)), buf_str(&name), width,
             number + 1, hash + 1);
    if (r == 0 && index_find(pl->rd, buf_str(&key), &next, &ignored) == 0)
        it->warnings |= ENVELOPE_LONE_FRAME;
    return r;
}

/* One reference, in the order of doc->refs. */
static int plan_item(void *arg, const struct envelope *env, struct err *e)
{
    struct planning *pl = arg;
    struct conform_plan *p = pl->plan;
    assert(p->n_items < pl->doc->n_refs);
    const struct otio_ref *ref = &pl->doc->refs[p->n_items];
    const struct otio_clip *clip = &pl->doc->clips[ref->clip];
    assert(ref->object == env->ref);
    struct conform_item *it = &p->items[p->n_items++];
    it->clip = xstrdup(clip->name);
    it->shot = shot_name(clip->object);
    it->pointer = xstrdup(ref->pointer);
    it->counts = ref->active;
    if (!clip->enabled) {
        bool own = json_is_false(json_object_get(clip->object, "enabled"));
        leave_out(it, own ? "the clip is disabled" : "its track is disabled");
        return 0;
    }
    if (!env->used) {
        leave_out(it, "the cut shows nothing of it");
        return 0;
    }
    set_use(it, env, pl->opt->whole);
    struct match_input in = {.clip = clip->object,
                             .ref = ref->object,
                             .key = ref->key,
                             .env = env,
                             .whole = pl->opt->whole};
    int r = match_reference(pl->match, &in, it, e);
    if (r == 0 && it->n_nodes > 0)
        r = add_sidecars(pl, clip->object, it, e);
    if (r == 0 && it->n_nodes > 0)
        r = look_beside(pl, it, e);
    if (r < 0)
        return err_wrap(e, "at '%.200s'", ref->pointer);
    /* more is granted than the cut may use: never without a word. A clip without a source_range
     * uses all of its media. */
    if (!pl->opt->whole && !it->part && it->warnings == 0 && it->sequence && it->n_nodes > 1 &&
        json_is_object(json_object_get(clip->object, "source_range")))
        it->warnings |= ENVELOPE_UNKNOWN_RANGE;
    if (it->n_nodes > 0)
        roaring_bitmap_add_many(p->objects, it->n_nodes, it->nodes);
    return 0;
}

int conform_plan(struct index_read *rd, struct store *store, const char *otio, size_t n,
                 const struct conform_options *opt, struct conform_plan **ret, struct err *e)
{
    static const struct conform_options defaults = {.handles = CONFORM_HANDLES};
    AUTO(match) struct match *m = NULL;
    AUTO(conform_plan) struct conform_plan *p = xcalloc(1, sizeof *p);
    struct err mine;
    e = e ? e : &mine;
    opt = opt ? opt : &defaults;
    int r = otio_read(otio, n, &p->doc, e);
    if (r == 0)
        r = otio_deviations(p->doc, otio, n, opt->strict, &p->deviations, e);
    if (r == 0)
        r = match_new(rd, store, &opt->match, &m, e);
    if (r < 0)
        return r;
    struct otio_doc *doc = p->doc;
    p->objects = roaring_bitmap_create();
    p->items = xcalloc(doc->n_refs ? doc->n_refs : 1, sizeof *p->items);
    p->name = xstrdup(doc->name);
    p->clips = doc->n_clips;
    p->handles = opt->handles;
    const struct relink_to to = {.rd = rd, .store = store, .style = &opt->location};
    struct planning pl = {.doc = doc, .opt = opt, .rd = rd, .match = m, .plan = p};
    pl.sidecars = roaring_bitmap_create();
    r = envelope_of_timeline(doc->root, opt->handles, plan_item, &pl, e);
    roaring_bitmap_free(pl.sidecars);
    assert(r < 0 || p->n_items == doc->n_refs);
    for (size_t i = 0; r == 0 && i < doc->n_refs; i++)
        r = relink(doc, &doc->refs[i], &p->items[i], &to, e);
    if (r < 0)
        return r;
    *ret = TAKE(p);
    return 0;
}

static void item_done(struct conform_item *it)
{
    free(it->clip);
    free(it->shot);
    free(it->pointer);
    free(it->url);
    free(it->nodes);
    free(it->frames);
    free(it->candidates);
    free(it->note);
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
    free(p->sidecars);
    free(p->name);
    otio_deviations_done(&p->deviations);
    if (p->objects)
        roaring_bitmap_free(p->objects);
    otio_doc_free(p->doc);
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
    return otio_write(p->doc, ret, e);
}
