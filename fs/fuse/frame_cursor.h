/* fs/fuse/frame_cursor.h - which frames of a sequence come next, by those that were read. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FRAME_CURSOR_H
#define FS_FUSE_FRAME_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_CURSORS 32 /* readers of one sequence that go their own ways */
#define FRAME_RECENT 8   /* frames that a cursor's way is judged by */

/* One way through a sequence: a program that plays it, or several that take turns. They overtake
 * each other, so the frames of a way come nearly, not strictly, in order. */
struct frame_cursor {
    int64_t recent[FRAME_RECENT]; /* in the order they were read, the last at n - 1 */
    unsigned n;                   /* 0: unused */
    int64_t stride;  /* from one frame to the next, negative backwards; 0: not known yet */
    int64_t front;   /* the farthest frame read */
    int64_t asked;   /* the farthest frame that was told of in a plan */
    unsigned window; /* frames beyond the front to fetch */
    uint32_t stamp;  /* of the last use */
};

/* All ways through one sequence. Starts as {0}. Not for two threads at once. */
struct frame_cursors {
    struct frame_cursor cursor[FRAME_CURSORS];
    int64_t begun[2]; /* where the last two cursors began */
    unsigned n_begun;
    uint32_t clock;
};

struct frame_plan {
    int64_t first, stride; /* fetch `count` frames from `first` on; none may be below 0 */
    unsigned count;
    unsigned cursor; /* whose plan it is */
};

/* Notes that `frame` is read and says which frames to fetch before they are. The first frame of a
 * way says nothing; from its second on the window is 1, 2, 4 …: it grows as frames are read, up to
 * `most` shared among those who go their ways at present. A frame that continues no way begins one,
 * and the others stay: a jump and the way back cost nothing. Every frame is told once, unless frame_cursors_refused() takes it back. */
void frame_cursors_next(struct frame_cursors *fc, int64_t frame, unsigned most,
                        struct frame_plan *ret);

/* Only the first `accepted` frames of the plan could be fetched: the others are told again. */
void frame_cursors_refused(struct frame_cursors *fc, const struct frame_plan *p, unsigned accepted);

#endif
