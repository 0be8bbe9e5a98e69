/* fs/dir/dir_write.c - objects written whole or not at all, and removed.
 *
 * An object gets its name only when its bytes are on the disk:
 *
 *     if absent:  O_TMPFILE beside the target -> write -> fsync -> linkat   -> fsync the directory
 *     replace:    .shotlake/tmp/<random>      -> write -> fsync -> renameat -> fsync the directory
 *
 * linkat(2) never replaces, so of any number of writers one wins; renameat(2) always does. A
 * process killed on the way leaves nothing, or one file in .shotlake/tmp, which is in no listing
 * and is swept when it is a day old. Filesystems without O_TMPFILE (NFS, some FUSE ones) take the
 * named file in both cases and link that. */
/* SPDX-License-Identifier: MIT */
#include "fs/dir/dir_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/dir/dir_path.h"
#include "fs/store/store.h"

#define SWEEP_AGE_S (24 * 60 * 60)
#define TRIES 4 /* another process may remove what was in the way, or the directory */

/* Like dir_path_error for a put, where "absent" is no answer. */
static int write_error(const struct dir_root *root, int code, const char *key, struct err *e)
{
    switch (code) {
    case -ENOENT: {
        int r = dir_path_root_check(root, e);
        return r < 0
                   ? r
                   : err_set(e, -EIO, "a directory of '%s' was removed while it was written", key);
    }
    case -EXDEV:
        return err_set(e, -EIO, "cannot write '%s': it is on another filesystem than '%s/%s'", key,
                       root->path, DIR_PATH_TMP);
    case -ENAMETOOLONG:
    case -EILSEQ:
    case -EINVAL:
        return err_set(e, -EINVAL, "the filesystem of '%s' cannot hold the name '%s'", root->path,
                       key);
    default:
        return dir_path_error(root, code, "write", key, e);
    }
}

/* A file on its way: without a name (tmp -1) or as `name` in the directory `tmp`. */
struct draft {
    int fd, tmp;
    char name[33];
};

/* Called before the draft got its final name, or after: then its temporary name is gone or to go.
 */
static void draft_done(struct draft *d)
{
    if (d->tmp >= 0) {
        unlinkat(d->tmp, d->name, 0);
        close(d->tmp);
    }
    if (d->fd >= 0)
        close(d->fd);
    *d = (struct draft){.fd = -1, .tmp = -1};
}

static inline void auto_draft(struct draft *d)
{
    draft_done(d);
}

/* Removes what killed writers left. By age: younger ones may be under way on another host. */
static void sweep(int tmp)
{
    int fd = openat(tmp, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO(dir) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir)
        return;
    time_t now = time(NULL);
    for (const struct dirent *d; (d = readdir(dir));) {
        struct stat st;
        if (fstatat(tmp, d->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
            now - st.st_mtime > SWEEP_AGE_S)
            unlinkat(tmp, d->d_name, 0);
    }
}

static int draft_named(const struct dir_root *root, const char *key, struct draft *d, struct err *e)
{
    uint8_t random[16];
    d->tmp = dir_path_make(root, DIR_PATH_TMP, e);
    if (d->tmp < 0)
        return d->tmp;
    if (getrandom(random, sizeof random, 0) != sizeof random)
        return err_errno(e, -EIO, "cannot name a temporary file");
    sweep(d->tmp);
    hex_encode(random, sizeof random, d->name);
    d->fd = openat(d->tmp, d->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    return d->fd < 0 ? write_error(root, -errno, key, e) : 0;
}

/* `parent` is where the object will be: on a lake with further filesystems mounted inside, a file
 * without a name can be linked only on its own. */
static int draft_open(struct dir_root *root, int parent, const char *key, bool named,
                      struct draft *d, struct err *e)
{
    if (named || __atomic_load_n(&root->no_tmpfile, __ATOMIC_RELAXED))
        return draft_named(root, key, d, e);
    d->fd = openat(parent, ".", O_WRONLY | O_TMPFILE | O_CLOEXEC, 0666);
    if (d->fd >= 0)
        return 0;
    if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
        return write_error(root, -errno, key, e);
    __atomic_store_n(&root->no_tmpfile, true, __ATOMIC_RELAXED);
    return draft_named(root, key, d, e);
}

static int draft_fill(const struct draft *d, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t w = write(d->fd, data, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -errno;
        data += w;
        n -= (size_t)w;
    }
    return fsync(d->fd) < 0 ? -errno : 0;
}

/* Gives the draft its name unless that is taken: 0 or a negative errno. */
static int draft_link(const struct draft *d, int parent, const char *name)
{
    char self[32];
    struct stat st;
    if (d->tmp >= 0) {
        if (linkat(d->tmp, d->name, parent, name, 0) == 0)
            return 0;
        int r = -errno;
        /* NFS answers EEXIST where the first answer was lost and the request was sent again. */
        if (r == -EEXIST && fstat(d->fd, &st) == 0 && st.st_nlink > 1)
            return 0;
        return r;
    }
    snprintf(self, sizeof self, "/proc/self/fd/%d", d->fd);
    return linkat(AT_FDCWD, self, parent, name, AT_SYMLINK_FOLLOW) == 0 ? 0 : -errno;
}

/* What is at `name`: 1 an object, 0 nothing, -EINVAL something that is no object. */
static int in_the_way(const struct dir_root *root, int parent, const char *name, const char *key,
                      struct err *e)
{
    struct stat st;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : write_error(root, -errno, key, e);
    if (S_ISREG(st.st_mode))
        return 1;
    return err_set(e, -EINVAL, "'%s' cannot be an object: a %s in '%s' has its name", key,
                   S_ISDIR(st.st_mode) ? "directory" : "file that is not regular", root->path);
}

static int name_if_absent(const struct dir_root *root, const struct draft *d, int parent,
                          const char *name, const char *key, struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        int r = draft_link(d, parent, name);
        if (r == 0)
            return 0;
        if (r != -EEXIST)
            return write_error(root, r, key, e);
        r = in_the_way(root, parent, name, key, e);
        if (r < 0)
            return r;
        if (r == 1)
            break;
    }
    return err_set(e, -EEXIST, "there is an object '%s' already", key);
}

static int name_replacing(const struct dir_root *root, struct draft *d, int parent,
                          const char *name, const char *key, struct err *e)
{
    int r = in_the_way(root, parent, name, key, e);
    if (r < 0)
        return r;
    if (renameat(d->tmp, d->name, parent, name) < 0)
        return write_error(root, -errno, key, e);
    close(d->tmp); /* the temporary name is gone with the rename */
    d->tmp = -1;
    return 0;
}

int dir_write_put(struct dir_root *root, const char *key, const void *data, size_t n, int flags,
                  struct store_stat *ret, struct err *e)
{
    bool if_absent = flags & STORE_PUT_IF_ABSENT;
    const char *name = NULL;
    /* A change written to a directory that is no longer the lake would be a change nobody sees. */
    int r = dir_path_root_check(root, e);
    if (r < 0)
        return r;
    AUTO(fd) int parent = dir_path_parent(root, key, /* make= */ true, &name, e);
    if (parent < 0)
        return parent == -ENOENT ? write_error(root, parent, key, e) : parent;

    /* Losing writers of a ledger record are many: they need not write to learn it. */
    int there = if_absent ? in_the_way(root, parent, name, key, e) : 0;
    if (there < 0)
        return there;
    if (there == 1)
        return err_set(e, -EEXIST, "there is an object '%s' already", key);

    AUTO(draft) struct draft d = {.fd = -1, .tmp = -1};
    r = draft_open(root, parent, key, /* named= */ !if_absent, &d, e);
    if (r < 0)
        return r;
    r = draft_fill(&d, data, n);
    if (r < 0)
        return write_error(root, r, key, e);
    r = if_absent ? name_if_absent(root, &d, parent, name, key, e)
                  : name_replacing(root, &d, parent, name, key, e);
    if (r < 0)
        return r;
    struct stat st;
    if (dir_path_sync(parent) < 0 || fstat(d.fd, &st) < 0)
        return err_set(e, -EIO, "'%s' was written, but may not survive a power cut", key);
    if (ret)
        dir_path_stat(&st, ret);
    return 0;
}

int dir_write_remove(const struct dir_root *root, const char *key, struct err *e)
{
    const char *name = NULL;
    struct stat st;
    int r = dir_path_root_check(root, e);
    if (r < 0)
        return r;
    AUTO(fd) int parent = dir_path_parent(root, key, /* make= */ false, &name, e);
    if (parent == -ENOENT)
        return 0;
    if (parent < 0)
        return parent;
    if (fstatat(parent, name, &st, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT)
            return dir_path_root_check(root, e);
        return dir_path_error(root, -errno, "remove", key, e);
    }
    if (!S_ISREG(st.st_mode))
        return 0;
    if (unlinkat(parent, name, 0) < 0 && errno != ENOENT)
        return dir_path_error(root, -errno, "remove", key, e);
    if (dir_path_sync(parent) < 0)
        return err_set(e, -EIO, "'%s' was removed, but may be back after a power cut", key);
    return 0;
}
