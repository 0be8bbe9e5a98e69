/* policy/visible.h - the one question behind every lookup: what may this principal see now? */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_VISIBLE_H
#define POLICY_VISIBLE_H

#include <stdbool.h>
#include <stdint.h>

#include <roaring/roaring.h>

struct asker;
struct err;
struct index_read;
struct who;

struct visible {
    roaring_bitmap_t *nodes; /* visible objects and the directories above them; empty: not even the
                                root has content */
    roaring_bitmap_t *closed; /* of them, objects that may be seen but not opened (and their other
                                 names): originals for who has no file_read_original */
    int64_t next_change;     /* the next moment at which the answer differs by the clock alone */
    uint64_t seq;            /* the ledger record that it holds at */
};

/* What decide() allows the asker to see at `now`, as one set, with the directories above, and the
 * names that edits have below edits/ where what they stand for is visible too. An unreadable index is
 * an error, never an empty or a full answer. The caller frees with visible_done(). */
int visible_of(const struct asker *a, struct index_read *rd, int64_t now, struct visible *ret,
               struct err *e);
/* The same from scratch: rules_load(), asker_new(), visible_of(). */
int visible_compute(struct index_read *rd, const struct who *who, int64_t now, struct visible *ret,
                    struct err *e);
void visible_done(struct visible *v);

static inline void auto_visible(struct visible *v)
{
    visible_done(v);
}

#endif
