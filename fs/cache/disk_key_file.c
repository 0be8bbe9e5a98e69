/* fs/cache/disk_key_file.c - the file of a disk cache's master key. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/rand.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define TRIES 8 /* where another process makes or removes it at the same moment */

static int check(const char *path, int fd, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_errno(e, -errno, "look at the cache key '%s'", path);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EBADMSG, "the cache key '%s' is not a file", path);
    if (st.st_uid != geteuid())
        return err_set(e, -EACCES, "the cache key '%s' belongs to user %u, not to us", path,
                       (unsigned)st.st_uid);
    if (st.st_mode & 077)
        return err_set(e, -EACCES, "the cache key '%s' is open to others: chmod 600 it", path);
    if (st.st_size != DISK_KEY_BYTES)
        return err_set(e, -EBADMSG,
                       "the cache key '%s' has %lld bytes, not %d: remove it, and a new one is made",
                       path, (long long)st.st_size, DISK_KEY_BYTES);
    return 0;
}

static int read_key(const char *path, unsigned char *ret, struct err *e)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT)
        return -ENOENT;
    if (fd < 0 && errno == ELOOP)
        return err_set(e, -EBADMSG, "the cache key '%s' is a link: name the file itself", path);
    if (fd < 0)
        return err_errno(e, -errno, "open the cache key '%s'", path);
    int r = check(path, fd, e);
    if (r < 0)
        return r;
    ssize_t n = read(fd, ret, DISK_KEY_BYTES);
    if (n != DISK_KEY_BYTES)
        return err_errno(e, n < 0 ? -errno : -EIO, "read the cache key '%s'", path);
    return 0;
}

static int write_key(int fd, const char *path, struct err *e)
{
    unsigned char key[DISK_KEY_BYTES];
    if (RAND_priv_bytes(key, sizeof key) != 1)
        return err_set(e, -EIO, "no random bytes for the cache key '%s'", path);
    ssize_t n = write(fd, key, sizeof key);
    int r = n == (ssize_t)sizeof key ? 0 : n < 0 ? -errno : -ENOSPC;
    explicit_bzero(key, sizeof key);
    if (r == 0 && fsync(fd) < 0)
        r = -errno;
    return r == 0 ? 0 : err_errno(e, r, "write the cache key '%s'", path);
}

/* Whole under its name, or not there: written under another one and linked. -EEXIST: there is one. */
static int make_key(const char *path, struct err *e)
{
    unsigned random;
    if (RAND_bytes((unsigned char *)&random, sizeof random) != 1)
        return err_set(e, -EIO, "no random bytes for the cache key '%s'", path);
    AUTO(free) char *name = xasprintf("%s.%08x", path, random);
    AUTO(fd) int fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return err_errno(e, -errno, "make the cache key '%s'", path);
    int r = write_key(fd, path, e);
    if (r == 0 && link(name, path) < 0)
        r = errno == EEXIST ? -EEXIST : err_errno(e, -errno, "make the cache key '%s'", path);
    unlink(name);
    return r;
}

int disk_key_file_load(const char *path, bool make, unsigned char ret[DISK_KEY_BYTES], struct err *e)
{
    for (int i = 0; i < TRIES; i++) {
        int r = read_key(path, ret, e);
        if (r != -ENOENT)
            return r;
        if (!make)
            return err_set(e, -ENOENT, "there is no cache key '%s'", path);
        r = make_key(path, e);
        if (r < 0 && r != -EEXIST)
            return r;
    }
    return err_set(e, -EBUSY, "the cache key '%s' comes and goes", path);
}
