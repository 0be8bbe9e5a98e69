/* fs/fuse/front.c - one mount: what its operations, its reads and its threads share. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/front.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fuse/refresh.h"
#include "fs/fuse/sequence.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"

#define AHEAD_TRIES 3 /* records of one edit that come while one request is answered */

void front_init(struct front *f, struct mount_state *state, struct cache *cache, uid_t uid,
                gid_t gid)
{
    memset(f, 0, sizeof *f);
    f->magic = FRONT_MAGIC;
    f->state = state;
    f->index = mount_state_index(state);
    f->cache = cache;
    f->node_key = mount_state_node_key(state);
    f->per_caller = mount_state_is_per_caller(state);
    f->uid = uid;
    f->gid = gid;
    f->sequences = sequences_new(f);
    pthread_mutex_init(&f->reads_lock, NULL);
    pthread_cond_init(&f->reads_cond, NULL);
}

void front_done(struct front *f)
{
    sequences_free(f->sequences);
    pthread_mutex_destroy(&f->reads_lock);
    pthread_cond_destroy(&f->reads_cond);
    f->magic = 0;
}

void front_handle_add(struct front *f, struct front_handle *h,
                      void (*free)(struct front_handle *h))
{
    LOCKED(&f->reads_lock);
    *h = (struct front_handle){.f = f, .next = f->handles, .free = free};
    if (h->next)
        h->next->prev = h;
    f->handles = h;
}

void front_handle_close(struct front_handle *h)
{
    struct front *f = h->f;
    pthread_mutex_lock(&f->reads_lock);
    if (h->next)
        h->next->prev = h->prev;
    if (h->prev)
        h->prev->next = h->next;
    else
        f->handles = h->next;
    pthread_mutex_unlock(&f->reads_lock);
    h->free(h);
}

void front_close_handles(struct front *f)
{
    while (f->handles)
        front_handle_close(f->handles);
}

static void look(struct front_call *c)
{
    struct err e;
    c->seen = mount_state_get(c->f->state, c->uid);
    if (index_read_begin(c->f->index, &c->rd, &e) < 0) {
        log_debug("fuse", "%s", e.text);
        c->rd = NULL;
    }
}

void front_call_begin(struct front_call *c, fuse_req_t req)
{
    *c = (struct front_call){.f = fuse_req_userdata(req), .uid = fuse_req_ctx(req)->uid};
    mount_state_touch(c->f->state, c->uid);
    look(c);
}

void front_call_done(struct front_call *c)
{
    if (c->rd)
        index_read_end(c->rd);
    if (c->seen)
        seen_unref(c->seen);
    c->rd = NULL;
    c->seen = NULL;
}

int front_node_by_id(struct front_call *c, node_id id, struct node *ret)
{
    struct err e;
    if (id == NODE_ROOT) {
        /* Made here, so that a root is there even where the index is not. */
        *ret = (struct node){.id = NODE_ROOT,
                             .parent = NODE_ROOT,
                             .is_dir = true,
                             .live = true,
                             .name = "",
                             .etag = ""};
        return 0;
    }
    if (c->seen->stale || !c->rd)
        return -EIO;
    if (!view_has(c->seen->view, id))
        return -ENOENT;
    int r = index_node(c->rd, id, ret, &e);
    if (r < 0 && r != -ENOENT) {
        log_debug("fuse", "%s", e.text);
        return -EIO;
    }
    return r < 0 || !ret->live ? -ENOENT : 0;
}

/* A link or another name of an object means what the last record of its edit says. The index may
 * have that a moment before the view: the caller may have lost the edit in between, and what the
 * link leads to is not there yet. */
static bool is_ahead(const struct front_call *c, const struct node *n)
{
    return (n->is_link || n->target != NODE_NONE) &&
           view_version(c->seen->view, n->id) != view_version_of(n);
}

int front_node(struct front_call *c, fuse_ino_t ino, struct node *ret)
{
    node_id id = inode_node_of_any(c->f->node_key, ino);
    int r = front_node_by_id(c, id, ret);
    for (int tries = 0; r == 0 && is_ahead(c, ret); tries++) {
        if (tries == AHEAD_TRIES)
            return -EIO;
        mount_state_catch_up(c->f->state);
        refresh_wake(c->f->refresh);
        front_call_done(c);
        look(c);
        r = front_node_by_id(c, id, ret);
    }
    return r == 0 && front_inode(c->f, ret) != ino ? -ESTALE : r;
}

fuse_ino_t front_inode(const struct front *f, const struct node *n)
{
    return inode_of_version(f->node_key, n->id, view_version_of(n));
}
