/* fs/fuse/fuse_dir.c - open directories: a listing that stays the same while it is read. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "fs/fuse/fuse_reply.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"

/* Positions: 0 ".", 1 "..", then the visible children. They count what is visible only. */
#define FIRST_CHILD 2

struct fuse_dir {
    struct front_handle handle; /* first */
    node_id node;
    pthread_mutex_t lock; /* guards `view` */
    struct view *view;
};

static void free_dir(struct front_handle *h)
{
    struct fuse_dir *dir = (struct fuse_dir *)h;
    view_unref(dir->view);
    pthread_mutex_destroy(&dir->lock);
    free(dir);
}

struct fuse_dir *fuse_dir_open(struct front_call *c, const struct node *n)
{
    struct fuse_dir *dir = xcalloc(1, sizeof *dir);
    dir->node = n->id;
    dir->view = view_ref(c->seen->view);
    pthread_mutex_init(&dir->lock, NULL);
    front_handle_add(c->f, &dir->handle, free_dir);
    return dir;
}

void fuse_dir_close(struct fuse_dir *dir)
{
    front_handle_close(&dir->handle);
}

/* The view that the listing goes by; starting over takes the present one. */
static struct view *view_of(struct front_call *c, struct fuse_dir *dir, off_t offset)
{
    LOCKED(&dir->lock);
    if (offset == 0) {
        view_unref(dir->view);
        dir->view = view_ref(c->seen->view);
    }
    return view_ref(dir->view);
}

struct listing {
    struct front_call *c;
    fuse_req_t req;
    char *out;
    size_t size, used;
    bool plus;
};

/* False: no room. `name` is terminated. */
static bool add(struct listing *l, const struct node *n, const char *name, bool counted, off_t next)
{
    struct fuse_entry_param entry;
    size_t need;
    fuse_reply_fill_entry(l->c, n, &entry);
    if (l->plus) {
        if (!counted)
            entry.ino = 0; /* "." and "..": the kernel takes no reference */
        need =
            fuse_add_direntry_plus(l->req, l->out + l->used, l->size - l->used, name, &entry, next);
    } else {
        need =
            fuse_add_direntry(l->req, l->out + l->used, l->size - l->used, name, &entry.attr, next);
    }
    if (need > l->size - l->used)
        return false;
    if (l->plus && counted)
        mount_state_note_known(l->c->f->state, l->c->seen, n);
    l->used += need;
    return true;
}

static bool add_dots(struct listing *l, const struct node *dir, off_t *at)
{
    struct node parent;
    if (*at == 0) {
        if (!add(l, dir, ".", /* counted= */ false, 1))
            return false;
        *at = 1;
    }
    if (*at == 1) {
        if (front_node_by_id(l->c, dir->parent, &parent) < 0)
            parent = *dir;
        if (!add(l, &parent, "..", /* counted= */ false, FIRST_CHILD))
            return false;
        *at = FIRST_CHILD;
    }
    return true;
}

ssize_t fuse_dir_read(struct front_call *c, fuse_req_t req, struct fuse_dir *dir, off_t offset,
                      char *out, size_t size, bool plus)
{
    struct listing l = {.c = c, .req = req, .out = out, .size = size, .plus = plus};
    AUTO(view) struct view *v = NULL;
    struct node self, child;
    char name[NAME_LIMIT + 1];
    node_id id;

    int r = front_node_by_id(c, dir->node, &self);
    if (r < 0)
        return r;
    if (offset < 0)
        return 0;
    v = view_of(c, dir, offset);
    if (!add_dots(&l, &self, &offset))
        return (ssize_t)l.used;
    for (; (id = view_child(v, dir->node, (size_t)offset - FIRST_CHILD)) != NODE_NONE; offset++) {
        r = front_node_by_id(c, id, &child);
        if (r == -ENOENT || (r == 0 && child.name_len > NAME_LIMIT))
            continue; /* lost since the directory was opened */
        if (r < 0)
            return r;
        memcpy(name, child.name, child.name_len);
        name[child.name_len] = '\0';
        if (!add(&l, &child, name, /* counted= */ true, offset + 1))
            break;
    }
    return (ssize_t)l.used;
}
