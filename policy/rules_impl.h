/* policy/rules_impl.h - what rules.c reads of an index, for those that decide; see rules.h. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_RULES_IMPL_H
#define POLICY_RULES_IMPL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>
#include <roaring/roaring.h>

#include "policy/access_group.h"
#include "policy/index.h"
#include "policy/rules.h"

#define RULES_NONE UINT32_MAX /* no such place in one of the arrays below */

/* What a label is of. */
enum label_kind {
    LABEL_OTHER, /* gives nothing: also an ACL that was taken away, an edit that is not there */
    LABEL_EDIT,
    LABEL_RETIRED,
    LABEL_LOST, /* "untag:" and "past:": what the edit has no more, but its files of before name */
    LABEL_FILES,
    LABEL_ACL,
    LABEL_CLASS,
    LABEL_GUARD,
};
struct rules_label {
    enum label_kind kind;
    uint32_t of;   /* place in `edits`, `acls` or `classes`; RULES_NONE */
    int64_t until; /* LABEL_RETIRED: shown before that; else WHEN_NEVER */
};

/* Who said so, and when. */
struct rules_record {
    uint64_t seq;
    int64_t time;
    char *actor;
};

struct rules_edit {
    char id[EDIT_ID_SIZE];
    char *name, *owner; /* owner "" for none */
    enum edit_state state;
    bool propagates; /* its ACL reaches its objects */
    struct rules_record by;
    json_t *acl; /* NULL: none */
    struct rules_record acl_by;
    uint32_t *labels; /* numbers of its labels, of whatever kind */
    size_t n_labels;
};

struct rules_grant {
    char *principal;
    uint32_t edit;
    int64_t from, until;
    json_t *ranges; /* NULL: from anywhere */
    struct rules_record by;
};

struct rules_acl {
    node_id node;
    uint32_t label; /* 0: reaches nothing */
    json_t *entries;
    struct rules_record by;
};

struct rules_class {
    char *name;
    uint32_t label;
};

struct rules_policy {
    char *principal, *class_name;
    uint32_t class_at; /* RULES_NONE: nothing ever had the class */
    json_t *actions;
    struct rules_record by;
};

struct rules_group {
    char *site, *name;
    json_t *rules;
    struct rules_record by;
};

struct rules_guard {
    node_id node;
    uint32_t label; /* 0: holds nothing */
    uint32_t depth; /* components above and with the node; 0 for the root */
    char *name;     /* of its group */
    char *site;
    uint32_t group; /* RULES_NONE: there is no such group at that site */
    bool everyone;  /* then: it is a built-in group that admits who has signed in */
    bool by_name;
    uint64_t seq;   /* 0: by_name */
};

struct rules {
    atomic_int refs;
    uint64_t seq;
    node_id about; /* all that they know about; NODE_NONE: everything */

    struct rules_label *labels; /* by number */
    size_t n_labels;
    uint32_t original;          /* number of the label "class:original"; 0: none */
    struct rules_edit *edits;   /* by id */
    size_t n_edits;
    struct rules_grant *grants; /* by principal, then edit */
    size_t n_grants;
    struct rules_acl *acls;     /* of nodes, by node */
    size_t n_acls;
    struct rules_class *classes; /* by name */
    size_t n_classes;
    struct rules_policy *policies; /* by principal, then class */
    size_t n_policies;
    struct rules_group *groups; /* by site, then name */
    size_t n_groups;
    struct rules_guard *guards; /* by depth, then node: what is below comes after what is above */
    size_t n_guards;

    struct ranges *ranges;
    json_t *roles;    /* {name: [what it gives]} */
    json_t *lake_acl; /* NULL: none */
    struct rules_record lake_by;
    bool bare_propagates;   /* a collection without metadata hands its ACL down */
    roaring_bitmap_t *odd;  /* directories of which the opposite is true */

    /* the settings */
    bool acl_enabled, acl_storage_enabled, most_specific;
    json_t *default_roles;
    char *scope, *filter;
};

/* Does a directory hand its ACL down? */
bool rules_propagates(const struct rules *r, node_id dir);
/* The places of a principal's grants and policies: [*ret_first, return value). */
size_t rules_grants_of(const struct rules *r, const char *principal, size_t *ret_first);
size_t rules_policies_of(const struct rules *r, const char *principal, size_t *ret_first);
/* RULES_NONE: there is none. */
uint32_t rules_edit_at(const struct rules *r, const char *id);
uint32_t rules_acl_at(const struct rules *r, node_id node);
uint32_t rules_group_at(const struct rules *r, const char *site, const char *name);
/* Everything that the names give, each of them and what their roles bring; those that nobody knows
 * give nothing, and where none is known the lake's default roles count. */
uint64_t rules_permissions(const struct rules *r, char *const *names, size_t n);

/* rules_guard.c: reads access groups, and what they guard. */
int rules_load_groups(struct rules *r, struct index_read *rd, struct err *e);
int rules_load_guards(struct rules *r, struct index_read *rd, struct err *e);
/* The label of a guarded node; before rules_sort_guards(). */
void rules_guard_label(struct rules *r, node_id node, uint32_t label);
void rules_sort_guards(struct rules *r);
void rules_free_guards(struct rules *r);

void rules_record_set(struct rules_record *ret, uint64_t seq, int64_t time, const char *actor);

/* An array one longer, its new element all zeros; `*n` counts. */
#define RULES_GROW(array, n)                                                                       \
    ({                                                                                             \
        if (((n) & ((n) - 1)) == 0)                                                                \
            (array) = xrealloc((array), (n) ? 2 * (n) : 1, sizeof *(array));                       \
        memset(&(array)[n], 0, sizeof *(array));                                                   \
        &(array)[(n)++];                                                                           \
    })

#endif
