/* policy/index_edit.c - edits as reads see them: what they reach now, and what they were. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/index_impl.h"

bool edit_of_label(const char *label, char ret[EDIT_ID_SIZE])
{
    static const char *const kinds[] = {"edit:", "retired:"};
    for (size_t i = 0; i < COUNT(kinds); i++) {
        size_t n = strlen(kinds[i]);
        if (strncmp(label, kinds[i], n) == 0 && strlen(label + n) >= EDIT_ID_LEN) {
            snprintf(ret, EDIT_ID_SIZE, "%s", label + n);
            return true;
        }
    }
    return false;
}

const char *edit_state_name(enum edit_state state)
{
    static const char *const names[] = {[EDIT_ENABLED] = "enabled", [EDIT_DISABLED] = "disabled",
                                        [EDIT_REMOVED] = "removed"};
    return names[state];
}

bool edit_is_tagged(const struct edit *ed, int64_t now)
{
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(ed->json, "retired"), i, each) {
        if (json_integer_value(json_array_get(each, 1)) <= now &&
            !json_is_true(json_array_get(each, 2)))
            return false;
    }
    return ed->tagged;
}

int edit_labels(const struct edit *ed, edit_label_fn *fn, void *arg, struct err *e)
{
    struct edit_label l = {.until = WHEN_NEVER};
    size_t i;
    json_t *each;
    snprintf(l.name, sizeof l.name, "edit:%s", ed->id);
    int r = fn(arg, &l, e);
    json_array_foreach(json_object_get(ed->json, "retired"), i, each) {
        snprintf(l.name, sizeof l.name, "retired:%s:%" JSON_INTEGER_FORMAT, ed->id,
                 json_integer_value(json_array_get(each, 0)));
        l.until = json_integer_value(json_array_get(each, 1));
        l.settled = json_is_true(json_array_get(each, 2));
        if (r >= 0)
            r = fn(arg, &l, e);
    }
    return r < 0 ? r : 0;
}

struct look {
    const char *label;
    int64_t until;
};

static int look_at(void *arg, const struct edit_label *label, struct err *e)
{
    struct look *l = arg;
    (void)e;
    if (strcmp(l->label, label->name) == 0)
        l->until = label->until;
    return 0;
}

int index_label_edit(struct index_read *rd, const char *label, int64_t now, char ret[EDIT_ID_SIZE],
                     struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    struct look l = {label, INT64_MIN};
    if (!edit_of_label(label, ret))
        return 0;
    int r = index_edit(rd, ret, &ed, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, -EBADMSG, "index: label '%s' has no edit", label) : r;
    if (ed.state != EDIT_ENABLED || (r = edit_labels(&ed, look_at, &l, e)) < 0)
        return r;
    return now < l.until;
}

int index_edit_log(struct index_read *rd, const char *id, index_log_fn *fn, void *arg,
                   struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    char key[EDIT_ID_LEN + 8] = {0};
    if (strlen(id) != EDIT_ID_LEN)
        return err_set(e, -ENOENT, "no such edit: '%.64s'", id);
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_EDITLOG], &cur), "log");
    if (r < 0)
        return r;
    memcpy(key, id, EDIT_ID_LEN);
    MDB_val k = {sizeof key, key}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && k.mv_size == sizeof key && memcmp(k.mv_data, id, EDIT_ID_LEN) == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        json_auto_t *row = json_loadb(v.mv_data, v.mv_size, 0, NULL);
        if (!row)
            return err_set(e, -EBADMSG, "index: a row of the log is not JSON");
        int f = fn(arg, row, e);
        if (f < 0)
            return f;
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "log");
}

struct find_version {
    uint64_t version;
    json_t *found;
};

static int match_version(void *arg, json_t *row, struct err *e)
{
    struct find_version *f = arg;
    (void)e;
    const json_t *v = json_object_get(row, "version");
    if (strcmp(json_string_value(json_object_get(row, "op")), "edit") == 0 && !f->found &&
        !json_object_get(row, "no_effect") &&
        (v ? (uint64_t)json_integer_value(v) : 1) == f->version)
        f->found = json_incref(row);
    return 0;
}

int index_edit_version(struct index_read *rd, const char *id, uint64_t version, json_t **ret,
                       struct err *e)
{
    struct find_version f = {.version = version};
    int r = index_edit_log(rd, id, match_version, &f, e);
    if (r == 0 && !f.found)
        r = err_set(e, -ENOENT, "edit %s has no version %" PRIu64, id, version);
    if (r < 0) {
        json_decref(f.found);
        return r;
    }
    *ret = f.found;
    return 0;
}
