/* conform/aaf_media.h - what a source clip of an AAF file plays: along its mobs to file and tape.
 */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_AAF_MEDIA_H
#define CONFORM_AAF_MEDIA_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include "conform/aaf_file.h"
#include "conform/edit_format.h"

struct err;

#define AAF_CHAIN_MAX 32 /* mobs behind one another, and segments in segments */
#define AAF_LINKS_MAX 16 /* files of one clip */

/* clip of the edit -> (subclip ->) master mob -> file source mob -> tape or import source mob.
 * Each step says at which edit unit of the next one it begins, in the edit units of its own slot.
 */

enum aaf_link_kind {
    AAF_LINK_COMMENT, /* "UNC Path" */
    AAF_LINK_FILE,
    AAF_LINK_CHOICE, /* another choice of an essence group */
    AAF_LINK_IMPORT, /* what the file was made from */
};

struct aaf_link {
    enum aaf_link_kind kind;
    char *url;                 /* as written */
    const struct aaf_mob *mob; /* which says so */
};

struct aaf_media {
    const struct aaf_mob *clip;   /* what the edit names: a subclip or the master; NULL: not here */
    const struct aaf_mob *master; /* NULL: none */
    const struct aaf_mob *file;   /* the first source mob with a file; NULL: none */
    const struct aaf_mob *tape;   /* NULL: none */
    const json_t *comments;       /* of the master, else of the subclip; NULL: none */
    struct edit_ratio rate;       /* of all times here */
    struct edit_ratio start;      /* the media's first frame in timecode, 0 without */
    struct edit_ratio length;     /* den 0: not known */
    struct edit_ratio at;         /* the clip's first frame in timecode */
    struct aaf_link links[AAF_LINKS_MAX]; /* what the edit plays first */
    size_t n_links;
};

/* Follows `clip`, a source clip in a slot of `rate` edit units a second, from its own `skip`th edit
 * unit. `ret` is set in any case; aaf_media_done() it. */
int aaf_media_find(struct aaf_file *f, const struct aaf_object *clip, struct edit_ratio skip,
                   struct edit_ratio rate, bool audio, struct aaf_media *ret, struct err *e);
void aaf_media_done(struct aaf_media *m);

/* Frames of one rate as frames of another: rates of one timebase count alike. */
struct edit_ratio aaf_media_convert(struct edit_ratio frames, struct edit_ratio from,
                                    struct edit_ratio to);

/* The references of a clip of that name; `*others` gets further ones by their keys, or NULL. */
int aaf_media_references(struct aaf_file *f, const struct aaf_media *m, const char *name,
                         json_t **ret, json_t **others, struct err *e);

#endif
