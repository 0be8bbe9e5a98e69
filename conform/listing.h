/* conform/listing.h - the lake's objects by name and frame pattern, remembered for a file. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_LISTING_H
#define CONFORM_LISTING_H

#include <stdbool.h>
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

/* One spelling of a name, or of a frame pattern (see policy/index.h), with what has it. */
struct listing_group {
    char *text;
    struct frame *rows; /* by directory, then number (of names 0), then node */
    size_t n, cap;
    size_t *dirs; /* where each directory begins in `rows` */
    size_t n_dirs;
};

struct listing_groups {
    struct listing_group *v;
    size_t n;
};

/* Cuts of one show ask for the same few names and patterns again and again; so the index is asked
 * once for what has one stem, whatever its extension and its spelling. */
struct listing *listing_new(struct index_read *rd);
void listing_free(struct listing *l); /* NULL is fine */

/* The live objects that have the stem of `name` after folding, by their names. Borrowed until the
 * next call for this listing. */
int listing_names(struct listing *l, const char *name, const struct listing_groups **ret,
                  struct err *e);

/* Likewise the frame patterns that have the stem of `pattern`. */
int listing_patterns(struct listing *l, const char *pattern, const struct listing_groups **ret,
                     struct err *e);

/* Where to look: in `dir`; or (NODE_NONE) in every directory that `fits` wants, NULL: in all. */
struct listing_where {
    node_id dir;
    bool (*fits)(void *arg, node_id dir);
    void *arg;
};

/* Every live object there that is a frame of `s` by its name (bytewise); of a sequence without a
 * known range those with numbers from 0 up. `want` are its frames, rising. The caller frees
 * ret->v. */
int listing_frames(struct listing *l, const struct sequence *s, const struct listing_where *where,
                   const int64_t *want, size_t n_want, struct frames *ret, struct err *e);

/* The lowest and the highest number that a frame pattern has in a directory; both 0 where it has
 * none. */
int listing_extent(struct listing *l, const char *pattern, node_id dir, int64_t *ret_low,
                   int64_t *ret_high, struct err *e);

enum listing_like {
    LISTING_FOLDED, /* another spelling: case, or NFC and NFD */
    LISTING_STEM,   /* another extension, in any spelling */
};

/* Other sequences of the lake that are called like `s`. */
struct listing_variant {
    struct sequence *sequence; /* `s` with the other names */
    enum listing_like like;
};

/* None where the index does not see the frame number in the names of `s`. The caller frees with
 * listing_variants_free(). */
int listing_variants(struct listing *l, const struct sequence *s, struct listing_variant **ret,
                     size_t *ret_n, struct err *e);
void listing_variants_free(struct listing_variant *v, size_t n);

#endif
