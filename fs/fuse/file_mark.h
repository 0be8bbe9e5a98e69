/* fs/fuse/file_mark.h - what tells one content of a file from another without reading it. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_FILE_MARK_H
#define FS_FUSE_FILE_MARK_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

struct file_mark {
    bool exists;
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

/* Of a file that is not there (or cannot be asked about): the mark of none. */
struct file_mark file_mark_of(const char *path);
bool file_mark_same(const struct file_mark *a, const struct file_mark *b);

#endif
