/* policy/index_impl.h - the tables of the index; for index*.c and apply.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_INDEX_IMPL_H
#define POLICY_INDEX_IMPL_H

#include <pthread.h>

#include <lmdb.h>

#include "base/cleanup.h"
#include "policy/index.h"

#define INDEX_MAP_BYTES ((size_t)64 << 30) /* address space, not memory: the file grows as needed */

/* The tables. Numbers are native-endian u32: the index never leaves its host. */
enum index_table {
    TABLE_META,    /* "seq" u64, "hash", "lake" (struct index_lake), "next" u32, "totals", "schema"; "names": bitmap
                    * of the nodes of kind NODE_LINK */
    TABLE_NODE,    /* u32 big-endian parent + name + mark (enum node_kind) -> u32 node */
    TABLE_ATTR,    /* u32 node -> struct attr, name, NUL, etag, NUL */
    TABLE_STEM,    /* folded name of an object without its extension -> u32 nodes */
    TABLE_PATTERN, /* folded frame pattern of an object's name, likewise -> u32 nodes */
    TABLE_MEDIA,   /* u32 node -> JSON: facts of its media (media.h) */
    TABLE_REEL,    /* folded reel -> u32 nodes */
    TABLE_UMID,    /* UMID -> u32 nodes */
    TABLE_LABEL,   /* label name -> u32 label */
    TABLE_LNAME,   /* u32 label -> label name */
    TABLE_MEMBER,  /* u32 label -> bitmap of objects as assigned, live or not */
    TABLE_CLOSED,  /* u32 label -> bitmap of its live objects and the directories above them */
    TABLE_TAGGED,  /* u32 node -> u32 labels that it is a member of */
    TABLE_EDIT,    /* edit id -> JSON */
    TABLE_SOURCE,  /* SHA-256 (32 bytes) that an edit names as its source -> edit id */
    TABLE_GRANT,   /* principal NUL edit id -> JSON */
    /* What stands on a place -> JSON {"seq", "time", "actor", "value"}. The key is 'n' and the node
     * (u32 big-endian), 'e' and the id of an edit, or 'l' for the lake. */
    TABLE_ACL,
    TABLE_CLASS,
    TABLE_METADATA,
    TABLE_GUARD,   /* u32 node -> JSON {"named": true for a directory of "__restricted", "seq", "time",
                    * "actor", "value": the group of a record} */
    TABLE_RULE,    /* byte of enum rule_kind, SHA-256 of both keys with NUL between: they may be too
                    * long for a key -> JSON {"key": […, …], "seq", "time", "actor", "value"} */
    TABLE_KNOWN,   /* principal -> u64 seq of the first record that names it */
    TABLE_EDITLOG, /* edit id + u64 big-endian seq -> JSON: the records that name the edit */
    TABLE_HIDDEN,  /* SHA-256 of a key that cannot be a path -> reason byte, key */
    TABLE_ALIAS,   /* u32 node of an object -> u32 nodes of its other names (ATTR_ALIAS) */
    TABLE_COUNT
};

enum attr_flags {
    ATTR_DIR = 1,
    ATTR_PRESENT = 2,  /* an object that the inventory has */
    ATTR_SHADOWED = 4, /* an object "a" beside a live directory "a/": it cannot be a path */
    /* Names below edits/ that an edit's record made. They are no part of the inventory. */
    ATTR_LINK = 8,     /* a symbolic link to `target` */
    ATTR_ALIAS = 16,   /* another name of the object `target`: has its size, mtime and ETag */
    ATTR_SHOWN = 32,   /* its edit has that name now, and the object of an alias is live; ATTR_SHADOWED
                        * where the lake itself has something live of the same name */
    /* Of what is in the lake: */
    ATTR_ALIASED = 64, /* an object with rows in TABLE_ALIAS */
    ATTR_LISTS = 128,  /* a directory that has children of the kind NODE_LINK, live or not */
    ATTR_RULED = 256,  /* may have rows in the tables that are keyed by place, or in TABLE_GUARD: without
                        * it, there is nothing to be looked up */
};
#define ATTR_OF_EDIT ((uint32_t)(ATTR_LINK | ATTR_ALIAS))

/* What a row of TABLE_NODE is; one directory can have three children of one name, of which one at
 * most is live: the directory, else the object, else the edit's name. */
enum node_kind {
    NODE_OBJECT, /* no mark */
    NODE_DIR,    /* '/' */
    NODE_LINK,   /* NUL: ATTR_LINK or ATTR_ALIAS */
};

struct attr {
    uint32_t parent, flags;
    uint64_t size; /* of a directory: how many live children it has */
    int64_t mtime_ns;
    uint16_t name_len, etag_len;
    node_id target; /* ATTR_LINK, ATTR_ALIAS: what it stands for; else NODE_NONE */
};

struct index {
    MDB_env *env;
    MDB_dbi table[TABLE_COUNT];
    char *dir;
    pthread_mutex_t lock; /* guards the list of idle reads */
    struct index_read *idle;
};

struct index_read {
    struct index *ix;
    MDB_txn *txn;
    const roaring_bitmap_t *only; /* NULL, or the nodes that there are: see index_read_only() */
    struct index_read *next;
};

/* Is the node there, as far as this read goes? */
static inline bool read_has(const struct index_read *rd, node_id id)
{
    return !rd->only || roaring_bitmap_contains(rd->only, id);
}

/* Nodes in the order of their finding; the caller frees `id`. */
struct node_list {
    node_id *id;
    size_t n, cap;
};
void node_list_add(struct node_list *l, node_id id);

/* err_set for LMDB's codes; 0 for 0. */
int index_err(struct err *e, int mdb, const char *what);

/* Table access inside any transaction: 0, -ENOENT, or an error. */
int table_get(struct index *ix, MDB_txn *txn, enum index_table t, const void *key, size_t n,
              MDB_val *ret, struct err *e);
int table_put(struct index *ix, MDB_txn *txn, enum index_table t, const void *key, size_t n,
              const void *val, size_t val_n, struct err *e);
int table_del(struct index *ix, MDB_txn *txn, enum index_table t, const void *key, size_t n,
              struct err *e);

int attr_get(struct index *ix, MDB_txn *txn, node_id id, struct attr *ret, const char **name,
             const char **etag, struct err *e);
int attr_put(struct index *ix, MDB_txn *txn, node_id id, const struct attr *a, const char *name,
             const char *etag, struct err *e);
static inline bool attr_is_live(const struct attr *a)
{
    if (a->flags & ATTR_DIR)
        return a->size > 0;
    uint32_t there = a->flags & ATTR_OF_EDIT ? ATTR_SHOWN : ATTR_PRESENT;
    return (a->flags & (there | ATTR_SHADOWED)) == there;
}

#define PLACE_KEY_SIZE (1 + EDIT_ID_SIZE)
/* The key of a place in TABLE_ACL, TABLE_CLASS and TABLE_METADATA; each returns its length. */
size_t place_node_key(node_id node, char ret[PLACE_KEY_SIZE]);
size_t place_edit_key(const char *edit, char ret[PLACE_KEY_SIZE]);
size_t place_lake_key(char ret[PLACE_KEY_SIZE]);

#define RESTRICTED "__restricted" /* the folder whose folders are named after access groups (BU2) */

#define NODE_KEY_SIZE (4 + NAME_LIMIT + 1)
/* The key in TABLE_NODE of a name of at most NAME_LIMIT bytes; returns its length. */
size_t node_key(node_id parent, const char *name, size_t n, enum node_kind kind,
                char ret[NODE_KEY_SIZE]);
/* The child of `parent` with that name, live or not. */
int node_get(struct index *ix, MDB_txn *txn, node_id parent, const char *name, size_t n,
             enum node_kind kind, node_id *ret, struct err *e);

/* A bitmap of TABLE_MEMBER or TABLE_CLOSED; empty where there is none. */
int bitmap_get(struct index *ix, MDB_txn *txn, enum index_table t, uint32_t label,
               roaring_bitmap_t **ret, struct err *e);
int bitmap_put(struct index *ix, MDB_txn *txn, enum index_table t, uint32_t label,
               roaring_bitmap_t *set, struct err *e);

/* A row that is JSON; NULL and a sentence where it is not. */
json_t *row_json(const MDB_val *v, struct err *e);

/* All nodes of kind NODE_LINK, live or not. */
int names_get(struct index *ix, MDB_txn *txn, roaring_bitmap_t **ret, struct err *e);
int names_put(struct index *ix, MDB_txn *txn, roaring_bitmap_t *names, struct err *e);

#define RULE_KEY_SIZE (1 + SHA256_SIZE)
#define SETTING_FILTER "acl.propagate.filter"
/* The key of a rule in TABLE_RULE. */
void rule_key(enum rule_kind kind, const char *key1, const char *key2, uint8_t ret[RULE_KEY_SIZE]);

static inline void auto_bitmap(roaring_bitmap_t **b)
{
    if (*b)
        roaring_bitmap_free(*b);
}
static inline void auto_cursor(MDB_cursor **c)
{
    if (*c)
        mdb_cursor_close(*c);
}
static inline void auto_txn(MDB_txn **t)
{
    if (*t)
        mdb_txn_abort(*t);
}

#endif
