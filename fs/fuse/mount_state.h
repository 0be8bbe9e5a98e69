/* fs/fuse/mount_state.h - the views a mount shows, and what the kernel knows of them. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_MOUNT_STATE_H
#define FS_FUSE_MOUNT_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/address.h"
#include "fs/fuse/mount_change.h"
#include "fs/fuse/seen.h"
#include "policy/types.h"

struct err;
struct index;
struct lake;
struct logins;
struct mount_state;
struct node;

struct mount_options {
    const char *principal;       /* canonical; NULL: every caller its own, by uid */
    const char *principals_path; /* absolute */
    bool principals_must_exist;
    int64_t max_stale_ms;
    struct logins *logins;  /* who has signed in; borrowed; NULL: nobody can */
    bool sessions_only;     /* the principals file's uids alone give nobody anything */
    struct address address; /* where every caller is, as the operator says; family 0: not known */
};

/* Borrows `lake` and the sessions, and copies the other options. Starts stale:
 * mount_state_refresh() computes the first view. -ENOENT: the lake was never initialised. */
int mount_state_new(struct lake *lake, const struct mount_options *o, struct mount_state **ret,
                    struct err *e);
void mount_state_free(struct mount_state *ms); /* NULL is fine */

bool mount_state_is_per_caller(const struct mount_state *ms);
const char *mount_state_principal(const struct mount_state *ms); /* NULL where per caller */
const uint8_t *mount_state_node_key(const struct mount_state *ms);
struct index *mount_state_index(const struct mount_state *ms);
int64_t mount_state_started_ns(const struct mount_state *ms); /* wall clock */

/* What a caller with `uid` sees now; never NULL; the caller unrefs. The staleness bound is held
 * here, at every call, not by a timer. Computes the view of a caller that is new. */
struct seen *mount_state_get(struct mount_state *ms, uid_t uid);
/* The uid made a request: its session's idle time begins anew. */
void mount_state_touch(struct mount_state *ms, uid_t uid);
/* The principal that the principals file gives a uid without a session. False: none. */
bool mount_state_principal_of(struct mount_state *ms, uid_t uid, char ret[PRINCIPAL_MAX]);

/* False where the view was replaced since: whoever told the kernel something of it and noted that
 * with mount_state_note_known() must look again, for the replacement may not have seen the note. */
bool mount_state_is_current(struct mount_state *ms, uid_t uid, const struct seen *s);
/* The kernel may know the name and pages of this version of a node. */
void mount_state_note_known(struct mount_state *ms, const struct seen *s, const struct node *n);
void mount_state_note_opened(struct mount_state *ms, node_id id); /* its bytes may be cached */

/* The ledger's head was confirmed at `mono_ms` (clock_mono_ms()), taken before the asking. */
void mount_state_confirm(struct mount_state *ms, int64_t mono_ms);

/* Replaces the views where the ledger, the principals file, the clock or staleness asks for it,
 * forgets those of sessions that are over, and adds to `ret` what has to be taken from the kernel.
 * Where the policy cannot be known, nothing is shown until it can: a negative errno, and the
 * sentence why. One thread. */
int mount_state_refresh(struct mount_state *ms, struct mount_change *ret, struct err *e);

/* The same for an operation that found the index ahead of its view. The kernel is not told from
 * there: what has to be taken from it comes with the next mount_state_refresh(). Any thread. */
void mount_state_catch_up(struct mount_state *ms);

/* Calls `fn` for each identity that has a view now, with what it sees: borrowed for the call, under a
 * lock. -EIO while the policy is unknown: that nothing is shown then says nothing of rights. */
typedef void mount_state_fn(void *arg, const struct seen *s);
int mount_state_each(struct mount_state *ms, mount_state_fn *fn, void *arg);
uint64_t mount_state_round(struct mount_state *ms); /* another number after each change */

/* Seconds until the clock alone changes a view: at most `limit`, at least 0. */
int64_t mount_state_until_change(struct mount_state *ms, int64_t limit);

struct mount_figures {
    uint64_t seq, objects, bytes; /* of all views together */
    size_t views, sessions;
    int64_t confirmed_ms_ago; /* -1: never */
    bool stale;
    char why[200]; /* for operators; empty where it is not stale */
};
void mount_state_figures(struct mount_state *ms, struct mount_figures *ret);

#endif
