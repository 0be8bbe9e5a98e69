/* fs/fuse/front.h - one mount: what its operations, its reads and its threads share. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FRONT_H
#define FS_FUSE_FRONT_H

#define FUSE_USE_VERSION 312

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

#include "fs/fuse/mount_state.h"
#include "policy/index.h"

#define FRONT_MAGIC 0x73686f746c616b65u
#define FRONT_TIMEOUT_S 60 /* how long the kernel may keep a name or attributes without asking */

struct cache;
struct cache_guard;
struct front_read;
struct sequences;
struct usage;

/* Passed through libfuse as user data. Set up before the session, then constant but for the atomic
 * members and the lists of reads and handles. */
struct front {
    uint64_t magic;
    struct mount_state *state;
    struct index *index; /* of the state */
    struct cache *cache;
    struct cache_guard *guard; /* NULL: no cache on disk */
    struct usage *usage; /* NULL: nobody writes down what is opened */
    struct sequences *sequences; /* what is played on this mount */
    const uint8_t *node_key; /* of the state */
    bool per_caller;
    uid_t uid; /* shown as the owner of everything */
    gid_t gid;

    struct fuse_session *se;
    atomic_uint proto_minor;     /* of the kernel's protocol 7; 0: not connected yet */
    void (*on_ready)(void *arg); /* called once, when the kernel has connected; may be NULL */
    void *ready_arg;

    pthread_mutex_t reads_lock; /* guards the two lists */
    pthread_cond_t reads_cond;
    struct front_read *reads; /* parked until their bytes are in */
    struct front_handle *handles; /* open files and directories */

    struct refresh *refresh; /* NULL until refresh_start() */
};

void front_init(struct front *f, struct mount_state *state, struct cache *cache, uid_t uid,
                gid_t gid);
void front_done(struct front *f);

/* One request: who asks, what that caller sees, and a snapshot of the index. Embedded; begun with
 * front_call_begin(), freed at the end of its scope by AUTO(front_call). */
struct front_call {
    struct front *f;
    uid_t uid;
    struct seen *seen;
    struct index_read *rd; /* NULL: the index cannot be read */
};
void front_call_begin(struct front_call *c, fuse_req_t req);
void front_call_done(struct front_call *c);

static inline void auto_front_call(struct front_call *c)
{
    front_call_done(c);
}

/* The node of an inode number, where the caller sees it: 0, -ENOENT, -ESTALE where the number is of
 * another version of its content, or -EIO while the policy is unknown. The root is always there.
 * Names and ETag are borrowed from the call. */
int front_node(struct front_call *c, fuse_ino_t ino, struct node *ret);

/* The same by node number, for children of a visible directory. */
int front_node_by_id(struct front_call *c, node_id id, struct node *ret);

/* What the kernel knows a node by. Not what stat(2) shows, which outlives the content: the kernel
 * keeps pages by this number, and those of two versions must not meet. */
fuse_ino_t front_inode(const struct front *f, const struct node *n);

/* First member of an open file or directory. The kernel tells of its end later, and of what is open
 * at the end of the mount not at all. */
struct front_handle {
    struct front *f;
    struct front_handle *next, *prev;
    void (*free)(struct front_handle *h);
};
void front_handle_add(struct front *f, struct front_handle *h,
                      void (*free)(struct front_handle *h));
void front_handle_close(struct front_handle *h);
void front_close_handles(struct front *f); /* those that are left; no request may be under way */

#endif
