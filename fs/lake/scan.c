/* fs/lake/scan.c - the inventory: what the store lists, against what the ledger knows. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>

#include "base/codec.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/lake/lake_impl.h"
#include "policy/apply.h"

#define BATCH_ROWS 100000 /* rows a record: bounds the transaction that applies it */

struct scan {
    struct lake *lk;
    struct index_read *rd; /* from before the listing: what came since is not "gone" */
    const char *prefix;
    roaring_bitmap_t *seen;
    char **seen_hidden; /* keys that cannot be a path, in listing order: bytewise */
    size_t n_hidden, cap_hidden;
    struct buf rows;
    size_t n_rows;
    lake_progress_fn *progress;
    void *arg;
    struct scan_report *report;
};

static int flush(struct scan *s, struct err *e)
{
    char hash[SHA256_HEX_SIZE];
    if (s->n_rows == 0)
        return 0;
    int r = lake_payload_put(s->lk, s->rows.p, s->rows.len, hash, e);
    if (r < 0)
        return r;
    json_auto_t *body = json_pack("{ss ss ss sI}", "op", "inventory", "prefix", s->prefix,
                                  "payload", hash, "rows", (json_int_t)s->n_rows);
    if (!body)
        return err_set(e, -EINVAL, "the prefix is not UTF-8");
    buf_clear(&s->rows);
    s->n_rows = 0;
    return lake_append(s->lk, body, NULL, NULL, NULL, e);
}

/* Takes the reference of `row`. */
static int add_row(struct scan *s, json_t *row, struct err *e)
{
    if (!row)
        return err_set(e, -EBADMSG, "a key or ETag is not UTF-8");
    char *text = json_dumps(row, JSON_COMPACT);
    json_decref(row);
    if (!text)
        return err_set(e, -ENOMEM, "inventory");
    buf_adds(&s->rows, text);
    buf_addc(&s->rows, '\n');
    free(text);
    return ++s->n_rows == BATCH_ROWS ? flush(s, e) : 0;
}

static bool is_ours(const char *key)
{
    return strncmp(key, LAKE_PRIVATE_PREFIX, strlen(LAKE_PRIVATE_PREFIX)) == 0;
}

static int on_key(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct scan *s = arg;
    struct inventory_row row;
    if (is_ours(key))
        return 0;
    s->report->objects++;
    if (s->progress && s->report->objects % 1000 == 0)
        s->progress(s->arg, "listing objects", s->report->objects, 0);
    s->report->bytes += st->size;
    if (key_problem(key)) {
        if (s->n_hidden == s->cap_hidden)
            s->seen_hidden = xrealloc(s->seen_hidden,
                                      s->cap_hidden = s->cap_hidden ? 2 * s->cap_hidden : 64,
                                      sizeof *s->seen_hidden);
        s->seen_hidden[s->n_hidden++] = xstrdup(key);
        if (!utf8_is_valid(key, strlen(key))) { /* no JSON string can hold it */
            log_warn("scan", "hidden: a key that is not UTF-8: '%s'", key);
            return 0;
        }
    }
    int r = index_inventory(s->rd, key, &row, e);
    if (r < 0 && r != -ENOENT)
        return r;
    if (r == 0 && row.node != NODE_NONE)
        roaring_bitmap_add(s->seen, row.node);
    /* The modification time does not count: setting a tag changes it in some stores (Ceph), and a
     * vendor must not see from it that an object went into somebody else's edit. */
    if (r == 0 && (row.node == NODE_NONE ||
                   (row.size == st->size && strcmp(row.etag, st->etag) == 0)))
        return 0;
    *(r == 0 ? &s->report->changed : &s->report->added) += 1;
    return add_row(s, json_pack("[s s I I s]", "+", key, (json_int_t)st->size,
                                (json_int_t)st->mtime_ns, st->etag), e);
}

static int gone_row(struct scan *s, const char *key, struct err *e)
{
    s->report->removed++;
    return add_row(s, json_pack("[s s]", "-", key), e);
}

static int on_known(void *arg, const struct node *n, struct err *e)
{
    struct scan *s = arg;
    if (roaring_bitmap_contains(s->seen, n->id))
        return 0;
    AUTO(buf) struct buf key = {0};
    int r = index_key(s->rd, n->id, &key, e);
    if (r < 0 || strncmp(key.p, s->prefix, strlen(s->prefix)) != 0)
        return r;
    return gone_row(s, key.p, e);
}

static int cmp_key(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int on_hidden(void *arg, const char *key, const char *reason, struct err *e)
{
    struct scan *s = arg;
    (void)reason;
    if (!key_problem(key) || strncmp(key, s->prefix, strlen(s->prefix)) != 0)
        return 0; /* a shadowed object is a node: on_known() has looked at it */
    if (s->n_hidden > 0 &&
        bsearch(&key, s->seen_hidden, s->n_hidden, sizeof *s->seen_hidden, cmp_key))
        return 0;
    return gone_row(s, key, e);
}

static int run(struct scan *s, struct err *e)
{
    int r = store_list(s->lk->store, s->prefix, "", on_key, s, e);
    if (r < 0)
        return err_wrap(e, "list '%s'", s->lk->store->url);
    if ((r = index_inventory_each(s->rd, on_known, s, e)) < 0 ||
        (r = index_hidden(s->rd, on_hidden, s, e)) < 0)
        return r;
    s->report->hidden = s->n_hidden;
    if (s->progress)
        s->progress(s->arg, "listing objects", s->report->objects, s->report->objects);
    return flush(s, e);
}

int lake_scan(struct lake *lk, const char *prefix, lake_progress_fn *progress, void *arg,
              struct scan_report *ret, struct err *e)
{
    *ret = (struct scan_report){0};
    int r = lake_sync(lk, e);
    if (r < 0)
        return r;
    struct scan s = {.lk = lk, .prefix = prefix, .progress = progress, .arg = arg, .report = ret};
    if ((r = index_read_begin(lk->index, &s.rd, e)) < 0)
        return r;
    s.seen = roaring_bitmap_create();
    r = run(&s, e);
    index_read_end(s.rd);
    roaring_bitmap_free(s.seen);
    for (size_t i = 0; i < s.n_hidden; i++)
        free(s.seen_hidden[i]);
    free(s.seen_hidden);
    buf_done(&s.rows);
    return r;
}
