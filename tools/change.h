/* tools/change.h - changes of the ledger, by the operator or in the name of a principal. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_CHANGE_H
#define TOOLS_CHANGE_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>
#include <roaring/roaring.h>

#include "fs/lake/lake.h"
#include "policy/principals.h"
#include "policy/types.h"

struct asker;
struct cli;
struct err;
struct index_read;

/* Who --act-as names, with groups, attributes and the --address. Nobody: `name` is "", and everything
 * is allowed: who holds the lake's credentials without being held down is the operator. */
struct acting {
    char name[PRINCIPAL_MAX];
    struct who who;
};
static inline bool acting_is_operator(const struct acting *a)
{
    return a->name[0] == '\0';
}
/* CLI_DONE, or the exit status, told already. */
int acting_open(struct cli *c, struct acting *ret);
void acting_done(struct acting *a);
static inline void auto_acting(struct acting *a)
{
    acting_done(a);
}

/* The principal at that position; NULL for the operator. */
int acting_asker(const struct acting *a, struct index_read *rd, struct asker **ret, struct err *e);

/* May it append this record there? 0; -EPERM: no, and the sentence says what is missing (a store refuses
 * with -EACCES); -ENOENT:
 * no, and it may not know either that the "path" of `body` exists: the sentence is that of an absent
 * one, with `given`, what was asked for. */
int acting_may(const struct acting *a, struct index_read *rd, const json_t *body, const char *given,
               struct err *e);

/* What the principal may see at that position (CRoaring; the caller frees); NULL for the operator. */
int acting_sees(const struct acting *a, struct index_read *rd, roaring_bitmap_t **ret,
                struct err *e);

/* What it may read, with the directories above; likewise. */
int acting_reads(const struct acting *a, struct index_read *rd, roaring_bitmap_t **ret,
                 struct err *e);

/* 0, or -ENOENT with the sentence of an absent path where the principal does not see the node. */
int acting_must_see(const struct acting *a, struct index_read *rd, node_id node, const char *given,
                    struct err *e);
/* May it read about the access of others there? Who may change that, and has access_read. */
int acting_reads_access(const struct acting *a, struct index_read *rd, node_id node, bool *ret,
                        struct err *e);

/* ---- records ------------------------------------------------------------------------------- */

/* One change. All is borrowed. */
struct change {
    json_t *body;         /* {"op": …}; NULL: an argument was not UTF-8, which is told */
    lake_check_fn *check; /* before every try; may be NULL, and may complete `body` */
    lake_check_fn *warn;  /* afterwards: says on stderr what about it gives nothing yet; or NULL */
    void *arg;            /* of both */
    const char *given;    /* the place as it was asked for; may be NULL */
    const char *done;     /* what to tell, without a full stop */
    bool placed;          /* the place of `body` stands before that */
};

/* A lake in step, and who changes it. */
struct changer {
    struct cli *c;
    struct lake *lk;
    struct acting as;
    bool denied; /* that is what the last change failed by */
};
/* CLI_DONE, or the exit status, told already; changer_done() in any case. */
int changer_open(struct cli *c, struct changer *ret);
void changer_done(struct changer *ch);
static inline void auto_changer(struct changer *ch)
{
    changer_done(ch);
}

/* Appends one record, if it is allowed. 0 or an error for changer_fail(). `ret_seq` may be NULL. */
int changer_append(struct changer *ch, const struct change *change, uint64_t *ret_seq,
                   struct err *e);
/* Tells why a change was not made: CLI_UNKNOWN for -ENOENT, CLI_DENIED, else CLI_FAILED. */
int changer_fail(struct changer *ch, int r, const struct err *e);

/* All of it for a verb that makes one change: tells `done`, or the body with its "record" as JSON.
 * The exit status. */
int change_make(struct cli *c, const struct change *change);

#endif
