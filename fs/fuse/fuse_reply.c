/* fs/fuse/fuse_reply.c - what the kernel sees: attributes, and the only mapping of errors. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_reply.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"

#define SECTOR 512

static int errno_of(int r)
{
    switch (r) {
    case -ENOENT:
    case -EACCES:
    case -ESTALE:
    case -EROFS:
    case -EISDIR:
    case -ENOTDIR:
    case -ENODATA:
    case -ERANGE:
    case -EINTR:
    case -EOPNOTSUPP:
    case -EINVAL:
    case -ELOOP:
        return -r;
    default:
        return EIO;
    }
}

void fuse_reply_error(fuse_req_t req, int r)
{
    fuse_reply_err(req, errno_of(r));
}

int fuse_reply_code_of_store(int r)
{
    switch (r) {
    case -EINTR:
    case -EACCES:
    case -ESTALE:
        return r;
    case -ENOENT: /* deleted since it was opened */
        return -ESTALE;
    default: /* -ENOTDIR among them: the lake is gone, not a directory of the path */
        return -EIO;
    }
}

void fuse_reply_fill_stat(const struct front_call *c, const struct node *n, struct stat *ret)
{
    const struct front *f = c->f;
    int64_t ns = n->mtime_ns;

    /* Kernels keep the root's attributes without a lookup, so one caller could be shown what was
     * answered to another. */
    if (n->is_dir)
        ns = n->id == NODE_ROOT && f->per_caller ? 0 : view_dir_mtime_ns(c->seen->view, n->id);
    if (n->is_dir && ns <= 0)
        ns = mount_state_started_ns(f->state);
    if (ns < 0)
        ns = 0;
    memset(ret, 0, sizeof *ret);
    ret->st_ino = inode_of(f->node_key, n->id);
    ret->st_mode = n->is_dir ? S_IFDIR | 0555 : n->is_link ? S_IFLNK | 0777 : S_IFREG | 0444;
    ret->st_nlink = 1;
    ret->st_uid = f->uid;
    ret->st_gid = f->gid;
    ret->st_size = n->is_dir ? 0 : (off_t)n->size;
    ret->st_blocks = n->is_link ? 0 : (ret->st_size + SECTOR - 1) / SECTOR;
    ret->st_mtim = (struct timespec){ns / 1000000000, ns % 1000000000};
    ret->st_atim = ret->st_ctim = ret->st_mtim;
}

double fuse_reply_timeout(const struct front_call *c)
{
    if (c->f->per_caller)
        return 0;
    int64_t left = view_next_change(c->seen->view) - clock_wall();
    if (left > FRONT_TIMEOUT_S)
        return FRONT_TIMEOUT_S;
    return left > 0 ? (double)left : 0;
}

void fuse_reply_fill_entry(const struct front_call *c, const struct node *n,
                           struct fuse_entry_param *ret)
{
    memset(ret, 0, sizeof *ret);
    fuse_reply_fill_stat(c, n, &ret->attr);
    ret->ino = front_inode(c->f, n);
    ret->attr_timeout = ret->entry_timeout = fuse_reply_timeout(c);
}
