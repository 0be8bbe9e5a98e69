/* fs/fuse/fuse_session.h - one mount from mount(2) to its end. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FUSE_SESSION_H
#define FS_FUSE_FUSE_SESSION_H

#include "fs/fuse/front.h"

struct err;
struct session;

/* Blocks the signals that end a mount, in this thread and all that it starts. To be called before
 * the first thread. */
void session_block_signals(void);

/* Mounts `f` at `path` (resolved), read-only. As root by mount(2): a mount of one principal then
 * lets in nobody but user f->uid with group f->gid, root included, and the kernel holds that. Not
 * as root by fusermount3, for the caller alone. Per caller: allow_other. Borrows `f`. */
int session_mount(struct front *f, const char *path, struct session **ret, struct err *e);

/* Answers requests until the mount is gone or SIGTERM, SIGINT or SIGHUP comes. At a signal calls
 * `ending(arg)` first, while requests are still answered; it may be called again afterwards. */
int session_loop(struct session *s, void (*ending)(void *arg), void *arg, struct err *e);

/* Answers what is parked, unmounts where that is still to be done, and frees. NULL is fine. */
void session_end(struct session *s);

#endif
