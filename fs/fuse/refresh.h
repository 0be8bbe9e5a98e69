/* fs/fuse/refresh.h - the threads that follow the ledger and take from the kernel what was lost. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_REFRESH_H
#define FS_FUSE_REFRESH_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct front;
struct lake;
struct refresh;

/* Starts two threads. One asks the lake for its head every `poll_ms`; it may hang as long as the
 * store does. The other looks at this host's index, the principals file and the clocks every 200
 * ms, replaces the views, and then tells the kernel, holding no lock: the kernel may wait for
 * requests of ours before it answers. All are borrowed. */
int refresh_start(struct front *f, struct lake *lake, int64_t poll_ms, struct refresh **ret,
                  struct err *e);

/* The second thread looks now: mount_state_catch_up() has left it something to tell the kernel. NULL
 * is fine. */
void refresh_wake(struct refresh *rf);

/* Ends the second thread, while the session still answers requests. */
void refresh_stop_notices(struct refresh *rf);

/* Ends the first thread and frees `rf`. False: the store holds it up after `wait_ms`; it goes on
 * running, and `rf`, the lake and the front must stay. NULL is fine. */
bool refresh_free(struct refresh *rf, int64_t wait_ms);

#endif
