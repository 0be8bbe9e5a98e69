/* conform/fcpx_media.h - what an FCPXML document says of media: formats, assets, retimes. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_FCPX_MEDIA_H
#define CONFORM_FCPX_MEDIA_H

#include <stdbool.h>

#include <jansson.h>

#include "conform/edit_format.h"

struct xml_node;
struct xml_tree;

/* An asset of the document's resources. Times are seconds, rates frames a second. */
struct fcpx_asset {
    const struct xml_node *node; /* NULL: an id that names no asset */
    struct edit_ratio rate, start, duration;
    bool video, audio;
};

/* How a clip's time runs over what it plays. */
struct fcpx_retime {
    bool has;
    struct edit_ratio speed;     /* den 0: more than one, or not told */
    struct edit_ratio at, value; /* at clip time `at` it plays `value` */
};

/* An attribute that is a time ("1001/24000s"), or `otherwise`. */
struct edit_ratio fcpx_media_time(const struct xml_node *node, const char *name,
                                  struct edit_ratio otherwise);

/* The rate of the format resource `id` (NULL is fine), or `otherwise`. */
struct edit_ratio fcpx_media_rate(const struct xml_tree *t, const char *id,
                                  struct edit_ratio otherwise);

struct fcpx_asset fcpx_media_asset(const struct xml_tree *t, const char *id,
                                   struct edit_ratio otherwise);

/* Its media reference under `name`; other representations (proxies) go to `*ret_more` by their
 * kinds, NULL where there are none. */
json_t *fcpx_media_reference(const struct fcpx_asset *a, const char *name, json_t **ret_more);

/* From timeMap and conform-rate. */
struct fcpx_retime fcpx_media_retime(const struct xml_node *clip, struct edit_ratio rate);

/* The first moment of what is played in clip time `from` to `to`: of a reverse its end. */
struct edit_ratio fcpx_media_played(const struct fcpx_retime *r, struct edit_ratio from,
                                    struct edit_ratio to);

#endif
