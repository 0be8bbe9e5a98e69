/* policy/apply_impl.h - the transaction in hand while a record is applied; for apply*.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_APPLY_IMPL_H
#define POLICY_APPLY_IMPL_H

#include "policy/apply.h"
#include "policy/index_impl.h"
#include "policy/record.h"

struct propagate;

/* New members of a label, gathered until the end of the record. */
struct gather {
    uint32_t label;
    roaring_bitmap_t *nodes;
};

/* What a new object of a directory becomes a member of, found once for all of them. */
struct inherit {
    node_id dir;              /* NODE_NONE: nothing is known */
    node_id above;            /* its parent, whose other directories without rows give the same;
                               * NODE_NONE where it gives something of its own */
    roaring_bitmap_t **nodes; /* of struct gather, which keeps them until the end of the record */
    size_t n;
};

struct apply {
    struct index *ix;
    MDB_txn *txn;
    const struct record *rec;
    bool no_effect; /* the record is right, but changes nothing any more: somebody was faster */
    uint32_t next_node;
    struct index_totals totals;
    roaring_bitmap_t *touched; /* labels whose closure must be made anew */
    struct gather *gather;
    size_t n_gather;
    struct inherit inherit;
    roaring_bitmap_t *rezone;  /* nodes whose labels "acl:" and "guard:" must be held against the rules */
    roaring_bitmap_t *reclass; /* objects whose classes must be */
    roaring_bitmap_t *names;   /* new nodes of the kind NODE_LINK */
    struct propagate *filter;  /* read when it is first asked for */
    /* The directory of the last key: inventories come in key order, so it is nearly always the
     * directory of the next one too. */
    char last_dir[1100];
    node_id last_dir_node;
};

/* apply.c */
/* What `a` gathers in, when `ix` and `rec` are set; and its end. */
void apply_start(struct apply *a);
void apply_done(struct apply *a);
static inline void auto_apply(struct apply *a)
{
    apply_done(a);
}
/* Remembers that the principal was named. */
int known(struct apply *a, const char *principal, struct err *e);
int table_put_json(struct apply *a, enum index_table t, const void *key, size_t n, const json_t *j,
                   struct err *e);

/* Adds to `ret` the numbers that a table of numbers by number has under `key`. */
int table_numbers(struct apply *a, enum index_table t, uint32_t key, roaring_bitmap_t *ret,
                  struct err *e);

/* apply_edit.c */
/* The row of an edit, to be changed and put back; json_decref(). -ENOENT: no such edit. */
int edit_row(struct apply *a, const char *id, json_t **ret, struct err *e);
int edit_row_put(struct apply *a, json_t *row, struct err *e);
/* May this record be the next version of what the row (NULL: nothing) says? */
bool edit_follows(const struct apply *a, const json_t *row);
bool edit_can_be_granted(struct apply *a);
/* Files of the record's edit name these, and go on doing so: "past:ID". */
int edit_note_past(struct apply *a, const roaring_bitmap_t *nodes, struct err *e);
/* The row that this record makes: NULL where a member is missing. */
json_t *edit_new_row(const struct apply *a);
/* What the label has beyond `now` leaves it, for "retired:ID:VERSION" or for good. `old` is the row
 * before, `row` the new one: it gets the state and what is retired. */
int edit_switch(struct apply *a, const json_t *old, json_t *row, uint32_t label,
                const roaring_bitmap_t *now, struct err *e);
/* The store's tags of the edit may be wrong from this record on; an edit that is not there is let
 * be. */
int edit_untag(struct apply *a, const char *id, struct err *e);
/* They agree. */
int edit_tagged(struct apply *a, struct err *e);
int edit_set_state(struct apply *a, const char *state, struct err *e);
int edit_remove(struct apply *a, struct err *e);
/* Keeps the record in the log of the edit that it names, if any. */
int edit_log(struct apply *a, struct err *e);

/* apply_tree.c */
int tree_make(struct apply *a, const char *key, node_id *ret, struct err *e);
/* The child of a directory, made where it is new; 1 to NAME_LIMIT bytes. */
int tree_child(struct apply *a, node_id parent, const char *name, size_t n, enum node_kind kind,
               node_id *ret, struct err *e);
/* A child of `dir` came to life (1) or died (-1), with all that follows for the directories above.
 * `*ret_flags` (may be NULL): the directory's. */
int tree_count(struct apply *a, node_id dir, int delta, uint32_t *ret_flags, struct err *e);
int tree_add(struct apply *a, const char *key, uint64_t size, int64_t mtime_ns, const char *etag,
             struct err *e);
int tree_gone(struct apply *a, const char *key, struct err *e);

/* apply_links.c */
/* Rows ["shot", "name", "target"] of an edit's payload, gathered until its members are known. */
struct links {
    const roaring_bitmap_t *nodes;  /* the edit's objects */
    roaring_bitmap_t *folders;      /* the directories that they are in */
    const json_t *rows;
    node_id manifest, shots;        /* NODE_NONE: has none */
};
/* Puts the names of this record's edit below edits/ in the place of those that it had before, if
 * any; adds their nodes to `members`. */
int links_replace(struct apply *a, const struct links *l, roaring_bitmap_t *members, struct err *e);
/* The names of an edit go. */
int links_clear(struct apply *a, const char *edit, const char *name, struct err *e);
/* The live object or directory `name` came or went: the edit's name beside it, if there is one, is
 * shown only where it is not. */
int links_shade(struct apply *a, node_id parent, const char *name, size_t n, struct err *e);
/* An object with ATTR_ALIASED changed: its other names follow. */
int links_follow(struct apply *a, node_id object, struct err *e);

/* apply_media.c */
/* Applies one row [key, etag, facts] of a "media" record, if the object is still that one. */
int media_row(struct apply *a, const json_t *row, void *arg, struct err *e);
/* Forgets the facts of an object that goes or is written anew. */
int media_drop(struct apply *a, node_id id, struct err *e);

/* apply_label.c */
int label_make(struct apply *a, const char *name, uint32_t *ret, struct err *e);
/* -ENOENT: there is no such label yet. */
int label_find(struct apply *a, const char *name, uint32_t *ret, struct err *e);
int label_add(struct apply *a, uint32_t label, const roaring_bitmap_t *nodes, struct err *e);
/* Takes them out at once: not for a label that the same record gives members to before. */
int label_remove(struct apply *a, uint32_t label, const roaring_bitmap_t *nodes, struct err *e);
/* The members that a label has had at the end of the last record, and what this one removed; the
 * caller frees `*ret`. Empty for a label that is not there. */
int label_members(struct apply *a, const char *name, roaring_bitmap_t **ret, struct err *e);
/* Makes the members `have` those of `want`. */
int label_set(struct apply *a, uint32_t label, const roaring_bitmap_t *have,
              const roaring_bitmap_t *want, struct err *e);
/* The bitmap of new members, valid until label_finish(). */
roaring_bitmap_t *label_gather(struct apply *a, uint32_t label);
/* An object was written anew: the store's tags went with the old one, so its edits count as not
 * tagged. */
int label_untag(struct apply *a, node_id node, struct err *e);
/* An object appeared or vanished: its labels' closures change. */
int label_touch(struct apply *a, node_id node, struct err *e);
/* Stores what was gathered, holds the labels that rules make against them, and makes the touched
 * closures anew. */
int label_finish(struct apply *a, struct err *e);

/* apply_place.c */
/* The value of a row of those; NULL: there is none. json_decref(). */
int place_value(struct apply *a, enum index_table t, const char *key, size_t n, json_t **ret,
                struct err *e);
/* An ACL, classes, metadata, a guard. */
int apply_placed(struct apply *a, struct err *e);
/* A policy, an access group, ranges, a role; settings. */
int apply_rule(struct apply *a, struct err *e);
/* What stands on a removed edit goes. */
int place_forget_edit(struct apply *a, const char *edit, struct err *e);
/* A new directory: one in "__restricted" is a guard from its first day. */
int guard_of_name(struct apply *a, node_id dir, node_id parent, struct err *e);

/* apply_zone.c */
enum zone {
    ZONE_ALL,
    ZONE_ACL,   /* not below a directory that the propagation filter stops */
    ZONE_CLASS, /* not below another directory that has classes of its own */
};
/* Every object below `top` (or `top` itself where it is one), live or not. */
int zone_objects(struct apply *a, node_id top, enum zone zone, roaring_bitmap_t *ret,
                 struct err *e);
/* A new object: it becomes a member of what its directories give. */
int zone_inherit(struct apply *a, node_id node, node_id parent, struct err *e);
/* Rules changed: what was found for new objects is wrong. */
void zone_forget(struct apply *a);
/* The metadata of a directory become `now` (NULL: none): what ACLs reach below it may change. */
int zone_metadata(struct apply *a, node_id dir, const json_t *now, struct err *e);
/* The filter changes: every ACL is held against it again. */
int zone_filter(struct apply *a, struct err *e);
int zone_finish(struct apply *a, struct err *e);

/* apply_class.c */
/* The edit's members or its state change: if it has classes, so do theirs. Called before. */
int class_edit_changes(struct apply *a, const char *edit, const roaring_bitmap_t *more,
                       struct err *e);
int class_finish(struct apply *a, struct err *e);

#endif
