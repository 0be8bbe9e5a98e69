/* policy/index_tree.c - nodes: attributes, keys, frame patterns. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/index_impl.h"

#define DEPTH_MAX 1024 /* components of a path; keys have at most 1,024 bytes */

int attr_get(struct index *ix, MDB_txn *txn, node_id id, struct attr *ret, const char **name,
             const char **etag, struct err *e)
{
    MDB_val v;
    int r = table_get(ix, txn, TABLE_ATTR, &id, sizeof id, &v, e);
    if (r < 0)
        return r;
    if (v.mv_size < sizeof *ret)
        return err_set(e, -EBADMSG, "index: attributes of node %u cut short", id);
    memcpy(ret, v.mv_data, sizeof *ret); /* the map promises no alignment */
    if (v.mv_size != sizeof *ret + ret->name_len + ret->etag_len + 2u)
        return err_set(e, -EBADMSG, "index: attributes of node %u have a wrong length", id);
    if (name)
        *name = (const char *)v.mv_data + sizeof *ret;
    if (etag)
        *etag = (const char *)v.mv_data + sizeof *ret + ret->name_len + 1;
    return 0;
}

int attr_put(struct index *ix, MDB_txn *txn, node_id id, const struct attr *a, const char *name,
             const char *etag, struct err *e)
{
    /* name and etag may point into the map, which the put may move: copy first */
    char data[sizeof *a + NAME_LIMIT + 256];
    size_t n = sizeof *a;
    if (a->name_len > NAME_LIMIT || a->etag_len > 200)
        return err_set(e, -EINVAL, "index: name or ETag too long");
    memcpy(data, a, sizeof *a);
    memcpy(data + n, name, a->name_len);
    data[n += a->name_len] = '\0';
    n++;
    memcpy(data + n, etag, a->etag_len);
    data[n += a->etag_len] = '\0';
    n++;
    return table_put(ix, txn, TABLE_ATTR, &id, sizeof id, data, n, e);
}

size_t node_key(node_id parent, const char *name, size_t n, enum node_kind kind,
                char ret[NODE_KEY_SIZE])
{
    uint32_t be = htonl(parent);
    memcpy(ret, &be, 4);
    memcpy(ret + 4, name, n);
    ret[4 + n] = kind == NODE_DIR ? '/' : '\0'; /* no name has either */
    return 4 + n + (kind != NODE_OBJECT);
}

int node_get(struct index *ix, MDB_txn *txn, node_id parent, const char *name, size_t n,
             enum node_kind kind, node_id *ret, struct err *e)
{
    char key[NODE_KEY_SIZE];
    if (n == 0 || n > NAME_LIMIT)
        return -ENOENT;
    MDB_val v;
    size_t key_n = node_key(parent, name, n, kind, key);
    int r = table_get(ix, txn, TABLE_NODE, key, key_n, &v, e);
    if (r < 0)
        return r;
    memcpy(ret, v.mv_data, sizeof *ret);
    return 0;
}

static void fill(node_id id, const struct attr *a, const char *name, const char *etag,
                 struct node *ret)
{
    *ret = (struct node){
        .id = id,
        .parent = a->parent,
        .is_dir = a->flags & ATTR_DIR,
        .is_link = a->flags & ATTR_LINK,
        .target = a->target,
        .live = attr_is_live(a),
        .size = a->flags & ATTR_DIR ? 0 : a->size,
        .mtime_ns = a->mtime_ns,
        .name = name,
        .name_len = a->name_len,
        .etag = etag,
    };
}

int index_node(struct index_read *rd, node_id id, struct node *ret, struct err *e)
{
    struct attr a;
    const char *name, *etag;
    int r = attr_get(rd->ix, rd->txn, id, &a, &name, &etag, e);
    if (r < 0)
        return r;
    fill(id, &a, name, etag, ret);
    ret->live = ret->live && read_has(rd, id);
    return 0;
}

int index_nodes(struct index_read *rd, const roaring_bitmap_t *set, index_node_fn *fn, void *arg,
                struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_ATTR], &cur), "attr");
    if (r < 0)
        return r;
    roaring_uint32_iterator_t it;
    node_id at = NODE_NONE;
    for (roaring_init_iterator(set, &it); it.has_value; roaring_advance_uint32_iterator(&it)) {
        node_id id = it.current_value;
        MDB_val k = {sizeof id, &id}, v;
        /* neighbours are mostly the next row: stepping is cheaper than seeking */
        bool step = at != NODE_NONE && id == at + 1;
        r = mdb_cursor_get(cur, &k, &v, step ? MDB_NEXT : MDB_SET_KEY);
        at = id;
        if (r == MDB_NOTFOUND || (r == 0 && memcmp(k.mv_data, &id, sizeof id) != 0))
            return err_set(e, -EBADMSG, "index: node %u has no attributes", id);
        if (r != 0)
            return index_err(e, r, "attr");
        struct attr a;
        memcpy(&a, v.mv_data, sizeof a);
        struct node n;
        const char *name = (const char *)v.mv_data + sizeof a;
        fill(id, &a, name, name + a.name_len + 1, &n);
        n.live = n.live && read_has(rd, id);
        if ((r = fn(arg, &n, e)) < 0)
            return r;
    }
    return 0;
}

/* The live child, whichever of `n_kinds` it is (never two of them; see ATTR_SHADOWED). */
static int live_child(struct index_read *rd, node_id parent, const char *name, size_t n,
                      int n_kinds, node_id *ret, struct err *e)
{
    static const enum node_kind kinds[] = {NODE_DIR, NODE_OBJECT, NODE_LINK};
    for (int i = 0; i < n_kinds; i++) {
        node_id id;
        struct attr a;
        int r = node_get(rd->ix, rd->txn, parent, name, n, kinds[i], &id, e);
        if (r == 0)
            r = attr_get(rd->ix, rd->txn, id, &a, NULL, NULL, e);
        if (r == 0 && attr_is_live(&a) && read_has(rd, id)) {
            *ret = id;
            return 0;
        }
        if (r < 0 && r != -ENOENT)
            return r;
    }
    return -ENOENT;
}

static int find(struct index_read *rd, const char *path, int n_kinds, node_id *ret, struct err *e)
{
    node_id at = NODE_ROOT;
    const char *s = path;
    if (*s == '/')
        s++;
    while (*s) {
        size_t n = strcspn(s, "/");
        bool more = s[n] == '/';
        int r = live_child(rd, at, s, n, more ? 1 : n_kinds, &at, e);
        if (r == -ENOENT)
            return err_set(e, r, "no such path in the lake: %s", path);
        if (r < 0)
            return r;
        s += n + more;
    }
    *ret = at;
    return 0;
}

int index_find(struct index_read *rd, const char *path, node_id *ret, struct err *e)
{
    return find(rd, path, 2, ret, e);
}

int index_find_shown(struct index_read *rd, const char *path, node_id *ret, struct err *e)
{
    return find(rd, path, 3, ret, e);
}

int index_children(struct index_read *rd, node_id dir, const char *prefix, size_t n,
                   index_node_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    char key[4 + NAME_LIMIT];
    uint32_t be = htonl(dir);
    if (n > NAME_LIMIT)
        return 0; /* longer than any name */
    memcpy(key, &be, 4);
    memcpy(key + 4, prefix, n);
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_NODE], &cur), "node");
    if (r < 0)
        return r;
    MDB_val k = {4 + n, key}, v;
    r = mdb_cursor_get(cur, &k, &v, MDB_SET_RANGE);
    for (; r == 0; r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        node_id id;
        struct node nd;
        if (k.mv_size < 4 + n || memcmp(k.mv_data, key, 4 + n) != 0)
            return 0;
        memcpy(&id, v.mv_data, sizeof id);
        int rn = index_node(rd, id, &nd, e);
        if (rn == 0 && nd.live && nd.target == NODE_NONE && id != dir)
            rn = fn(arg, &nd, e);
        if (rn < 0)
            return rn;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "node");
}

int index_key(struct index_read *rd, node_id id, struct buf *ret, struct err *e)
{
    node_id chain[DEPTH_MAX];
    size_t n = 0;
    struct node nd;
    int r;
    for (; id != NODE_ROOT; id = nd.parent) {
        if (n == DEPTH_MAX)
            return err_set(e, -EBADMSG, "index: node %u is its own ancestor", id);
        chain[n++] = id;
        if ((r = index_node(rd, id, &nd, e)) < 0)
            return r == -ENOENT ? err_set(e, r, "index: no node %u", id) : r;
    }
    while (n > 0) {
        if ((r = index_node(rd, chain[--n], &nd, e)) < 0)
            return r;
        buf_add(ret, nd.name, nd.name_len);
        if (nd.is_dir)
            buf_addc(ret, '/');
    }
    return 0;
}

int index_object_key(struct index_read *rd, const struct node *n, struct buf *ret, struct err *e)
{
    return index_key(rd, n->target != NODE_NONE ? n->target : n->id, ret, e);
}

int index_link(struct index_read *rd, const struct node *n, struct buf *ret, struct err *e)
{
    for (int up = 0; up < EDIT_LINK_DEPTH; up++)
        buf_adds(ret, "../");
    int r = index_key(rd, n->target, ret, e);
    if (r == 0 && ret->len > 0 && ret->p[ret->len - 1] == '/')
        ret->p[--ret->len] = '\0'; /* a directory */
    return r;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool frame_pattern(const char *name, size_t n, struct buf *ret, int64_t *ret_frame, int *ret_width)
{
    size_t end = n;
    for (size_t i = n; i > 0; i--)
        if (name[i - 1] == '.') {
            end = i - 1;
            break;
        }
    while (end > 0 && !is_digit(name[end - 1]))
        end--;
    size_t start = end;
    while (start > 0 && is_digit(name[start - 1]))
        start--;
    if (start == end || end - start > 18)
        return false;
    int64_t frame = 0;
    for (size_t i = start; i < end; i++)
        frame = frame * 10 + (name[i] - '0');
    buf_add(ret, name, start);
    buf_addc(ret, '#');
    buf_add(ret, name + end, n - end);
    if (ret_frame)
        *ret_frame = frame;
    if (ret_width)
        *ret_width = (int)(end - start);
    return true;
}

int index_inventory(struct index_read *rd, const char *key, struct inventory_row *ret,
                    struct err *e)
{
    *ret = (struct inventory_row){0};
    if (key_problem(key)) {
        uint8_t hash[SHA256_SIZE];
        MDB_val v;
        hash_sha256(key, strlen(key), hash);
        return table_get(rd->ix, rd->txn, TABLE_HIDDEN, hash, sizeof hash, &v, e);
    }
    node_id at = NODE_ROOT;
    for (const char *s = key; *s;) {
        size_t n = strcspn(s, "/");
        bool more = s[n] == '/';
        int r = node_get(rd->ix, rd->txn, at, s, n, more, &at, e);
        if (r < 0)
            return r;
        s += n + more;
    }
    struct attr a;
    const char *etag;
    int r = attr_get(rd->ix, rd->txn, at, &a, NULL, &etag, e);
    if (r < 0)
        return r;
    if (!(a.flags & ATTR_PRESENT))
        return -ENOENT;
    ret->node = at;
    ret->size = a.size;
    ret->mtime_ns = a.mtime_ns;
    snprintf(ret->etag, sizeof ret->etag, "%s", etag);
    return 0;
}

int index_inventory_each(struct index_read *rd, index_node_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_ATTR], &cur), "attr");
    if (r < 0)
        return r;
    MDB_val k, v;
    for (r = mdb_cursor_get(cur, &k, &v, MDB_FIRST); r == 0;
         r = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        struct attr a;
        struct node n;
        node_id id;
        memcpy(&a, v.mv_data, sizeof a);
        memcpy(&id, k.mv_data, sizeof id);
        if (!(a.flags & ATTR_PRESENT))
            continue;
        const char *name = (const char *)v.mv_data + sizeof a;
        fill(id, &a, name, name + a.name_len + 1, &n);
        int f = fn(arg, &n, e);
        if (f < 0)
            return f;
    }
    return r == MDB_NOTFOUND ? 0 : index_err(e, r, "attr");
}

static int by_key(const void *a, const void *b)
{
    return strcmp(*(char *const *)a + 1, *(char *const *)b + 1);
}

/* The reasons, by the byte that TABLE_HIDDEN keeps; see key_problem() in apply.c. */
static const char *reason_text(char c)
{
    switch (c) {
    case 'e': return "has an empty component";
    case 'd': return "has a component '.' or '..'";
    case 'l': return "has a component over 255 bytes";
    case 'm': return "ends in '/' (a folder marker)";
    case 'u': return "is not UTF-8";
    case 's': return "is also a folder of other keys";
    default: return "cannot be a path";
    }
}

/* Rows of TABLE_HIDDEN, and objects that a directory shadows, as "reason byte, key" strings. */
int index_hidden(struct index_read *rd, index_hidden_fn *fn, void *arg, struct err *e)
{
    AUTO(cursor) MDB_cursor *cur = NULL;
    int r = index_err(e, mdb_cursor_open(rd->txn, rd->ix->table[TABLE_HIDDEN], &cur), "hidden");
    if (r < 0)
        return r;
    char **rows = NULL;
    size_t n = 0, cap = 0;
    MDB_val k, v;
    for (int m = mdb_cursor_get(cur, &k, &v, MDB_FIRST); m == 0;
         m = mdb_cursor_get(cur, &k, &v, MDB_NEXT)) {
        if (n == cap)
            rows = xrealloc(rows, cap = cap ? 2 * cap : 64, sizeof *rows);
        rows[n++] = xstrndup(v.mv_data, v.mv_size);
    }
    if (n > 0)
        qsort(rows, n, sizeof *rows, by_key);
    for (size_t i = 0; i < n; i++) {
        if (r == 0)
            r = fn(arg, rows[i] + 1, reason_text(rows[i][0]), e);
        free(rows[i]);
    }
    free(rows);
    return r < 0 ? r : 0;
}
