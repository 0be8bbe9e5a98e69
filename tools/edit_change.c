/* tools/edit_change.c - what two versions of an edit differ in: shots and objects. */
/* SPDX-License-Identifier: MIT */
#include "tools/edit_change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/cut_diff.h"
#include "conform/otio_read.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/index.h"

/* ---- objects -------------------------------------------------------------------------------- */

struct keys {
    char **v;
    size_t n, cap;
};

static void auto_keys(struct keys *k)
{
    for (size_t i = 0; i < k->n; i++)
        free(k->v[i]);
    free(k->v);
}

/* Takes the string. */
static void add_key(struct keys *k, char *key)
{
    if (k->n == k->cap)
        k->v = xrealloc(k->v, k->cap = k->cap ? 2 * k->cap : 1024, sizeof *k->v);
    k->v[k->n++] = key;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_keys(struct keys *k)
{
    if (k->n > 0)
        qsort(k->v, k->n, sizeof *k->v, by_bytes);
}

/* The members that a version's payload names; its other rows are none. */
static int read_payload(struct lake *lk, const json_t *record, struct keys *ret, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    const char *hash = json_string_value(json_object_get(record, "payload"));
    int r = lake_payload_get(lk, hash ? hash : "", &data, e);
    if (r < 0)
        return r;
    for (const char *s = buf_str(&data); *s;) {
        size_t n = strcspn(s, "\n");
        json_auto_t *row = json_loadb(s, n, 0, NULL);
        const char *key = json_string_value(json_array_get(row, 0));
        if (key && json_array_size(row) == 1)
            add_key(ret, xstrdup(key));
        s += n + (s[n] == '\n');
    }
    sort_keys(ret);
    return 0;
}

struct naming {
    struct index_read *rd;
    struct keys *ret;
};

static int add_node(void *arg, const struct node *n, struct err *e)
{
    struct naming *nm = arg;
    AUTO(buf) struct buf key = {0};
    int r = index_key(nm->rd, n->id, &key, e);
    if (r == 0)
        add_key(nm->ret, buf_take(&key));
    return r;
}

static int tell_object(struct index_read *rd, json_t *change, const char *list, const char *bytes,
                       const char *key, struct err *e)
{
    struct inventory_row row = {0};
    int r = index_inventory(rd, key, &row, e);
    json_array_append_new(json_object_get(change, list), json_string(key));
    json_t *sum = json_object_get(change, bytes);
    if (r == 0)
        json_integer_set(sum, json_integer_value(sum) + (json_int_t)row.size);
    return r == -ENOENT ? 0 : r;
}

/* Both are sorted. */
static int tell_objects(struct index_read *rd, const struct keys *a, const struct keys *b,
                        json_t *change, struct err *e)
{
    size_t i = 0, k = 0;
    int r = 0;
    json_object_set_new(change, "won", json_array());
    json_object_set_new(change, "won_bytes", json_integer(0));
    json_object_set_new(change, "lost", json_array());
    json_object_set_new(change, "lost_bytes", json_integer(0));
    while (r == 0 && (i < a->n || k < b->n)) {
        int c = i == a->n ? 1 : k == b->n ? -1 : strcmp(a->v[i], b->v[k]);
        if (c < 0)
            r = tell_object(rd, change, "lost", "lost_bytes", a->v[i], e);
        else if (c > 0)
            r = tell_object(rd, change, "won", "won_bytes", b->v[k], e);
        i += c <= 0;
        k += c >= 0;
    }
    return r;
}

/* ---- shots ---------------------------------------------------------------------------------- */

/* The cut of a version: the editor's whole file, relinked, where it was kept apart from what
 * vendors get. */
static int read_cut(struct lake *lk, const json_t *record, struct otio_doc **ret, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    const char *key = json_string_value(json_object_get(record, "studio"));
    if (!key)
        key = json_string_value(json_object_get(record, "manifest"));
    int r = store_get(lk->store, key, CONFORM_FILE_MAX, &text, NULL, e);
    if (r == -ENOENT)
        return err_set(e, -EBADMSG, "'%s' is no longer in the lake: its shots are not known", key);
    if (r == 0)
        r = otio_read(buf_str(&text), text.len, ret, e);
    return r < 0 ? err_wrap(e, "'%s'", key) : 0;
}

/* The shots of the versions before `version`. */
static int earlier_shots(struct lake *lk, struct index_read *rd, const char *edit, uint64_t version,
                         json_t *set, struct err *e)
{
    int r = 0;
    for (uint64_t v = 1; r == 0 && v < version; v++) {
        json_auto_t *record = NULL;
        AUTO(otio_doc) struct otio_doc *doc = NULL;
        if ((r = index_edit_version(rd, edit, v, &record, e)) < 0)
            return r;
        struct err gone; /* one that somebody removed must not keep the others from being told */
        if (read_cut(lk, record, &doc, &gone) == 0)
            r = cut_shots(doc->root, set, e);
    }
    return r;
}

static int handles_of(const json_t *record)
{
    const json_t *handles = json_object_get(record, "handles");
    return handles ? (int)json_integer_value(handles) : CONFORM_HANDLES;
}

static int compare_cuts(struct lake *lk, struct index_read *rd, const char *edit, uint64_t from,
                        const json_t *record, const json_t *after, json_t **ret, struct err *e)
{
    AUTO(otio_doc) struct otio_doc *before = NULL;
    json_auto_t *earlier = json_object();
    struct cut_diff_options opt = {.handles = handles_of(record), .earlier = earlier};
    int r = read_cut(lk, record, &before, e);
    if (r == 0)
        r = earlier_shots(lk, rd, edit, from, earlier, e);
    if (r == 0)
        r = cut_diff(before->root, after, &opt, ret, e);
    if (r == 0)
        json_object_set_new(*ret, "from", json_integer((json_int_t)from));
    return r;
}

/* ---- both ----------------------------------------------------------------------------------- */

static void name_it(json_t *change, const char *edit, uint64_t to)
{
    json_object_set_new(change, "edit", json_string(edit));
    json_object_set_new(change, "to", json_integer((json_int_t)to));
}

static int last_version(struct index_read *rd, const char *edit, uint64_t *ret, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(rd, edit, &ed, e);
    *ret = ed.version;
    return r;
}

static int change_versions(struct lake *lk, struct index_read *rd, const char *edit, uint64_t from,
                           uint64_t to, json_t **ret, struct err *e)
{
    json_auto_t *a = NULL, *b = NULL, *change = NULL;
    AUTO(otio_doc) struct otio_doc *after = NULL;
    AUTO(keys) struct keys old = {0}, new = {0};
    uint64_t last;
    int r = last_version(rd, edit, &last, e);
    if (r < 0)
        return r;
    if (to == 0 && last == 1)
        return err_set(e, -ENOENT, "edit %s has one version only", edit);
    to = to ? to : last;
    from = from ? from : last - 1;
    if ((r = index_edit_version(rd, edit, from, &a, e)) < 0 ||
        (r = index_edit_version(rd, edit, to, &b, e)) < 0 || (r = read_cut(lk, b, &after, e)) < 0 ||
        (r = compare_cuts(lk, rd, edit, from, a, after->root, &change, e)) < 0 ||
        (r = read_payload(lk, a, &old, e)) < 0 || (r = read_payload(lk, b, &new, e)) < 0 ||
        (r = tell_objects(rd, &old, &new, change, e)) < 0)
        return r;
    name_it(change, edit, to);
    *ret = json_incref(change);
    return 0;
}

int edit_change_versions(struct lake *lk, const char *edit, uint64_t from, uint64_t to,
                         json_t **ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    return r < 0 ? r : change_versions(lk, rd, edit, from, to, ret, e);
}

int edit_change_plan(struct lake *lk, const char *edit, const struct conform_plan *plan,
                     json_t **ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(keys) struct keys old = {0}, new = {0};
    json_auto_t *record = NULL, *change = NULL;
    struct naming nm = {.ret = &new};
    uint64_t last;
    int r = index_read_begin(lk->index, &rd, e);
    nm.rd = rd;
    if (r < 0 || (r = last_version(rd, edit, &last, e)) < 0 ||
        (r = index_edit_version(rd, edit, last, &record, e)) < 0 ||
        (r = compare_cuts(lk, rd, edit, last, record, plan->doc->root, &change, e)) < 0 ||
        (r = read_payload(lk, record, &old, e)) < 0 ||
        (r = index_nodes(rd, plan->objects, add_node, &nm, e)) < 0)
        return r;
    sort_keys(&new);
    if ((r = tell_objects(rd, &old, &new, change, e)) < 0)
        return r;
    name_it(change, edit, last + 1);
    *ret = json_incref(change);
    return 0;
}

static void objects_text(const json_t *change, const char *list, const char *bytes, char sign,
                         struct buf *ret)
{
    const json_t *keys = json_object_get(change, list);
    size_t i;
    json_t *key;
    buf_addf(ret, "%zu objects %s (%" JSON_INTEGER_FORMAT " bytes)\n", json_array_size(keys), list,
             json_integer_value(json_object_get(change, bytes)));
    json_array_foreach(keys, i, key)
        buf_addf(ret, "  %c %s\n", sign, json_string_value(key));
}

void edit_change_text(const json_t *change, struct buf *ret)
{
    buf_addf(ret, "edit %s, version %" JSON_INTEGER_FORMAT " to %" JSON_INTEGER_FORMAT "\n",
             json_string_value(json_object_get(change, "edit")),
             json_integer_value(json_object_get(change, "from")),
             json_integer_value(json_object_get(change, "to")));
    cut_diff_text(change, ret);
    objects_text(change, "won", "won_bytes", '+', ret);
    objects_text(change, "lost", "lost_bytes", '-', ret);
}
