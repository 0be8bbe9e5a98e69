/* tests/oracle/feed.h - an index in a temporary folder, fed with records; without cmocka. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_ORACLE_FEED_H
#define TESTS_ORACLE_FEED_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "policy/record.h"

#define FEED_ID32 "0123456789abcdef0123456789abcdef"
#define FEED_TIME 1800000000 /* when every record of a fed ledger was written */

struct feed {
    char dir[64];
    struct index *ix;
    const struct buf *payload; /* of the record in hand; NULL: it has none */
    struct buf record;
};

static inline int feed_payload(void *arg, const char *hash, struct buf *ret, struct err *e)
{
    const struct feed *f = arg;
    (void)hash;
    if (!f->payload)
        return err_set(e, -EIO, "the record has no payload");
    buf_add(ret, f->payload->p, f->payload->len);
    return 0;
}

/* Appends the record with that body, as record_format() takes it; `payload` (may be NULL) becomes
 * its payload, whose hash goes into `body`. The result of apply_record(). */
static inline int feed_say(struct feed *f, json_t *body, const struct buf *payload, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head head;
    int r = index_read_begin(f->ix, &rd, e);
    if (r < 0 || (r = index_head(rd, &head, e)) < 0)
        return r;
    if (payload) {
        char hash[SHA256_HEX_SIZE];
        hash_sha256_hex(payload->p ? payload->p : "", payload->len, hash);
        json_object_set_new(body, "payload", json_string(hash));
    }
    f->payload = payload;
    buf_clear(&f->record);
    r = record_format(body, head.seq + 1, head.hash, FEED_ID32, FEED_TIME, "oracle@host",
                      &f->record, e);
    return r < 0 ? r : apply_record(f->ix, f->record.p, f->record.len, feed_payload, f, e);
}

static inline int feed_remove_entry(const char *path, const struct stat *st, int flag,
                                    struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* Also after a feed_open() that failed. */
static inline void feed_close(struct feed *f)
{
    index_close(f->ix);
    if (*f->dir)
        nftw(f->dir, feed_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    buf_done(&f->record);
    *f = (struct feed){0};
}

/* A new ledger with its first record, in a folder of its own below `parent`. */
static inline int feed_open(struct feed *f, const char *parent, struct err *e)
{
    *f = (struct feed){0};
    snprintf(f->dir, sizeof f->dir, "%s/shotlake-feed-XXXXXX", parent);
    if (!mkdtemp(f->dir)) {
        *f->dir = '\0';
        return err_set(e, -errno, "cannot make a folder in '%s'", parent);
    }
    json_auto_t *init = json_pack("{ss ss ss}", "op", "init", "lake", FEED_ID32, "node_key",
                                  FEED_ID32);
    int r = index_open(f->dir, &f->ix, e);
    return r < 0 ? r : feed_say(f, init, NULL, e);
}

/* Where feeds lie: in memory where there is such a folder. */
static inline const char *feed_parent(void)
{
    return access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
}

#endif
