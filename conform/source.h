/* conform/source.h - media by reel with its timecode, each reel read once for a file. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SOURCE_H
#define CONFORM_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/types.h"

struct err;
struct index_read;
struct listing;
struct places;
struct sources;

#define SOURCE_NODES_MAX 10000 /* of one reel: a shoot has hundreds of takes on one */

/* Media that names may lead to and whose first frame has a known timecode. */
struct source {
    node_id node;
    int64_t start, end; /* frames of its own rate since 00:00:00:00; `end` is not in it, and
                         * INT64_MAX where its length is not known */
    int64_t rate_num, rate_den; /* 0: not known */
};

struct source_list {
    struct source *v;
    size_t n;
};

/* Borrows all. */
struct sources *sources_new(struct index_read *rd, struct listing *l, struct places *p);
void sources_free(struct sources *s); /* NULL is fine */

/* The media of a reel, or of all reels that begin so. A frame sequence is one. Borrowed until
 * sources_free(). */
int sources_of_reel(struct sources *s, const char *reel, bool exact,
                    const struct source_list **ret, struct err *e);

#endif
