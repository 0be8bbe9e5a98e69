/* conform/otio_strict.h - what OpenTimelineIO's own reader would refuse in a timeline. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_OTIO_STRICT_H
#define CONFORM_OTIO_STRICT_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct err;
struct otio_doc;

#define OTIO_DEVIATIONS_KEPT 100

/* Called with the JSON pointer (RFC 6901) of a place and a sentence without a full stop; both
 * borrowed. Not 0 ends the check. */
typedef int otio_deviation_fn(void *arg, const char *pointer, const char *what);

/* Holds a tree against the schemas that OpenTimelineIO knows, in every version that one of its
 * releases reads: names and versions, members that must be there, types. Schemas that it does not
 * know are fine where any object may be. `mark` is the document's: see conform/otio_text.h. What
 * the JSON reader here refuses in any case (two members of one name, NUL, bytes that are not UTF-8,
 * great depth) OpenTimelineIO may read. Stricter than it in one thing: a number of a schema that
 * has more than 64 bits, which OpenTimelineIO changes silently.
 * Returns 0, or what `fn` returned. */
int otio_check(const json_t *root, const char *mark, otio_deviation_fn *fn, void *arg);

struct otio_deviation {
    char *pointer, *what;
};

struct otio_deviations {
    struct otio_deviation *v; /* the first ones, in the order of the file */
    size_t n;                 /* how many there are: may be more than OTIO_DEVIATIONS_KEPT */
};

/* Lists what is wrong with a document that was read from the `n` bytes at `s`, its byte order mark
 * included. `strict`: the first is an error, -EBADMSG, with its line and pointer in `e`.
 * otio_deviations_done() also after a failure. */
int otio_deviations(const struct otio_doc *doc, const char *s, size_t n, bool strict,
                    struct otio_deviations *ret, struct err *e);
void otio_deviations_done(struct otio_deviations *d);

static inline size_t otio_deviations_kept(const struct otio_deviations *d)
{
    return d->n < OTIO_DEVIATIONS_KEPT ? d->n : OTIO_DEVIATIONS_KEPT;
}

#endif
