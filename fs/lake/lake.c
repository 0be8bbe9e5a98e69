/* fs/lake/lake.c - opening a lake and following its ledger. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/lake.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/lake/lake_impl.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/record.h"

static int make_dirs(const char *path, struct err *e)
{
    AUTO(free) char *p = xstrdup(path);
    for (char *s = p + 1;; s++) {
        if (*s != '/' && *s != '\0')
            continue;
        char c = *s;
        *s = '\0';
        if (mkdir(p, 0700) < 0 && errno != EEXIST)
            return err_errno(e, -errno, "make state folder '%s'", p);
        *s = c;
        if (c == '\0')
            return 0;
    }
}

/* A readable name with a hash that tells lakes apart: "s3-lake-show-1a2b3c4d5e6f". */
static char *folder_name(const char *url)
{
    AUTO(buf) struct buf b = {0};
    char hash[SHA256_HEX_SIZE];
    for (const char *s = url; *s && b.len < 48; s++)
        if (isalnum((unsigned char)*s))
            buf_addc(&b, *s);
        else if (b.len > 0 && b.p[b.len - 1] != '-')
            buf_addc(&b, '-');
    hash_sha256_hex(url, strlen(url), hash);
    buf_addf(&b, "-%.12s", hash);
    return buf_take(&b);
}

static char *actor_name(void)
{
    char host[256] = "host";
    gethostname(host, sizeof host - 1);
    struct passwd pw, *found = NULL;
    char scratch[4096];
    if (getpwuid_r(getuid(), &pw, scratch, sizeof scratch, &found) == 0 && found)
        return xasprintf("%s@%s", found->pw_name, host);
    return xasprintf("uid%u@%s", (unsigned)getuid(), host);
}

int lake_open(struct store *store, const char *state, struct lake **ret, struct err *e)
{
    struct lake_private *lp = xcalloc(1, sizeof *lp);
    AUTO(lake) struct lake *lk = &lp->pub;
    pthread_mutex_init(&lp->lock, NULL);
    lk->store = store;
    lk->actor = actor_name();
    AUTO(free) char *folder = folder_name(store->place ? store->place : store->url);
    lk->dir = xasprintf("%s/%s", state, folder);
    int r = make_dirs(lk->dir, e);
    if (r < 0)
        return r;
    AUTO(free) char *index = xasprintf("%s/index-%d", lk->dir, INDEX_SCHEMA);
    if ((r = index_open(index, &lk->index, e)) < 0)
        return r;
    *ret = TAKE(lk);
    return 0;
}

void lake_close(struct lake *lk)
{
    if (!lk)
        return;
    struct lake_private *lp = (struct lake_private *)lk;
    index_close(lk->index);
    store_close(lk->store);
    buf_done(&lp->payload);
    pthread_mutex_destroy(&lp->lock);
    free(lk->dir);
    free(lk->actor);
    free(lp);
}

static int head_of(struct lake *lk, struct index_head *ret, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    return r < 0 ? r : index_head(rd, ret, e);
}

/* The record that the index ends with must still stand in the store: otherwise the ledger was cut
 * back (a revoke undone) or the bucket was made anew, and this index knows things that are no
 * longer so. Both are refused: going on silently would be the worst answer. */
static int check_head(struct lake_private *lp, const struct index_head *head, struct err *e)
{
    char key[RECORD_KEY_SIZE];
    AUTO(buf) struct buf data = {0};
    uint8_t hash[SHA256_SIZE];
    record_key(head->seq, key);
    int r = store_get(lp->pub.store, key, RECORD_MAX_BYTES, &data, NULL, e);
    if (r < 0 && r != -ENOENT)
        return err_wrap(e, "read ledger record %" PRIu64, head->seq);
    if (r == 0)
        hash_sha256(buf_str(&data), data.len, hash);
    if (r == 0 && memcmp(hash, head->hash, sizeof hash) == 0) {
        lp->head_checked = true;
        return 0;
    }
    return err_set(e, -EBADMSG,
                   "the lake's ledger %s record %" PRIu64 " that this host's index ends with: it "
                   "was cut back, or this is another lake. If that is right, delete '%s'",
                   r == -ENOENT ? "no longer has" : "has another", head->seq, lp->pub.dir);
}

/* How long a process that follows the ledger trusts that it was neither cut back nor torn. */
#define CHECK_AGAIN_MS 60000

static int stop_at_first(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    (void)st;
    snprintf(arg, RECORD_KEY_SIZE, "%s", key);
    return err_set(e, -ECANCELED, "one is enough");
}

/* The record `key` is not there: the ledger ends before it, unless a later one stands. Then a
 * record was lost, and what follows it (a revoke, perhaps) must not be overlooked.
 * 0: it ends there. 1: the record is there now. */
static int check_end(struct lake_private *lp, const char *key, struct err *e)
{
    char next[RECORD_KEY_SIZE] = "";
    struct store *s = lp->pub.store;
    struct store_stat st;
    int r = store_list(s, LAKE_PRIVATE_PREFIX "ledger/", key, stop_at_first, next, e);
    if (r < 0 && !*next)
        return err_wrap(e, "look for the end of the ledger");
    if (*next) { /* a writer may have been faster than the listing */
        if ((r = store_head(s, key, &st, e)) != -ENOENT)
            return r < 0 ? r : 1;
        return err_set(e, -EBADMSG, "the lake's ledger has no '%s', but '%s' after it: a record "
                       "was lost", key, next);
    }
    lp->end_checked = true;
    return 0;
}

static void forget_old_checks(struct lake_private *lp)
{
    int64_t now = clock_mono_ms();
    if (lp->checked_ms != 0 && now - lp->checked_ms < CHECK_AGAIN_MS)
        return;
    lp->head_checked = lp->end_checked = false;
    lp->checked_ms = now;
}

int lake_sync_locked(struct lake_private *lp, struct err *e)
{
    forget_old_checks(lp);
    for (;;) {
        struct index_head head;
        char key[RECORD_KEY_SIZE];
        AUTO(buf) struct buf data = {0};
        int r = head_of(&lp->pub, &head, e);
        if (r == 0 && head.seq > 0 && !lp->head_checked)
            r = check_head(lp, &head, e);
        if (r < 0)
            return r;
        record_key(head.seq + 1, key);
        r = store_get(lp->pub.store, key, RECORD_MAX_BYTES, &data, NULL, e);
        if (r == -ENOENT && !lp->end_checked) {
            if ((r = check_end(lp, key, e)) < 0)
                return r;
            if (r == 1)
                continue;
            r = -ENOENT;
        }
        if (r == -ENOENT && head.seq == 0)
            return err_set(e, r, "'%s' has no ledger: run 'shotlake init' first",
                           lp->pub.store->url);
        if (r == -ENOENT)
            return 0;
        if (r < 0)
            return err_wrap(e, "read ledger record %" PRIu64, head.seq + 1);
        r = apply_record(lp->pub.index, buf_str(&data), data.len, lake_payload_fetch, lp, e);
        if (r < 0)
            return r;
        lp->head_checked = true;
        log_debug("lake", "applied record seq=%" PRIu64, head.seq + 1);
    }
}

int lake_sync(struct lake *lk, struct err *e)
{
    struct lake_private *lp = (struct lake_private *)lk;
    LOCKED(&lp->lock);
    return lake_sync_locked(lp, e);
}
