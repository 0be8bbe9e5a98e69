/* fs/lake/media_scan.c - looking at media: headers, metadata and logs become facts in the ledger. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "base/clock.h"
#include "base/err.h"
#include "fs/lake/dpx_header.h"
#include "fs/lake/exr_header.h"
#include "fs/lake/lake_impl.h"
#include "fs/lake/media_work.h"
#include "fs/lake/workers.h"

#define BATCH_ROWS 5000     /* rows a record, and how long they may wait for it: what an */
#define BATCH_MS 30000      /* interrupted scan loses */
#define FAILURES_IN_A_ROW 16 /* a store that is away is not asked a million times */

struct pool {
    struct lake *lk;
    const struct media_work *work;
    atomic_bool over; /* the store is away: nothing more is asked */
    pthread_mutex_t lock; /* guards what follows */
    struct buf rows;
    size_t n_rows, done;
    int64_t flushed_ms;
    int failures;   /* in a row */
    bool keep_logs; /* something that a log tells of could not be looked at again */
    struct media_report *report;
    lake_progress_fn *progress;
    void *arg;
};

/* What is needed of an object once the snapshot is closed. */
struct target {
    struct buf key;
    char etag[129];
    uint64_t size;
    json_t *facts; /* that it has already, or NULL */
};

static void target_done(struct target *t)
{
    buf_done(&t->key);
    json_decref(t->facts);
}

static int target_of(struct lake *lk, node_id id, struct target *ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(media) struct media m = {0};
    struct node nd;
    int r;
    if ((r = index_read_begin(lk->index, &rd, e)) < 0)
        return r;
    if ((r = index_node(rd, id, &nd, e)) < 0 || (r = index_key(rd, id, &ret->key, e)) < 0)
        return r == -ENOENT ? err_set(e, -EBADMSG, "the index has lost node %u", id) : r;
    snprintf(ret->etag, sizeof ret->etag, "%s", nd.etag);
    ret->size = nd.size;
    r = index_media(rd, id, &m, e);
    if (r == 0)
        ret->facts = json_incref(m.json);
    return r == -ENOENT ? 0 : r;
}

static int flush(struct pool *p, struct err *e)
{
    char hash[SHA256_HEX_SIZE];
    p->flushed_ms = clock_mono_ms();
    if (p->n_rows == 0)
        return 0;
    int r = lake_payload_put(p->lk, p->rows.p, p->rows.len, hash, e);
    if (r < 0)
        return r;
    json_auto_t *body = json_pack("{ss ss sI}", "op", "media", "payload", hash, "rows",
                                  (json_int_t)p->n_rows);
    buf_clear(&p->rows);
    p->n_rows = 0;
    return lake_append(p->lk, body, NULL, NULL, NULL, e);
}

/* Takes `facts`. */
static int add_row(struct pool *p, const struct target *t, json_t *facts, struct err *e)
{
    json_auto_t *row = json_pack("[s s o]", t->key.p, t->etag, facts);
    char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    if (!text)
        return err_set(e, -ENOMEM, "facts");
    buf_adds(&p->rows, text);
    buf_addc(&p->rows, '\n');
    free(text);
    if (++p->n_rows < BATCH_ROWS && clock_mono_ms() - p->flushed_ms < BATCH_MS)
        return 0;
    return flush(p, e);
}

static size_t bytes_wanted(enum media_kind kind)
{
    switch (kind) {
    case MEDIA_KIND_EXR: return EXR_HEADER_BYTES;
    case MEDIA_KIND_DPX: return DPX_HEADER_BYTES;
    default: return 1; /* no store gives metadata without a request, and this one pins the ETag */
    }
}

/* What metadata and header say; metadata first, since somebody wrote them on purpose. */
static int ask_store(struct pool *p, const struct target *t, enum media_kind kind,
                     struct facts *ret, struct buf *from, struct err *e)
{
    size_t n = bytes_wanted(kind);
    struct facts meta_facts = {0}, header = {0};
    AUTO(free) char *data = xcalloc(1, n);
    AUTO(free) struct store_meta *meta = xcalloc(1, sizeof *meta);
    if (t->size < n)
        n = t->size;
    if (n == 0)
        return 0;
    int r = store_read_start_of(p->lk->store, t->key.p, t->etag, n, data, meta, e);
    if (r < 0)
        return r;
    facts_of_meta(meta, &meta_facts);
    facts_merge(ret, &meta_facts, "metadata", from);
    if (kind == MEDIA_KIND_EXR && exr_header_read(data, n, &header))
        facts_merge(ret, &header, "exr", from);
    if (kind == MEDIA_KIND_DPX && dpx_header_read(data, n, &header))
        facts_merge(ret, &header, "dpx", from);
    return 0;
}

static void add_logs(const struct media_work *w, node_id node, struct facts *f, struct buf *from)
{
    size_t n;
    const struct media_told *told = media_ale_told(w, node, &n);
    for (size_t i = 0; i < n && from->len < 2048;) {
        AUTO(free) char *source = xasprintf("ale:%s", told[i].log);
        AUTO(buf) struct buf rows = {0};
        struct facts log = {0};
        for (const char *key = told[i].log; i < n && told[i].log == key; i++)
            facts_merge(&log, &told[i].facts, "row", &rows);
        facts_merge(f, &log, source, from);
    }
}

/* `*ret` is NULL where the object has these facts already. */
static int look(struct pool *p, const struct target *t, const struct media_item *it, json_t **ret,
                bool *ret_known, struct err *e)
{
    AUTO(buf) struct buf from = {0};
    struct facts f = {0};
    struct media m;
    char timecode[TIMECODE_TEXT_SIZE];
    int r = ask_store(p, t, it->kind, &f, &from, e);
    if (r < 0)
        return r;
    add_logs(p->work, it->node, &f, &from);
    facts_media(&f, &from, &m, timecode);
    *ret_known = media_is_known(&m);
    *ret = media_json(&m, e);
    if (!*ret)
        return e->code;
    if (t->facts && json_equal(*ret, t->facts)) {
        json_decref(*ret);
        *ret = NULL;
    }
    return 0;
}

/* An object that changed or went is one for the next scan; any other failure is counted. */
static void note_failure(struct pool *p, const char *key, int r, struct err *e)
{
    if (r == -ENOENT || r == -ESTALE)
        return;
    err_wrap(e, "'%s'", key);
    if (p->report->failed++ == 0)
        memcpy(p->report->why, e->text, sizeof p->report->why);
    if ((r == -EIO || r == -ETIMEDOUT || r == -ENOTDIR) && ++p->failures == FAILURES_IN_A_ROW) {
        p->report->stopped = true;
        p->over = true;
    }
}

/* A workers_fn. Only what is not a matter of one object is a failure: the index, the ledger. */
static int look_at(void *arg, size_t i, struct err *e)
{
    struct pool *p = arg;
    const struct media_item *it = &p->work->look.v[i];
    struct target t = {0};
    struct err why;
    json_t *facts = NULL;
    bool known = false;
    if (p->over)
        return 0;
    int r = target_of(p->lk, it->node, &t, e);
    if (r < 0) {
        target_done(&t);
        return r;
    }
    int looked = look(p, &t, it, &facts, &known, &why);
    LOCKED(&p->lock);
    if (looked < 0) {
        note_failure(p, t.key.p, looked, &why);
        p->keep_logs |= t.facts != NULL;
    } else {
        p->failures = 0;
        p->report->looked++;
        p->report->known += known;
        if (facts)
            r = add_row(p, &t, facts, e);
    }
    target_done(&t);
    p->done++;
    if (p->progress)
        p->progress(p->arg, "looking at media", p->done, p->work->look.n);
    return r;
}

/* The logs have been read, and what they tell is recorded: from now on only with new media. */
static int note_logs(struct pool *p, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->work->fresh.n; i++) {
        struct target t = {0};
        r = target_of(p->lk, p->work->fresh.v[i].node, &t, e);
        if (r == 0)
            r = add_row(p, &t, json_pack("{ss}", "from", "none"), e);
        target_done(&t);
    }
    return r;
}

int lake_scan_media(struct lake *lk, const char *prefix, enum lake_media what, int jobs,
                    lake_progress_fn *progress, void *arg, struct media_report *ret, struct err *e)
{
    AUTO(media_work) struct media_work work = {0};
    struct index_read *rd = NULL;
    *ret = (struct media_report){0};
    int r = lake_sync(lk, e);
    if (r < 0 || (r = index_read_begin(lk->index, &rd, e)) < 0)
        return r;
    r = media_work_find(rd, prefix, what, &work, e);
    index_read_end(rd);
    if (r < 0)
        return r;
    media_ale_read(lk, &work, progress, arg, ret);
    struct pool p = {.lk = lk, .work = &work, .lock = PTHREAD_MUTEX_INITIALIZER, .report = ret,
                     .progress = progress, .arg = arg, .flushed_ms = clock_mono_ms()};
    r = workers_run(lk->store, jobs, work.look.n, look_at, &p, e);
    if (r == 0 && !ret->stopped && !p.keep_logs)
        r = note_logs(&p, e);
    if (r == 0)
        r = flush(&p, e);
    buf_done(&p.rows);
    return r;
}
