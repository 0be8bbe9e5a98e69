/* conform/splice.h - a changed tree as text: the bytes that it was read from, but for the changes. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SPLICE_H
#define CONFORM_SPLICE_H

#include <stddef.h>

#include <jansson.h>

struct buf;
struct err;

/* An object of the tree that stands in the place of another one. Both are borrowed. */
struct splice_change {
    const json_t *was; /* what the text has */
    const json_t *now; /* what the tree has */
};

/* Appends `source` with the changes made and everything else byte for byte: white space, the order
 * of keys, the spelling of numbers and strings.
 *
 * `root` is the tree that was read from `source` (duplicate keys refused), except that at some
 * places it has `now` instead of `was`; `changes` are those places and get sorted. Within a change
 * the members that are equal keep their bytes, one with another value gets new text, one that `now`
 * has not goes, and one that `was` has not is appended in the layout around it. Where `now` holds
 * the very object `was` (not a copy) that is copied as it stood. Strings that begin with `mark` are
 * tokens that the tree cannot hold: see conform/otio_text.h.
 *
 * Needs memory for the result only. -EINVAL: `root` is not of `source`. */
int splice(const char *source, size_t n, const json_t *root, struct splice_change *changes,
           size_t n_changes, const char *mark, struct buf *ret, struct err *e);

#endif
