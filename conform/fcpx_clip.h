/* conform/fcpx_clip.h - one element of an FCPXML sequence: where it is, and its clip. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_FCPX_CLIP_H
#define CONFORM_FCPX_CLIP_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "conform/edit_format.h"
#include "conform/fcpx_media.h"

struct err;
struct xml_node;
struct xml_tree;

enum fcpx_story {
    FCPX_STORY_NONE, /* a note, a filter: plays nothing */
    FCPX_STORY_LEAF,
    FCPX_STORY_HOLDER, /* shows a stretch of the time in it */
    FCPX_STORY_COMPOUND,
    FCPX_STORY_MULTICAM,
    FCPX_STORY_AUDITION,
    FCPX_STORY_GAP,
    FCPX_STORY_SPINE,
    FCPX_STORY_TRANSITION,
};

/* What of its sound and picture is used. */
enum fcpx_use { FCPX_USE_BOTH, FCPX_USE_VIDEO, FCPX_USE_AUDIO, FCPX_USE_NONE };

struct fcpx_reader {
    const struct xml_tree *tree;
    size_t items, visits;
    unsigned nested, depth;
    struct err *e;
};

/* One sequence while its tracks are filled. */
struct fcpx_build {
    struct fcpx_reader *r;
    struct edit_items items;
    struct edit_ratio rate;
    enum fcpx_use use;
    json_t *markers;
};

/* Where an element is, as its parent sees it. */
struct fcpx_place {
    struct edit_ratio origin; /* seconds of the sequence at the parent's time 0 */
    struct edit_ratio offset; /* in the parent, where the element does not say */
    bool cut;                 /* nothing outside from..to is shown */
    struct edit_ratio from, to;
    int lane;
    bool content; /* part of a clip, not connected to one */
    bool disabled;
    const struct xml_node *owner; /* the clip that it is the content of, or NULL */
    struct fcpx_retime retime;    /* of that clip */
};

/* The stretch of the sequence in which an element is shown, and its own time there. */
struct fcpx_stretch {
    struct edit_ratio start;      /* the element's time at its beginning */
    struct edit_ratio begin, end; /* of the sequence, before it is cut */
    struct edit_ratio from, to;   /* of the sequence, cut to what is shown */
};

enum fcpx_story fcpx_clip_story(const struct xml_node *node);
bool fcpx_clip_is(const struct xml_node *node, const char *name);
enum fcpx_use fcpx_clip_use(const struct xml_node *node); /* srcEnable */

/* Refuse the document because of `node`, in one sentence with its line: -EBADMSG. */
int fcpx_clip_refuse(struct fcpx_reader *r, const struct xml_node *node, const char *why);
/* Counts what it costs to read `node` once more: a small file can use a compound without end.
 * -EFBIG over EDIT_FORMAT_VISITS_MAX; and of clips and markers over EDIT_FORMAT_ITEMS_MAX. */
int fcpx_clip_visit(struct fcpx_reader *r, const struct xml_node *node);
int fcpx_clip_count(struct fcpx_reader *r, const struct xml_node *node);

/* Appends the markers of `node`, their times moved by `shift` seconds. */
int fcpx_clip_markers(struct fcpx_reader *r, const struct xml_node *node, struct edit_ratio rate,
                      struct edit_ratio shift, json_t *markers);

/* Finds where `node` is; `start` and `duration` hold where it does not say. */
int fcpx_clip_stretch(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                      struct edit_ratio start, struct edit_ratio duration,
                      struct fcpx_stretch *ret);
bool fcpx_clip_hidden(const struct fcpx_place *p, const struct fcpx_stretch *s);
int fcpx_clip_lane(const struct xml_node *node, const struct fcpx_place *p);
bool fcpx_clip_disabled(const struct xml_node *node, const struct fcpx_place *p);

/* Puts an object (taken) on the tracks of the sequence. */
void fcpx_clip_put(struct fcpx_build *b, const struct fcpx_stretch *s, int lane, bool audio,
                   json_t *object);

/* The first moment of the media that is shown at `s`, in seconds of the media. `retime` is the
 * element's own or that of the clip around it (&p->retime). */
struct edit_ratio fcpx_clip_start(const struct fcpx_asset *a, const struct fcpx_place *p,
                                  const struct fcpx_stretch *s, const struct fcpx_retime *retime);

/* Reads an asset-clip, video, audio or title: its clip on its track, where it is shown. */
int fcpx_clip_leaf(struct fcpx_build *b, const struct xml_node *node, const struct fcpx_place *p,
                   struct fcpx_stretch *s);

#endif
