/* conform/edl_event.h - edits of a list as clips on tracks. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_EDL_EVENT_H
#define CONFORM_EDL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "conform/edit_format.h"

enum {
    EDL_SRC_IN,
    EDL_SRC_OUT,
    EDL_REC_IN,
    EDL_REC_OUT,
};

/* One edit line and what the lines behind it say about it. Owns what it points to. */
struct edl_event {
    char *number, *reel, *channels, *type; /* as written */
    char *clip_name, *path, *source_file;  /* from notes; NULL where there is none */
    char *tc[4];                           /* the columns as written */
    int64_t time[4];                       /* frames */
    int64_t transition;                    /* frames; of a cut -1 */
    bool has_speed, freeze;
    struct edit_ratio speed; /* 1 is normal */
    json_t *comments, *markers;
    json_t *lines; /* the numbers of the edit lines that are in it */
    bool drop;     /* its source timecode is counted in drop frame */
    bool joined;   /* went into the edit before it */
};

struct edl_timeline {
    const char *title; /* may be NULL */
    struct edit_ratio rate;
    struct edl_event *v;
    size_t n;
    size_t items;   /* clips of the timelines before it; edl_event_timeline() counts on */
    int64_t origin; /* the first record frame; edl_event_timeline() finds it */
};

void edl_event_done(struct edl_event *ev);

/* A Timeline.1 of the edits, as conform/edl.h describes it. Edits that continue another are marked
 * as joined on the way. NULL: more than EDIT_FORMAT_ITEMS_MAX clips, one on each track. */
json_t *edl_event_timeline(struct edl_timeline *t);

#endif
