/* fs/lake/ledger.c - walking the whole ledger as the store holds it. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "fs/lake/lake_impl.h"
#include "policy/record.h"

struct walk {
    struct lake *lk;
    lake_record_fn *fn;
    void *arg;
    uint64_t seq;
    uint8_t hash[SHA256_SIZE];
};

static int on_key(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct walk *w = arg;
    char want[RECORD_KEY_SIZE];
    AUTO(buf) struct buf data = {0};
    AUTO(record) struct record rec = {0};
    (void)st;
    record_key(w->seq + 1, want);
    if (strcmp(key, want) != 0)
        return err_set(e, -EBADMSG, "ledger: '%s' stands where '%s' must be", key, want);
    int r = store_get(w->lk->store, key, RECORD_MAX_BYTES, &data, NULL, e);
    if (r == 0)
        r = record_parse(buf_str(&data), data.len, &rec, e);
    if (r < 0)
        return err_wrap(e, "ledger record %" PRIu64, w->seq + 1);
    if (rec.seq != w->seq + 1)
        return err_set(e, -EBADMSG, "ledger record %" PRIu64 " says that it is record %" PRIu64,
                       w->seq + 1, rec.seq);
    if (memcmp(rec.prev, w->hash, sizeof w->hash) != 0)
        return err_set(e, -EBADMSG,
                       "ledger record %" PRIu64 " does not follow the one before it: one of them "
                       "was changed",
                       rec.seq);
    if (!w->fn && rec.payload && (r = lake_payload_check(w->lk, rec.payload, e)) < 0)
        return err_wrap(e, "payload of ledger record %" PRIu64, rec.seq);
    w->seq = rec.seq;
    memcpy(w->hash, rec.hash, sizeof w->hash);
    return w->fn ? w->fn(w->arg, rec.seq, rec.json, e) : 0;
}

int lake_ledger(struct lake *lk, lake_record_fn *fn, void *arg, uint64_t *ret_seq, struct err *e)
{
    struct walk w = {.lk = lk, .fn = fn, .arg = arg};
    int r = store_list(lk->store, LAKE_PRIVATE_PREFIX "ledger/", "", on_key, &w, e);
    if (r < 0)
        return r;
    if (w.seq == 0)
        return err_set(e, -ENOENT, "'%s' has no ledger: run 'shotlake init' first",
                       lk->store->url);
    *ret_seq = w.seq;
    return 0;
}
