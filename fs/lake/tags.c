/* fs/lake/tags.c - the ShotLockerAccess tags of the store: a mirror of the ledger. */
/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/lake_impl.h"
#include "fs/lake/workers.h"

#define TAG_KEY "ShotLockerAccess"
#define TAG_IDS 23 /* 23 ids of 10 characters and their colons are 252: the 24th passes 256 */

/* The truth is the ledger; a tag that lags grants nothing here. What the tags are for is the
 * store's own bucket policies. Two writers may tag one object at once: each looks at the ledger
 * again after its last write and repeats what changed meanwhile, so the last write of all holds
 * every edit, and none that lost the object. A writer that dies leaves the edit without its
 * "tagged" record: see lake_tag_pending(). */

struct ids {
    char (*id)[EDIT_ID_SIZE];
    size_t n;
};

struct item {
    node_id node;
    bool made;       /* the tags were made, */
    struct ids from; /* from these edits */
};

struct pool {
    struct lake *lk;
    struct item *items;
    size_t n;
    atomic_size_t done;
    pthread_mutex_t lock; /* guards what follows */
    struct tags_report *report;
    lake_progress_fn *progress;
    void *arg;
};

static bool is_ours(const char *key)
{
    size_t n = strlen(TAG_KEY);
    if (strncmp(key, TAG_KEY, n) != 0)
        return false;
    for (key += n; *key; key++)
        if (!isdigit((unsigned char)*key))
            return false;
    return true;
}

static void auto_ids(struct ids *ids)
{
    free(ids->id);
}

struct collect {
    struct index_read *rd;
    int64_t now;
    struct ids *ids;
};

static int add_id(void *arg, const char *label, struct err *e)
{
    struct collect *c = arg;
    struct ids *ids = c->ids;
    char id[EDIT_ID_SIZE];
    int r = index_label_edit(c->rd, label, c->now, id, e);
    for (size_t i = 0; i < ids->n; i++) /* in the cut and retired as well */
        if (strcmp(ids->id[i], id) == 0)
            return r < 0 ? r : 0;
    if (r <= 0)
        return r;
    ids->id = xrealloc(ids->id, ids->n + 1, sizeof *ids->id);
    snprintf(ids->id[ids->n++], EDIT_ID_SIZE, "%s", id);
    return 0;
}

/* The edits that an object's tags must name now. */
static int ids_of(struct index_read *rd, node_id node, struct ids *ret, struct err *e)
{
    struct collect c = {rd, clock_wall(), ret};
    return index_labels_of(rd, node, add_id, &c, e);
}

static bool same_ids(const struct ids *a, const struct ids *b)
{
    return a->n == b->n && (a->n == 0 || memcmp(a->id, b->id, a->n * sizeof *a->id) == 0);
}

/* The tags that the object must have: other people's as they are, then ours. True where all ids
 * found room. */
static bool wanted_tags(const struct store_tags *have, const struct ids *ids,
                        struct store_tags *ret)
{
    ret->n = 0;
    for (size_t i = 0; i < have->n; i++)
        if (!is_ours(have->tag[i].key))
            ret->tag[ret->n++] = have->tag[i];
    size_t at = 0;
    for (int number = 1; at < ids->n && ret->n < STORE_TAGS_MAX; number++) {
        struct store_tag *t = &ret->tag[ret->n++];
        snprintf(t->key, sizeof t->key, number == 1 ? TAG_KEY : TAG_KEY "%d", number);
        t->value[0] = '\0';
        for (int i = 0; i < TAG_IDS && at < ids->n; i++, at++) {
            if (i > 0)
                strcat(t->value, ":");
            strcat(t->value, ids->id[at]);
        }
    }
    return at == ids->n;
}

static bool same_tags(const struct store_tags *a, const struct store_tags *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++) {
        size_t k = 0;
        while (k < b->n && strcmp(a->tag[i].key, b->tag[k].key) != 0)
            k++;
        if (k == b->n || strcmp(a->tag[i].value, b->tag[k].value) != 0)
            return false;
    }
    return true;
}

static int tag_object(struct pool *p, struct item *it, bool *ret_room, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(buf) struct buf key = {0};
    AUTO(ids) struct ids ids = {0};
    struct store_tags have = {0}, want;
    int r;
    if ((r = index_read_begin(p->lk->index, &rd, e)) < 0 ||
        (r = index_key(rd, it->node, &key, e)) < 0 || (r = ids_of(rd, it->node, &ids, e)) < 0)
        return r;
    index_read_end(TAKE(rd)); /* never held across a wait for the store */
    r = store_get_tags(p->lk->store, key.p, &have, e);
    if (r == 0) {
        *ret_room = wanted_tags(&have, &ids, &want);
        if (!same_tags(&have, &want))
            r = store_put_tags(p->lk->store, key.p, &want, e);
    }
    if (r == 0) {
        free(it->from.id);
        it->from = ids;
        it->made = true;
        ids = (struct ids){0};
    }
    return r < 0 && r != -ENOENT ? err_wrap(e, "tag '%s'", key.p) : r;
}

static int tag_one(void *arg, size_t i, struct err *e)
{
    struct pool *p = arg;
    bool room = true;
    int r = tag_object(p, &p->items[i], &room, e);
    size_t done = atomic_fetch_add(&p->done, 1) + 1;
    LOCKED(&p->lock);
    if (r == 0) {
        p->report->tagged++;
        p->report->overflow += !room;
    } else if (r == -ENOENT) {
        p->report->gone++;
        r = 0;
    }
    if (p->progress)
        p->progress(p->arg, "tagging objects", done, p->n);
    return r;
}

static int run_pool(struct pool *p, int jobs, struct err *e)
{
    p->done = 0;
    return workers_run(p->lk->store, jobs, p->n, tag_one, p, e);
}

static int add_item(void *arg, const struct node *n, struct err *e)
{
    struct pool *p = arg;
    (void)e;
    if (!n->is_dir && n->target == NODE_NONE) /* names below edits/ are none of the store's */
        p->items[p->n++].node = n->id;
    return 0;
}

struct members {
    struct index_read *rd;
    roaring_bitmap_t *all;
};

static int add_members(void *arg, const struct edit_label *label, struct err *e)
{
    struct members *m = arg;
    roaring_bitmap_t *set;
    if (label->settled)
        return 0;
    int r = index_label(m->rd, label->name, &set, e);
    if (r < 0)
        return r;
    roaring_bitmap_or_inplace(m->all, set);
    roaring_bitmap_free(set);
    return 0;
}

/* Every object whose tags the edit has a say in: what it shows, and what it showed. */
static int members(struct pool *p, const struct edit *ed, struct index_read *rd, struct err *e)
{
    struct members m = {rd, roaring_bitmap_create()};
    struct edit_label untag = {0};
    snprintf(untag.name, sizeof untag.name, "untag:%s", ed->id);
    int r = edit_labels(ed, add_members, &m, e);
    if (r == 0)
        r = add_members(&m, &untag, e);
    if (r == 0) {
        p->items = xcalloc(roaring_bitmap_get_cardinality(m.all) + 1, sizeof *p->items);
        r = index_nodes(rd, m.all, add_item, p, e);
    }
    roaring_bitmap_free(m.all);
    return r;
}

/* Keeps only the items that gained or lost an edit since their tags were made. */
static int keep_changed(struct pool *p, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    int r = index_read_begin(p->lk->index, &rd, e);
    size_t kept = 0;
    for (size_t i = 0; i < p->n; i++) {
        struct item *it = &p->items[i];
        AUTO(ids) struct ids ids = {0};
        if (r == 0)
            r = ids_of(rd, it->node, &ids, e);
        if (r == 0 && it->made && !same_ids(&it->from, &ids))
            p->items[kept++] = *it;
        else
            free(it->from.id);
    }
    p->n = kept;
    return r;
}

/* What the edit was when its objects were gathered. */
struct seen {
    const char *edit;
    uint64_t changed;
};

static int is_unchanged(void *arg, struct index_read *rd, struct err *e)
{
    const struct seen *s = arg;
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, s->edit, &ed, e);
    if (r == 0 && ed.changed != s->changed)
        return err_set(e, -EAGAIN, "edit %s changed meanwhile", s->edit);
    return r;
}

static int say_tagged(struct lake *lk, struct seen *s, int64_t at, const struct tags_report *rep,
                      struct err *e)
{
    char when[WHEN_TEXT_SIZE];
    json_auto_t *body = json_pack("{ss ss ss sI sI sI}", "op", "tagged", "edit", s->edit, "at",
                                  when_format(at, when), "objects", (json_int_t)rep->tagged, "gone",
                                  (json_int_t)rep->gone, "overflow", (json_int_t)rep->overflow);
    return lake_append(lk, body, is_unchanged, s, NULL, e);
}

/* -EAGAIN: the edit changed while its objects were tagged. */
static int tag_once(struct pool *p, const char *edit, int jobs, struct err *e)
{
    struct seen seen = {.edit = edit};
    /* an index that lags may not know the edit's objects yet: nothing tagged is not "tagged" */
    int r = lake_sync(p->lk, e);
    int64_t at = clock_wall();
    if (r < 0)
        return r;
    {
        AUTO(index_read) struct index_read *rd = NULL;
        AUTO(edit) struct edit ed = {0};
        if ((r = index_read_begin(p->lk->index, &rd, e)) < 0 ||
            (r = index_edit(rd, edit, &ed, e)) < 0 || (r = members(p, &ed, rd, e)) < 0)
            return r;
        seen.changed = ed.changed;
    }
    while (r == 0 && p->n > 0)
        if ((r = run_pool(p, jobs, e)) == 0 && (r = lake_sync(p->lk, e)) == 0)
            r = keep_changed(p, e);
    return r < 0 ? r : say_tagged(p->lk, &seen, at, p->report, e);
}

int lake_tag_edit(struct lake *lk, const char *edit, int jobs, lake_progress_fn *progress,
                  void *arg, struct tags_report *ret, struct err *e)
{
    int r;
    do {
        struct pool p = {.lk = lk, .report = ret, .progress = progress, .arg = arg,
                         .lock = PTHREAD_MUTEX_INITIALIZER};
        *ret = (struct tags_report){0};
        r = tag_once(&p, edit, jobs, e);
        for (size_t i = 0; i < p.n; i++)
            free(p.items[i].from.id);
        free(p.items);
    } while (r == -EAGAIN);
    return r;
}

struct pending {
    int64_t now;
    char (*id)[EDIT_ID_SIZE];
    size_t n;
};

static int add_pending(void *arg, const struct edit *ed, struct err *e)
{
    struct pending *p = arg;
    (void)e;
    if (edit_is_tagged(ed, p->now))
        return 0;
    p->id = xrealloc(p->id, p->n + 1, sizeof *p->id);
    snprintf(p->id[p->n++], EDIT_ID_SIZE, "%s", ed->id);
    return 0;
}

int lake_tag_pending(struct lake *lk, int jobs, lake_progress_fn *progress, void *arg,
                     uint64_t *ret_edits, struct err *e)
{
    struct pending p = {.now = clock_wall()};
    struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r == 0)
        r = index_edits(rd, add_pending, &p, e);
    index_read_end(rd);
    for (size_t i = 0; r == 0 && i < p.n; i++) {
        struct tags_report report;
        r = lake_tag_edit(lk, p.id[i], jobs, progress, arg, &report, e);
    }
    *ret_edits = p.n;
    free(p.id);
    return r;
}
