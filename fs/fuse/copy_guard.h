/* fs/fuse/copy_guard.h - a process that empties files when this one is killed. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_COPY_GUARD_H
#define FS_FUSE_COPY_GUARD_H

#include <stddef.h>

struct copy_guard;
struct err;

#define COPY_GUARD_SLOTS 1024

/* Whoever reads a file through the kernel goes on doing so when the daemon is gone, and a killed
 * daemon cannot take that back. The guard has the same files open, waits for its end, and empties
 * them. It is a fork that does nothing else: it holds no other descriptor, takes no signal but
 * SIGKILL, and ends after its parent. To be started before the process is large: what it writes to
 * afterwards there are two of. */
int copy_guard_start(struct copy_guard **ret, struct err *e);

/* The guard has the file from now on, also where this process is killed right afterwards. The slot
 * is free and below COPY_GUARD_SLOTS. Negative errno: there is no guard any more. One thread at a
 * time. */
int copy_guard_add(struct copy_guard *g, unsigned slot, int fd);
void copy_guard_remove(struct copy_guard *g, unsigned slot);

/* Lets it empty what it has and waits for its end. NULL is fine. */
void copy_guard_stop(struct copy_guard *g);

#endif
