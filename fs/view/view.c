/* fs/view/view.c - one principal's names and bytes: what a front may show, and nothing else. */
/* SPDX-License-Identifier: MIT */
#include "fs/view/view.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/view/siphash.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "policy/visible.h"

struct dir {
    node_id id, parent;
    uint32_t first, n; /* its run in `children` */
    int64_t mtime_ns;
};

/* One visible name. The tag is the upper half of its hash, the position comes from the lower. */
struct slot {
    uint32_t tag;
    node_id id;
};

/* About 30 bytes a visible node: 8 for its attributes' hash, 4 as a child, 11 to 21 as a name. */
struct view {
    atomic_uint refs;
    roaring_bitmap_t *nodes;
    roaring_bitmap_t *closed; /* of them, those that may not be opened; NULL: none */
    struct dir *dirs; /* rising by id; the root among them */
    size_t n_dirs;
    node_id *children;  /* by parent, then by name */
    node_id *ids;       /* visible nodes but the root, rising */
    uint32_t *versions; /* of ids[i]: hash of its attributes; of a directory: of its mtime */
    size_t n;
    struct slot *slots;
    size_t mask;
    struct view_totals totals;
    uint64_t seq;
    int64_t next_change;
};

/* Drawn once a process, so that nobody can prepare names that collide and versions of two views
 * can be compared. */
static uint8_t hash_key[SIPHASH_KEY_SIZE];

static void draw_hash_key(void)
{
    hash_random(hash_key, sizeof hash_key);
}

static const uint8_t *the_hash_key(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, draw_hash_key);
    return hash_key;
}

uint32_t view_version_of(const struct node *n)
{
    if (n->is_dir)
        return 0;
    uint64_t numbers[3] = {n->size, (uint64_t)n->mtime_ns, n->is_link ? n->target : 0};
    uint64_t h = siphash(the_hash_key(), numbers, sizeof numbers);
    const char *etag = n->etag ? n->etag : "";
    uint32_t version = (uint32_t)siphash_with(the_hash_key(), h, etag, strlen(etag));
    return version ? version : 1;
}

static uint32_t version_of_dir(const struct dir *d)
{
    return (uint32_t)siphash_with(the_hash_key(), (uint64_t)d->mtime_ns, "", 0);
}

/* ---- building ------------------------------------------------------------------------------ */

/* A name while the view is built; the text is the index's. */
struct name {
    uint64_t start; /* its first bytes, the first one highest: most comparisons end here */
    const char *text;
    size_t n;
};

struct build {
    struct view *v;
    node_id *parents;   /* of ids[i] */
    int64_t *mtimes;    /* of ids[i]; 0 for directories */
    struct name *names; /* of ids[i] */
    size_t room, dir_room;
};

static void add_dir(struct build *b, node_id id, node_id parent)
{
    struct view *v = b->v;
    if (v->n_dirs == b->dir_room) {
        b->dir_room = b->dir_room ? b->dir_room * 2 : 16;
        v->dirs = xrealloc(v->dirs, b->dir_room, sizeof *v->dirs);
    }
    v->dirs[v->n_dirs++] = (struct dir){.id = id, .parent = parent};
}

static void add_name(struct view *v, const struct node *n)
{
    uint64_t h = siphash_with(the_hash_key(), n->parent, n->name, n->name_len);
    size_t at = (size_t)h & v->mask;
    while (v->slots[at].id != NODE_NONE)
        at = (at + 1) & v->mask;
    v->slots[at] = (struct slot){.tag = (uint32_t)(h >> 32), .id = n->id};
}

static struct name name_of(const struct node *n)
{
    uint64_t start = 0;
    for (size_t i = 0; i < sizeof start; i++)
        start = start << 8 | (i < n->name_len ? (unsigned char)n->name[i] : 0);
    return (struct name){start, n->name, n->name_len};
}

/* Bytewise, as strcmp(); names hold no NUL. */
static int compare_names(const struct name *a, const struct name *b)
{
    if (a->start != b->start)
        return a->start < b->start ? -1 : 1;
    int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
    return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare_children(const void *a, const void *b, void *names)
{
    const struct name *of = names;
    return compare_names(&of[*(const uint32_t *)a], &of[*(const uint32_t *)b]);
}

static struct dir *find_dir(const struct view *v, node_id id)
{
    size_t low = 0, high = v->n_dirs;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v->dirs[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < v->n_dirs && v->dirs[low].id == id ? &v->dirs[low] : NULL;
}

static int collect(void *arg, const struct node *n, struct err *e)
{
    struct build *b = arg;
    struct view *v = b->v;

    if (n->id == NODE_ROOT || !n->live)
        return 0;
    if (v->n == b->room)
        return err_set(e, -EBADMSG, "the index answers more nodes than were asked for");
    v->ids[v->n] = n->id;
    b->parents[v->n] = n->parent;
    b->mtimes[v->n] = n->is_dir ? 0 : n->mtime_ns;
    b->names[v->n] = name_of(n);
    v->versions[v->n] = view_version_of(n);
    v->n++;
    add_name(v, n);
    if (n->is_dir) {
        add_dir(b, n->id, n->parent);
        v->totals.directories++;
    } else {
        v->totals.objects++;
        v->totals.bytes += n->is_link ? 0 : n->size;
    }
    return 0;
}

/* Nodes come grouped by directory more often than not: the last one found is tried first. */
static struct dir *parent_dir(const struct view *v, node_id parent, struct dir *last)
{
    return last && last->id == parent ? last : find_dir(v, parent);
}

/* Puts the children of each directory, as indices into `ids`, behind one another. A node whose
 * parent is not visible (which the closure of labels over directories rules out) is left out. */
static void group_children(struct build *b)
{
    struct view *v = b->v;
    struct dir *d = NULL;
    for (size_t i = 0; i < v->n; i++) {
        d = parent_dir(v, b->parents[i], d);
        if (d)
            d->n++;
    }
    uint32_t first = 0;
    for (size_t i = 0; i < v->n_dirs; i++) {
        v->dirs[i].first = first;
        first += v->dirs[i].n;
        v->dirs[i].n = 0;
    }
    d = NULL;
    for (size_t i = 0; i < v->n; i++) {
        d = parent_dir(v, b->parents[i], d);
        if (d)
            v->children[d->first + d->n++] = (uint32_t)i;
    }
}

/* By name: the order of node numbers would tell which of two objects was in the lake first, also
 * for one that was hidden then. A scan numbers nodes in this order, so most are sorted already. */
static void sort_children(struct build *b)
{
    struct view *v = b->v;
    for (size_t i = 0; i < v->n_dirs; i++) {
        uint32_t *child = v->children + v->dirs[i].first, n = v->dirs[i].n;
        for (uint32_t k = 1; k < n; k++)
            if (compare_names(&b->names[child[k - 1]], &b->names[child[k]]) > 0) {
                qsort_r(child, n, sizeof *child, compare_children, b->names);
                break;
            }
        for (uint32_t k = 0; k < n; k++)
            child[k] = v->ids[child[k]];
    }
}

/* Gives each directory above an object its mtime where it is newer. Ends where an ancestor is
 * newer already, so that a directory's chain is walked only while it changes something. */
static void raise_mtimes(struct build *b)
{
    struct view *v = b->v;
    struct dir *last = NULL;
    for (size_t i = 0; i < v->n; i++) {
        if (b->mtimes[i] <= 0)
            continue;
        struct dir *d = last = parent_dir(v, b->parents[i], last);
        while (d && d->mtime_ns < b->mtimes[i]) {
            d->mtime_ns = b->mtimes[i];
            d = d->id == NODE_ROOT ? NULL : find_dir(v, d->parent);
        }
    }
}

static void set_dir_versions(struct view *v)
{
    size_t at = 0;
    for (size_t i = 0; i < v->n_dirs; i++) {
        if (v->dirs[i].id == NODE_ROOT)
            continue;
        while (v->ids[at] != v->dirs[i].id)
            at++;
        v->versions[at] = version_of_dir(&v->dirs[i]);
    }
}

static struct view *make(size_t room)
{
    struct view *v = xcalloc(1, sizeof *v);
    size_t slots = 4;
    while (slots / 4 * 3 < room)
        slots *= 2;
    v->refs = 1;
    v->children = xcalloc(room, sizeof *v->children);
    v->ids = xcalloc(room, sizeof *v->ids);
    v->versions = xcalloc(room, sizeof *v->versions);
    v->slots = xcalloc(slots, sizeof *v->slots);
    v->mask = slots - 1;
    v->next_change = WHEN_NEVER;
    return v;
}

int view_new(struct index_read *rd, const struct visible *visible, struct view **ret, struct err *e)
{
    AUTO(view) struct view *v = NULL;
    AUTO(free) node_id *parents = NULL;
    AUTO(free) int64_t *mtimes = NULL;
    AUTO(free) struct name *names = NULL;

    size_t room = roaring_bitmap_get_cardinality(visible->nodes);
    v = make(room);
    v->seq = visible->seq;
    v->next_change = visible->next_change;
    v->nodes = roaring_bitmap_copy(visible->nodes);
    if (!v->nodes)
        return err_set(e, -ENOMEM, "no memory for a view of %zu nodes", room);
    roaring_bitmap_add(v->nodes, NODE_ROOT);
    if (visible->closed && !roaring_bitmap_is_empty(visible->closed)) {
        v->closed = roaring_bitmap_copy(visible->closed);
        if (!v->closed)
            return err_set(e, -ENOMEM, "no memory for a view of %zu nodes", room);
    }

    parents = xcalloc(room, sizeof *parents);
    mtimes = xcalloc(room, sizeof *mtimes);
    names = xcalloc(room, sizeof *names);
    struct build b = {.v = v, .parents = parents, .mtimes = mtimes, .names = names, .room = room};
    add_dir(&b, NODE_ROOT, NODE_ROOT); /* the smallest id, so `dirs` stays sorted */
    int r = index_nodes(rd, visible->nodes, collect, &b, e);
    if (r < 0)
        return r;
    group_children(&b);
    sort_children(&b);
    raise_mtimes(&b);
    set_dir_versions(v);
    *ret = TAKE(v);
    return 0;
}

struct view *view_empty(void)
{
    struct view *v = make(0);
    struct build b = {.v = v};
    add_dir(&b, NODE_ROOT, NODE_ROOT);
    v->nodes = roaring_bitmap_create();
    if (!v->nodes)
        abort(); /* as every small allocation: see base/buf.h */
    roaring_bitmap_add(v->nodes, NODE_ROOT);
    return v;
}

struct view *view_ref(struct view *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void view_unref(struct view *v)
{
    if (!v || atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) != 1)
        return;
    if (v->nodes)
        roaring_bitmap_free(v->nodes);
    if (v->closed)
        roaring_bitmap_free(v->closed);
    free(v->dirs);
    free(v->children);
    free(v->ids);
    free(v->versions);
    free(v->slots);
    free(v);
}

/* ---- asking -------------------------------------------------------------------------------- */

bool view_has(const struct view *v, node_id id)
{
    return id != NODE_NONE && roaring_bitmap_contains(v->nodes, id);
}

static bool is_closed(const struct view *v, node_id id)
{
    return v->closed && roaring_bitmap_contains(v->closed, id);
}

void view_add_open(const struct view *v, roaring_bitmap_t *ret)
{
    roaring_bitmap_t *open = v->closed ? roaring_bitmap_andnot(v->nodes, v->closed) : NULL;
    roaring_bitmap_or_inplace(ret, open ? open : v->nodes);
    if (open)
        roaring_bitmap_free(open);
}

bool view_may_open(const struct view *v, node_id id)
{
    return view_has(v, id) && !is_closed(v, id);
}

const roaring_bitmap_t *view_nodes(const struct view *v)
{
    return v->nodes;
}

/* 1: `id` is the child `name` of `dir`; 0: it is not (two names shared 32 bits of hash). */
static int is_child(struct index_read *rd, node_id id, node_id dir, const char *name, size_t n,
                    struct err *e)
{
    struct node node;
    int r = index_node(rd, id, &node, e);
    if (r == -ENOENT)
        return 0;
    if (r < 0)
        return r;
    return node.live && node.parent == dir && node.name_len == n && !memcmp(node.name, name, n);
}

int view_lookup(const struct view *v, struct index_read *rd, node_id dir, const char *name,
                size_t n, node_id *ret, struct err *e)
{
    /* The hash is taken first, so that a miss costs the same whatever the directory is. */
    uint64_t h = siphash_with(the_hash_key(), dir, name, n);
    if (!find_dir(v, dir))
        return err_set(e, -ENOENT, "no such directory");
    for (size_t at = (size_t)h & v->mask; v->slots[at].id != NODE_NONE; at = (at + 1) & v->mask) {
        if (v->slots[at].tag != (uint32_t)(h >> 32))
            continue;
        int r = is_child(rd, v->slots[at].id, dir, name, n, e);
        if (r < 0)
            return r;
        if (r > 0) {
            *ret = v->slots[at].id;
            return 0;
        }
    }
    return err_set(e, -ENOENT, "no such name");
}

node_id view_child(const struct view *v, node_id dir, size_t i)
{
    const struct dir *d = find_dir(v, dir);
    return d && i < d->n ? v->children[d->first + i] : NODE_NONE;
}

int64_t view_dir_mtime_ns(const struct view *v, node_id dir)
{
    const struct dir *d = find_dir(v, dir);
    return d ? d->mtime_ns : 0;
}

uint32_t view_version(const struct view *v, node_id id)
{
    size_t low = 0, high = v->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (v->ids[mid] < id)
            low = mid + 1;
        else
            high = mid;
    }
    return low < v->n && v->ids[low] == id && !find_dir(v, id) ? v->versions[low] : 0;
}

void view_add_changed(const struct view *old, const struct view *new, roaring_bitmap_t *ret)
{
    for (size_t i = 0, j = 0; i < old->n && j < new->n;) {
        if (old->ids[i] < new->ids[j]) {
            i++;
        } else if (old->ids[i] > new->ids[j]) {
            j++;
        } else {
            if (old->versions[i] != new->versions[j] ||
                is_closed(old, old->ids[i]) != is_closed(new, new->ids[j]))
                roaring_bitmap_add(ret, old->ids[i]);
            i++, j++;
        }
    }
    if (view_dir_mtime_ns(old, NODE_ROOT) != view_dir_mtime_ns(new, NODE_ROOT))
        roaring_bitmap_add(ret, NODE_ROOT);
}

void view_totals(const struct view *v, struct view_totals *ret)
{
    *ret = v->totals;
}

uint64_t view_seq(const struct view *v)
{
    return v->seq;
}

int64_t view_next_change(const struct view *v)
{
    return v->next_change;
}
