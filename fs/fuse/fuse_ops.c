/* fs/fuse/fuse_ops.c - the low-level operations, each a thin call into the view. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_ops.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fuse/fuse_dir.h"
#include "fs/fuse/fuse_read.h"
#include "fs/fuse/fuse_reply.h"
#include "fs/fuse/fuse_xattr.h"
#include "fs/fuse/passthrough.h"
#include "fs/fuse/usage.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"

#define BLOCK_BYTES 4096u
#define READAHEAD_BYTES (1u << 20)
#define MAX_BACKGROUND 64

static struct front *front_of(void *userdata)
{
    struct front *f = userdata;
    assert(f->magic == FRONT_MAGIC);
    return f;
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
    struct front *f = front_of(userdata);
    unsigned want = FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS;

    /* Left out on purpose: splice (slower from memory), EXPORT_SUPPORT (handles by number),
     * ASYNC_DIO (a reader with O_DIRECT that is killed would wait for the store all the same),
     * AUTO_INVAL_DATA (a GETATTR per read; we tell the kernel what changed). Where callers share
     * the kernel's caches, READDIRPLUS would fill them with what one of them sees. */
    if (!f->per_caller)
        want |= FUSE_CAP_READDIRPLUS | FUSE_CAP_EXPLICIT_INVAL_DATA;
    conn->want = want & conn->capable;
    conn->max_background = MAX_BACKGROUND;
    conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
    conn->max_readahead = READAHEAD_BYTES;
    f->proto_minor = conn->proto_minor;
    passthrough_greeted(f->passthrough);
    if (f->on_ready)
        f->on_ready(f->ready_arg);
}

/* ---- names and attributes ------------------------------------------------------------------ */

static int look(struct front_call *c, fuse_ino_t parent, const char *name, struct node *ret)
{
    struct err e;
    node_id id;
    node_id dir = inode_node(c->f->node_key, parent);
    if (c->seen->stale || !c->rd)
        return -EIO;
    int r = view_lookup(c->seen->view, c->rd, dir, name, strlen(name), &id, &e);
    return r < 0 ? r : front_node_by_id(c, id, ret);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    struct fuse_entry_param entry;
    for (;;) {
        AUTO(front_call) struct front_call c;
        struct node n;
        front_call_begin(&c, req);
        int r = look(&c, parent, name, &n);
        if (r < 0) {
            /* Never a cached negative entry: it would hide what is granted next. */
            fuse_reply_error(req, r);
            return;
        }
        /* Noted first, then asked again: either the refresh sees the note, or this sees that the
         * views were replaced. */
        fuse_reply_fill_entry(&c, &n, &entry);
        mount_state_note_known(c.f->state, c.seen, &n);
        if (mount_state_is_current(c.f->state, c.uid, c.seen))
            break;
    }
    fuse_reply_entry(req, &entry);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    AUTO(front_call) struct front_call c;
    struct node n;
    struct stat st;
    (void)fi;
    front_call_begin(&c, req);
    int r = front_node(&c, ino, &n);
    if (r < 0) {
        fuse_reply_error(req, r);
        return;
    }
    fuse_reply_fill_stat(&c, &n, &st);
    fuse_reply_attr(req, &st, fuse_reply_timeout(&c));
}

static void op_access(fuse_req_t req, fuse_ino_t ino, int mask)
{
    AUTO(front_call) struct front_call c;
    struct node n;
    front_call_begin(&c, req);
    int r = front_node(&c, ino, &n);
    if (r == 0 && (mask & W_OK))
        r = -EROFS;
    else if (r == 0 && (mask & X_OK) && !n.is_dir && !n.is_link)
        r = -EACCES;
    else if (r == 0 && (mask & R_OK) && !view_may_open(c.seen->view, n.id))
        r = -EACCES;
    if (r < 0)
        fuse_reply_error(req, r);
    else
        fuse_reply_err(req, 0);
}

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
    AUTO(front_call) struct front_call c;
    AUTO(buf) struct buf text = {0};
    struct node n;
    struct err e;
    front_call_begin(&c, req);
    int r = front_node(&c, ino, &n);
    if (r == 0 && !n.is_link)
        r = -EINVAL;
    if (r == 0 && (r = c.rd ? index_link(c.rd, &n, &text, &e) : -EIO) < 0)
        r = -EIO;
    if (r < 0)
        fuse_reply_error(req, r);
    else
        fuse_reply_readlink(req, buf_str(&text));
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
    AUTO(front_call) struct front_call c;
    struct view_totals t;
    (void)ino; /* of the whole mount */
    front_call_begin(&c, req);
    view_totals(c.seen->view, &t);
    struct statvfs st = {
        .f_bsize = BLOCK_BYTES,
        .f_frsize = BLOCK_BYTES,
        .f_blocks = (t.bytes + BLOCK_BYTES - 1) / BLOCK_BYTES,
        .f_files = t.objects + t.directories + 1,
        .f_namemax = NAME_LIMIT,
    };
    fuse_reply_statfs(req, &st);
}

static void reply_attribute(fuse_req_t req, int r, const struct buf *value, size_t size)
{
    if (r < 0)
        fuse_reply_error(req, r);
    else if (size == 0)
        fuse_reply_xattr(req, value->len);
    else if (size < value->len)
        fuse_reply_error(req, -ERANGE);
    else
        fuse_reply_buf(req, buf_str(value), value->len);
}

static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
    AUTO(front_call) struct front_call c;
    AUTO(buf) struct buf value = {0};
    struct node n;
    front_call_begin(&c, req);
    int r = front_node(&c, ino, &n);
    if (r == 0)
        r = c.rd ? fuse_xattr_get(&c, &n, name, &value) : -EIO;
    reply_attribute(req, r, &value, size);
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
    AUTO(front_call) struct front_call c;
    AUTO(buf) struct buf names = {0};
    struct node n;
    front_call_begin(&c, req);
    int r = front_node(&c, ino, &n);
    if (r == 0)
        r = c.rd ? fuse_xattr_list(&c, &n, &names) : -EIO;
    reply_attribute(req, r, &names, size);
}

/* ---- files --------------------------------------------------------------------------------- */

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    AUTO(front_call) struct front_call c;
    struct fuse_read_file *file = NULL;
    struct node n;
    front_call_begin(&c, req);
    struct front *f = c.f;

    int r = front_node(&c, ino, &n);
    if (r == 0 && n.is_dir)
        r = -EISDIR;
    if (r == 0 && n.is_link)
        r = -ELOOP;
    if (r == 0 && (fi->flags & O_ACCMODE) != O_RDONLY)
        r = -EROFS;
    if (r == 0 && !view_may_open(c.seen->view, n.id))
        r = -EACCES; /* visible, so this tells nothing that stat(2) does not */
    if (r == 0)
        r = fuse_read_open(&c, &n, !f->per_caller && !(fi->flags & O_DIRECT), &file);
    if (r < 0) {
        fuse_reply_error(req, r);
        return;
    }
    mount_state_note_opened(f->state, n.id);
    usage_opened(f->usage, c.seen, n.id);
    fi->fh = (uint64_t)(uintptr_t)file;
    fi->direct_io = f->per_caller;   /* each read is asked for, with the uid of its reader */
    fi->keep_cache = !f->per_caller; /* pages are those of this very version: see front_inode() */
    r = f->passthrough ? passthrough_reply_open(f->passthrough, req, &c, ino, &n, fi)
                       : fuse_reply_open(req, fi);
    if (r == -ENOENT)
        fuse_read_close(file); /* interrupted: no release will come */
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                    struct fuse_file_info *fi)
{
    (void)ino;
    fuse_read_start(front_of(fuse_req_userdata(req)), req,
                    (struct fuse_read_file *)(uintptr_t)fi->fh, offset, size);
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    passthrough_closed(front_of(fuse_req_userdata(req))->passthrough, ino);
    fuse_read_close((struct fuse_read_file *)(uintptr_t)fi->fh);
    fuse_reply_err(req, 0);
}

/* ---- directories --------------------------------------------------------------------------- */

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    AUTO(front_call) struct front_call c;
    struct node n;
    front_call_begin(&c, req);
    int r = front_node(&c, ino, &n);
    if (r == 0 && !n.is_dir)
        r = -ENOTDIR;
    if (r < 0) {
        fuse_reply_error(req, r);
        return;
    }
    struct fuse_dir *dir = fuse_dir_open(&c, &n);
    fi->fh = (uint64_t)(uintptr_t)dir;
    fi->cache_readdir = 0; /* a cached listing would hide what is granted next */
    if (fuse_reply_open(req, fi) == -ENOENT)
        fuse_dir_close(dir);
}

static void read_dir(fuse_req_t req, size_t size, off_t offset, struct fuse_file_info *fi,
                     bool plus)
{
    AUTO(free) char *out = malloc(size ? size : 1);
    ssize_t n = out ? 0 : -EIO;
    bool current = !out;
    while (!current) {
        AUTO(front_call) struct front_call c;
        front_call_begin(&c, req);
        n = fuse_dir_read(&c, req, (struct fuse_dir *)(uintptr_t)fi->fh, offset, out, size, plus);
        current = n < 0 || mount_state_is_current(c.f->state, c.uid, c.seen);
    }
    if (n < 0)
        fuse_reply_error(req, (int)n);
    else
        fuse_reply_buf(req, out, (size_t)n);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                       struct fuse_file_info *fi)
{
    (void)ino;
    read_dir(req, size, offset, fi, /* plus= */ false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
                           struct fuse_file_info *fi)
{
    (void)ino;
    read_dir(req, size, offset, fi, /* plus= */ true);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
    (void)ino;
    fuse_dir_close((struct fuse_dir *)(uintptr_t)fi->fh);
    fuse_reply_err(req, 0);
}

/* ---- writes --------------------------------------------------------------------------------
 * The mount is read-only, so the kernel answers these itself. Should somebody remount it
 * read-write, they are refused here, in the same way whatever exists. */

static void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
                       struct fuse_file_info *fi)
{
    (void)ino, (void)attr, (void)to_set, (void)fi;
    fuse_reply_error(req, -EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
    (void)parent, (void)name, (void)mode, (void)rdev;
    fuse_reply_error(req, -EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
    (void)parent, (void)name, (void)mode;
    fuse_reply_error(req, -EROFS);
}

static void op_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
    (void)parent, (void)name;
    fuse_reply_error(req, -EROFS);
}

static void op_symlink(fuse_req_t req, const char *link, fuse_ino_t parent, const char *name)
{
    (void)link, (void)parent, (void)name;
    fuse_reply_error(req, -EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
    (void)ino, (void)parent, (void)name;
    fuse_reply_error(req, -EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t newparent,
                      const char *newname, unsigned flags)
{
    (void)parent, (void)name, (void)newparent, (void)newname, (void)flags;
    fuse_reply_error(req, -EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
                      struct fuse_file_info *fi)
{
    (void)parent, (void)name, (void)mode, (void)fi;
    fuse_reply_error(req, -EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value,
                        size_t size, int flags)
{
    (void)ino, (void)name, (void)value, (void)size, (void)flags;
    fuse_reply_error(req, -EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
    (void)ino, (void)name;
    fuse_reply_error(req, -EROFS);
}

struct fuse_lowlevel_ops fuse_ops_table(const struct front *f)
{
    return (struct fuse_lowlevel_ops){
        .init = op_init,
        .lookup = op_lookup,
        .getattr = op_getattr,
        .access = op_access,
        .readlink = op_readlink,
        .statfs = op_statfs,
        .getxattr = op_getxattr,
        .listxattr = op_listxattr,
        .open = op_open,
        .read = op_read,
        .release = op_release,
        .opendir = op_opendir,
        .readdir = op_readdir,
        .readdirplus = f->per_caller ? NULL : op_readdirplus,
        .releasedir = op_releasedir,
        .setattr = op_setattr,
        .mknod = op_mknod,
        .mkdir = op_mkdir,
        .unlink = op_remove,
        .rmdir = op_remove,
        .symlink = op_symlink,
        .link = op_link,
        .rename = op_rename,
        .create = op_create,
        .setxattr = op_setxattr,
        .removexattr = op_removexattr,
    };
}
