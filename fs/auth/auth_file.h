/* fs/auth/auth_file.h - small files that are read again when they change. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_AUTH_FILE_H
#define FS_AUTH_AUTH_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct buf;
struct err;

/* What a file was when it was read. */
struct auth_file_id {
    struct stat st;
};

int auth_file_id(const char *path, struct auth_file_id *ret, struct err *e);
bool auth_file_same(const struct auth_file_id *a, const struct auth_file_id *b);

/* Appends the whole of a regular file of at most `max` bytes; `*ret` is what was read. The room of
 * `text` is made once (secret.h). 0, -EBADMSG: no such file by kind or size; another errno. */
int auth_file_read(const char *path, size_t max, struct buf *text, struct auth_file_id *ret,
                   struct err *e);

#endif
