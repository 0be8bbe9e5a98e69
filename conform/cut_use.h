/* conform/cut_use.h - the shots of one cut: which media, which frames, when. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_CUT_USE_H
#define CONFORM_CUT_USE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

struct err;

#define CUT_TC_SIZE 32

/* First to last frame, and the same with handles. */
struct cut_span {
    bool known;
    double rate;
    int64_t first, last, granted_first, granted_last;
};

/* One clip of a cut. */
struct cut_use {
    char *shot;
    char *media;                 /* the file's name, or the reel; NULL: nothing says */
    struct cut_span media_span;  /* as conform/envelope.h counts frames of what the file states */
    struct cut_span source_span; /* as the clip counts them: for media that states nothing */
    int64_t media_start;         /* what media_span counts from */
    bool numbered;               /* media_span has frame numbers */
    double speed;
    bool record_known;
    int64_t record[2]; /* in and out, frames from the start of the timeline */
    char record_tc[2][CUT_TC_SIZE];
    size_t place; /* in the cut: the earlier, the lower */
    unsigned changes;
    struct cut_use *other; /* the same in the other cut */
};

struct cut {
    struct cut_use *v; /* by place */
    size_t n;
};

/* Reads the clips that count (see conform/cut_diff.h) of a tree that otio_read() has read.
 * -EBADMSG: a time that cannot be read. Start with {0}; cut_done() in any case. */
int cut_read(const json_t *tree, int handles, struct cut *ret, struct err *e);
void cut_done(struct cut *c);

static inline void auto_cut(struct cut *c)
{
    cut_done(c);
}

#endif
