/* fs/fuse/seen.h - what one principal sees at one moment. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_SEEN_H
#define FS_FUSE_SEEN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "policy/principals.h"

struct err;
struct index_read;
struct rules;
struct view;

/* What one principal sees at one moment: immutable, refcounted, any thread. */
struct seen {
    atomic_uint refs;
    struct view *view; /* empty where stale */
    struct who who;    /* the principal first; empty for a caller without one */
    bool stale;        /* policy unknown: everything but the root is -EIO */
};

/* `view` is taken. Has one reference. */
struct seen *seen_new(struct view *view, bool stale);
struct seen *seen_ref(struct seen *s);
void seen_unref(struct seen *s);

/* What `who` (copied) sees at `now` by the rules of that snapshot's position; nothing, where it is
 * nobody. */
int seen_compute(struct rules *rules, struct index_read *rd, const struct who *who, int64_t now,
                 struct seen **ret, struct err *e);

static inline void auto_seen(struct seen **s)
{
    if (*s)
        seen_unref(*s);
}

#endif
