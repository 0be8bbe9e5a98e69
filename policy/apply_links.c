/* policy/apply_links.c - what an edit has of its own below edits/: links, and other names. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/err.h"
#include "policy/apply_impl.h"

#define TOP "edits"
#define SHOTS_NAME "shots.csv"
#define FOLDER_NAME_MAX 200 /* bytes of an edit's name in its folder's; "-" and the id follow */

/* A node in hand: what the index has of it may move with the next change. */
struct held {
    struct attr at;
    char name[NAME_LIMIT + 1], etag[256];
};

static int hold(struct apply *a, node_id id, struct held *ret, struct err *e)
{
    const char *name, *etag;
    int r = attr_get(a->ix, a->txn, id, &ret->at, &name, &etag, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, -EBADMSG, "index: no node %u", id) : r;
    memcpy(ret->name, name, ret->at.name_len);
    ret->name[ret->at.name_len] = '\0';
    snprintf(ret->etag, sizeof ret->etag, "%s", etag);
    return 0;
}

/* Stores what was changed of an edit's name, and lets its labels and its directory know. `was`:
 * whether it was live before. */
static int settle(struct apply *a, node_id id, struct held *h, bool was, struct err *e)
{
    bool is = attr_is_live(&h->at);
    h->at.etag_len = (uint16_t)strlen(h->etag);
    int r = attr_put(a->ix, a->txn, id, &h->at, h->name, h->etag, e);
    if (r < 0 || was == is || (r = label_touch(a, id, e)) < 0)
        return r;
    return tree_count(a, h->at.parent, is ? 1 : -1, NULL, e);
}

/* Does the lake itself show something of that name? */
static int is_taken(struct apply *a, node_id parent, const char *name, size_t n, bool *ret,
                    struct err *e)
{
    static const enum node_kind kinds[] = {NODE_DIR, NODE_OBJECT};
    *ret = false;
    for (size_t i = 0; i < COUNT(kinds) && !*ret; i++) {
        node_id id;
        struct attr at;
        int r = node_get(a->ix, a->txn, parent, name, n, kinds[i], &id, e);
        if (r == 0)
            r = attr_get(a->ix, a->txn, id, &at, NULL, NULL, e);
        if (r < 0 && r != -ENOENT)
            return r;
        *ret = r == 0 && attr_is_live(&at);
    }
    return 0;
}

static void set_flag(struct attr *at, uint32_t flag, bool on)
{
    at->flags = on ? at->flags | flag : at->flags & ~flag;
}

int links_shade(struct apply *a, node_id parent, const char *name, size_t n, struct err *e)
{
    node_id id;
    struct held h;
    bool taken;
    int r = node_get(a->ix, a->txn, parent, name, n, NODE_LINK, &id, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((r = is_taken(a, parent, name, n, &taken, e)) < 0 || (r = hold(a, id, &h, e)) < 0)
        return r;
    bool was = attr_is_live(&h.at);
    set_flag(&h.at, ATTR_SHADOWED, taken);
    return settle(a, id, &h, was, e);
}

/* Gives another name of an object what the object has. */
static void take_after(struct held *alias, const struct held *object)
{
    alias->at.size = object->at.size;
    alias->at.mtime_ns = object->at.mtime_ns;
    snprintf(alias->etag, sizeof alias->etag, "%s", object->etag);
    set_flag(&alias->at, ATTR_SHOWN, attr_is_live(&object->at));
}

int links_follow(struct apply *a, node_id object, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *ids = roaring_bitmap_create();
    struct held h, o;
    int r = hold(a, object, &o, e);
    if (r < 0 || (r = table_numbers(a, TABLE_ALIAS, object, ids, e)) < 0)
        return r;
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(ids, &it); it.has_value; roaring_advance_uint32_iterator(&it)) {
        if ((r = hold(a, it.current_value, &h, e)) < 0)
            return r;
        bool was = attr_is_live(&h.at);
        take_after(&h, &o);
        if ((r = settle(a, it.current_value, &h, was, e)) < 0)
            return r;
    }
    return 0;
}

/* ---- making -------------------------------------------------------------------------------- */

/* "Cut 6-aaaaaaaaa1": what is no part of a file's name becomes '_'. The id makes it the only one. */
static void folder_name(const char *name, const char *edit, struct buf *ret)
{
    size_t n = strlen(name);
    if (n > FOLDER_NAME_MAX)
        for (n = FOLDER_NAME_MAX; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)name[i];
        buf_addc(ret, c == '/' || c < 0x20 || c == 0x7f ? '_' : (char)c);
    }
    buf_addf(ret, "-%s", edit);
}

static int lists(struct apply *a, node_id dir, struct err *e)
{
    struct held h;
    int r = hold(a, dir, &h, e);
    if (r < 0 || (h.at.flags & ATTR_LISTS))
        return r;
    h.at.flags |= ATTR_LISTS;
    return attr_put(a->ix, a->txn, dir, &h.at, h.name, h.etag, e);
}

/* The child `name` of a folder, to be filled and settled; it becomes one of `members`. */
static int name_make(struct apply *a, node_id dir, const char *name, uint32_t flag, node_id target,
                     roaring_bitmap_t *members, node_id *ret, struct held *h, struct err *e)
{
    bool taken;
    size_t n = strlen(name);
    int r;
    if ((r = tree_child(a, dir, name, n, NODE_LINK, ret, e)) < 0 || (r = lists(a, dir, e)) < 0 ||
        (r = is_taken(a, dir, name, n, &taken, e)) < 0 || (r = hold(a, *ret, h, e)) < 0)
        return r;
    if (!roaring_bitmap_add_checked(members, *ret))
        return err_set(e, -EBADMSG, "the edit has the name '%s' twice in one folder", name);
    h->at.flags = flag | ATTR_SHOWN;
    h->at.target = target;
    set_flag(&h->at, ATTR_SHADOWED, taken);
    return 0;
}

static int alias_make(struct apply *a, node_id dir, const char *name, node_id object,
                      roaring_bitmap_t *members, struct err *e)
{
    struct held h, o;
    node_id id;
    if (object == NODE_NONE)
        return 0;
    int r = name_make(a, dir, name, ATTR_ALIAS, object, members, &id, &h, e);
    if (r < 0 || (r = hold(a, object, &o, e)) < 0)
        return r;
    o.at.flags |= ATTR_ALIASED;
    if ((r = attr_put(a->ix, a->txn, object, &o.at, o.name, o.etag, e)) < 0 ||
        (r = table_put(a->ix, a->txn, TABLE_ALIAS, &object, sizeof object, &id, sizeof id, e)) < 0)
        return r;
    take_after(&h, &o);
    return settle(a, id, &h, /* was= */ false, e);
}

/* The manifest is the one object of an edit whose name is not our choice. */
static int manifest_make(struct apply *a, node_id dir, node_id object, roaring_bitmap_t *members,
                         struct err *e)
{
    struct held o;
    if (object == NODE_NONE)
        return 0;
    int r = hold(a, object, &o, e);
    return r < 0 ? r : alias_make(a, dir, o.name, object, members, e);
}

static bool is_name(const char *s)
{
    size_t n = s ? strlen(s) : 0;
    if (n == 0 || n > NAME_LIMIT || strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
        return false;
    for (; *s; s++)
        if (*s == '/' || (unsigned char)*s < 0x20 || *s == 0x7f)
            return false;
    return true;
}

/* A link leads to what the edit holds, an object or the folder of objects: the text of one to
 * anything else would tell a name that is hidden. */
static int find_target(struct apply *a, const struct links *l, const char *key, node_id *ret,
                       struct err *e)
{
    size_t n = key ? strlen(key) : 0;
    bool is_dir = n > 0 && key[n - 1] == '/';
    AUTO(free) char *path = xstrndup(key ? key : "", n - is_dir);
    if (n > 1024 || key_problem(path))
        return err_set(e, -EBADMSG, "not [shot, name, key]");
    int r = tree_make(a, key, ret, e);
    if (r < 0)
        return r;
    if (!roaring_bitmap_contains(is_dir ? l->folders : l->nodes, *ret))
        return err_set(e, -EBADMSG, "a link to '%.200s', which is not of the edit", key);
    return 0;
}

static int link_make(struct apply *a, const struct links *l, node_id dir, const json_t *row,
                     int64_t mtime_ns, roaring_bitmap_t *members, struct err *e)
{
    const char *shot = json_string_value(json_array_get(row, 0));
    const char *name = json_string_value(json_array_get(row, 1));
    const char *key = json_string_value(json_array_get(row, 2));
    node_id target, id;
    struct held h;
    if (!is_name(shot) || !is_name(name))
        return err_set(e, -EBADMSG, "not [shot, name, key]");
    int r = find_target(a, l, key, &target, e);
    if (r < 0 || (r = tree_child(a, dir, shot, strlen(shot), NODE_DIR, &dir, e)) < 0 ||
        (r = name_make(a, dir, name, ATTR_LINK, target, members, &id, &h, e)) < 0)
        return r;
    size_t len = strlen(key);
    h.at.size = strlen("../") * EDIT_LINK_DEPTH + len - (key[len - 1] == '/');
    h.at.mtime_ns = mtime_ns;
    return settle(a, id, &h, /* was= */ false, e);
}

/* The name that the edit has so far; NULL where it is new. */
static int old_name(struct apply *a, json_t **ret, struct err *e)
{
    MDB_val v;
    int r = table_get(a->ix, a->txn, TABLE_EDIT, a->rec->edit, EDIT_ID_LEN, &v, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    json_auto_t *row = json_loadb(v.mv_data, v.mv_size, 0, NULL);
    *ret = json_incref(json_object_get(row, "name"));
    return json_is_string(*ret) ? 0 : err_set(e, -EBADMSG, "index: an edit's row has no name");
}

int links_replace(struct apply *a, const struct links *l, roaring_bitmap_t *members, struct err *e)
{
    const json_t *st = json_object_get(a->rec->json, "manifest_stat");
    const char *name = json_string_value(json_object_get(a->rec->json, "name"));
    int64_t mtime_ns = json_integer_value(json_array_get(st, 1));
    json_auto_t *old = NULL;
    AUTO(buf) struct buf folder = {0};
    node_id dir;
    int r = old_name(a, &old, e);
    if (r == 0 && old)
        r = links_clear(a, a->rec->edit, json_string_value(old), e);
    folder_name(name, a->rec->edit, &folder);
    if (r < 0 || (r = tree_child(a, NODE_ROOT, TOP, strlen(TOP), NODE_DIR, &dir, e)) < 0 ||
        (r = tree_child(a, dir, folder.p, folder.len, NODE_DIR, &dir, e)) < 0 ||
        (r = manifest_make(a, dir, l->manifest, members, e)) < 0 ||
        (r = alias_make(a, dir, SHOTS_NAME, l->shots, members, e)) < 0)
        return r;
    for (size_t i = 0; i < json_array_size(l->rows); i++) {
        r = link_make(a, l, dir, json_array_get(l->rows, i), mtime_ns, members, e);
        if (r < 0)
            return err_wrap(e, "link %zu of the payload", i + 1);
    }
    return 0;
}

/* ---- clearing ------------------------------------------------------------------------------ */

/* The children of a directory that are of that kind. */
static int children(struct apply *a, node_id dir, enum node_kind kind, roaring_bitmap_t *ret,
                    struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(a->txn, a->ix->table[TABLE_NODE], &cur), "nodes");
    if (r < 0)
        return r;
    uint32_t be = htonl(dir);
    char mark = kind == NODE_DIR ? '/' : '\0';
    MDB_val k = {sizeof be, &be}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0 && memcmp(k.mv_data, &be, sizeof be) == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        node_id id;
        memcpy(&id, v.mv_data, sizeof id);
        if (((char *)k.mv_data)[k.mv_size - 1] == mark)
            roaring_bitmap_add(ret, id);
    }
    return r == 0 || r == MDB_NOTFOUND ? 0 : index_err(e, r, "nodes");
}

static int name_clear(struct apply *a, node_id id, struct err *e)
{
    struct held h;
    int r = hold(a, id, &h, e);
    if (r < 0)
        return r;
    if (h.at.flags & ATTR_ALIAS) {
        MDB_val k = {sizeof h.at.target, &h.at.target}, v = {sizeof id, &id};
        r = mdb_del(a->txn, a->ix->table[TABLE_ALIAS], &k, &v);
        if (r != 0 && r != MDB_NOTFOUND)
            return index_err(e, r, "alias");
    }
    bool was = attr_is_live(&h.at);
    set_flag(&h.at, ATTR_SHOWN, false);
    return settle(a, id, &h, was, e);
}

static int clear_dir(struct apply *a, node_id dir, struct err *e)
{
    AUTO(bitmap) roaring_bitmap_t *ids = roaring_bitmap_create();
    int r = children(a, dir, NODE_LINK, ids, e);
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(ids, &it); r == 0 && it.has_value;
         roaring_advance_uint32_iterator(&it))
        r = name_clear(a, it.current_value, e);
    return r;
}

int links_clear(struct apply *a, const char *edit, const char *name, struct err *e)
{
    AUTO(buf) struct buf folder = {0};
    AUTO(bitmap) roaring_bitmap_t *dirs = roaring_bitmap_create();
    node_id dir;
    folder_name(name, edit, &folder);
    int r = node_get(a->ix, a->txn, NODE_ROOT, TOP, strlen(TOP), NODE_DIR, &dir, e);
    if (r == 0)
        r = node_get(a->ix, a->txn, dir, folder.p, folder.len, NODE_DIR, &dir, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((r = children(a, dir, NODE_DIR, dirs, e)) < 0)
        return r;
    roaring_bitmap_add(dirs, dir);
    roaring_uint32_iterator_t it;
    for (roaring_init_iterator(dirs, &it); r == 0 && it.has_value;
         roaring_advance_uint32_iterator(&it))
        r = clear_dir(a, it.current_value, e);
    return r;
}
