/* fs/lake/lake.h - a lake: a store, its ledger, and this host's index of it, kept in step. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_LAKE_H
#define FS_LAKE_LAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "policy/types.h"

struct buf;
struct err;
struct index;
struct index_read;
struct store;

#define LAKE_PRIVATE_PREFIX ".shotlake/" /* ours alone: never in the index, never in a view */
#define LAKE_EDITS_PREFIX "ShotLocker/Edits/"

struct lake {
    struct store *store;
    struct index *index;
    char *dir;   /* the state folder of this lake */
    char *actor; /* "user@host", for records */
};

/* Opens the index in `state`/<folder of the lake>, making folders (0700) as needed. Takes `store`,
 * also on failure. Reads nothing from the store yet. */
int lake_open(struct store *store, const char *state, struct lake **ret, struct err *e);
void lake_close(struct lake *lk); /* NULL is fine */

static inline void auto_lake(struct lake **lk)
{
    lake_close(*lk);
}

/* Writes the first record. 0; 1 where the lake was there already (and is in step now).
 * -EOPNOTSUPP: the store ignores create-if-absent and cannot hold a ledger. */
int lake_init(struct lake *lk, struct err *e);

/* Applies every record up to the head. On 0 the index held everything that was in the ledger at
 * the moment of the call. -ENOENT: no ledger here ("run init"). -EBADMSG: the ledger is broken,
 * cut back or another lake's: nothing was applied beyond the break. */
int lake_sync(struct lake *lk, struct err *e);

/* Asks whether the change in hand is still right in the snapshot that it would follow; a negative
 * return gives the append up with that code. */
typedef int lake_check_fn(void *arg, struct index_read *rd, struct err *e);

/* Appends one record {"op": …} (`body` is borrowed; seq, prev, time, actor and a random "id" are
 * added) and applies it. `check` (may be NULL) is asked before every try. Of any number of writers
 * one wins a sequence number; the others follow it. On 0 the record is durable. An error may leave
 * it unknown whether the record was written only with -ETIMEDOUT/-EIO, and says so. */
int lake_append(struct lake *lk, json_t *body, lake_check_fn *check, void *arg, uint64_t *ret_seq,
                struct err *e);

/* The same in the name of somebody: `actor` is what the record says. That they may is for `check`. */
int lake_append_as(struct lake *lk, const char *actor, json_t *body, lake_check_fn *check,
                   void *arg, uint64_t *ret_seq, struct err *e);

/* Immutable bytes named by their SHA-256, compressed: an edit's object list, an inventory. */
int lake_payload_put(struct lake *lk, const void *data, size_t n, char ret[SHA256_HEX_SIZE],
                     struct err *e);

/* Reads one back into the empty `ret` and checks its hash. -EBADMSG: it is not there, or damaged. */
int lake_payload_get(struct lake *lk, const char *hash, struct buf *ret, struct err *e);

/* Walks all records in the store from 1 to the head, checks chain and shape. For each `fn` gets the
 * parsed record; without it (NULL) the payloads are checked as well. `*ret_seq` is the head. */
typedef int lake_record_fn(void *arg, uint64_t seq, const json_t *record, struct err *e);
int lake_ledger(struct lake *lk, lake_record_fn *fn, void *arg, uint64_t *ret_seq, struct err *e);

/* Says how far long work is; `total` 0 means unknown. Any thread, one at a time. */
typedef void lake_progress_fn(void *arg, const char *what, uint64_t done, uint64_t total);

/* ---- inventory (scan.c) ------------------------------------------------------------------ */

struct scan_report {
    uint64_t objects, bytes;           /* listed */
    uint64_t added, changed, removed;  /* against the index */
    uint64_t hidden;                   /* keys under the prefix that cannot be a path */
};
/* Lists the store below `prefix` and appends what differs from the index to the ledger. */
int lake_scan(struct lake *lk, const char *prefix, lake_progress_fn *progress, void *arg,
              struct scan_report *ret, struct err *e);

/* ---- facts of media (media_scan.c) -------------------------------------------------------- */

enum lake_media {
    LAKE_MEDIA_NEW, /* what came or changed since it was looked at last */
    LAKE_MEDIA_ALL, /* everything again: metadata may change without the ETag */
};
struct media_report {
    uint64_t looked; /* objects whose bytes or metadata were asked for */
    uint64_t known;  /* of them, those that told a reel, a timecode, a UMID or a length */
    uint64_t logs;   /* Avid logs that were read */
    uint64_t failed; /* objects and logs that could not be read: the next scan tries again */
    bool stopped;    /* after too many failures in a row the rest was left for the next scan */
    char why[600];   /* the first failure's sentence */
};
/* Looks at the media below `prefix` that the index has no facts of, `jobs` at once (0: what the
 * store bears), and appends what they tell to the ledger. It costs one ranged read for each movie
 * and for each frame sequence (of its lowest frame), and one of each Avid log of the lake where
 * there was anything to look at. Interrupted, it goes on where it was. Objects that cannot be read
 * are no failure: they are counted. */
int lake_scan_media(struct lake *lk, const char *prefix, enum lake_media what, int jobs,
                    lake_progress_fn *progress, void *arg, struct media_report *ret,
                    struct err *e);

/* ---- object tags (tags.c) ---------------------------------------------------------------- */

struct tags_report {
    uint64_t tagged;   /* objects whose tags now agree */
    uint64_t gone;     /* objects no longer in the store */
    uint64_t overflow; /* objects with more edits than their tags can hold: in the index only */
};
/* Makes the ShotLockerAccess tags of an edit's objects, and of those that it lost, agree with the
 * ledger, in parallel, leaving other tags alone, and appends a "tagged" record. Safe to repeat and to
 * run twice at once. */
int lake_tag_edit(struct lake *lk, const char *edit, int jobs, lake_progress_fn *progress,
                  void *arg, struct tags_report *ret, struct err *e);
/* The same for the edits whose tags are not known to agree: an interrupted conform, retired objects
 * whose time is over. */
int lake_tag_pending(struct lake *lk, int jobs, lake_progress_fn *progress, void *arg,
                     uint64_t *ret_edits, struct err *e);

#endif
