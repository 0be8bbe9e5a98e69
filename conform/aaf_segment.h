/* conform/aaf_segment.h - the segments of an AAF composition as clips, stacks and gaps. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_AAF_SEGMENT_H
#define CONFORM_AAF_SEGMENT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "conform/aaf_file.h"
#include "conform/edit_format.h"

struct err;

#define AAF_SEGMENT_DEPTH_MAX 100 /* segments in segments */

/* What all of one file share. */
struct aaf_reader {
    struct aaf_file *f;
    struct err *e;
    size_t items;           /* a small file can use a thing a million times */
    unsigned nested, depth; /* stacks in stacks, segments in segments */
};

/* Where a segment stands: its edit units a second, and the kind of its track. */
struct aaf_place {
    struct edit_ratio rate;
    bool audio;
};

/* What of a segment is shown, in its edit units from its first one on. */
struct aaf_shown {
    struct edit_ratio from, length;
};

/* The object for a segment; `*ret` is NULL for a gap. */
int aaf_segment_make(struct aaf_reader *r, struct aaf_place place, const struct aaf_object *segment,
                     struct aaf_shown shown, json_t **ret);

/* Puts what a segment holds on a lane, from 0 on: the components of a sequence, or itself. */
int aaf_segment_place(struct aaf_reader *r, struct aaf_place place, int lane,
                      const struct aaf_object *segment, struct edit_items *items);

/* Replaces a sequence of one component, or an effect on one input that leaves its time alone, by
 * what is in it. */
int aaf_segment_unwrap(struct aaf_reader *r, struct aaf_object **segment);

/* Counts one clip, transition or marker more. */
int aaf_segment_count(struct aaf_reader *r);

#endif
