/* policy/index.c - the environment, its tables and its snapshots. */
/* SPDX-License-Identifier: MIT */
#include "policy/index.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/index_impl.h"

static const struct {
    const char *name;
    unsigned flags;
} tables[TABLE_COUNT] = {
    [TABLE_META] = {"meta", 0},
    [TABLE_NODE] = {"node", 0},
    [TABLE_ATTR] = {"attr", MDB_INTEGERKEY},
    [TABLE_STEM] = {"stem", MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_PATTERN] = {"pattern", MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_MEDIA] = {"media", MDB_INTEGERKEY},
    [TABLE_REEL] = {"reel", MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_UMID] = {"umid", MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_LABEL] = {"label", 0},
    [TABLE_LNAME] = {"label-name", MDB_INTEGERKEY},
    [TABLE_MEMBER] = {"member", MDB_INTEGERKEY},
    [TABLE_CLOSED] = {"closed", MDB_INTEGERKEY},
    [TABLE_TAGGED] = {"tagged", MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
    [TABLE_EDIT] = {"edit", 0},
    [TABLE_SOURCE] = {"source", 0},
    [TABLE_GRANT] = {"grant", 0},
    [TABLE_ACL] = {"acl", 0},
    [TABLE_CLASS] = {"class", 0},
    [TABLE_METADATA] = {"metadata", 0},
    [TABLE_GUARD] = {"guard", MDB_INTEGERKEY},
    [TABLE_RULE] = {"rule", 0},
    [TABLE_KNOWN] = {"known", 0},
    [TABLE_EDITLOG] = {"edit-log", 0},
    [TABLE_HIDDEN] = {"hidden", 0},
    [TABLE_ALIAS] = {"alias", MDB_INTEGERKEY | MDB_DUPSORT | MDB_DUPFIXED | MDB_INTEGERDUP},
};

int index_err(struct err *e, int mdb, const char *what)
{
    if (mdb == 0)
        return 0;
    if (mdb > 0) /* an errno of the system: a full disk is told as such */
        return err_errno(e, -mdb, "index: %s", what);
    int code = mdb == MDB_NOTFOUND ? -ENOENT : mdb == MDB_MAP_FULL ? -ENOSPC : -EIO;
    return err_set(e, code, "index: %s: %s", what, mdb_strerror(mdb));
}

int table_get(struct index *ix, MDB_txn *txn, enum index_table t, const void *key, size_t n,
              MDB_val *ret, struct err *e)
{
    MDB_val k = {n, (void *)key};
    int r = mdb_get(txn, ix->table[t], &k, ret);
    if (r == MDB_NOTFOUND)
        return -ENOENT; /* an answer, not a failure: no sentence, and no time spent on one */
    return index_err(e, r, tables[t].name);
}

int table_put(struct index *ix, MDB_txn *txn, enum index_table t, const void *key, size_t n,
              const void *val, size_t val_n, struct err *e)
{
    MDB_val k = {n, (void *)key}, v = {val_n, (void *)val};
    return index_err(e, mdb_put(txn, ix->table[t], &k, &v, 0), tables[t].name);
}

int table_del(struct index *ix, MDB_txn *txn, enum index_table t, const void *key, size_t n,
              struct err *e)
{
    MDB_val k = {n, (void *)key};
    int r = mdb_del(txn, ix->table[t], &k, NULL);
    return r == MDB_NOTFOUND ? -ENOENT : index_err(e, r, tables[t].name);
}

static int make_tables(struct index *ix, struct err *e)
{
    AUTO(txn) MDB_txn *txn = NULL;
    int r = index_err(e, mdb_txn_begin(ix->env, NULL, 0, &txn), "begin");
    if (r < 0)
        return r;
    for (int t = 0; t < TABLE_COUNT; t++) {
        r = mdb_dbi_open(txn, tables[t].name, tables[t].flags | MDB_CREATE, &ix->table[t]);
        if (r != 0)
            return index_err(e, r, tables[t].name);
    }
    uint32_t schema = INDEX_SCHEMA;
    MDB_val v;
    r = table_get(ix, txn, TABLE_META, "schema", 6, &v, e);
    if (r == -ENOENT)
        r = table_put(ix, txn, TABLE_META, "schema", 6, &schema, sizeof schema, e);
    else if (r == 0 && (v.mv_size != sizeof schema || memcmp(v.mv_data, &schema, sizeof schema)))
        r = err_set(e, -EBUSY,
                    "index '%s' was written by another version of shotlake; delete that folder, it "
                    "is rebuilt from the lake",
                    ix->dir);
    if (r < 0)
        return r;
    MDB_txn *t = TAKE(txn);
    return index_err(e, mdb_txn_commit(t), "commit");
}

int index_open(const char *dir, struct index **ret, struct err *e)
{
    AUTO(index) struct index *ix = xcalloc(1, sizeof *ix);
    ix->dir = xstrdup(dir);
    pthread_mutex_init(&ix->lock, NULL);
    if (mkdir(dir, 0700) < 0 && errno != EEXIST)
        return err_errno(e, -errno, "make index folder '%s'", dir);
    int r = mdb_env_create(&ix->env);
    if (r == 0)
        r = mdb_env_set_maxdbs(ix->env, TABLE_COUNT);
    if (r == 0)
        r = mdb_env_set_maxreaders(ix->env, 1024);
    if (r == 0)
        r = mdb_env_set_mapsize(ix->env, INDEX_MAP_BYTES);
    if (r == 0)
        r = mdb_env_open(ix->env, dir, MDB_NOTLS | MDB_NORDAHEAD, 0600);
    if (r != 0) {
        index_err(e, r, "open");
        return err_wrap(e, "open index '%s'", dir);
    }
    index_reap(ix);
    if ((r = make_tables(ix, e)) < 0)
        return r;
    *ret = TAKE(ix);
    return 0;
}

void index_close(struct index *ix)
{
    if (!ix)
        return;
    while (ix->idle) {
        struct index_read *rd = ix->idle;
        ix->idle = rd->next;
        mdb_txn_abort(rd->txn);
        free(rd);
    }
    mdb_env_close(ix->env);
    pthread_mutex_destroy(&ix->lock);
    free(ix->dir);
    free(ix);
}

void index_reap(struct index *ix)
{
    int dead;
    mdb_reader_check(ix->env, &dead);
}

int index_read_begin(struct index *ix, struct index_read **ret, struct err *e)
{
    struct index_read *rd = NULL;
    {
        LOCKED(&ix->lock);
        if ((rd = ix->idle))
            ix->idle = rd->next;
    }
    int r;
    if (rd) {
        r = mdb_txn_renew(rd->txn);
    } else {
        rd = xcalloc(1, sizeof *rd);
        rd->ix = ix;
        r = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &rd->txn);
        if (r == MDB_READERS_FULL) { /* slots of killed processes; see index_reap() */
            index_reap(ix);
            r = mdb_txn_begin(ix->env, NULL, MDB_RDONLY, &rd->txn);
        }
    }
    if (r != 0) {
        if (rd->txn)
            mdb_txn_abort(rd->txn);
        free(rd);
        return index_err(e, r, "begin a read");
    }
    *ret = rd;
    return 0;
}

void index_read_end(struct index_read *rd)
{
    if (!rd)
        return;
    mdb_txn_reset(rd->txn);
    LOCKED(&rd->ix->lock);
    rd->only = NULL;
    rd->next = rd->ix->idle;
    rd->ix->idle = rd;
}

void index_read_only(struct index_read *rd, const roaring_bitmap_t *only)
{
    rd->only = only;
}

static int meta_get(struct index_read *rd, const char *name, void *ret, size_t n, struct err *e)
{
    MDB_val v;
    int r = table_get(rd->ix, rd->txn, TABLE_META, name, strlen(name), &v, e);
    if (r < 0)
        return r;
    if (v.mv_size != n)
        return err_set(e, -EBADMSG, "index: '%s' has %zu bytes, not %zu", name, v.mv_size, n);
    memcpy(ret, v.mv_data, n);
    return 0;
}

int index_head(struct index_read *rd, struct index_head *ret, struct err *e)
{
    memset(ret, 0, sizeof *ret);
    int r = meta_get(rd, "seq", &ret->seq, sizeof ret->seq, e);
    if (r == -ENOENT)
        return 0;
    return r < 0 ? r : meta_get(rd, "hash", ret->hash, sizeof ret->hash, e);
}

int index_lake(struct index_read *rd, struct index_lake *ret, struct err *e)
{
    int r = meta_get(rd, "lake", ret, sizeof *ret, e);
    return r == -ENOENT ? err_set(e, r, "the index has no lake yet") : r;
}

int index_totals(struct index_read *rd, struct index_totals *ret, struct err *e)
{
    memset(ret, 0, sizeof *ret);
    int r = meta_get(rd, "totals", ret, sizeof *ret, e);
    return r == -ENOENT ? 0 : r;
}
