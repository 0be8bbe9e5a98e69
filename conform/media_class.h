/* conform/media_class.h - what kind of media a file name's extension says it is. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_MEDIA_CLASS_H
#define CONFORM_MEDIA_CLASS_H

enum media_class {
    MEDIA_CLASS_NONE, /* no media: scripts, grades, lists, notes */
    MEDIA_CLASS_PLATE, /* one picture a file: a frame, a still */
    MEDIA_CLASS_MOVIE,
    MEDIA_CLASS_AUDIO,
};

/* The class of a file name (no directories), by its last extension, of any case. */
enum media_class media_class_of(const char *name);

const char *media_class_name(enum media_class c); /* "plate", "movie", "audio"; "" of none */

#endif
