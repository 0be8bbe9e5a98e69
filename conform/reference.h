/* conform/reference.h - what one media reference of a timeline names, whatever its schema. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_REFERENCE_H
#define CONFORM_REFERENCE_H

#include <jansson.h>

enum reference_kind {
    REFERENCE_NONE,     /* names no file, and need not */
    REFERENCE_OFFLINE,  /* there is media, but the edit names no file for it */
    REFERENCE_URL,      /* one text: a file, or a sequence in some notation */
    REFERENCE_SEQUENCE, /* an ImageSequenceReference */
};

struct reference {
    enum reference_kind kind;
    const char *url;      /* of REFERENCE_URL; borrowed from the tree */
    const json_t *object; /* of REFERENCE_SEQUENCE: where its fields are; borrowed */
    const char *reason;   /* of REFERENCE_NONE and _OFFLINE: one sentence, static */
};

/* Reads a reference (NULL: the clip has none). A MissingReference names what it was before
 * relinking (metadata.shotlake.original), or the path that Resolve keeps of media it could not
 * export (metadata.Resolve_OTIO."Media Url"), or what a bundle left out
 * (metadata.original_target_url). */
struct reference reference_read(const json_t *ref);

/* The reference as the file had it before its first relinking, or NULL. Borrowed. */
const json_t *reference_original(const json_t *ref);

#endif
