/* fs/lake/adopt.c - a bucket that Shot Locker has managed becomes a lake with its edits (row BX13). */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/adopt.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fs/lake/lake_impl.h"
#include "fs/lake/workers.h"
#include "policy/apply.h"
#include "policy/record.h"

#define TAG_KEY "ShotLockerAccess"

/* One id of one object's tags. */
struct mention {
    char id[EDIT_ID_SIZE];
    node_id node;
};

struct adopt {
    struct adopt_edit *edits; /* sorted by id */
    size_t n_edits;
    struct mention *mentions; /* sorted by id, then node */
    size_t n_mentions, cap_mentions;
};

struct reading {
    struct lake *lk;
    struct adopt *a;
    node_id *nodes;
    size_t n;
    atomic_size_t done;
    lake_progress_fn *progress;
    void *arg;
    pthread_mutex_t lock; /* guards a->mentions and progress */
};

static void mention(struct adopt *a, const char *id, node_id node)
{
    if (a->n_mentions == a->cap_mentions) {
        a->cap_mentions = a->cap_mentions ? 2 * a->cap_mentions : 1024;
        a->mentions = xrealloc(a->mentions, a->cap_mentions, sizeof *a->mentions);
    }
    struct mention *m = &a->mentions[a->n_mentions++];
    snprintf(m->id, sizeof m->id, "%s", id);
    m->node = node;
}

/* Whole ids between colons: "ab" is not in "abc", whatever a bucket policy's "*ab*" would say. What
 * is no id is somebody's note. */
static void read_value(struct adopt *a, const char *value, node_id node)
{
    while (*value) {
        size_t n = strcspn(value, ":");
        char id[EDIT_ID_SIZE];
        if (n == EDIT_ID_LEN) {
            memcpy(id, value, n);
            id[n] = '\0';
            if (edit_id_is_valid(id))
                mention(a, id, node);
        }
        value += n + (value[n] == ':');
    }
}

static int read_tags(void *arg, size_t i, struct err *e)
{
    struct reading *rd = arg;
    AUTO(index_read) struct index_read *ix = NULL;
    AUTO(buf) struct buf key = {0};
    struct store_tags tags = {0};
    int r = index_read_begin(rd->lk->index, &ix, e);
    if (r < 0 || (r = index_key(ix, rd->nodes[i], &key, e)) < 0)
        return r;
    index_read_end(TAKE(ix)); /* never held across a wait for the store */
    r = store_get_tags(rd->lk->store, key.p, &tags, e);
    if (r < 0 && r != -ENOENT) /* gone since the scan: in no edit */
        return err_wrap(e, "tags of '%s'", key.p);
    size_t done = atomic_fetch_add(&rd->done, 1) + 1;
    LOCKED(&rd->lock);
    for (size_t k = 0; r == 0 && k < tags.n; k++) {
        const char *number = tags.tag[k].key + strlen(TAG_KEY);
        if (strncmp(tags.tag[k].key, TAG_KEY, strlen(TAG_KEY)) == 0 &&
            number[strspn(number, "0123456789")] == '\0')
            read_value(rd->a, tags.tag[k].value, rd->nodes[i]);
    }
    if (rd->progress)
        rd->progress(rd->arg, "reading tags", done, rd->n);
    return 0;
}

static int add_node(void *arg, const struct node *n, struct err *e)
{
    struct reading *rd = arg;
    (void)e;
    if (!n->live)
        return 0;
    if ((rd->n & (rd->n - 1)) == 0) /* a power of two: full */
        rd->nodes = xrealloc(rd->nodes, rd->n ? 2 * rd->n : 1, sizeof *rd->nodes);
    rd->nodes[rd->n++] = n->id;
    return 0;
}

static struct adopt_edit *edit_of(struct adopt *a, const char *id)
{
    for (size_t i = a->n_edits; i-- > 0;) /* keys come in order: nearly always the last */
        if (strcmp(a->edits[i].id, id) == 0)
            return &a->edits[i];
    a->edits = xrealloc(a->edits, a->n_edits + 1, sizeof *a->edits);
    struct adopt_edit *ed = &a->edits[a->n_edits++];
    *ed = (struct adopt_edit){0};
    snprintf(ed->id, sizeof ed->id, "%s", id);
    return ed;
}

static bool ends_with(const char *s, const char *end)
{
    size_t n = strlen(s), m = strlen(end);
    return n >= m && strcmp(s + n - m, end) == 0;
}

/* "ShotLocker/Edits/{id}/{file}" and "…/{id}/processed/{stem}.otio". */
static int read_folder(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct adopt *a = arg;
    const char *rest = key + strlen(LAKE_EDITS_PREFIX), *name = strchr(rest, '/');
    char id[EDIT_ID_SIZE];
    (void)st;
    (void)e;
    if (!name || name - rest != EDIT_ID_LEN || key_problem(key))
        return 0;
    memcpy(id, rest, EDIT_ID_LEN);
    id[EDIT_ID_LEN] = '\0';
    if (!edit_id_is_valid(id))
        return 0;
    struct adopt_edit *ed = edit_of(a, id);
    name++;
    if (!strchr(name, '/') && !ed->file)
        ed->file = xstrdup(key);
    if (strncmp(name, "processed/", 10) == 0 && !strchr(name + 10, '/') &&
        ends_with(name, ".otio") && !ed->manifest)
        ed->manifest = xstrdup(key);
    return 0;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct adopt_edit *)a)->id, ((const struct adopt_edit *)b)->id);
}

static int by_mention(const void *a, const void *b)
{
    const struct mention *x = a, *y = b;
    int r = strcmp(x->id, y->id);
    return r != 0 ? r : (x->node > y->node) - (x->node < y->node);
}

/* The mentions of one edit, each node once. */
static size_t mentions_of(const struct adopt *a, const char *id, const struct mention **ret)
{
    size_t lo = 0, hi = a->n_mentions, n = 0;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(a->mentions[mid].id, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    *ret = a->mentions + lo;
    while (lo + n < a->n_mentions && strcmp(a->mentions[lo + n].id, id) == 0)
        n++;
    return n;
}

/* Calls fn for each object of the edit but its manifest, which its record names apart. */
typedef int object_fn(void *arg, const char *key, const struct node *n, struct err *e);
static int each_object(struct index_read *rd, const struct adopt *a, const struct adopt_edit *ed,
                       object_fn *fn, void *arg, struct err *e)
{
    const struct mention *m;
    size_t n = mentions_of(a, ed->id, &m);
    for (size_t i = 0; i < n; i++) {
        AUTO(buf) struct buf key = {0};
        struct node node;
        if (i > 0 && m[i].node == m[i - 1].node)
            continue;
        int r = index_node(rd, m[i].node, &node, e);
        if (r == 0)
            r = index_key(rd, m[i].node, &key, e);
        if (r == 0 && (!ed->manifest || strcmp(key.p, ed->manifest) != 0))
            r = fn(arg, key.p, &node, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int count_object(void *arg, const char *key, const struct node *n, struct err *e)
{
    struct adopt_edit *ed = arg;
    (void)key;
    (void)e;
    ed->objects++;
    ed->bytes += n->size;
    return 0;
}

static int sum_up(struct lake *lk, struct adopt *a, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r < 0)
        return r;
    qsort(a->mentions, a->n_mentions, sizeof *a->mentions, by_mention);
    for (size_t i = 0; i < a->n_mentions; i++)
        if (i == 0 || strcmp(a->mentions[i].id, a->mentions[i - 1].id) != 0)
            edit_of(a, a->mentions[i].id);
    qsort(a->edits, a->n_edits, sizeof *a->edits, by_id);
    for (size_t i = 0; r == 0 && i < a->n_edits; i++) {
        AUTO(edit) struct edit known = {0};
        struct err ignored;
        a->edits[i].known = index_edit(rd, a->edits[i].id, &known, &ignored) == 0;
        r = each_object(rd, a, &a->edits[i], count_object, &a->edits[i], e);
    }
    return r;
}

int adopt_read(struct lake *lk, int jobs, lake_progress_fn *progress, void *arg,
               struct adopt **ret, struct err *e)
{
    AUTO(adopt) struct adopt *a = xcalloc(1, sizeof *a);
    struct reading rd = {.lk = lk, .a = a, .progress = progress, .arg = arg,
                         .lock = PTHREAD_MUTEX_INITIALIZER};
    struct index_read *ix = NULL;
    int r = index_read_begin(lk->index, &ix, e);
    if (r == 0)
        r = index_inventory_each(ix, add_node, &rd, e);
    index_read_end(ix);
    if (r == 0)
        r = workers_run(lk->store, jobs, rd.n, read_tags, &rd, e);
    free(rd.nodes);
    if (r == 0)
        r = store_list(lk->store, LAKE_EDITS_PREFIX, "", read_folder, a, e);
    if (r == 0)
        r = sum_up(lk, a, e);
    if (r == 0)
        *ret = TAKE(a);
    return r;
}

void adopt_free(struct adopt *a)
{
    if (!a)
        return;
    for (size_t i = 0; i < a->n_edits; i++) {
        free(a->edits[i].file);
        free(a->edits[i].manifest);
    }
    free(a->edits);
    free(a->mentions);
    free(a);
}

const struct adopt_edit *adopt_edits(const struct adopt *a, size_t *ret_n)
{
    *ret_n = a->n_edits;
    return a->edits;
}

const char *adopt_problem(const struct adopt_edit *ed)
{
    if (ed->objects == 0)
        return "no object has its tag: it was never conformed, or is disabled";
    if (!ed->file && !ed->manifest)
        return "objects have its tag, but there is no such folder in ShotLocker/Edits";
    if (!ed->manifest) /* its holders never saw the upload, which names the whole cut */
        return "it has no manifest in processed/: conform its file anew";
    return NULL;
}

static int add_row(void *arg, const char *key, const struct node *n, struct err *e)
{
    json_auto_t *row = json_pack("[s]", key);
    char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    (void)n;
    if (!text)
        return err_set(e, -EBADMSG, "key '%s' is not UTF-8", key);
    buf_addf(arg, "%s\n", text);
    free(text);
    return 0;
}

static int is_new(void *arg, struct index_read *rd, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, arg, &ed, e);
    if (r == 0)
        return err_set(e, -EEXIST, "edit %s exists already", (char *)arg);
    return r == -ENOENT ? 0 : r;
}

int adopt_write(struct lake *lk, const struct adopt *a, const struct adopt_edit *ed, struct err *e)
{
    AUTO(buf) struct buf rows = {0};
    struct index_read *rd = NULL;
    struct store_stat st;
    char payload[SHA256_HEX_SIZE], id[EDIT_ID_SIZE];
    const char *file = ed->file ? ed->file : ed->manifest;
    int r = index_read_begin(lk->index, &rd, e);
    if (r == 0)
        r = each_object(rd, a, ed, add_row, &rows, e);
    index_read_end(rd);
    if (r == 0)
        r = store_head(lk->store, ed->manifest, &st, e);
    if (r == 0)
        r = lake_payload_put(lk, buf_str(&rows), rows.len, payload, e);
    if (r < 0)
        return err_wrap(e, "edit %s", ed->id);
    const char *slash = strrchr(file, '/'), *dot = strrchr(file, '.');
    json_auto_t *name = json_stringn(slash + 1, dot && dot > slash + 1 ? (size_t)(dot - slash - 1)
                                                                       : strlen(slash + 1));
    json_auto_t *body = json_pack(
        "{ss ss sO ss ss sI sI ss s[IIs]}", "op", "edit", "edit", ed->id, "name", name, "file", file,
        "manifest", ed->manifest, "objects", (json_int_t)ed->objects, "bytes", (json_int_t)ed->bytes,
        "payload", payload, "manifest_stat", (json_int_t)st.size, (json_int_t)st.mtime_ns, st.etag);
    if (!body)
        return err_set(e, -EINVAL, "edit %s: its names are not UTF-8", ed->id);
    memcpy(id, ed->id, sizeof id);
    return lake_append(lk, body, is_new, id, NULL, e);
}
