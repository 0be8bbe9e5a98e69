/* fs/view/view.h - one principal's names and bytes: what a front may show, and nothing else. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_VIEW_VIEW_H
#define FS_VIEW_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <roaring/roaring.h>

#include "policy/types.h"

struct err;
struct index_read;
struct node;
struct view;
struct visible;

/* A view is an immutable snapshot of what one principal sees: refcounted, any thread may read it.
 * It is built once from a `struct visible` and replaced, not changed.
 *
 * Names are looked up in the view itself: a table of (parent, name) hashes of visible nodes only.
 * A hidden name and an absent one are thus the same miss in the same table and take the same time;
 * the lake's own tables are read only after a hit. */
int view_new(struct index_read *rd, const struct visible *v, struct view **ret, struct err *e);
struct view *view_empty(void); /* a new view of nothing but a root: stale policy, unknown caller */
struct view *view_ref(struct view *v);
void view_unref(struct view *v); /* NULL is fine */

static inline void auto_view(struct view **v)
{
    view_unref(*v);
}

/* The root is always there. */
bool view_has(const struct view *v, node_id id);
/* Whether its bytes may be read, too. An object may be seen without that: see visible.h. */
bool view_may_open(const struct view *v, node_id id);
/* Adds to `ret` what view_may_open() says yes to, and the directories above. */
void view_add_open(const struct view *v, roaring_bitmap_t *ret);
const roaring_bitmap_t *view_nodes(const struct view *v); /* with the root; borrowed */

/* The visible child `name` of the visible directory `dir`. 0 or -ENOENT. */
int view_lookup(const struct view *v, struct index_read *rd, node_id dir, const char *name,
                size_t n, node_id *ret, struct err *e);

/* The i-th visible child of a directory, in bytewise order of names; NODE_NONE past the end.
 * Counting visible children only, a position tells nothing about the hidden ones. */
node_id view_child(const struct view *v, node_id dir, size_t i);

/* Newest mtime (ns) of the visible objects in `dir` and below it; 0 where there is none. */
int64_t view_dir_mtime_ns(const struct view *v, node_id dir);

/* A number for the present content of an object, made of its size, mtime and ETag; 0 for
 * directories only. The same content has the same number as long as the process lives. */
uint32_t view_version_of(const struct node *n);

/* That of a visible node when the view was built; 0 for what is no visible object. */
uint32_t view_version(const struct view *v, node_id id);

/* Adds to `ret` the nodes that both views show, but with other attributes, or that may be opened in
 * one of them only, also directories whose mtime moved. */
void view_add_changed(const struct view *old, const struct view *new, roaring_bitmap_t *ret);

/* Of the view, not of the lake: for statfs. The root is not counted. */
struct view_totals {
    uint64_t objects, bytes, directories;
};
void view_totals(const struct view *v, struct view_totals *ret);

uint64_t view_seq(const struct view *v);
int64_t view_next_change(const struct view *v);

#endif
