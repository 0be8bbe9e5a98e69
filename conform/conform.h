/* conform/conform.h - which objects of the lake does this timeline use? */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_CONFORM_H
#define CONFORM_CONFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>
#include <roaring/roaring.h>

#include "conform/location.h"
#include "conform/match.h"
#include "conform/otio_strict.h"
#include "conform/rational.h"
#include "policy/types.h"

struct buf;
struct err;
struct index_read;
struct lake;
struct otio_doc;
struct sequence;
struct sidecars;
struct store;

#define CONFORM_FILE_MAX (256u << 20)  /* bytes of an edit file */
#define CONFORM_FRAMES_KEPT 1000       /* missing frames that an item lists */
#define CONFORM_CANDIDATES_KEPT 100    /* candidates that an item lists */
#define CONFORM_FRAMES_MAX (50u << 20) /* frames that all references of a file may name together   \
                                        */

enum conform_status {
    CONFORM_FOUND,
    CONFORM_PARTLY, /* a sequence of which some frames are not in the lake: counts as missing too */
    CONFORM_MISSING,
    CONFORM_AMBIGUOUS, /* two or more candidates: nothing of it is tagged or relinked */
    CONFORM_NO_MEDIA,  /* gaps' kin: generators, references that name no file, what is not shown */
};

#define CONFORM_HANDLES 8 /* frames that are added at either end of a cut, by default */
#define CONFORM_HANDLES_MAX 10000

struct conform_options {
    int handles; /* frames of the timeline, up to CONFORM_HANDLES_MAX; retimed with the clip */
    bool strict; /* takes only what OpenTimelineIO itself would read */
    bool whole;  /* of a sequence every frame that the reference names, not only those used */
    struct match_options match;
    const struct sidecars *sidecars; /* rules for what belongs to media; NULL: none. Borrowed */
    struct location_style location;  /* the form of the manifest's addresses */
};

/* Something of the lake that a reference could mean. */
struct conform_candidate {
    node_id node;        /* the object, or the lowest frame of a place */
    bool is_sequence;
    size_t covered;      /* of a sequence: wanted frames that it has, */
    size_t total;        /* of so many */
    const char *rejected; /* why it is not the one; NULL: it is, or could be. Static */
};

/* An object that belongs to found media by a rule. */
struct conform_sidecar {
    node_id node;
    const char *rule; /* its name; borrowed from the rules */
    size_t item;      /* the first item whose media it belongs to */
};

/* One media reference of one clip. */
struct conform_item {
    char *clip;    /* the clip's name, "" where it has none */
    char *shot;    /* which shot it is of: a file name; see shot.h */
    char *pointer; /* JSON pointer (RFC 6901) of the reference in the file */
    char *url;     /* what the timeline names, as written */
    enum conform_status status;
    bool counts;      /* what the timeline plays. False: another of a clip's references (a proxy, an
                       * original): that it is missing is a note, no fault of the edit. An ambiguity
                       * is one in either case */
    const char *rule; /* see conform/match.h; static; NULL where nothing matched */
    int score;        /* found by "path": components that are shared, the name is one */
    char *note;       /* found, but not quite plainly: one sentence; or NULL */
    node_id *nodes;   /* found objects, rising */
    size_t n_nodes;
    struct sequence *sequence; /* frames: how their names are made; NULL for one object */
    node_id first;             /* found: the object, or the lowest frame found */
    char *frames;              /* of a sequence: those found, "1001-1010,1015"; else NULL */
    struct conform_candidate *candidates; /* evidence: what the deciding rule chose from, those
                                           * that are left first, and what no rule could take; at
                                           * most CONFORM_CANDIDATES_KEPT */
    size_t n_candidates;
    int64_t *missing_frames; /* of a sequence, rising, at most CONFORM_FRAMES_KEPT of them */
    size_t n_missing_frames; /* how many there are: may be more than are kept */
    char *reason;            /* one sentence where the status is not FOUND; else NULL */
    bool has_use;            /* what the cut uses of it, handles and all, is known: first to last, */
    int64_t use_first;       /* of a sequence frame numbers, else counted from the first frame */
    int64_t use_last;
    bool part;               /* of a sequence only those are wanted */
    double speed;            /* where has_use: of the clip and all that it is in */
    bool record_known;       /* its place in the timeline: frames of record_rate, from */
    struct rational_rate record_rate; /* global_start_time on; record_out is not shown any more */
    int64_t record_in, record_out;
    unsigned warnings;       /* how plain that was: bits of enum envelope_warning */
};

/* Something of it is in the lake, and with the edit. */
static inline bool conform_is_found(const struct conform_item *it)
{
    return it->status == CONFORM_FOUND || it->status == CONFORM_PARTLY;
}

static inline size_t conform_missing_kept(const struct conform_item *it)
{
    return it->n_missing_frames < CONFORM_FRAMES_KEPT ? it->n_missing_frames : CONFORM_FRAMES_KEPT;
}

struct conform_plan {
    char *name; /* of the timeline, from the file */
    uint64_t clips;
    int handles;
    struct conform_item *items;
    size_t n_items;
    roaring_bitmap_t *objects; /* every found object once, sidecars too */
    struct conform_sidecar *sidecars;
    size_t n_sidecars;
    struct otio_doc *doc;      /* the timeline with relinked media; items[i] is of doc->refs[i] */
    struct otio_deviations deviations; /* what OpenTimelineIO itself would refuse in the file */
};

/* Reads a timeline and matches its media against the index; changes nothing. Of a frame sequence
 * the frames that each clip uses are wanted, with handles; of a movie the one object. A clip that
 * the trims around it hide is no part of the edit, whatever the options. `opt` NULL: CONFORM_HANDLES, not whole.
 * -EBADMSG: not a timeline (line, JSON pointer and reason in `e`); -EFBIG over the limits. */
int conform_plan(struct index_read *rd, struct store *store, const char *otio, size_t n,
                 const struct conform_options *opt, struct conform_plan **ret, struct err *e);
void conform_plan_free(struct conform_plan *p); /* NULL is fine */

/* What the exit status tells: media that the timeline plays is missing or partly so; anything is
 * ambiguous. */
bool conform_has_missing(const struct conform_plan *p);
bool conform_has_ambiguous(const struct conform_plan *p);

/* Appends the studio's manifest: the file's own bytes with relinked references. Conforming them
 * again against the same lake yields them again. */
int conform_manifest(const struct conform_plan *p, struct buf *ret, struct err *e);

static inline void auto_conform_plan(struct conform_plan **p)
{
    conform_plan_free(*p);
}

/* {"edit","name","clips","found":[{clip,key,…}],"missing":[…],"ambiguous":[…],"objects",
 * "deviations":[{pointer,what}],"deviation_count","manifest"}; `edit` and `manifest` may be NULL. A new reference. Where the frames that a clip
 * uses are known its entry has "frames":[first,last] and the "handles" in them; "warnings" tells
 * how they were read where that was not plain. */
json_t *conform_report_json(const struct conform_plan *p, struct index_read *rd, const char *edit,
                            const char *name, const char *manifest);
/* The same for people; ends with a newline; without the id line. */
void conform_report_text(const struct conform_plan *p, struct index_read *rd, struct buf *ret);

#endif
