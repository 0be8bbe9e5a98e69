/* policy/apply_tree.c - how keys become nodes, and how nodes come to life and go. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/codec.h"
#include "base/err.h"
#include "policy/apply_impl.h"
#include "policy/fold.h"
#include "policy/hash.h"

char key_problem(const char *key)
{
    size_t len = strlen(key);
    if (!utf8_is_valid(key, len))
        return 'u';
    if (len == 0)
        return 'e';
    const char *s = key;
    for (;;) {
        size_t n = strcspn(s, "/");
        bool last = s[n] == '\0';
        if (n == 0)
            return last && s != key ? 'm' : 'e';
        if (n > NAME_LIMIT)
            return 'l';
        if ((n == 1 && s[0] == '.') || (n == 2 && s[0] == '.' && s[1] == '.'))
            return 'd';
        if (last)
            return 0;
        s += n + 1;
    }
}

static int hidden_put(struct apply *a, const char *key, char reason, struct err *e)
{
    uint8_t hash[SHA256_SIZE];
    hash_sha256(key, strlen(key), hash);
    AUTO(buf) struct buf row = {0};
    buf_addc(&row, reason);
    buf_adds(&row, key);
    return table_put(a->ix, a->txn, TABLE_HIDDEN, hash, sizeof hash, row.p, row.len, e);
}

static int hidden_del(struct apply *a, const char *key, struct err *e)
{
    uint8_t hash[SHA256_SIZE];
    hash_sha256(key, strlen(key), hash);
    int r = table_del(a->ix, a->txn, TABLE_HIDDEN, hash, sizeof hash, e);
    return r == -ENOENT ? 0 : r;
}

/* "dir/…/name" of a node, for the rare rows of TABLE_HIDDEN. */
static int full_key(struct apply *a, node_id id, struct buf *ret, struct err *e)
{
    struct index_read rd = {.ix = a->ix, .txn = a->txn};
    return index_key(&rd, id, ret, e);
}

static int stem_put(struct apply *a, enum index_table t, const char *name, size_t n, node_id id,
                    struct err *e)
{
    AUTO(buf) struct buf key = {0};
    fold_key(name, name_stem(name, n), &key);
    return table_put(a->ix, a->txn, t, key.p, key.len, &id, sizeof id, e);
}

static int node_new(struct apply *a, node_id parent, const char *name, size_t n,
                    enum node_kind kind, node_id *ret, struct err *e)
{
    char key[NODE_KEY_SIZE];
    uint32_t id = a->next_node;
    if (id == UINT32_MAX)
        return err_set(e, -ENOSPC, "the index has no node numbers left");
    struct attr at = {
        .parent = parent, .flags = kind == NODE_DIR ? ATTR_DIR : 0, .name_len = (uint16_t)n};
    size_t key_n = node_key(parent, name, n, kind, key);
    int r = table_put(a->ix, a->txn, TABLE_NODE, key, key_n, &id, sizeof id, e);
    if (r == 0)
        r = attr_put(a->ix, a->txn, id, &at, name, "", e);
    /* an edit's names are not media to be found, and no ACL reaches them: only the edit's holders
     * see them */
    if (kind == NODE_LINK)
        roaring_bitmap_add(a->names, id);
    if (r == 0 && kind == NODE_DIR)
        r = guard_of_name(a, id, parent, e);
    if (r == 0 && kind == NODE_OBJECT) {
        r = stem_put(a, TABLE_STEM, name, n, id, e);
        AUTO(buf) struct buf pattern = {0};
        if (r == 0 && frame_pattern(name, n, &pattern, NULL, NULL))
            r = stem_put(a, TABLE_PATTERN, pattern.p, pattern.len, id, e);
        if (r == 0)
            r = zone_inherit(a, id, parent, e);
    }
    if (r < 0)
        return r;
    a->next_node++;
    *ret = id;
    return 0;
}

int tree_child(struct apply *a, node_id parent, const char *name, size_t n, enum node_kind kind,
               node_id *ret, struct err *e)
{
    int r = node_get(a->ix, a->txn, parent, name, n, kind, ret, e);
    return r == -ENOENT ? node_new(a, parent, name, n, kind, ret, e) : r;
}

/* The node of a key that can be a path, made with its directories where it is new; a key that ends
 * in '/' is a directory. */
int tree_make(struct apply *a, const char *key, node_id *ret, struct err *e)
{
    const char *slash = strrchr(key, '/');
    size_t dir_len = slash ? (size_t)(slash - key) + 1 : 0;
    node_id at = NODE_ROOT;
    int r;
    if (dir_len >= sizeof a->last_dir)
        return err_set(e, -EINVAL, "key over %zu bytes", sizeof a->last_dir - 1);
    if (a->last_dir_node != NODE_NONE && strlen(a->last_dir) == dir_len &&
        memcmp(a->last_dir, key, dir_len) == 0) {
        at = a->last_dir_node;
    } else {
        for (const char *s = key; s < key + dir_len;) {
            size_t n = strcspn(s, "/");
            if ((r = tree_child(a, at, s, n, NODE_DIR, &at, e)) < 0)
                return r;
            s += n + 1;
        }
        memcpy(a->last_dir, key, dir_len);
        a->last_dir[dir_len] = '\0';
        a->last_dir_node = at;
    }
    *ret = at;
    const char *name = key + dir_len;
    return *name ? tree_child(a, at, name, strlen(name), NODE_OBJECT, ret, e) : 0;
}

/* A directory came to life or died: an object of the same name beside it is hidden or shown. */
static int shadow(struct apply *a, const struct attr *dir, const char *name, bool on, struct err *e)
{
    node_id id;
    struct attr at;
    const char *fname, *etag;
    int r = node_get(a->ix, a->txn, dir->parent, name, dir->name_len, NODE_OBJECT, &id, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    if ((r = attr_get(a->ix, a->txn, id, &at, &fname, &etag, e)) < 0)
        return r;
    bool was = attr_is_live(&at);
    at.flags = on ? at.flags | ATTR_SHADOWED : at.flags & ~(uint32_t)ATTR_SHADOWED;
    bool is = attr_is_live(&at);
    if ((r = attr_put(a->ix, a->txn, id, &at, fname, etag, e)) < 0)
        return r;
    AUTO(buf) struct buf key = {0};
    if ((at.flags & ATTR_PRESENT) && (r = full_key(a, id, &key, e)) == 0)
        r = on ? hidden_put(a, key.p, 's', e) : hidden_del(a, key.p, e);
    if (r < 0 || was == is)
        return r;
    a->totals.objects += is ? 1 : (uint64_t)-1;
    a->totals.bytes += is ? at.size : -at.size;
    if ((r = label_touch(a, id, e)) < 0 || (r = tree_count(a, at.parent, is ? 1 : -1, NULL, e)) < 0)
        return r;
    return at.flags & ATTR_ALIASED ? links_follow(a, id, e) : 0;
}

int tree_count(struct apply *a, node_id dir, int delta, uint32_t *ret_flags, struct err *e)
{
    struct attr at;
    const char *name, *etag;
    int r = attr_get(a->ix, a->txn, dir, &at, &name, &etag, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, -EBADMSG, "index: no directory %u", dir) : r;
    bool was = attr_is_live(&at);
    at.size += (uint64_t)(int64_t)delta;
    bool is = attr_is_live(&at);
    char copy[NAME_LIMIT + 1];
    uint32_t above;
    memcpy(copy, name, at.name_len);
    copy[at.name_len] = '\0';
    if (ret_flags)
        *ret_flags = at.flags;
    if ((r = attr_put(a->ix, a->txn, dir, &at, copy, "", e)) < 0)
        return r;
    if (was == is || dir == NODE_ROOT)
        return 0;
    if ((r = tree_count(a, at.parent, is ? 1 : -1, &above, e)) < 0 ||
        (r = shadow(a, &at, copy, is, e)) < 0)
        return r;
    return above & ATTR_LISTS ? links_shade(a, at.parent, copy, at.name_len, e) : 0;
}

/* Stores an object's attributes and does all that follows from its coming to life or dying. */
static int change(struct apply *a, node_id id, struct attr *at, const char *name, const char *etag,
                  const struct attr *old, struct err *e)
{
    bool was = attr_is_live(old), is = attr_is_live(at);
    at->etag_len = (uint16_t)strlen(etag);
    int r = attr_put(a->ix, a->txn, id, at, name, etag, e);
    if (r < 0)
        return r;
    a->totals.objects += (uint64_t)is - (uint64_t)was;
    a->totals.bytes += (is ? at->size : 0) - (was ? old->size : 0);
    uint32_t above = 0;
    if (was != is && ((r = label_touch(a, id, e)) < 0 ||
                      (r = tree_count(a, at->parent, is ? 1 : -1, &above, e)) < 0))
        return r;
    if ((above & ATTR_LISTS) && (r = links_shade(a, at->parent, name, at->name_len, e)) < 0)
        return r;
    return at->flags & ATTR_ALIASED ? links_follow(a, id, e) : 0;
}

/* The directory "a/" beside an object "a" that comes: is it alive? */
static int is_shadowed(struct apply *a, const struct attr *at, const char *name, bool *ret,
                       struct err *e)
{
    node_id id;
    struct attr dir;
    *ret = false;
    int r = node_get(a->ix, a->txn, at->parent, name, at->name_len, NODE_DIR, &id, e);
    if (r == 0)
        r = attr_get(a->ix, a->txn, id, &dir, NULL, NULL, e);
    if (r == 0)
        *ret = attr_is_live(&dir);
    return r == -ENOENT ? 0 : r;
}

int tree_add(struct apply *a, const char *key, uint64_t size, int64_t mtime_ns, const char *etag,
             struct err *e)
{
    char why = key_problem(key);
    if (strncmp(key, ".shotlake/", 10) == 0)
        return 0; /* the ledger itself is no part of the lake, whatever an inventory says */
    if (why)
        return hidden_put(a, key, why, e);
    node_id id;
    struct attr old;
    const char *name, *old_etag;
    int r = tree_make(a, key, &id, e);
    if (r == 0)
        r = attr_get(a->ix, a->txn, id, &old, &name, &old_etag, e);
    if (r < 0)
        return r;
    char copy[NAME_LIMIT + 1];
    memcpy(copy, name, old.name_len);
    copy[old.name_len] = '\0';
    bool shadowed;
    if ((r = is_shadowed(a, &old, copy, &shadowed, e)) < 0)
        return r;
    bool anew = !(old.flags & ATTR_PRESENT) || strcmp(old_etag, etag) != 0;
    if (anew && ((r = label_untag(a, id, e)) < 0 || (r = media_drop(a, id, e)) < 0))
        return r;
    struct attr at = old;
    at.flags = ATTR_PRESENT | (shadowed ? ATTR_SHADOWED : 0) | (old.flags & (ATTR_ALIASED | ATTR_RULED));
    at.size = size;
    at.mtime_ns = mtime_ns;
    if (shadowed && (r = hidden_put(a, key, 's', e)) < 0)
        return r;
    return change(a, id, &at, copy, etag, &old, e);
}

int tree_gone(struct apply *a, const char *key, struct err *e)
{
    int r = hidden_del(a, key, e);
    if (r < 0 || key_problem(key))
        return r;
    node_id id;
    struct attr old;
    const char *name, *etag;
    if ((r = tree_make(a, key, &id, e)) < 0 ||
        (r = attr_get(a->ix, a->txn, id, &old, &name, &etag, e)) < 0)
        return r;
    char copy[NAME_LIMIT + 1], copy_etag[256];
    memcpy(copy, name, old.name_len);
    copy[old.name_len] = '\0';
    snprintf(copy_etag, sizeof copy_etag, "%s", etag);
    if ((r = media_drop(a, id, e)) < 0)
        return r;
    struct attr at = old;
    at.flags &= ~(uint32_t)(ATTR_PRESENT | ATTR_SHADOWED);
    return change(a, id, &at, copy, copy_etag, &old, e);
}
