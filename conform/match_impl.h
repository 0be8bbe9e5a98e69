/* conform/match_impl.h - what the rules of matching share; for match*.c only. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_MATCH_IMPL_H
#define CONFORM_MATCH_IMPL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conform/conform.h"
#include "conform/identity.h"
#include "conform/listing.h"
#include "conform/match.h"
#include "conform/media_url.h"
#include "conform/place.h"
#include "conform/sequence.h"
#include "conform/source.h"
#include "policy/index.h"

struct match {
    struct index_read *rd;
    struct match_options opt;
    struct media_url lake; /* what every address of the lake starts with */
    struct listing *listing;
    struct places *places;
    struct sources *sources;
    uint64_t frames; /* named so far, of CONFORM_FRAMES_MAX */
};

/* One way to read what a reference names: exporters disagree about percent signs. */
struct reading {
    char *dir, *folded; /* the path without its last component, and that folded */
    char *name;         /* NULL: frames only (an ImageSequenceReference) */
    bool has_sequence;
    struct sequence sequence;
    int64_t *want; /* frames that the cut uses; none where the range is not known */
    size_t n_want;
};

#define QUERY_READINGS 2
#define QUERY_ADDRESSES (1 + QUERY_READINGS)

/* Something of the lake that the reference may mean. */
struct find {
    node_id node, dir;               /* the object, or the lowest frame */
    const struct sequence *sequence; /* NULL: one object */
    const struct frame *frames;      /* of one directory */
    size_t n_frames;
    const int64_t *want;
    size_t n_want;
    int score;        /* components of the path, the name counts as one; of other rules their own */
    bool same_name;   /* the name is bytewise the same */
    bool same_path;   /* all `score` components are */
    bool has_use;     /* the media itself tells what the cut uses */
    int64_t use_first, use_last;
    unsigned warnings;
    const char *rejected; /* why it is not the one; static */
};

/* Frames of one spelling, for the finds that point into them. */
struct find_list {
    struct sequence *sequence;
    struct frames frames;
    int64_t *want; /* NULL: another owns it */
};

struct finds { /* start with {0} */
    struct find *v;
    size_t n, cap;
    struct find_list **lists;
    size_t n_lists;
};

struct query {
    struct match *m;
    const struct match_input *in;
    struct conform_item *it;
    struct identity identity;
    struct reading readings[QUERY_READINGS];
    size_t n_readings;
    char *addresses[QUERY_ADDRESSES]; /* keys of the lake; of an ImageSequenceReference the
                                       * directory's, with a '/' at the end */
    size_t n_addresses;
    bool is_private; /* it addresses what belongs to shotlake alone */
    char *problem;   /* a notation that cannot be used: why; or NULL */
    struct finds objects[QUERY_READINGS], frames[QUERY_READINGS];
    int gathered; /* the least score of what is in them; 0: not looked up yet */
};

/* match_query.c: what a reference names. 1: there is something to look for; 0: `it` has its status
 * already; -EFBIG. match_query_done() in any case. */
int match_query_read(struct query *q, struct err *e);
void match_query_done(struct query *q);

/* match_find.c: candidates of names. 0 or an error; nothing found is no error. */
void finds_done(struct finds *f);
struct find *finds_add(struct finds *f);
/* Fills objects and frames with what shares at least `least` components, the name being one. Frames
 * of one name may be in every folder of a show: most are never looked at. */
int match_find_names(struct query *q, int least, struct err *e);
int match_find_stems(struct query *q, struct reading *rd, struct finds *ret, struct err *e);
/* The frames of `s` (taken) in `dir`, or anywhere that names lead to (NODE_NONE), as one candidate
 * a directory; `rd` (may be NULL) is what paths are compared with. `want` is borrowed. */
int match_find_frames(struct query *q, struct sequence *s, const struct reading *rd, node_id dir,
                      const int64_t *want, size_t n_want, struct finds *ret, struct err *e);

/* match_address.c: pins, addresses and templates. 1 decided, 0 nothing found, or an error. */
int match_by_pin(struct query *q, struct err *e);
int match_by_template(struct query *q, struct err *e);
int match_by_address(struct query *q, struct err *e);

/* match_source.c: by UMID; by reel and timecode. Likewise. */
int match_by_umid(struct query *q, struct err *e);
int match_by_reel(struct query *q, struct err *e);
/* An object, or the sequence that it is a frame of, as a candidate. `contained`: only where its
 * timecode holds what the cut uses. */
int match_find_media(struct query *q, node_id node, int score, bool contained, struct finds *ret,
                     struct err *e);

/* match_pick.c: decides over candidates. */
enum match_stage {
    MATCH_ALL,
    MATCH_PATH,   /* those that share two or more components */
    MATCH_NAME,   /* those with the very name */
    MATCH_FOLDED, /* those with another spelling of it */
};

struct match_rule {
    const char *name; /* static */
    enum match_stage stage;
    bool is_certain;  /* the reference says it itself: its length is not questioned */
    const char *what; /* "2 …": what candidates that cannot be told apart are; static */
    const char *note; /* for a find that is not bytewise, or NULL; static */
};

/* 1: decided, `it` is filled; 0: no candidate is left, those refused are noted in `it`. */
int match_pick(struct query *q, struct finds *f, const struct match_rule *rule, struct err *e);

/* match_use.c: what the cut uses, against what media is known to hold. */

/* False, with why, where the object is known not to hold it. */
bool match_covers(struct query *q, const struct find *f, const char **ret_why);
/* Sets use and want of a find from the media's own timecode: `first` is the frame number that has
 * the timecode of `facts`, `lowest` and `highest` are those of the whole. False, with why. */
bool match_use_timecode(struct query *q, const struct media *facts, int64_t first, int64_t lowest,
                        int64_t highest, bool numbered, struct find *f, const char **ret_why);

/* The timecode that the cut uses, without handles, in frames of a rate (0: the clip's own). False,
 * with why, where it cannot be told. */
bool match_timecode(struct query *q, int64_t rate_num, int64_t rate_den, int64_t *ret_first,
                    int64_t *ret_last, const char **ret_why);

void match_set_missing(struct conform_item *it, const char *reason);

#endif
