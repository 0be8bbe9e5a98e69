/* conform/listing.h - the frames of the lake that share a name pattern, remembered for a file. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_LISTING_H
#define CONFORM_LISTING_H

#include <stddef.h>
#include <stdint.h>

#include "policy/types.h"

struct err;
struct index_read;
struct listing;
struct sequence;

/* One frame of a sequence, in some directory. */
struct frame {
    node_id parent, node;
    int64_t number;
    int width; /* digits of the number in the name */
};

struct frames {
    struct frame *v; /* by directory, then number, then node */
    size_t n;
};

struct listing *listing_new(struct index_read *rd);
void listing_free(struct listing *l); /* NULL is fine */

/* Every live object that is a frame of `s` by its name, in any directory; of a sequence without a
 * known range those with numbers from 0 up. `want` are its frames, rising. The caller frees
 * ret->v. Cuts of one show ask for the same few patterns again and again; so the index is asked
 * once a pattern. */
int listing_frames(struct listing *l, const struct sequence *s, const int64_t *want, size_t n_want,
                   struct frames *ret, struct err *e);

#endif
