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
struct login;
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

/* What identities are made of, and the rules that they are held against. One thread at a time. */
struct seen_source {
    struct principals *principals; /* the owner's; may be NULL */
    struct address address;        /* of every caller */
    struct rules *rules; /* of the ledger's position that was read last: once, whoever asks */
};
void seen_source_done(struct seen_source *src); /* not the principals */

/* What a session (`login` not NULL) or else `principal` sees at `now` in that snapshot, with the
 * groups and roles that the principals file gives it; nothing, where the file has it disabled.
 * `made` are views of that moment and position that are there already: one of the very same
 * identity is taken. */
int seen_compute(struct seen_source *src, struct index_read *rd, const char *principal,
                 const struct login *login, int64_t now, struct seen *const *made, size_t n_made,
                 struct seen **ret, struct err *e);

static inline void auto_seen(struct seen **s)
{
    if (*s)
        seen_unref(*s);
}

#endif
