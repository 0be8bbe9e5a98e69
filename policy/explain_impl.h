/* policy/explain_impl.h - the ways in which rules reach a node; for decide_why.c and explain*.c. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_EXPLAIN_IMPL_H
#define POLICY_EXPLAIN_IMPL_H

#include "policy/decide_impl.h"

/* One question about one node, and what was found. */
struct ways {
    struct index_read *rd;
    const struct rules *rules;
    const struct asker *a; /* NULL: about everybody */
    struct node node;
    const char *action; /* as access types and policies name it: "read" for "list" */
    int64_t now;
    bool collection;    /* the right over a directory itself, not over what is below it */
    const roaring_bitmap_t *seen; /* of `a`, where the node is no object and it is about seeing */
    bool *held;         /* by label: it holds the node, or something below the directory */
    const char *block;  /* what stands before all ways; NULL: nothing. Static, or of `blocked` */
    char *blocked;
    json_t *by, *not_by;
};

int ways_init(struct ways *w, struct index_read *rd, const struct rules *rules,
              const struct asker *a, node_id node, const char *action, int64_t now, struct err *e);
/* Every way into `by`, or with its "why" into `not_by`. */
int ways_find(struct ways *w, struct err *e);
void ways_done(struct ways *w);

static inline void auto_ways(struct ways *w)
{
    ways_done(w);
}

/* The node's guards: [{"path","group","site","by_name","record","counts","pass","why"}], the last two
 * where it is about one asker. `*ret_block` (may be NULL): the first that refuses; the caller's. */
int ways_guards(const struct ways *w, json_t **ret, char **ret_block, struct err *e);
/* The gates before all rules: [{"gate": "token", "role" or "lake", "pass", "needs", "record"}]; those
 * that there are. `*ret_block` as above. */
json_t *ways_gates(const struct ways *w, const char *action, char **ret_block);
/* Gates and guards of the question, and in `w->blocked` the first that refuses. `token`: whether the
 * asker's token, where it is narrowed, leaves it. New references. */
int ways_barriers(struct ways *w, const char *action, bool token, json_t **ret_gates,
                  json_t **ret_guards, struct err *e);
/* ways_find(), and all that is known of the answer: {"by", "not", "guards", "gates", "stricter"}. */
int ways_why(struct ways *w, json_t *gates, json_t *guards, json_t **ret, struct err *e);
/* "/show/a/" as JSON text. A new reference. */
int ways_path(struct index_read *rd, node_id id, json_t **ret, struct err *e);

#endif
