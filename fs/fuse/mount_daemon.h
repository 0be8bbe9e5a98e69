/* fs/fuse/mount_daemon.h - a mount with all that it needs, to its end. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_MOUNT_DAEMON_H
#define FS_FUSE_MOUNT_DAEMON_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "fs/cache/disk_cache.h"
#include "fs/fuse/mount_state.h"

struct err;
struct lake;

struct mount_daemon_options {
    const char *mountpoint; /* resolved */
    const char *state;      /* folder of the control socket */
    struct mount_options view; /* its `logins` are made here */
    const char *auth_path;     /* absolute: how users sign in; NULL: nobody does */
    const char *login_socket;  /* absolute path of the socket; with `auth_path` */
    uid_t uid; /* whom everything is shown to belong to, and who alone is let in */
    gid_t gid;
    int64_t poll_ms;
    size_t cache_bytes;          /* 0: the default */
    struct disk_cache_options disk; /* absolute paths; `dir` NULL: no cache on disk */
    void (*on_ready)(void *arg); /* the mount answers; from another thread; may be NULL */
    void *arg;
};

/* No core dump, no debugger of the same user: the memory of this process holds credentials and the
 * bytes of others. What JSON was read into is wiped when it is freed. Before the credentials are
 * read. */
void mount_daemon_harden(void);

/* Blocks the signals that end a mount. Before the first thread, so before the store is opened. */
void mount_daemon_block_signals(void);

/* Brings the index in step with the ledger, mounts, serves until the mount ends, and cleans up.
 * Borrows `lake`. Where the store holds a thread up at the end, it does not return but ends the
 * process with status 0: nothing is left to lose. */
int mount_daemon_run(struct lake *lake, const struct mount_daemon_options *o, struct err *e);

#endif
