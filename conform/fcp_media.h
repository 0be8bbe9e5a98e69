/* conform/fcp_media.h - values, media and retimes of Final Cut Pro 7 XML. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_FCP_MEDIA_H
#define CONFORM_FCP_MEDIA_H

#include <stdbool.h>

#include <jansson.h>

#include "conform/edit_format.h"

struct xml_node;
struct xml_tree;

/* The file that an item plays. */
struct fcp_media {
    const struct xml_node *file; /* NULL: none */
    struct edit_ratio rate;      /* frames a second */
    struct edit_ratio start;     /* its timecode, in frames */
};

/* The text at `path` is TRUE or FALSE, in any case. */
bool fcp_media_true(const struct xml_node *node, const char *path);
bool fcp_media_false(const struct xml_node *node, const char *path);

/* The number at `path`; den 0 where there is none. */
struct edit_ratio fcp_media_number(const struct xml_node *node, const char *path);

/* <rate><timebase>24</timebase><ntsc>TRUE</ntsc></rate>; `outer` where there is none. */
struct edit_ratio fcp_media_rate(const struct xml_node *node, struct edit_ratio outer);

/* Frames at rate `from` as frames at rate `to`. Rates of one timebase play each other's frames one
 * by one (24 in a 23.976 sequence): only others are converted. */
struct edit_ratio fcp_media_convert(struct edit_ratio frames, struct edit_ratio from,
                                    struct edit_ratio to);

/* A timecode's frame number: as written, or counted from its text. */
struct edit_ratio fcp_media_timecode(const struct xml_node *tc, struct edit_ratio rate);

/* The element itself, or what its id defines. NULL stays NULL. */
const struct xml_node *fcp_media_resolve(const struct xml_tree *t, const struct xml_node *node);

/* The file of an item: its own, or that of the active angle of its multiclip. `rate` is the
 * item's. */
struct fcp_media fcp_media_find(const struct xml_tree *t, const struct xml_node *item,
                                struct edit_ratio rate);

/* A media reference; a MissingReference under the clip's name where there is no file. */
json_t *fcp_media_reference(const struct fcp_media *m, const char *clip_name);

/* Stills and time remaps as an array of effects. */
json_t *fcp_media_effects(const struct xml_node *item);

#endif
