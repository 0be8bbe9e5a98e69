/* policy/index_policy.c - edits and grants as reads see them. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/index_impl.h"

json_t *row_json(const MDB_val *v, struct err *e)
{
    json_t *j = json_loadb(v->mv_data, v->mv_size, 0, NULL);
    if (!j)
        err_set(e, -EBADMSG, "index: a row is not JSON");
    return j;
}

static const char *text_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static enum edit_state state_of(const char *name)
{
    return strcmp(name, "removed") == 0    ? EDIT_REMOVED
           : strcmp(name, "disabled") == 0 ? EDIT_DISABLED
                                           : EDIT_ENABLED;
}

static int fill_edit(const MDB_val *v, struct edit *ret, struct err *e)
{
    json_t *j = row_json(v, e);
    if (!j)
        return -EBADMSG;
    *ret = (struct edit){
        .name = text_of(j, "name"),
        .file = text_of(j, "file"),
        .manifest = text_of(j, "manifest"),
        .studio = text_of(j, "studio"),
        .results = text_of(j, "results"),
        .shots = text_of(j, "shots"),
        .actor = text_of(j, "actor"),
        .owner = text_of(j, "owner"),
        .objects = (uint64_t)json_integer_value(json_object_get(j, "objects")),
        .bytes = (uint64_t)json_integer_value(json_object_get(j, "bytes")),
        .seq = (uint64_t)json_integer_value(json_object_get(j, "seq")),
        .time = json_integer_value(json_object_get(j, "time")),
        .tagged = json_is_true(json_object_get(j, "tagged")),
        .version = (uint64_t)json_integer_value(json_object_get(j, "version")),
        .state = state_of(text_of(j, "state")),
        .changed = (uint64_t)json_integer_value(json_object_get(j, "changed")),
        .json = j,
    };
    snprintf(ret->id, sizeof ret->id, "%s", text_of(j, "edit"));
    return 0;
}

int index_edit(struct index_read *rd, const char *id, struct edit *ret, struct err *e)
{
    MDB_val v;
    if (strlen(id) != EDIT_ID_LEN)
        return err_set(e, -ENOENT, "no such edit: '%.64s'", id);
    int r = table_get(rd->ix, rd->txn, TABLE_EDIT, id, EDIT_ID_LEN, &v, e);
    if (r == -ENOENT)
        return err_set(e, r, "no such edit: '%.64s'", id);
    return r < 0 ? r : fill_edit(&v, ret, e);
}

int index_edit_of_source(struct index_read *rd, const char *source, struct edit *ret,
                         struct err *e)
{
    uint8_t hash[SHA256_SIZE];
    char id[EDIT_ID_SIZE] = "";
    MDB_val v;
    if (hex_decode(source, hash, sizeof hash) < 0)
        return err_set(e, -EINVAL, "a source is %d hex digits", 2 * SHA256_SIZE);
    int r = table_get(rd->ix, rd->txn, TABLE_SOURCE, hash, sizeof hash, &v, e);
    if (r == -ENOENT)
        return err_set(e, r, "no edit was made of it");
    if (r < 0)
        return r;
    if (v.mv_size != EDIT_ID_LEN)
        return err_set(e, -EBADMSG, "index: a source has an edit of %zu bytes", v.mv_size);
    memcpy(id, v.mv_data, EDIT_ID_LEN);
    return index_edit(rd, id, ret, e);
}

void edit_done(struct edit *ed)
{
    json_decref(ed->json);
    *ed = (struct edit){0};
}

int index_edits(struct index_read *rd, index_edit_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_EDIT], &cur), "edits");
    if (r < 0)
        return r;
    MDB_val k, v;
    for (r = mdb_cursor_get(cur, &k, &v, MDB_FIRST); r == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        AUTO(edit) struct edit ed = {0};
        int f = fill_edit(&v, &ed, e);
        if (f == 0)
            f = fn(arg, &ed, e);
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "edits");
}

/* `ret->ranges` lives as long as `*ret_row`, json_decref(). */
static int fill_grant(const MDB_val *k, const MDB_val *v, struct grant *ret, json_t **ret_row,
                      struct err *e)
{
    json_t *j = *ret_row = row_json(v, e);
    if (!j)
        return -EBADMSG;
    size_t n = k->mv_size - EDIT_ID_LEN - 1;
    memset(ret, 0, sizeof *ret);
    memcpy(ret->principal, k->mv_data, n);
    memcpy(ret->edit, (char *)k->mv_data + n + 1, EDIT_ID_LEN);
    ret->from = json_integer_value(json_object_get(j, "from"));
    ret->until = json_integer_value(json_object_get(j, "until"));
    ret->seq = (uint64_t)json_integer_value(json_object_get(j, "seq"));
    ret->time = json_integer_value(json_object_get(j, "time"));
    ret->ranges = json_object_get(j, "ranges");
    snprintf(ret->actor, sizeof ret->actor, "%s", text_of(j, "actor"));
    for (size_t len = strlen(ret->actor); !utf8_is_valid(ret->actor, len);)
        ret->actor[--len] = '\0'; /* cut within a character: no JSON could tell it */
    return 0;
}

/* Which grants are told. */
struct wanted {
    const char *principal; /* NULL: of all; with its NUL, `n_principal` bytes */
    size_t n_principal;
    const char (*ids)[EDIT_ID_SIZE]; /* NULL: of all edits; else by id */
    size_t n;
};

static int id_order(const void *key, const void *id)
{
    return memcmp(key, id, EDIT_ID_LEN);
}

static int tell_grant(const struct wanted *w, const MDB_val *k, const MDB_val *v,
                      index_grant_fn *fn, void *arg, struct err *e)
{
    json_auto_t *row = NULL;
    struct grant g;
    if (w->ids && !bsearch((char *)k->mv_data + k->mv_size - EDIT_ID_LEN, w->ids, w->n,
                           sizeof *w->ids, id_order))
        return 0;
    int r = fill_grant(k, v, &g, &row, e);
    return r < 0 ? r : fn(arg, &g, e);
}

static int each_grant(struct index_read *rd, const struct wanted *w, index_grant_fn *fn, void *arg,
                      struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_GRANT], &cur), "grants");
    if (r < 0)
        return r;
    size_t n = w->n_principal;
    MDB_val k = {n, (void *)w->principal}, v;
    r = mdb_cursor_get(cur, &k, &v, n ? MDB_SET_RANGE : MDB_FIRST);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        if (k.mv_size <= EDIT_ID_LEN + 1 || k.mv_size - EDIT_ID_LEN > PRINCIPAL_MAX)
            return err_set(e, -EBADMSG, "index: a grant's key has %zu bytes", k.mv_size);
        if (n && (k.mv_size != n + EDIT_ID_LEN || memcmp(k.mv_data, w->principal, n) != 0))
            return 0;
        int f = tell_grant(w, &k, &v, fn, arg, e);
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "grants");
}

int index_grants(struct index_read *rd, const char *principal, index_grant_fn *fn, void *arg,
                 struct err *e)
{
    struct wanted w = {.principal = principal,
                       .n_principal = principal ? strlen(principal) + 1 : 0};
    return each_grant(rd, &w, fn, arg, e);
}

int index_grants_of(struct index_read *rd, const char (*ids)[EDIT_ID_SIZE], size_t n,
                    index_grant_fn *fn, void *arg, struct err *e)
{
    struct wanted w = {.ids = ids, .n = n};
    return n == 0 ? 0 : each_grant(rd, &w, fn, arg, e);
}

int index_grant(struct index_read *rd, const char *edit, const char *principal, struct grant *ret,
                struct err *e)
{
    char key[PRINCIPAL_MAX + EDIT_ID_SIZE];
    size_t n = strlen(principal) + 1;
    if (strlen(edit) != EDIT_ID_LEN || n > PRINCIPAL_MAX)
        return -ENOENT;
    memcpy(key, principal, n);
    memcpy(key + n, edit, EDIT_ID_LEN);
    MDB_val k = {n + EDIT_ID_LEN, key}, v;
    json_auto_t *row = NULL;
    int r = table_get(rd->ix, rd->txn, TABLE_GRANT, k.mv_data, k.mv_size, &v, e);
    if (r == 0)
        r = fill_grant(&k, &v, ret, &row, e);
    ret->ranges = NULL; /* went with the row */
    return r;
}

int index_knows(struct index_read *rd, const char *principal, bool *ret, struct err *e)
{
    MDB_val v;
    int r = table_get(rd->ix, rd->txn, TABLE_KNOWN, principal, strlen(principal), &v, e);
    *ret = r == 0;
    return r == -ENOENT ? 0 : r;
}
