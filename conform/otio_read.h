/* conform/otio_read.h - OpenTimelineIO JSON: the tree, and its clips with their media. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_OTIO_READ_H
#define CONFORM_OTIO_READ_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "conform/otio_text.h"

struct err;

struct otio_clip {
    const char *name; /* "" where it has none; borrowed from the tree */
    char *pointer;    /* JSON pointer (RFC 6901) */
    json_t *object;   /* borrowed from the tree */
    bool enabled;     /* the clip and everything that it is in */
};

/* One media reference of a clip. Every clip has at least one: where the file has none, `object`
 * is NULL and `pointer` is the clip's. */
struct otio_ref {
    size_t clip;    /* its place in otio_doc.clips */
    json_t *holder; /* the clip or its "media_references"; borrowed */
    char *key;      /* of the reference in `holder` */
    char *pointer;
    json_t *object; /* borrowed */
    json_t *was;    /* what it was before relinking replaced it; owned; NULL: it is as it was */
    bool active;    /* what the timeline plays; all are, where the file does not say which */
};

struct otio_doc {
    json_t *root;
    const char *name; /* of the timeline, "" where it has none; borrowed from the tree */
    struct otio_clip *clips;
    size_t n_clips;
    struct otio_ref *refs; /* in timeline order; of a clip the active one first */
    size_t n_refs;
    size_t unknown; /* objects of unknown schema in the composition: kept, and not looked into */
    char mark[OTIO_MARK_SIZE]; /* what the tree's foreign tokens begin with */
    char *source;              /* the text, without its byte order mark */
    size_t source_len;
};

/* Parses a timeline: Timeline, Stack, Track (Sequence), Clip or SerializableCollection of any
 * version, as OpenTimelineIO's own readers accept them; lenient about absent keys.
 * -EBADMSG: anything else, with line or JSON pointer in `e`; -EFBIG: over CONFORM_FILE_MAX or
 * OTIO_TOKENS_MAX. The caller frees `*ret`. */
int otio_read(const char *s, size_t n, struct otio_doc **ret, struct err *e);
void otio_doc_free(struct otio_doc *doc); /* NULL is fine */

static inline void auto_otio_doc(struct otio_doc **doc)
{
    otio_doc_free(*doc);
}

/* Appends the text that was read, with the references that were replaced since and everything else
 * byte for byte: see conform/splice.h. */
int otio_write(const struct otio_doc *doc, struct buf *ret, struct err *e);

/* Puts `now` (taken) in the place of a reference; `ref->object` is the new object. False where it
 * is no JSON value. */
bool otio_replace(struct otio_ref *ref, json_t *now);

/* The name of an object's schema without its version ("Clip" of "Clip.2"); length in `*ret_n`.
 * NULL where the object has none. Borrowed. */
const char *otio_schema(const json_t *object, size_t *ret_n);
bool otio_schema_is(const json_t *object, const char *name);

/* A member that is a non-empty string, else NULL. Borrowed; `object` may be NULL. */
const char *otio_string(const json_t *object, const char *key);

#endif
