/* fs/fuse/backing.c - files that the kernel reads by itself: what libfuse does not speak yet. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/backing.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

/* Names and numbers as in the kernel's <linux/fuse.h> of protocol 7.40. */
#define FUSE_INIT_OPCODE 26
#define INIT_EXT (1u << 30)         /* `flags2` counts */
#define INIT2_PASSTHROUGH (1u << 5) /* bit 37 of both together */
#define OPEN_DIRECT_IO (1u << 0)
#define OPEN_PASSTHROUGH (1u << 7)
#define STACK_DEPTH 1 /* the files lie on a plain file system, not on another stacked one */

struct backing_map {
    int32_t fd;
    uint32_t flags;
    uint64_t padding;
};
#define IOC_BACKING_OPEN _IOW(229, 1, struct backing_map)
#define IOC_BACKING_CLOSE _IOW(229, 2, uint32_t)

struct init_request {
    uint32_t len, opcode;
    uint64_t unique, nodeid;
    uint32_t uid, gid, pid, padding;
    uint32_t major, minor, max_readahead, flags, flags2;
};

struct init_answer {
    uint32_t major, minor, max_readahead, flags;
    uint16_t max_background, congestion_threshold;
    uint32_t max_write, time_gran;
    uint16_t max_pages, map_alignment;
    uint32_t flags2, max_stack_depth;
};

struct open_answer {
    uint64_t fh;
    uint32_t flags;
    int32_t backing_id;
};

/* ---- the greeting ----------------------------------------------------------------------------
 * The kernel sends INIT first and nothing else until it is answered. */

static ssize_t receive(int fd, void *buf, size_t n, void *userdata)
{
    struct front *f = userdata;
    struct init_request in;
    ssize_t got = read(fd, buf, n);
    if (!atomic_load(&f->kernel.greeted) && got >= (ssize_t)sizeof in) {
        memcpy(&in, buf, sizeof in);
        f->kernel.offers_passthrough = in.opcode == FUSE_INIT_OPCODE && (in.flags & INIT_EXT) &&
                                       (in.flags2 & INIT2_PASSTHROUGH);
    }
    return got;
}

static ssize_t answer(int fd, struct iovec *iov, int n, void *userdata)
{
    struct front *f = userdata;
    struct init_answer out;
    if (!atomic_exchange(&f->kernel.greeted, true) && f->kernel.offers_passthrough && n == 2 &&
        iov[1].iov_len >= sizeof out) {
        memcpy(&out, iov[1].iov_base, sizeof out);
        out.flags |= INIT_EXT;
        out.flags2 |= INIT2_PASSTHROUGH;
        out.max_stack_depth = STACK_DEPTH;
        memcpy(iov[1].iov_base, &out, sizeof out);
    }
    return writev(fd, iov, n);
}

int backing_attach(struct fuse_session *se, int fd)
{
    static const struct fuse_custom_io io = {.read = receive, .writev = answer};
    return fuse_session_custom_io(se, &io, fd) == 0 ? 0 : -1;
}

bool backing_is_offered(const struct front *f)
{
    return f->kernel.offers_passthrough;
}

/* ---- files ----------------------------------------------------------------------------------- */

int backing_open(struct fuse_session *se, int fd)
{
    struct backing_map map = {.fd = fd};
    int id = ioctl(fuse_session_fd(se), IOC_BACKING_OPEN, &map);
    return id < 0 ? -errno : id;
}

void backing_close(struct fuse_session *se, int id)
{
    uint32_t number = (uint32_t)id;
    (void)ioctl(fuse_session_fd(se), IOC_BACKING_CLOSE, &number);
}

int backing_reply_open(fuse_req_t req, uint64_t fh, int id, bool ask)
{
    struct open_answer out = {
        .fh = fh, .flags = OPEN_PASSTHROUGH | (ask ? OPEN_DIRECT_IO : 0), .backing_id = id};
    return fuse_reply_buf(req, (const char *)&out, sizeof out);
}
