/* tools/watch.h - cuts that are dropped somewhere become edits, each of them once. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_WATCH_H
#define TOOLS_WATCH_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "conform/settle.h"
#include "fs/store/store.h"
#include "policy/types.h"

struct claimer;
struct conform_job;
struct err;
struct lake;

/* A cut in hand. The bytes that are conformed are those that were hashed. */
struct dropped {
    char *name;      /* as it was dropped */
    char *file;      /* what its bytes are called: of a bundle's timeline NAME.otio */
    struct buf data; /* the edit file: of a bundle its timeline alone */
    struct buf raw;  /* of an object that is a zip: its own bytes */
    char *refused;   /* why it cannot be one, so that it has no bytes; else NULL */
    struct settle_look look; /* of these bytes */
    char etag[STORE_ETAG_MAX]; /* for an object of the lake */
};
void dropped_done(struct dropped *cut);

static inline void auto_dropped(struct dropped *cut)
{
    dropped_done(cut);
}

struct watch_place;

/* What a place where cuts are dropped can do. Codes that are an answer: -ENOENT (fetch: it is gone)
 * and -EAGAIN (fetch, finish: it is no longer what was looked at). All block; one thread. */
struct watch_place_ops {
    /* Looks at all names: settle_begin, settle_see; settle_end is the caller's. */
    int (*look)(struct watch_place *p, struct err *e);
    int (*fetch)(struct watch_place *p, const char *name, const struct settle_look *look,
                 struct dropped *ret, struct err *e);
    /* Is the cut still there as it was fetched? 1, 0 or an error. */
    int (*is_there)(struct watch_place *p, const struct dropped *cut, struct err *e);
    /* Can reports be written and cuts be moved, as far as can be told without doing it? */
    int (*can_finish)(struct watch_place *p, struct err *e);
    /* Writes the report beside where the cut was dropped, whole or not at all. */
    int (*report)(struct watch_place *p, const char *name, const struct buf *text, struct err *e);
    /* Moves the cut into the folder, never over anything; `*ret` (free()) is what it is called
     * there. Gone already: 0 and NULL. */
    int (*finish)(struct watch_place *p, const struct dropped *cut, const char *folder, char **ret,
                  struct err *e);
    /* A descriptor that is readable when something may have come, or -1; and taking note of it:
     * true where a look is worth while. */
    int (*wake_fd)(struct watch_place *p);
    bool (*woken)(struct watch_place *p);
    void (*close)(struct watch_place *p);
};

/* First member of every place. */
struct watch_place {
    const struct watch_place_ops *ops;
    const char *kind; /* part of a claim's name */
    bool in_lake;     /* its troubles are the lake's */
    char *where;      /* for people */
    struct settle *settle;
    int64_t look_ms;  /* when to look next */
    int pause_ms;     /* after a failed look */
};

/* A local folder. It, done/ and failed/ must be there or can be made, and can be written to. */
int watch_folder_open(const char *path, int64_t quiet_ms, struct watch_place **ret, struct err *e);
/* The objects directly below ShotLocker/Edits/ of the lake, which is borrowed. */
int watch_inbox_open(struct lake *lk, int64_t quiet_ms, struct watch_place **ret, struct err *e);
void watch_place_close(struct watch_place *p); /* NULL is fine */

/* What the places share: names for reports and for what was moved, where a name is in use. */
void watch_report_name(const char *name, struct buf *ret);
/* `turn` 0: the name itself; else with the time, and from 2 on with that number, before its dot. */
void watch_moved_name(const char *name, int turn, struct buf *ret);
#define WATCH_TURNS 100

struct watch_options {
    const struct conform_job *job;
    struct watch_place *places[2];
    int n_places;
    int64_t poll_ms, lease_ms;
    bool once;   /* ends when nothing is left to do */
    int stop_fd; /* readable when it is to end */
    const volatile sig_atomic_t *stop;
};

/* What became of a cut. */
enum watch_end {
    WATCH_CONFORMED, /* it is in done/, or was there already */
    WATCH_REFUSED,   /* it is in failed/ */
    WATCH_OTHERS,    /* another watcher works on it, or it went */
    WATCH_LATER,     /* the place has trouble with it: `e` says which */
    WATCH_NO_LAKE,   /* the lake cannot be had: `e` says why */
};
/* What cuts are worked on with; all is borrowed. */
struct watch_bench {
    struct lake *lk;
    struct claimer *claimer;
    const struct conform_job *job;
    bool untagged; /* set where an edit stands and its object tags could not all be written */
};

/* Does what is to be done with one whole cut (watch_cut.c). */
enum watch_end watch_cut(struct watch_bench *bench, struct watch_place *p, const char *name,
                         const struct settle_look *look, struct err *e);

/* Watches until it is told to stop; the cut in hand is finished first. 0, or for `once`: how many
 * cuts could not be conformed; or an error that makes going on useless. */
int watch_run(struct lake *lk, const struct watch_options *opt, struct err *e);

#endif
