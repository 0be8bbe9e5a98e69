/* fs/cache/disk_key_file.h - the file of a disk cache's master key. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_CACHE_DISK_KEY_FILE_H
#define FS_CACHE_DISK_KEY_FILE_H

#include "fs/cache/disk_crypt.h"

struct err;

/* Reads the key, or with `make` makes a random one where there is none: of several processes that do so at once, one wins and all have
 * its key. The file is 32 bytes, for its owner alone.
 *   -EACCES   open to others, or another user's
 *   -EBADMSG  not 32 bytes, or no file
 *   -ENOENT   none, and none is to be made
 *   any other: what the system said */
int disk_key_file_load(const char *path, bool make, unsigned char ret[DISK_KEY_BYTES], struct err *e);

#endif
