/* conform/match.h - from a media reference to objects of the lake, each with the rule it met. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_MATCH_H
#define CONFORM_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

struct conform_item;
struct envelope;
struct err;
struct index_read;
struct match;
struct pins;
struct store;

/* Paths and URLs that begin with `from` (whole components, in any notation of media_url.h) mean the
 * keys of this lake that begin with `to`. */
struct match_root {
    const char *from, *to;
};

#define MATCH_OPTIONS_MAX 64 /* preferred prefixes; roots; templates */

/* How ties are broken, and what is known already. Everything is borrowed. {0}: nothing. */
struct match_options {
    const char *prefer[MATCH_OPTIONS_MAX]; /* prefixes of keys: the first that any of the tied
                                            * candidates has decides */
    size_t n_prefer;
    struct match_root roots[MATCH_OPTIONS_MAX];
    size_t n_roots;
    const char *templates[MATCH_OPTIONS_MAX]; /* keys with {shot} and {seq} in them */
    size_t n_templates;
    bool newest_version;     /* of candidates that differ in _v### or .v### only */
    const struct pins *pins; /* answers to earlier questions; NULL: none */
};

/* Matching for one file: remembers what it looked up. Borrows all; `opt` may be NULL. */
int match_new(struct index_read *rd, struct store *store, const struct match_options *opt,
              struct match **ret, struct err *e);
void match_free(struct match *m); /* NULL is fine */

static inline void auto_match(struct match **m)
{
    match_free(*m);
}

/* What is to be found. Borrowed. */
struct match_input {
    const json_t *clip;         /* may be NULL: then there is no reel and no UMID of it */
    const json_t *ref;          /* NULL: a clip without one */
    const char *key;            /* of the reference in media_references; may be NULL */
    const struct envelope *env; /* what the clip uses of it; may be NULL: not known */
    bool whole;                 /* all frames are wanted, whatever it uses */
};

/* Finds the media of `in->ref` and fills url, status, rule, score, nodes, sequence, frames,
 * candidates, missing frames, note and reason of `it`. Where `it` says that a part is used, only
 * those frames of a sequence are wanted, found and missed; what it uses is set here where the
 * reference does not tell and the media's own timecode does.
 *
 * The rules, in their order; the first with a candidate that can hold what the cut uses decides,
 * and never by taking the first of several:
 *   pin       an answer names it
 *   address   the reference, or a root, names a key of this lake, or frames in a directory of it;
 *             or it is a manifest's address of one (conform/location.h)
 *   umid      an object has the UMID of the clip
 *   path      two or more of its last components are an object's, folded: the most decide
 *   name      one object has the name (bytewise; then: the percent-decoded name; then: either
 *             folded, which is noted)
 *   sequence  likewise frames of that name and number in one directory
 *   reel      the reel's media holds the source timecode
 *   stem      one object, or the frames in one directory, have the name but for an extension of
 *             the same class (media_class.h)
 *   template  a template's key for the clip's shot is an object, or frames in a directory: {shot} is
 *             the shot's name (shot.h), {seq} that up to its last '_'
 * An edit list's event that names no file is matched by UMID and reel only. What lies below
 * ShotLocker/Edits/ or .shotlake/ is media by no rule, address or pin.
 *
 * Of a movie's candidates those of known length or timecode must hold what is used, but where the
 * reference addresses it. Candidates of one rule that are left: those that hold all wanted frames
 * before those with holes; then preferred prefixes; then (if asked for) the newest version; copies
 * with one size and ETag are one, and the shortest key stands for them. Two more are an ambiguity.
 *
 * 0 whatever was found; -EFBIG over CONFORM_FRAMES_MAX; an error of the index. */
int match_reference(struct match *m, const struct match_input *in, struct conform_item *it,
                    struct err *e);

#endif
