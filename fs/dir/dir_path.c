/* fs/dir/dir_path.c - keys as paths below one directory, and the only way to open them. */
/* SPDX-License-Identifier: MIT */
#include "fs/dir/dir_path.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "fs/store/store.h"

#define LOST_FOUND "lost+found/"
#define AGAIN_MAX 16 /* openat2 gives EAGAIN while a rename elsewhere is under way */

/* ---- the root ---------------------------------------------------------------------------- */

int dir_path_root_open(const char *path, struct dir_root *ret, struct err *e)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        int code = errno == EACCES                       ? -EACCES
                   : errno == ENOENT || errno == ENOTDIR ? -ENOTDIR
                                                         : -EIO;
        return err_set(e, code, "cannot open the lake's directory '%s': %s", path, strerror(errno));
    }
    struct dir_root root = {.fd = fd};
    int probe = dir_path_open(&root, "", O_PATH | O_DIRECTORY);
    if (probe == -ENOSYS || probe == -EPERM)
        return err_set(e, -EIO,
                       "a directory lake needs openat2(2): Linux 5.6, and a sandbox that "
                       "allows it");
    if (probe < 0)
        return err_errno(e, -EIO, "cannot open the lake's directory '%s' with openat2(2)", path);
    close(probe);
    *ret = (struct dir_root){.fd = fd, .path = xstrdup(path)};
    fd = -1;
    return 0;
}

void dir_path_root_close(struct dir_root *root)
{
    if (root->fd >= 0)
        close(root->fd);
    free(root->path);
    *root = (struct dir_root){.fd = -1};
}

int dir_path_root_check(const struct dir_root *root, struct err *e)
{
    struct stat held, named;
    if (fstat(root->fd, &held) < 0 || held.st_nlink == 0)
        return err_set(e, -ENOTDIR, "the lake's directory '%s' is gone", root->path);
    if (stat(root->path, &named) < 0) {
        if (errno != ENOENT && errno != ENOTDIR && errno != ESTALE)
            return 0; /* a daemon that gave up rights may not reach the path any more */
        return err_set(e, -ENOTDIR, "the lake's directory '%s' is gone: %s", root->path,
                       strerror(errno));
    }
    if (held.st_dev != named.st_dev || held.st_ino != named.st_ino)
        return err_set(e, -ENOTDIR, "'%s' is another directory than the lake that was opened",
                       root->path);
    return 0;
}

/* ---- keys -------------------------------------------------------------------------------- */

bool dir_path_is_foreign(const char *dir)
{
    return strcmp(dir, DIR_PATH_TMP "/") == 0 || strcmp(dir, LOST_FOUND) == 0;
}

bool dir_path_is_key(const char *key)
{
    if (strncmp(key, DIR_PATH_TMP "/", sizeof DIR_PATH_TMP) == 0 ||
        strncmp(key, LOST_FOUND, sizeof LOST_FOUND - 1) == 0)
        return false;
    for (const char *p = key;; p++) {
        size_t n = strcspn(p, "/");
        if (n == 0 || n > NAME_MAX || (n == 1 && p[0] == '.') ||
            (n == 2 && p[0] == '.' && p[1] == '.'))
            return false;
        p += n;
        if (*p == '\0')
            return true;
    }
}

/* ---- opening ----------------------------------------------------------------------------- */

int dir_path_open(const struct dir_root *root, const char *path, int flags)
{
    struct open_how how = {
        .flags = (uint64_t)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS,
    };
    for (int i = 0; i < AGAIN_MAX; i++) {
        long fd = syscall(SYS_openat2, root->fd, *path ? path : ".", &how, sizeof how);
        if (fd >= 0)
            return (int)fd;
        if (errno != EAGAIN && errno != EINTR)
            break;
    }
    return -errno;
}

int dir_path_error(const struct dir_root *root, int code, const char *doing, const char *key,
                   struct err *e)
{
    /* In a removed directory filesystems answer what they like: ENOENT, EPERM, ESTALE. */
    int r = dir_path_root_check(root, e);
    if (r < 0)
        return r;
    switch (code) {
    case -ENOENT:
    case -ENOTDIR: /* a component of the path is an object */
    case -ELOOP:   /* or a symbolic link */
    case -EXDEV:
    case -ENAMETOOLONG:
        return err_set(e, -ENOENT, "no object '%s' in '%s'", key, root->path);
    case -EACCES:
    case -EPERM:
    case -EROFS:
        return err_set(e, -EACCES, "cannot %s '%s' in '%s': %s", doing, key, root->path,
                       strerror(-code));
    case -ENOSPC:
    case -EDQUOT:
        return err_set(e, -ENOSPC, "cannot %s '%s': the filesystem of '%s' is full (%s)", doing,
                       key, root->path, strerror(-code));
    default:
        return err_set(e, -EIO, "cannot %s '%s' in '%s': %s", doing, key, root->path,
                       strerror(-code));
    }
}

int dir_path_object(const struct dir_root *root, const char *key, struct stat *ret, struct err *e)
{
    AUTO(fd) int fd = -ENOENT;
    if (dir_path_is_key(key))
        fd = dir_path_open(root, key, O_PATH);
    if (fd < 0)
        return dir_path_error(root, fd, "open", key, e);
    if (fstat(fd, ret) < 0)
        return dir_path_error(root, -errno, "look at", key, e);
    if (!S_ISREG(ret->st_mode))
        return dir_path_error(root, -ENOENT, "open", key, e);
    int object = fd;
    fd = -1;
    return object;
}

int dir_path_object_read(const struct dir_root *root, const char *key, struct stat *ret,
                         struct err *e)
{
    AUTO(fd) int fd = dir_path_object(root, key, ret, e);
    if (fd < 0)
        return fd;
    /* The descriptor is opened again, not the name: what was found to be a regular file is what
     * gets read, and an open that waits for a lease may wait. */
    char self[32];
    snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
    AUTO(fd) int in = open(self, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (in < 0 && errno == ENOENT)
        return err_set(e, -EIO, "cannot read '%s': no /proc is mounted here", key);
    if (in < 0)
        return dir_path_error(root, -errno, "read", key, e);
    if (fstat(in, ret) < 0)
        return dir_path_error(root, -errno, "read", key, e);
    int object = in;
    in = -1;
    return object;
}

/* ---- directories ------------------------------------------------------------------------- */

int dir_path_sync(int dir)
{
    if (fsync(dir) == 0 || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)
        return 0;
    return -errno;
}

/* One step of dir_path_make: `path` is the directory so far, its last component `name`. */
static int make_one(const struct dir_root *root, int above, const char *path, const char *name,
                    struct err *e)
{
    bool made = false;
    int fd = dir_path_open(root, path, O_RDONLY | O_DIRECTORY);
    if (fd == -ENOENT) {
        if (mkdirat(above, name, 0777) == 0)
            made = true;
        else if (errno != EEXIST)
            return dir_path_error(root, -errno, "make directory", path, e);
        fd = dir_path_open(root, path, O_RDONLY | O_DIRECTORY);
    }
    if (fd == -ENOTDIR || fd == -ELOOP)
        return err_set(e, -EINVAL, "nothing can be stored below '%s': it is not a directory", path);
    if (fd < 0)
        return dir_path_error(root, fd, "open directory", path, e);
    int r = made ? dir_path_sync(above) : 0;
    if (r < 0) {
        r = dir_path_error(root, r, "make directory", path, e);
        close(fd);
        return r;
    }
    return fd;
}

int dir_path_make(const struct dir_root *root, const char *dir, struct err *e)
{
    AUTO(buf) struct buf path = {0};
    AUTO(fd) int above = dir_path_open(root, "", O_RDONLY | O_DIRECTORY);
    if (above < 0)
        return dir_path_error(root, above, "open", dir, e);
    while (*dir) {
        size_t n = strcspn(dir, "/");
        if (path.len)
            buf_addc(&path, '/');
        size_t start = path.len;
        buf_add(&path, dir, n);
        dir += n + (dir[n] == '/');
        int fd = make_one(root, above, buf_str(&path), buf_str(&path) + start, e);
        if (fd < 0)
            return fd;
        close(above);
        above = fd;
    }
    int fd = above;
    above = -1;
    return fd;
}

int dir_path_parent(const struct dir_root *root, const char *key, bool make, const char **ret_name,
                    struct err *e)
{
    if (!dir_path_is_key(key)) {
        if (make)
            return err_set(e, -EINVAL, "a directory lake cannot hold the key '%s'", key);
        return dir_path_error(root, -ENOENT, "open", key, e);
    }
    const char *slash = strrchr(key, '/');
    AUTO(free) char *dir = xstrndup(key, slash ? (size_t)(slash - key) : 0);
    int fd = dir_path_open(root, dir, O_RDONLY | O_DIRECTORY);
    if (make && fd < 0)
        fd = dir_path_make(root, dir, e);
    else if (fd < 0)
        fd = dir_path_error(root, fd, "open", key, e);
    if (fd >= 0)
        *ret_name = slash ? slash + 1 : key;
    return fd;
}

/* ---- state ------------------------------------------------------------------------------- */

/* The finaliser of SplitMix64: a bijection in which every input bit reaches every output bit. */
static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xbf58476d1ce4e5b9);
    x ^= x >> 27;
    x *= UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

void dir_path_stat(const struct stat *st, struct store_stat *ret)
{
    *ret = (struct store_stat){
        .size = (uint64_t)st->st_size,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
    uint64_t h = mix((uint64_t)st->st_ino + UINT64_C(0x9e3779b97f4a7c15));
    h = mix(h + ret->size);
    h = mix(h + (uint64_t)ret->mtime_ns);
    snprintf(ret->etag, sizeof ret->etag, "%016llx", (unsigned long long)h);
}
