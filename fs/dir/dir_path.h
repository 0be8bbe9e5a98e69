/* fs/dir/dir_path.h - keys as paths below one directory, and the only way to open them. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_DIR_DIR_PATH_H
#define FS_DIR_DIR_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

struct err;
struct store_stat;

/* Where new objects are written before they get their name. Not part of the lake's content. */
#define DIR_PATH_TMP ".shotlake/tmp"

/* The lake's directory. The descriptor is what counts: the path is looked at again only to tell
 * an absent object from an absent lake. */
struct dir_root {
    int fd; /* a real descriptor, not O_PATH */
    char *path;
    bool no_tmpfile; /* the filesystem has no O_TMPFILE; atomic, a hint */
};

int dir_path_root_open(const char *path, struct dir_root *ret, struct err *e);
void dir_path_root_close(struct dir_root *root);

/* 0, or -ENOTDIR where the directory was removed, or its path now names nothing or another one.
 * Everything that would report "absent" asks here first. */
int dir_path_root_check(const struct dir_root *root, struct err *e);

/* Whether a key can be the path of an object: relative, no empty, "." or ".." component, none over
 * 255 bytes, and not in the two places that are not the lake's (DIR_PATH_TMP, and ext4's
 * lost+found at the top, which only root may read). */
bool dir_path_is_key(const char *key);

/* Whether a directory, given with its '/' at the end, is one of those two places. */
bool dir_path_is_foreign(const char *dir);

/* openat2(2) below the root, never through a symbolic link and never out. `path` "" is the root
 * itself. A descriptor or a negative errno as the kernel gave it. */
int dir_path_open(const struct dir_root *root, const char *path, int flags);

/* The object of a key as an O_PATH descriptor. -ENOENT also for keys that cannot be paths and for
 * whatever is not a regular file: opening those could block or have effects. */
int dir_path_object(const struct dir_root *root, const char *key, struct stat *ret, struct err *e);

/* The same, open for reading, with the state at opening. */
int dir_path_object_read(const struct dir_root *root, const char *key, struct stat *ret,
                         struct err *e);

/* The directory that holds a key, and the key's last component (borrowed from `key`).
 * `make`: missing directories are made, durably; then -EINVAL where the key cannot be held. */
int dir_path_parent(const struct dir_root *root, const char *key, bool make, const char **ret_name,
                    struct err *e);

/* Makes `dir` and the directories above it, each durably. A descriptor or a code. */
int dir_path_make(const struct dir_root *root, const char *dir, struct err *e);

/* fsync(2) of a directory; 0 also where the filesystem has no such thing (CIFS, some FUSE ones). */
int dir_path_sync(int dir);

/* A negative errno of a system call as a code of fs/store/store.h, with a sentence. `doing` is a
 * verb: "read", "write". */
int dir_path_error(const struct dir_root *root, int code, const char *doing, const char *key,
                   struct err *e);

/* Size, time and ETag. The ETag is a hash of inode number, size and mtime. It sees an object that
 * was replaced (by put or by rename: another inode) and one that was written in place (its mtime or
 * size). It does not see a write in place that keeps the size and either sets the old mtime back
 * (rsync --inplace --times of a forged source) or falls within the same clock tick of the
 * filesystem as the write before (some milliseconds; nanoseconds on Linux >= 6.13). The ctime
 * would see both, but tagging changes it too; the device number is not stable over reboots. */
void dir_path_stat(const struct stat *st, struct store_stat *ret);

#endif
