/* fs/fuse/sequence.h - the next frames of what is being played, fetched before they are opened. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_SEQUENCE_H
#define FS_FUSE_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "fs/fuse/frame_cursor.h"
#include "fs/fuse/front.h"
#include "policy/types.h"

#define SEQUENCE_FRAME_BYTES ((uint64_t)64 << 20) /* what is longer is no frame */
#define SEQUENCE_AHEAD_BYTES ((uint64_t)64 << 20) /* fetched ahead of one reader, or more: cache_ahead_bytes() */
#define SEQUENCE_NAME_MAX 255

struct sequences;

/* One frame: what a read knows of the file that it is of. */
struct sequence_frame {
    uid_t uid; /* who reads */
    node_id dir;
    uint64_t size;
    uint32_t pattern; /* where in `name` the number stands */
    uint32_t width;   /* its digits; 0: the name is no frame's */
    int64_t number;
    char name[SEQUENCE_NAME_MAX + 1];
};

struct sequences *sequences_new(struct front *f); /* borrows it */
void sequences_free(struct sequences *s);         /* NULL is fine */

/* What to say of reads of the node `n` by `uid`. Pure. */
void sequence_frame_of(const struct node *n, uid_t uid, struct sequence_frame *ret);

/* What follows from a read. */
struct sequence_next {
    struct sequence_frame frame;
    struct frame_plan plan; /* of no frames: nothing follows */
    uint64_t length;        /* to fetch of each at most */
    uint64_t id;
};

/* Bytes of the frame are asked for, for the first time by the handle that it was opened with: what
 * the kernel has in its own cache asks for nothing. Called before they are answered, so that frames
 * are noted in the order in which they are read. */
void sequence_note(struct sequences *s, const struct sequence_frame *frame,
                   struct sequence_next *ret);

/* Fetches ahead what comes next, each frame only where the reader may open it in the view of this
 * moment. Called when the read itself was started, which goes first; no index snapshot is held
 * meanwhile by the caller. */
void sequence_fetch(struct sequences *s, const struct sequence_next *next);

/* The handle is closed; `read_to` is the end of what was read by it. Where the frames of a sequence
 * are not read to their middle (somebody looks at headers, or at one layer), as much is fetched of
 * the next ones and no more. */
void sequence_closed(struct sequences *s, const struct sequence_frame *frame, uint64_t read_to);

#endif
