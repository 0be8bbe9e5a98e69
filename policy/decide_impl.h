/* policy/decide_impl.h - what an asker is made of: for those that decide, explain or change. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_DECIDE_IMPL_H
#define POLICY_DECIDE_IMPL_H

#include <stdbool.h>

#include "policy/decide.h"
#include "policy/principals.h"
#include "policy/rules_impl.h"

/* What the members of a label are given; a set of these. */
enum gives {
    GIVES_READ = 1,
    GIVES_WRITE = 2,
    GIVES_MODIFY = 4,
    GIVES_CUSTOM = 8, /* access types of one's own: which, its rows say */
    GIVES_TIMED = 16, /* READ where one of the edit's grants is active */
};

/* Which files of an edit name what is denied. */
enum hides {
    HIDES_NOW = 1,  /* its present manifest and shots: by what it has */
    HIDES_EVER = 2, /* all others, those of versions before among them: by all that it ever had */
};

/* What the asker's token leaves it for one action. */
struct asker_scope {
    const char *action;       /* NULL: every action that has none of its own; borrowed from `who` */
    roaring_bitmap_t *within; /* exact for objects; NULL: everything */
    uint8_t *hides;           /* by edit: enum hides; NULL: none does */
};

/* The active times of a grant whose ranges, if any, hold for the asker. */
struct asker_grant {
    uint32_t edit;
    int64_t from, until;
};

struct asker {
    struct rules *rules;
    struct who who;
    json_t *names; /* who.as as a set */
    bool anonymous, superuser;
    uint64_t permissions;
    unsigned lake; /* enum gives: what the lake's own list lets through */
    uint8_t *gives;            /* by label number */
    /* All live objects, and directories, of the labels that give anything at some time: who asks about
     * another one is answered by this alone. */
    roaring_bitmap_t *reach;
    struct asker_grant *grants; /* by edit */
    size_t n_grants;
    bool *admits; /* by place in rules->groups */
    /* What refused guards hold goes whole: the objects, and the directories that hold nothing else.
     * Directories where something may be left are in `edges`. */
    roaring_bitmap_t *denied, *edges;
    struct asker_scope *scopes; /* the last one has no action */
    size_t n_scopes;
};

static inline void auto_roaring(roaring_bitmap_t **b)
{
    if (*b)
        roaring_bitmap_free(*b);
}

bool asker_is(const struct asker *a, const char *principal);
/* Does the guard let the asker pass? */
bool asker_passes(const struct asker *a, const struct rules_guard *g);
const struct asker_scope *asker_scope(const struct asker *a, const char *action);
/* The action as one of the four above, GIVES_CUSTOM for every other; "list" is a READ. */
enum gives asker_wants(const char *action);
/* Role gate and lake gate, as far as they do not depend on the object: opening it does. */
bool asker_gates(const struct asker *a, const char *action);
/* May it open what it may see? */
bool asker_opens(const struct asker *a, bool original);
/* Does an entry of an ACL that names the asker give that access? */
bool asker_acl_gives(const struct asker *a, const json_t *entries, const char *action);
/* The first of the asker's grants of an edit; they follow each other. */
size_t asker_first_grant(const struct asker *a, uint32_t edit);
bool asker_holds(const struct asker *a, uint32_t edit, int64_t now);
/* Do the members of a label get that through it now? */
bool asker_label_gives(const struct asker *a, uint32_t number, const char *action, int64_t now);
/* The labels of an object, known ones only; `*ret` is `at_hand` or the caller's to free. */
int asker_labels(const struct asker *a, struct index_read *rd, node_id object, uint32_t *at_hand,
                 size_t cap, uint32_t **ret, size_t *ret_n, struct err *e);
/* Is there an object among the nodes, not directories and edits' names alone? `*ret` is only ever
 * set to true. */
int set_has_object(struct index_read *rd, const roaring_bitmap_t *set, bool *ret, struct err *e);
/* Is an object of these labels a file of an edit that names what is denied? The edit, or NULL. */
const struct rules_edit *asker_hides_file(const struct asker *a, const struct asker_scope *scope,
                                          const uint32_t *labels, size_t n);
/* Is the text one of a list of strings? */
bool json_has(const json_t *list, const char *text);
/* -ESTALE where the snapshot is of another position than the rules. */
int asker_check(const struct asker *a, struct index_read *rd, struct err *e);

/* decide_guard.c: what guards deny, what the token leaves, and which edits' files name what is not
 * to be seen. */
int asker_deny(struct asker *a, struct index_read *rd, struct err *e);
int asker_narrow(struct asker *a, struct index_read *rd, struct err *e);
/* Does the token leave the asker that edit (`edit`), or that directory (`dir`, its key)? */
bool asker_token_leaves(const struct asker *a, const char *action, const char *edit,
                        const char *dir);
/* The node and the directories above it, the root last. The caller frees `*ret`, also on failure. */
int node_chain(struct index_read *rd, node_id id, node_id **ret, size_t *ret_n, struct err *e);
/* Adds the directories above a node. */
int add_above(struct index_read *rd, node_id id, roaring_bitmap_t *ret, struct err *e);

#endif
