/* fs/lake/tags.c - the ShotLockerAccess tags of the store: a mirror of the ledger. */
/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/err.h"
#include "fs/lake/lake_impl.h"

#define TAG_KEY "ShotLockerAccess"
#define TAG_IDS 23 /* 23 ids of 10 characters and their colons are 252: the 24th passes 256 */
#define JOBS_MAX 64

/* The truth is the ledger; a tag that lags grants nothing here. What the tags are for is the
 * store's own bucket policies. Two writers may tag one object at once: each looks at the ledger
 * again after its last write and repeats what changed meanwhile, so the last write of all holds
 * every edit. A writer that dies leaves the edit without its "tagged" record: see
 * lake_tag_pending(). */

struct item {
    node_id node;
    size_t edits; /* how many edits the tags were last made from; 0: not yet */
};

struct pool {
    struct lake *lk;
    struct item *items;
    size_t n;
    atomic_size_t next, done;
    atomic_bool failed;
    pthread_mutex_t lock; /* guards what follows */
    struct tags_report *report;
    lake_progress_fn *progress;
    void *arg;
    int r;
    struct err err;
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

struct ids {
    char (*id)[EDIT_ID_SIZE];
    size_t n;
};

static int add_id(void *arg, const char *label, struct err *e)
{
    struct ids *ids = arg;
    (void)e;
    if (strncmp(label, "edit:", 5) != 0)
        return 0;
    ids->id = xrealloc(ids->id, ids->n + 1, sizeof *ids->id);
    snprintf(ids->id[ids->n++], EDIT_ID_SIZE, "%s", label + 5);
    return 0;
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
    struct ids ids = {0};
    struct store_tags have = {0}, want;
    int r;
    if ((r = index_read_begin(p->lk->index, &rd, e)) < 0 ||
        (r = index_key(rd, it->node, &key, e)) < 0 ||
        (r = index_labels_of(rd, it->node, add_id, &ids, e)) < 0) {
        free(ids.id);
        return r;
    }
    index_read_end(TAKE(rd)); /* never held across a wait for the store */
    r = store_get_tags(p->lk->store, key.p, &have, e);
    if (r == 0) {
        *ret_room = wanted_tags(&have, &ids, &want);
        if (!same_tags(&have, &want))
            r = store_put_tags(p->lk->store, key.p, &want, e);
    }
    if (r == 0)
        it->edits = ids.n;
    free(ids.id);
    return r < 0 && r != -ENOENT ? err_wrap(e, "tag '%s'", key.p) : r;
}

static void *worker(void *arg)
{
    struct pool *p = arg;
    while (!p->failed) {
        size_t i = atomic_fetch_add(&p->next, 1);
        if (i >= p->n)
            break;
        struct err e;
        bool room = true;
        int r = tag_object(p, &p->items[i], &room, &e);
        size_t done = atomic_fetch_add(&p->done, 1) + 1;
        LOCKED(&p->lock);
        if (r == 0) {
            p->report->tagged++;
            p->report->overflow += !room;
        } else if (r == -ENOENT) {
            p->report->gone++;
        } else if (!p->failed) {
            p->failed = true;
            p->r = r;
            p->err = e;
        }
        if (p->progress)
            p->progress(p->arg, "tagging objects", done, p->n);
    }
    return NULL;
}

static int run_pool(struct pool *p, int jobs, struct err *e)
{
    pthread_t threads[JOBS_MAX];
    int n = 0;
    p->next = p->done = 0;
    if (jobs < 1 || jobs > JOBS_MAX)
        jobs = store_parallel(p->lk->store);
    while (n < jobs && (size_t)n < p->n &&
           pthread_create(&threads[n], NULL, worker, p) == 0)
        n++;
    if (n == 0)
        worker(p); /* no thread to be had: slowly, then */
    for (int i = 0; i < n; i++)
        pthread_join(threads[i], NULL);
    if (p->failed)
        *e = p->err;
    return p->failed ? p->r : 0;
}

static int collect(void *arg, const struct node *n, struct err *e)
{
    struct pool *p = arg;
    (void)e;
    if (!n->is_dir && n->target == NODE_NONE) /* names below edits/ are none of the store's */
        p->items[p->n++].node = n->id;
    return 0;
}

static int members(struct pool *p, const char *edit, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    char label[32];
    roaring_bitmap_t *set = NULL;
    int r = index_read_begin(p->lk->index, &rd, e);
    snprintf(label, sizeof label, "edit:%s", edit);
    if (r < 0 || (r = index_label(rd, label, &set, e)) < 0)
        return r;
    p->items = xcalloc(roaring_bitmap_get_cardinality(set), sizeof *p->items);
    r = index_nodes(rd, set, collect, p, e);
    roaring_bitmap_free(set);
    return r;
}

static int count_id(void *arg, const char *label, struct err *e)
{
    (void)e;
    *(size_t *)arg += strncmp(label, "edit:", 5) == 0;
    return 0;
}

/* Keeps only the items that gained an edit since their tags were made. */
static int keep_changed(struct pool *p, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    int r = index_read_begin(p->lk->index, &rd, e);
    size_t kept = 0;
    for (size_t i = 0; r == 0 && i < p->n; i++) {
        size_t edits = 0;
        r = index_labels_of(rd, p->items[i].node, count_id, &edits, e);
        if (p->items[i].edits != 0 && p->items[i].edits != edits)
            p->items[kept++] = p->items[i];
    }
    p->n = kept;
    return r;
}

int lake_tag_edit(struct lake *lk, const char *edit, int jobs, lake_progress_fn *progress,
                  void *arg, struct tags_report *ret, struct err *e)
{
    struct pool p = {.lk = lk, .report = ret, .progress = progress, .arg = arg,
                     .lock = PTHREAD_MUTEX_INITIALIZER};
    *ret = (struct tags_report){0};
    /* an index that lags may not know the edit's objects yet: nothing tagged is not "tagged" */
    int r = lake_sync(lk, e);
    if (r == 0)
        r = members(&p, edit, e);
    while (r == 0 && p.n > 0) {
        if ((r = run_pool(&p, jobs, e)) == 0 && (r = lake_sync(lk, e)) == 0)
            r = keep_changed(&p, e);
    }
    free(p.items);
    if (r < 0)
        return r;
    json_auto_t *body = json_pack("{ss ss sI sI sI}", "op", "tagged", "edit", edit, "objects",
                                  (json_int_t)ret->tagged, "gone", (json_int_t)ret->gone,
                                  "overflow", (json_int_t)ret->overflow);
    return lake_append(lk, body, NULL, NULL, NULL, e);
}

struct pending {
    char (*id)[EDIT_ID_SIZE];
    size_t n;
};

static int add_pending(void *arg, const struct edit *ed, struct err *e)
{
    struct pending *p = arg;
    (void)e;
    if (ed->tagged)
        return 0;
    p->id = xrealloc(p->id, p->n + 1, sizeof *p->id);
    snprintf(p->id[p->n++], EDIT_ID_SIZE, "%s", ed->id);
    return 0;
}

int lake_tag_pending(struct lake *lk, int jobs, lake_progress_fn *progress, void *arg,
                     uint64_t *ret_edits, struct err *e)
{
    struct pending p = {0};
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
