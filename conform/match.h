/* conform/match.h - from a media reference to objects of the lake, each with the rule it met. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_MATCH_H
#define CONFORM_MATCH_H

#include <jansson.h>

struct conform_item;
struct err;
struct index_read;
struct match;
struct store;

/* Matching for one file: remembers what it looked up. Borrows both. */
int match_new(struct index_read *rd, struct store *store, struct match **ret, struct err *e);
void match_free(struct match *m); /* NULL is fine */

static inline void auto_match(struct match **m)
{
    match_free(*m);
}

/* Finds the media of `ref` (NULL: a clip without one) and fills url, status, rule, nodes,
 * sequence, frames, candidates, missing frames and reason of `it`. Where `it` says that a part is
 * used, only those frames of a sequence are wanted, found and missed.
 *
 * The rules, in their order; the first that finds anything decides, and never by taking the first
 * of several:
 *   address   the reference names a key of this lake, or frames in a directory of it
 *   name      one object has the name (bytewise); then: the percent-decoded name
 *   sequence  one directory holds frames of that name and number
 * Two places are an ambiguity. What lies below ShotLocker/Edits/ is reached by its address only,
 * what lies below .shotlake/ not at all.
 *
 * 0 whatever was found; -EFBIG over CONFORM_FRAMES_MAX; an error of the index. */
int match_reference(struct match *m, const json_t *ref, struct conform_item *it, struct err *e);

#endif
