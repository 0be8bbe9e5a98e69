/* policy/visible.h - the one question behind every lookup: what may this principal see now? */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_VISIBLE_H
#define POLICY_VISIBLE_H

#include <stdbool.h>
#include <stdint.h>

#include <roaring/roaring.h>

struct err;
struct index_read;
struct who;

struct visible {
    roaring_bitmap_t *nodes; /* visible objects and the directories above them; empty: not even the
                                root has content */
    int64_t next_change;     /* the next moment at which the answer differs by the clock alone */
    uint64_t seq;            /* the ledger record that it holds at */
};

/* What `who` may see at `now`: the OR of the labels of its grants that are active
 * (from <= now < until) and of the ACLs that give it "read". Everything else is hidden: there is no
 * other way in. An unreadable index is an error, never an empty or a full answer.
 * The caller frees with visible_done(). */
int visible_compute(struct index_read *rd, const struct who *who, int64_t now, struct visible *ret,
                    struct err *e);
void visible_done(struct visible *v);

static inline void auto_visible(struct visible *v)
{
    visible_done(v);
}

#endif
