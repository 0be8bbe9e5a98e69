/* fs/lake/append.c - writing the ledger: one winner a number, nobody's change lost. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/lake/lake_impl.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/record.h"

#define APPEND_PATIENCE_MS 60000 /* how long a writer fights for a number before it gives up */
#define APPEND_PAUSE_MAX_MS 400

static void pause_randomly(int attempt)
{
    uint32_t random, most = attempt < 6 ? 10u << attempt : APPEND_PAUSE_MAX_MS;
    hash_random(&random, sizeof random);
    uint32_t ms = random % (most < APPEND_PAUSE_MAX_MS ? most : APPEND_PAUSE_MAX_MS);
    struct timespec t = {ms / 1000, (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

struct try {
    struct lake_private *lp;
    const char *actor;
    const json_t *body;
    lake_check_fn *check;
    void *arg;
    char id[33];
    uint64_t seq;
    struct buf bytes;
    bool unclear; /* a put failed in a way that may have written it */
};

/* Is the record that stands at our number ours after all (its answer was lost)? 1, 0 or an error.
 */
static int is_ours(struct try *t, struct err *e)
{
    char key[RECORD_KEY_SIZE];
    AUTO(buf) struct buf data = {0};
    AUTO(record) struct record rec = {0};
    record_key(t->seq, key);
    int r = store_get(t->lp->pub.store, key, RECORD_MAX_BYTES, &data, NULL, e);
    if (r == -ENOENT)
        return 0;
    if (r < 0 || (r = record_parse(buf_str(&data), data.len, &rec, e)) < 0)
        return r;
    if (strcmp(rec.id, t->id) != 0)
        return 0;
    buf_clear(&t->bytes);
    buf_add(&t->bytes, data.p, data.len);
    return 1;
}

/* Brings the index to the head, asks the caller, and writes down the record that would follow.
 * 1: there is nothing to do any more, an unclear put has written it. */
static int prepare(struct try *t, struct err *e)
{
    struct lake *lk = &t->lp->pub;
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head head;
    int r = lake_sync_locked(t->lp, e);
    if (r < 0 || (r = index_read_begin(lk->index, &rd, e)) < 0 ||
        (r = index_head(rd, &head, e)) < 0)
        return r;
    /* A put may arrive long after its answer was given up: before another number is taken, ours
     * must be known to be somebody else's. A second copy, after the revoke of the first, would
     * undo that. */
    if (t->unclear && head.seq >= t->seq) {
        if ((r = is_ours(t, e)) != 0)
            return r;
        t->unclear = false;
    }
    if (t->check && (r = t->check(t->arg, rd, e)) < 0)
        return r;
    t->seq = head.seq + 1;
    buf_clear(&t->bytes);
    return record_format(t->body, t->seq, head.hash, t->id, clock_wall(), t->actor, &t->bytes, e);
}

/* 1: written. 0: lost the number, or unclear: try again. */
static int attempt(struct try *t, struct err *e)
{
    char key[RECORD_KEY_SIZE];
    int r = prepare(t, e);
    if (r != 0)
        return r;
    record_key(t->seq, key);
    r = store_put(t->lp->pub.store, key, t->bytes.p, t->bytes.len, STORE_PUT_IF_ABSENT, NULL, e);
    if (r == 0)
        return 1;
    if (r == -EEXIST) /* whose it is, prepare() finds out, should it matter */
        return 0;
    if (r != -EIO && r != -ETIMEDOUT && r != -EBADMSG)
        return r;
    t->unclear = true;
    return is_ours(t, e);
}

/* Create-if-absent is what the ledger stands on, and there are stores that ignore it, some only
 * since versioning was switched on for the bucket (Ceph): two writers would then both win. Found
 * out by every process before its first change. */
static int probe(struct lake_private *lp, struct err *e)
{
    static const char text[] = "an object to try create-if-absent on\n";
    struct lake *lk = &lp->pub;
    if (lp->probed)
        return 0;
    for (int i = 0; i < 2; i++) {
        int r = store_put(lk->store, LAKE_PRIVATE_PREFIX "probe", text, sizeof text - 1,
                          STORE_PUT_IF_ABSENT, NULL, e);
        if (r == -EEXIST) {
            lp->probed = true;
            return 0;
        }
        if (r < 0)
            return err_wrap(e, "try create-if-absent");
    }
    return err_set(e, -EOPNOTSUPP,
                   "the store at '%s' ignores create-if-absent (If-None-Match: *; is versioning on "
                   "for the bucket?): a ledger cannot be kept there",
                   lk->store->url);
}

#define NOT_KNOWN                                                                                  \
    "it is not known whether the change was written (look at 'shotlake ledger' before you repeat it)"

static int loop(struct try *t, struct err *e)
{
    int64_t until = clock_mono_ms() + APPEND_PATIENCE_MS;
    int r = probe(t->lp, e);
    if (r < 0)
        return r;
    for (int i = 0;; i++) {
        r = attempt(t, e);
        if (r == 1)
            return 0;
        if (r < 0)
            return t->unclear ? err_wrap(e, NOT_KNOWN) : r;
        if (clock_mono_ms() > until)
            return err_set(e, -ETIMEDOUT, "no number of the ledger could be had for %d s: %s",
                           APPEND_PATIENCE_MS / 1000, t->unclear ? NOT_KNOWN : "nothing changed");
        pause_randomly(i);
    }
}

int lake_append_as(struct lake *lk, const char *actor, json_t *body, lake_check_fn *check,
                   void *arg, uint64_t *ret_seq, struct err *e)
{
    struct lake_private *lp = (struct lake_private *)lk;
    struct try t = {.lp = lp, .actor = actor, .body = body, .check = check, .arg = arg};
    uint8_t id[16];
    hash_random(id, sizeof id);
    hex_encode(id, sizeof id, t.id);
    LOCKED(&lp->lock);
    int r = loop(&t, e);
    if (r == 0) {
        struct err late;
        /* The change is durable now. An index that cannot take it follows at the next sync. */
        if (apply_record(lk->index, t.bytes.p, t.bytes.len, lake_payload_fetch, lp, &late) < 0)
            log_warn("lake", "record %" PRIu64 " is written, but not in this host's index yet: %s",
                     t.seq, late.text);
        if (ret_seq)
            *ret_seq = t.seq;
    }
    buf_done(&t.bytes);
    return r;
}

int lake_append(struct lake *lk, json_t *body, lake_check_fn *check, void *arg, uint64_t *ret_seq,
                struct err *e)
{
    return lake_append_as(lk, lk->actor, body, check, arg, ret_seq, e);
}

static int write_first(struct lake *lk, struct err *e)
{
    struct lake_private *lp = (struct lake_private *)lk;
    static const uint8_t none[SHA256_SIZE];
    uint8_t raw[16];
    char lake[33], node_key[33], id[33], key[RECORD_KEY_SIZE];
    hash_random(raw, sizeof raw);
    hex_encode(raw, sizeof raw, lake);
    hash_random(raw, sizeof raw);
    hex_encode(raw, sizeof raw, node_key);
    hash_random(raw, sizeof raw);
    hex_encode(raw, sizeof raw, id);
    json_auto_t *body = json_pack("{ss ss ss}", "op", "init", "lake", lake, "node_key", node_key);
    AUTO(buf) struct buf bytes = {0};
    int r = probe(lp, e);
    if (r == 0)
        r = record_format(body, 1, none, id, clock_wall(), lk->actor, &bytes, e);
    record_key(1, key);
    return r < 0 ? r
                 : store_put(lk->store, key, bytes.p, bytes.len, STORE_PUT_IF_ABSENT, NULL, e);
}

int lake_init(struct lake *lk, struct err *e)
{
    int r = lake_sync(lk, e);
    if (r == 0)
        return 1;
    if (r != -ENOENT)
        return r;
    r = write_first(lk, e);
    bool was_there = r == -EEXIST; /* somebody else's init was faster: as good */
    if (r < 0 && !was_there)
        return r;
    r = lake_sync(lk, e);
    return r < 0 ? r : was_there;
}
