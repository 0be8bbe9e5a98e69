/* fs/fuse/control.h - a daemon's Unix socket: how it is doing, and when it has ended. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_CONTROL_H
#define FS_FUSE_CONTROL_H

#include <stdbool.h>

#include <jansson.h>

struct control;
struct err;

/*
 * One socket a mount, STATE/run/<hash of the mountpoint>.sock, mode 0600. Only root and the
 * daemon's own user are answered (SO_PEERCRED). A connection gets one JSON object, a newline, and
 * nothing more; it is closed when the daemon ends, however that happens.
 */

/* Gives the answer; a new reference. Called from the socket's thread. */
typedef json_t *control_answer_fn(void *arg);

/* Serialises the starts of mounts under one state folder: a descriptor to close when this one is
 * mounted and answers, or a negative errno. */
int control_lock(const char *state, struct err *e);

/* Under control_lock(). Takes the socket over from a daemon of that mountpoint, which is dead or
 * detached. */
int control_start(const char *state, const char *mountpoint, control_answer_fn *fn, void *arg,
                  struct control **ret, struct err *e);
void control_stop(struct control *ct); /* removes its own socket; NULL is fine */

/* Asks the daemon of a mountpoint. `*ret_fd` (may be NULL) stays open; control_wait() on it.
 * -ENOENT: no daemon answers for it. -EACCES: it is not the caller's. */
int control_ask(const char *state, const char *mountpoint, json_t **ret, int *ret_fd,
                struct err *e);
/* Waits until the daemon behind `fd` has ended. False: it has not within `ms`. */
bool control_wait(int fd, int ms);

#endif
