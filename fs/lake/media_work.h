/* fs/lake/media_work.h - which objects a scan must look at for facts of their media. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_MEDIA_WORK_H
#define FS_LAKE_MEDIA_WORK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "fs/lake/facts.h"
#include "fs/lake/lake.h"
#include "policy/types.h"

struct index_read;
struct node;

enum media_kind {
    MEDIA_KIND_NONE, /* no medium: no facts */
    MEDIA_KIND_EXR,
    MEDIA_KIND_DPX,
    MEDIA_KIND_MOVIE, /* sound too: one object, of which only the metadata are asked */
    MEDIA_KIND_ALE,
};

/* By the extension of a name. */
enum media_kind media_kind_of(const char *name, size_t n);

struct media_item {
    node_id node;
    enum media_kind kind;
};

/* A growable list. */
struct media_items {
    struct media_item *v;
    size_t n, cap;
};
void media_items_add(struct media_items *l, node_id node, enum media_kind kind);

/* What an Avid log says of an object. */
struct media_told {
    node_id node;
    bool same_folder; /* the log lies beside it: such a log is believed first */
    size_t order;
    const char *log; /* its key */
    struct facts facts;
};

struct media_work {
    struct media_items look; /* to look at; each node once */
    struct media_items logs; /* all logs of the lake */
    struct media_items fresh; /* those of them that have not been looked at */
    char **log_key;
    size_t n_log_keys;
    struct media_told *told; /* sorted: by node, the best first */
    size_t n_told, cap_told;
};
void media_work_done(struct media_work *w);

static inline void auto_media_work(struct media_work *w)
{
    media_work_done(w);
}

/* Finds `look`, `logs` and `fresh` in the index: movies, and of each run of frames the lowest,
 * that lie below `prefix` and have no facts (LAKE_MEDIA_ALL: or have). */
int media_work_find(struct index_read *rd, const char *prefix, enum lake_media what,
                    struct media_work *ret, struct err *e);

/* media_ale.c: reads the logs of the lake into `told`, and adds what fresh ones tell of to `look`.
 * A log that cannot be read is counted in `report` and, unless it never can, no longer `fresh`. */
void media_ale_read(struct lake *lk, struct media_work *w, lake_progress_fn *progress, void *arg,
                    struct media_report *report);
/* What logs tell of a node; `*ret_n` 0: nothing. */
const struct media_told *media_ale_told(const struct media_work *w, node_id node, size_t *ret_n);

#endif
