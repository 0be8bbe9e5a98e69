/* policy/index.h - the lake's tree, labels and policy in LMDB: everything that a read asks. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_INDEX_H
#define POLICY_INDEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <roaring/roaring.h>

#include "policy/media.h"
#include "policy/types.h"

struct buf;
struct err;
struct index;
struct index_read;

/* The layout of its tables. Each has a folder of its own, so that a new shotlake makes its index from
 * the ledger while an old daemon goes on with the old one. */
#define INDEX_SCHEMA 6

/* The index is a cache of the ledger: it is opened, and rebuilt from nothing if it was deleted.
 * One process opens a directory at most once; any number of processes may have it open.
 * -EBUSY: the index was written by a newer shotlake. */
int index_open(const char *dir, struct index **ret, struct err *e);
void index_close(struct index *ix); /* NULL is fine; no read may be open. */

static inline void auto_index(struct index **ix)
{
    index_close(*ix);
}

/* A consistent snapshot. Cheap (a reused reader slot); any thread may begin one and use it, one
 * thread at a time. Short: an open read keeps old pages alive. */
int index_read_begin(struct index *ix, struct index_read **ret, struct err *e);
void index_read_end(struct index_read *rd); /* NULL is fine */

static inline void auto_index_read(struct index_read **rd)
{
    index_read_end(*rd);
}

/* From now on what looks for nodes (by path, by name, by reel, in a directory) finds those of the set
 * only, and index_node() tells of others that they are not live: as if the lake held no more. For who
 * asks in the name of somebody that sees no more. `only` is borrowed until the end of the read. Rules,
 * labels, edits and counts are not narrowed. */
void index_read_only(struct index_read *rd, const roaring_bitmap_t *only);

/* Where the index stands in the ledger: the last record applied and the hash of its bytes.
 * seq 0: nothing yet. */
struct index_head {
    uint64_t seq;
    uint8_t hash[SHA256_SIZE];
};
int index_head(struct index_read *rd, struct index_head *ret, struct err *e);

/* Facts of the lake from its first record. */
struct index_lake {
    char id[33];          /* 32 hex digits, drawn at init */
    uint8_t node_key[16]; /* keys the permutation that makes inode numbers of node numbers */
    int64_t time;         /* of init */
};
int index_lake(struct index_read *rd, struct index_lake *ret, struct err *e); /* -ENOENT: no init */

/* ---- the tree ---------------------------------------------------------------------------- */

struct node {
    node_id id, parent; /* the root is its own parent */
    bool is_dir;
    bool is_link;   /* a symbolic link; see index_link() */
    node_id target; /* of a name that an edit has below edits/: what it stands for; else NODE_NONE */
    bool live; /* object: exists and can be a path; directory: holds something live */
    uint64_t size;
    int64_t mtime_ns;
    const char *name; /* borrowed until index_read_end(); not terminated */
    size_t name_len;
    const char *etag; /* the same; terminated */
};

/* -ENOENT: never given out. A node that is not live is still answered: callers check. */
int index_node(struct index_read *rd, node_id id, struct node *ret, struct err *e);

/* Calls `fn` for each member of `set` in rising order, reading the table sequentially: the way to
 * read many. A negative return ends it with that code. */
typedef int index_node_fn(void *arg, const struct node *n, struct err *e);
int index_nodes(struct index_read *rd, const roaring_bitmap_t *set, index_node_fn *fn, void *arg,
                struct err *e);

/* Finds a live object (or directory) by its key; "" and "/" are the root; a leading and a
 * trailing '/' are allowed. For operators and conform only: a front never asks this about a
 * caller's path (hidden and absent must take the same time there; see fs/view/view.h).
 * 0 or -ENOENT. */
int index_find(struct index_read *rd, const char *path, node_id *ret, struct err *e);

/* The same, and also the names that edits have below edits/: what fronts show and operators ask
 * about, but what is no object or directory of the lake itself. */
int index_find_shown(struct index_read *rd, const char *path, node_id *ret, struct err *e);

/* Appends the key of a node ("show/a.exr"; directories end in '/'; the root is ""). */
int index_key(struct index_read *rd, node_id id, struct buf *ret, struct err *e);

/* Appends the key of the object that holds the node's bytes: of another name of it, the object's. */
int index_object_key(struct index_read *rd, const struct node *n, struct buf *ret, struct err *e);

/* Appends where a symbolic link leads, relative to the directory that it is in
 * ("../../../show/sh010/plate"); `n->size` bytes. */
int index_link(struct index_read *rd, const struct node *n, struct buf *ret, struct err *e);
#define EDIT_LINK_DEPTH 3 /* links lie at edits/NAME-ID/SHOT/ */

/* Calls `fn` for each live object and directory in a directory whose name begins with `prefix` (`n`
 * bytes, 0: for all), bytewise by name; not for names that only stand for others. A negative return ends it with that code. */
int index_children(struct index_read *rd, node_id dir, const char *prefix, size_t n,
                   index_node_fn *fn, void *arg, struct err *e);

/* Live objects whose last component is exactly `name` (`n` bytes), rising. `*ret` is malloc'ed,
 * NULL where `*ret_n` is 0. */
int index_by_name(struct index_read *rd, const char *name, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e);

/* Live objects whose name has the frame pattern `pattern`: the last run of digits before the last
 * '.' of a name (or in all of it where it has no '.') replaced by one '#'. "plate.1001.exr" has
 * "plate.#.exr". Order and ownership as above. */
int index_by_pattern(struct index_read *rd, const char *pattern, size_t n, node_id **ret,
                     size_t *ret_n, struct err *e);

/* The same two, where the texts need only be equal after folding (fold.h): "Plate.EXR" and
 * "plate.exr" find each other, and so do the NFC and the NFD spelling of a name. */
int index_by_folded_name(struct index_read *rd, const char *name, size_t n, node_id **ret,
                         size_t *ret_n, struct err *e);
int index_by_folded_pattern(struct index_read *rd, const char *pattern, size_t n, node_id **ret,
                            size_t *ret_n, struct err *e);

/* Live objects whose name, or whose frame pattern, equals `stem` after folding once its last
 * extension is cut off: "A001C003" finds "a001c003.MOV", "plate.#" finds "plate.1001.exr". */
int index_by_stem(struct index_read *rd, const char *stem, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e);
int index_by_stem_pattern(struct index_read *rd, const char *stem, size_t n, node_id **ret,
                          size_t *ret_n, struct err *e);

/* How many bytes of a name (or a pattern) are its stem: up to its last '.', or all of it where
 * there is none or the name starts with its only one. */
size_t name_stem(const char *name, size_t n);

/* The pattern of a name, as above. False: the name has no digits before its extension. `*ret_frame`
 * (may be NULL) is the number, `*ret_width` (may be NULL) its digits; numbers over 18 digits have
 * no pattern. */
bool frame_pattern(const char *name, size_t n, struct buf *ret, int64_t *ret_frame, int *ret_width);

/* Counts for operators: live objects and their bytes. */
struct index_totals {
    uint64_t objects, bytes;
};
int index_totals(struct index_read *rd, struct index_totals *ret, struct err *e);

/* Keys that cannot be a path, with the reason, in bytewise order. */
typedef int index_hidden_fn(void *arg, const char *key, const char *reason, struct err *e);
int index_hidden(struct index_read *rd, index_hidden_fn *fn, void *arg, struct err *e);

/* ---- facts of media ---------------------------------------------------------------------- */

/* What a scan found out about an object; `ret->json` owns it: media_done(). Of a frame sequence
 * only one frame has facts, the lowest that a scan saw, and they are those of that frame.
 * -ENOENT: nothing (yet) for its present ETag; that has no sentence. */
int index_media(struct index_read *rd, node_id id, struct media *ret, struct err *e);

/* Live objects of a reel: of exactly that name, or of every name that starts with it (an EDL cuts
 * reels to 8 characters), compared folded. Rising; ownership as of index_by_name(). */
int index_by_reel(struct index_read *rd, const char *reel, size_t n, bool exact, node_id **ret,
                  size_t *ret_n, struct err *e);
/* Live objects of that UMID in hex digits, of any case. */
int index_by_umid(struct index_read *rd, const char *umid, node_id **ret, size_t *ret_n,
                  struct err *e);

/* ---- what a scan compares with ------------------------------------------------------------ */

/* What the inventory holds of a key, live or not. `node` is NODE_NONE for a key that cannot be a
 * path. -ENOENT: nothing. */
struct inventory_row {
    node_id node;
    uint64_t size;
    int64_t mtime_ns;
    char etag[129];
};
int index_inventory(struct index_read *rd, const char *key, struct inventory_row *ret,
                    struct err *e);

/* Calls `fn` for every object that the inventory holds, live or shadowed, in node order. */
int index_inventory_each(struct index_read *rd, index_node_fn *fn, void *arg, struct err *e);

#define LABEL_MAX 144 /* bytes of a label's name, with the NUL; see below */

/* ---- edits and grants -------------------------------------------------------------------- */

enum edit_state {
    EDIT_ENABLED,
    EDIT_DISABLED, /* nobody sees anything through it; its grants rest */
    EDIT_REMOVED,  /* for good: kept for its log, and that its id never comes again */
};
const char *edit_state_name(enum edit_state state); /* "enabled"; static */

struct edit {
    char id[EDIT_ID_SIZE];
    const char *name, *file, *manifest, *actor; /* keys of the lake; borrowed until `json` goes */
    const char *studio, *results, *shots;       /* likewise; "" for an edit of an older shotlake */
    const char *owner; /* the principal that ingested it; "" for none. No update changes it */
    uint64_t objects, bytes;
    uint64_t seq; /* of its record */
    int64_t time;
    bool tagged; /* the store's object tags are known to agree; but see edit_is_tagged() */
    uint64_t version; /* 1, and one more with each conform --update */
    enum edit_state state;
    uint64_t changed; /* the last record that made the tags wrong */
    json_t *json;
};
int index_edit(struct index_read *rd, const char *id, struct edit *ret, struct err *e); /* -ENOENT */
void edit_done(struct edit *ed);
/* The edit that was made of a source: 64 hex digits, as its record has them. -ENOENT: none. */
int index_edit_of_source(struct index_read *rd, const char *source, struct edit *ret,
                         struct err *e);
typedef int index_edit_fn(void *arg, const struct edit *ed, struct err *e);
/* By id; removed ones too. */
int index_edits(struct index_read *rd, index_edit_fn *fn, void *arg, struct err *e);

/* Are the store's tags right at `now`? Those of retired objects are wrong from their end on. */
bool edit_is_tagged(const struct edit *ed, int64_t now);

/* The labels through which an enabled edit shows its objects: "edit:ID" for good (WHEN_NEVER), and
 * "retired:ID:VERSION" until the moment that what this version lost was given. Whether the edit is
 * enabled, the caller looks. */
struct edit_label {
    char name[LABEL_MAX];
    int64_t until;
    bool settled; /* over, and the store's tags know */
};
typedef int edit_label_fn(void *arg, const struct edit_label *label, struct err *e);
int edit_labels(const struct edit *ed, edit_label_fn *fn, void *arg, struct err *e);

/* The edit that a label of that kind belongs to, whatever its state; false for other labels. */
bool edit_of_label(const char *label, char ret[EDIT_ID_SIZE]);
/* The same, for labels that reach their objects at `now`: 1; 0: none does (another kind of label,
 * an edit that is not enabled, retired objects whose time is over). */
int index_label_edit(struct index_read *rd, const char *label, int64_t now, char ret[EDIT_ID_SIZE],
                     struct err *e);

/* The records that name an edit, as the ledger has them, in its order; without what chains them.
 * "no_effect": true where replay found it too late. `record` may be kept by a reference. */
typedef int index_log_fn(void *arg, json_t *record, struct err *e);
int index_edit_log(struct index_read *rd, const char *id, index_log_fn *fn, void *arg,
                   struct err *e);
/* The record that made that version; a new reference. -ENOENT: the edit has no such version. */
int index_edit_version(struct index_read *rd, const char *id, uint64_t version, json_t **ret,
                       struct err *e);

static inline void auto_edit(struct edit *ed)
{
    edit_done(ed);
}

struct grant {
    char edit[EDIT_ID_SIZE];
    char principal[PRINCIPAL_MAX];
    int64_t from, until; /* active where from <= t < until */
    uint64_t seq;
    int64_t time;
    char actor[128];
    const json_t *ranges; /* names: holds only from an address in one of them; NULL: from anywhere.
                             Borrowed for the call of `fn`; index_grant() does not tell it */
};
typedef int index_grant_fn(void *arg, const struct grant *g, struct err *e);
/* The grants that a principal holds (NULL: all), past and future ones too, by principal and edit.
 */
int index_grants(struct index_read *rd, const char *principal, index_grant_fn *fn, void *arg,
                 struct err *e);
/* The same of `n` edits alone, whoever holds them; `ids` by id. */
int index_grants_of(struct index_read *rd, const char (*ids)[EDIT_ID_SIZE], size_t n,
                    index_grant_fn *fn, void *arg, struct err *e);
/* 0 or -ENOENT. */
int index_grant(struct index_read *rd, const char *edit, const char *principal, struct grant *ret,
                struct err *e);

/* ---- ACLs, classes, metadata: what stands on a place ---------------------------------------- */

enum place_kind {
    PLACE_NODE, /* an object, or a directory for all below it */
    PLACE_EDIT,
    PLACE_LAKE,
};
struct place {
    enum place_kind kind;
    node_id node;            /* PLACE_NODE */
    char edit[EDIT_ID_SIZE]; /* PLACE_EDIT */
};

/* One row of such a table as it was set last. */
struct placed {
    struct place at;
    uint64_t seq;
    int64_t time;
    const char *actor;
    json_t *value; /* borrowed for the call. Of an ACL: [{"principalType","principal",
                      "accessTypes"}]; of classes: ["sport"], which may be empty; of metadata:
                      {"source": "portal"} */
};
enum placed_table { PLACED_ACL, PLACED_CLASSES, PLACED_METADATA };
typedef int index_placed_fn(void *arg, const struct placed *p, struct err *e);
int index_placed_each(struct index_read *rd, enum placed_table t, index_placed_fn *fn, void *arg,
                      struct err *e);
/* A new reference in `*ret`; NULL where nothing was set (or it was taken away again). `ret_seq` may
 * be NULL. */
int index_placed(struct index_read *rd, enum placed_table t, const struct place *at, json_t **ret,
                 uint64_t *ret_seq, struct err *e);

/* ---- rules ---------------------------------------------------------------------------------- */

enum rule_kind {
    RULE_POLICY, /* key: principal, class; value: ["read", …] */
    RULE_GROUP,  /* key: site, group; value: the rules of an access group */
    RULE_RANGES, /* key: name, ""; value: [{"start","end"}] */
    RULE_ROLE,   /* key: name, ""; value: ["viewer", …] */
    RULE_SETTING /* key: name, ""; value: as it was set; only what differs from the default */
};
struct rule {
    const char *key[2]; /* borrowed for the call, like all of it */
    uint64_t seq;
    int64_t time;
    const char *actor;
    json_t *value;
};
typedef int index_rule_fn(void *arg, const struct rule *r, struct err *e);
/* In the order of the keys. */
int index_rules(struct index_read *rd, enum rule_kind kind, index_rule_fn *fn, void *arg,
                struct err *e);
/* The value, a new reference; NULL where there is none. `key2` "" where the kind has one key;
 * `ret_seq` may be NULL. */
int index_rule(struct index_read *rd, enum rule_kind kind, const char *key1, const char *key2,
               json_t **ret, uint64_t *ret_seq, struct err *e);

/* A protected directory or object: a `protect` record's, or a directory __restricted/GROUP/. A node
 * can be both, and is then told twice. */
struct guard {
    node_id node;
    const char *group; /* borrowed for the call */
    bool by_name;      /* of "__restricted" in the path */
    node_id site_at;   /* the directory whose site names the group: that which holds "__restricted",
                          or the protected place's own parent (the place itself where it is one) */
    uint64_t seq;      /* 0 for by_name */
};
typedef int index_guard_fn(void *arg, const struct guard *g, struct err *e);
int index_guards(struct index_read *rd, index_guard_fn *fn, void *arg, struct err *e);

/* True where any grant, ACL or class policy ever named the principal, or an edit as its owner. */
int index_knows(struct index_read *rd, const char *principal, bool *ret, struct err *e);

/* ---- labels ------------------------------------------------------------------------------ */

/* A label is a named set of objects: "edit:ID" and "retired:ID:VERSION" (see edit_labels()),
 * "untag:ID" for what an edit lost and the store's tags may still name, "past:ID" for what it lost ever
 * without being retired, "files:ID" for what lies below
 * ShotLocker/Edits/ID/, "acl:NODE" for what the ACL of the node (an object, or a directory with all
 * below it that the propagation filter lets it reach) reaches, "class:NAME" for the objects that have
 * a class (their own, their directory's or an enabled edit's), "guard:NODE" for what a protected place
 * holds. Only the first two also have names that edits have below edits/. */

/* The live members of a label with their parent directories. An unknown label is empty.
 * The caller frees `*ret`. */
int index_label(struct index_read *rd, const char *label, roaring_bitmap_t **ret, struct err *e);

/* Every label, in the order of their numbers: empty ones too. */
typedef int index_label_row_fn(void *arg, uint32_t label, const char *name, struct err *e);
int index_labels(struct index_read *rd, index_label_row_fn *fn, void *arg, struct err *e);
/* The same by number: the bitmap of its live members with the directories above. */
int index_label_nodes(struct index_read *rd, uint32_t label, roaring_bitmap_t **ret, struct err *e);
/* The numbers of the labels that an object is a member of, at most `cap`; `*ret_n` is how many there
 * are. Quick: it is asked at every decision. */
int index_label_numbers(struct index_read *rd, node_id id, uint32_t *ret, size_t cap, size_t *ret_n,
                        struct err *e);
/* All names that edits have, or had, below edits/ (links and other names of objects): live or not.
 * The caller frees `*ret`. */
int index_edit_names(struct index_read *rd, roaring_bitmap_t **ret, struct err *e);

/* The names of the labels that an object is a member of itself, in the order of their making. */
typedef int index_label_fn(void *arg, const char *label, struct err *e);
int index_labels_of(struct index_read *rd, node_id id, index_label_fn *fn, void *arg,
                    struct err *e);

/* Frees stale reader slots of killed processes. */
void index_reap(struct index *ix);

#endif
