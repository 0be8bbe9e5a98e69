/* policy/apply_impl.h - the transaction in hand while a record is applied; for apply*.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_APPLY_IMPL_H
#define POLICY_APPLY_IMPL_H

#include "policy/apply.h"
#include "policy/index_impl.h"
#include "policy/record.h"

/* New members of a label, gathered until the end of the record. */
struct gather {
    uint32_t label;
    roaring_bitmap_t *nodes;
};

struct apply {
    struct index *ix;
    MDB_txn *txn;
    const struct record *rec;
    uint32_t next_node;
    struct index_totals totals;
    roaring_bitmap_t *touched; /* labels whose closure must be made anew */
    roaring_bitmap_t *acl_nodes; /* nodes with a label "acl:NODE" */
    struct gather *gather;
    size_t n_gather;
    /* The directory of the last key: inventories come in key order, so it is nearly always the
     * directory of the next one too. */
    char last_dir[1100];
    node_id last_dir_node;
};

/* apply.c */
int table_put_json(struct apply *a, enum index_table t, const void *key, size_t n, const json_t *j,
                   struct err *e);
/* Notes whether the object tags of an edit agree; an edit that is not there is let be. */
int edit_set_tagged(struct apply *a, const char *id, bool tagged, struct err *e);

/* apply_tree.c */
int tree_make(struct apply *a, const char *key, node_id *ret, struct err *e);
int tree_add(struct apply *a, const char *key, uint64_t size, int64_t mtime_ns, const char *etag,
             struct err *e);
int tree_gone(struct apply *a, const char *key, struct err *e);

/* apply_label.c */
int label_make(struct apply *a, const char *name, uint32_t *ret, struct err *e);
int label_add(struct apply *a, uint32_t label, const roaring_bitmap_t *nodes, struct err *e);
int label_subtree(struct apply *a, node_id top, roaring_bitmap_t *ret, struct err *e);
/* A new object: it becomes a member of the ACLs above it. */
int label_inherit(struct apply *a, node_id node, node_id parent, struct err *e);
/* An object was written anew: the store's tags went with the old one, so its edits count as not
 * tagged. */
int label_untag(struct apply *a, node_id node, struct err *e);
/* An object appeared or vanished: its labels' closures change. */
int label_touch(struct apply *a, node_id node, struct err *e);
/* Stores what was gathered and makes the touched closures anew. */
int label_finish(struct apply *a, struct err *e);

#endif
