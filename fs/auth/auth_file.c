/* fs/auth/auth_file.c - small files that are read again when they change. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/auth_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

int auth_file_id(const char *path, struct auth_file_id *ret, struct err *e)
{
    if (stat(path, &ret->st) < 0)
        return err_errno(e, -errno, "'%s'", path);
    return 0;
}

bool auth_file_same(const struct auth_file_id *a, const struct auth_file_id *b)
{
    return a->st.st_ino == b->st.st_ino && a->st.st_dev == b->st.st_dev &&
           a->st.st_size == b->st.st_size && a->st.st_mode == b->st.st_mode &&
           a->st.st_uid == b->st.st_uid && a->st.st_ctim.tv_sec == b->st.st_ctim.tv_sec &&
           a->st.st_ctim.tv_nsec == b->st.st_ctim.tv_nsec &&
           a->st.st_mtim.tv_sec == b->st.st_mtim.tv_sec &&
           a->st.st_mtim.tv_nsec == b->st.st_mtim.tv_nsec;
}

int auth_file_read(const char *path, size_t max, struct buf *text, struct auth_file_id *ret,
                   struct err *e)
{
    /* not to hang on a fifo */
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &ret->st) < 0)
        return err_errno(e, -errno, "'%s'", path);
    if (!S_ISREG(ret->st.st_mode))
        return err_set(e, -EBADMSG, "'%s' is not a file", path);
    if (ret->st.st_size < 0 || (size_t)ret->st.st_size > max)
        return err_set(e, -EBADMSG, "'%s' is longer than %zu bytes", path, max);
    size_t size = (size_t)ret->st.st_size, begin = text->len;
    buf_room(text, size + 1);
    while (text->len - begin < size) {
        size_t left = size - (text->len - begin);
        ssize_t n = read(fd, buf_room(text, left), left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, -errno, "read '%s'", path);
        if (n == 0)
            break;
        buf_added(text, (size_t)n);
    }
    return 0;
}
