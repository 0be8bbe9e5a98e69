/* fs/fuse/file_mark.c - what tells one content of a file from another without reading it. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/file_mark.h"

#include <sys/stat.h>

struct file_mark file_mark_of(const char *path)
{
    struct stat st;
    if (stat(path, &st) < 0)
        return (struct file_mark){0};
    return (struct file_mark){true, st.st_dev, st.st_ino, st.st_size, st.st_mtim, st.st_ctim};
}

static bool same_time(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool file_mark_same(const struct file_mark *a, const struct file_mark *b)
{
    return a->exists == b->exists && a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           same_time(a->mtime, b->mtime) && same_time(a->ctime, b->ctime);
}
