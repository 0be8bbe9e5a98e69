/* conform/place.h - directories of the lake as matching sees them, each read once. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_PLACE_H
#define CONFORM_PLACE_H

#include <stdbool.h>

#include "policy/types.h"

struct err;
struct index_read;
struct places;

struct media_place {
    node_id dir;
    bool is_media; /* as place_is_media() says */
    char *key;     /* "show/a" */
    char *folded;  /* the same folded: see policy/fold.h */
};

/* May a cut's media have this key? Nothing below .shotlake/ and ShotLocker/Edits/ is media: what is
 * there of one edit, the studio's manifest and report among it, must not become another one's by
 * being called like media, nor by its address in a cut that somebody handed in. */
bool place_is_media(const char *key);

/* Remembers what it reads for the life of one plan. Borrows `rd`. */
struct places *places_new(struct index_read *rd);
void places_free(struct places *p); /* NULL is fine */

/* The place of a directory; borrowed until places_free(). */
int place_of(struct places *p, node_id dir, const struct media_place **ret, struct err *e);

/* How many components the ends of two paths share, bytewise: 2 of "x/show/a" and "y/show/a". */
int path_shared_components(const char *a, const char *b);

/* A path folded for comparing with place.folded; free(). As it is where it is too long. */
char *path_fold(const char *path);

#endif
