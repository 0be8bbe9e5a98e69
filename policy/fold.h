/* policy/fold.h - names compared as people read them: NFC and without regard to case. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_FOLD_H
#define POLICY_FOLD_H

#include <stddef.h>

struct buf;

#define FOLD_MAX_BYTES 4096 /* of a text to fold; names and patterns have at most 255 */
#define FOLD_KEY_BYTES 432  /* the longest key that fold_key() makes: 400 bytes and a SHA-256 */

/* Appends `s` case folded and in NFC: the two spellings of an accented letter and the two cases of
 * a letter give the same bytes. What is not UTF-8 is appended as it is. Folding may make a text
 * longer. 0, or -E2BIG over FOLD_MAX_BYTES (nothing is appended). Any thread. */
int fold_name(const char *s, size_t n, struct buf *ret);

/* The same as the key of a table: a folded text over 400 bytes becomes its first 400 bytes and the
 * SHA-256 of all of it, since LMDB's keys end at 511. */
int fold_key(const char *s, size_t n, struct buf *ret);

#endif
