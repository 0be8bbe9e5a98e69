/* fs/fuse/fuse_read.c - open files, and reads that wait without a thread. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_read.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/cache/cache.h"
#include "fs/fuse/fuse_reply.h"
#include "fs/fuse/sequence.h"
#include "fs/view/inode.h"
#include "fs/view/view.h"

struct fuse_read_file {
    struct front_handle handle; /* first */
    node_id node;
    struct cache_file *bytes;
    struct sequence_frame frame;
    _Atomic uint64_t read_to; /* the end of what was asked for */
};

struct front_read {
    struct cache_read rd; /* first: the cache hands it back */
    struct front *f;
    fuse_req_t req;
    uid_t uid;
    node_id node;
    struct front_read *next, *prev;
};

static void free_file(struct front_handle *h)
{
    struct fuse_read_file *file = (struct fuse_read_file *)h;
    sequence_closed(h->f->sequences, &file->frame, file->read_to);
    cache_file_close(file->bytes);
    free(file);
}

int fuse_read_open(struct front_call *c, const struct node *n, bool is_kept,
                   struct fuse_read_file **ret)
{
    AUTO(buf) struct buf key = {0};
    struct err e;
    if (index_object_key(c->rd, n, &key, &e) < 0) {
        log_debug("fuse", "%s", e.text);
        return -EIO;
    }
    struct fuse_read_file *file = xcalloc(1, sizeof *file);
    file->node = n->id;
    sequence_frame_of(n, c->uid, &file->frame);
    file->bytes = cache_file_open(c->f->cache, buf_str(&key), n->etag, n->size);
    if (is_kept)
        cache_file_is_kept(file->bytes);
    front_handle_add(c->f, &file->handle, free_file);
    *ret = file;
    return 0;
}

void fuse_read_close(struct fuse_read_file *file)
{
    front_handle_close(&file->handle);
}

/* 0, -EACCES for what might be read when it was opened, -EIO while the policy is unknown. */
static int check_visible(struct front *f, uid_t uid, node_id node)
{
    AUTO(seen) struct seen *s = mount_state_get(f->state, uid);
    if (s->stale)
        return -EIO;
    return view_may_open(s->view, node) ? 0 : -EACCES;
}

static void link_read(struct front_read *r)
{
    struct front *f = r->f;
    LOCKED(&f->reads_lock);
    r->next = f->reads;
    if (r->next)
        r->next->prev = r;
    f->reads = r;
}

/* The last thing that a read does with its mount. */
static void unlink_read(struct front_read *r)
{
    struct front *f = r->f;
    LOCKED(&f->reads_lock);
    if (r->next)
        r->next->prev = r->prev;
    if (r->prev)
        r->prev->next = r->next;
    else
        f->reads = r->next;
    if (!f->reads)
        pthread_cond_broadcast(&f->reads_cond);
}

static void on_interrupt(fuse_req_t req, void *data)
{
    struct front_read *r = data;
    (void)req;
    cache_read_cancel(&r->rd, -EINTR); /* answered by another thread: libfuse holds a lock here */
}

static void on_bytes(struct cache_read *rd, int code, const struct iovec *iov, int n)
{
    struct front_read *r = (struct front_read *)rd;
    struct front *f = r->f;

    /* Waits for an on_interrupt() under way, so `r` can be freed afterwards. */
    fuse_req_interrupt_func(r->req, NULL, NULL);
    int visible = check_visible(f, r->uid, r->node);
    if (visible < 0)
        fuse_reply_error(r->req, visible);
    else if (code < 0)
        fuse_reply_error(r->req, fuse_reply_code_of_store(code));
    else
        fuse_reply_iov(r->req, iov, n);

    unlink_read(r);
    free(r);
}

/* 0 where the handle's version is still the object's: -ESTALE keeps the pages of two versions from
 * mixing in the kernel, which knows only the node. */
static int check_version(struct front_call *c, const struct fuse_read_file *file)
{
    struct node n;
    int r = front_node_by_id(c, file->node, &n);
    if (r == -ENOENT) /* visible, so it is the object that is gone */
        return -ESTALE;
    if (r < 0)
        return r;
    return !strcmp(n.etag, cache_file_etag(file->bytes)) && n.size == cache_file_size(file->bytes)
               ? 0
               : -ESTALE;
}

/* True for the first one of the handle. */
static bool note_range(struct fuse_read_file *file, uint64_t end)
{
    uint64_t was = atomic_load(&file->read_to);
    while (was < end && !atomic_compare_exchange_weak(&file->read_to, &was, end))
        ;
    return was == 0;
}

void fuse_read_start(struct front *f, fuse_req_t req, struct fuse_read_file *file, off_t offset,
                     size_t n)
{
    int r;
    uid_t uid = fuse_req_ctx(req)->uid;
    {
        AUTO(front_call) struct front_call c;
        front_call_begin(&c, req);
        r = c.seen->stale ? -EIO : view_may_open(c.seen->view, file->node) ? 0 : -EACCES;
        if (r == 0)
            r = check_version(&c, file);
    }
    uint64_t size = cache_file_size(file->bytes), at = (uint64_t)offset;
    if (r < 0) {
        fuse_reply_error(req, r);
        return;
    }
    if (offset < 0 || at >= size || n == 0) {
        fuse_reply_buf(req, NULL, 0);
        return;
    }
    if (n > size - at)
        n = (size_t)(size - at);
    if (n > CACHE_READ_BYTES)
        n = CACHE_READ_BYTES;

    struct front_read *read = xcalloc(1, sizeof *read);
    *read = (struct front_read){
        .rd = {.file = file->bytes, .offset = at, .length = n, .reply = on_bytes},
        .f = f,
        .req = req,
        .uid = uid,
        .node = file->node,
    };
    struct sequence_next next; /* the file may be closed as soon as the read was answered */
    bool is_first = note_range(file, at + n);
    if (is_first)
        sequence_note(f->sequences, &file->frame, &next);
    link_read(read);
    fuse_req_interrupt_func(req, on_interrupt, read);
    cache_read_start(&read->rd);
    if (is_first)
        sequence_fetch(f->sequences, &next);
}

void fuse_read_recheck(struct front *f)
{
    LOCKED(&f->reads_lock);
    for (struct front_read *r = f->reads; r; r = r->next) {
        int visible = check_visible(f, r->uid, r->node);
        if (visible < 0)
            cache_read_cancel(&r->rd, visible);
    }
}

void fuse_read_end_all(struct front *f)
{
    pthread_mutex_lock(&f->reads_lock);
    for (struct front_read *r = f->reads; r; r = r->next)
        cache_read_cancel(&r->rd, -EINTR);
    while (f->reads)
        pthread_cond_wait(&f->reads_cond, &f->reads_lock);
    pthread_mutex_unlock(&f->reads_lock);
}
