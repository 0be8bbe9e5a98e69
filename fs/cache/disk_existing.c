/* fs/cache/disk_existing.c - a disk cache that is there already, for who only looks at it. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_existing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/cache/disk_impl.h"

static int check_key(const struct disk_header *h, const char *dir, const char *key_path,
                     struct err *e)
{
    unsigned char check[DISK_CHECK_BYTES];
    struct disk_keys *keys = NULL;
    if (access(key_path, F_OK) < 0)
        return err_errno(e, -errno, "the key '%s' of the cache in '%s'", key_path, dir);
    int r = disk_keys_load(key_path, &keys, e);
    if (r < 0)
        return r;
    if (disk_keys_derive(keys, h->salt, check) < 0 || memcmp(check, h->check, sizeof check) != 0)
        r = err_set(e, -EINVAL, "the cache in '%s' was made with another key than '%s'", dir,
                    key_path);
    disk_keys_free(keys);
    return r;
}

int disk_cache_open_existing(const char *dir, const char *key_path, struct disk_cache **ret,
                             struct err *e)
{
    struct disk_cache_options o = {.dir = dir, .key_path = key_path};
    AUTO(free) char *table = xasprintf("%s/table", dir);
    AUTO(fd) int fd = open(table, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    struct disk_header h;
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, -errno, "no cache in '%s'", dir);
    const char *fault = disk_read_at(fd, &h, sizeof h, 0) < 0
                            ? "it is too short"
                            : disk_header_fault(&h, (uint64_t)st.st_size);
    if (fault)
        return err_set(e, -EINVAL, "'%s' is no cache that can be used: %s", dir, fault);
    int r = check_key(&h, dir, key_path, e);
    return r < 0 ? r : disk_cache_open(&o, ret, e);
}
