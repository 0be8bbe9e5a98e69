/* fs/fuse/cache_keep.c - for whom a cache on disk is kept: a list of names in its folder. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/cache_keep.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"

#define FILE_MAX ((size_t)4 << 20)

/* All that the file says; an empty object where it says nothing that can be read. */
static json_t *load(const char *dir)
{
    AUTO(free) char *path = xasprintf("%s/keep", dir);
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    AUTO(buf) struct buf text = {0};
    ssize_t n;
    while (fd >= 0 && text.len < FILE_MAX && (n = read(fd, buf_room(&text, 65536), 65536)) > 0)
        buf_added(&text, (size_t)n);
    json_t *all = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(all))
        return all;
    json_decref(all);
    return json_object();
}

static int save(const char *dir, const json_t *all, struct err *e)
{
    AUTO(free) char *path = xasprintf("%s/keep", dir);
    AUTO(free) char *part = xasprintf("%s/keep.part", dir);
    AUTO(free) char *text = json_dumps(all, JSON_SORT_KEYS);
    AUTO(fd) int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (!text)
        return err_set(e, -ENOMEM, "write '%s': no memory", part);
    if (fd < 0)
        return err_errno(e, -errno, "write '%s'", part);
    size_t n = strlen(text);
    ssize_t done = write(fd, text, n);
    if (done < 0 || (size_t)done != n || rename(part, path) < 0) {
        int r = done >= 0 && (size_t)done != n ? -ENOSPC : -errno;
        unlink(part);
        return err_errno(e, r, "write '%s'", path);
    }
    return 0;
}

static void forget_old(json_t *names, int64_t now)
{
    const char *name;
    json_t *until;
    void *next;
    json_object_foreach_safe(names, next, name, until)
        if (!json_is_integer(until) || json_integer_value(until) <= now)
            json_object_del(names, name);
}

int cache_keep_note(const char *dir, const char *lake, const json_t *names, int64_t until,
                    struct err *e)
{
    AUTO(fd) int lock = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (lock < 0 || flock(lock, LOCK_EX) < 0)
        return err_errno(e, -errno, "lock '%s'", dir);
    json_auto_t *all = load(dir);
    json_t *own = json_object_get(all, lake), *name;
    if (!json_is_object(own))
        json_object_set_new(all, lake, own = json_object());
    forget_old(own, clock_wall());
    size_t i;
    json_array_foreach(names, i, name)
        if (json_object_size(own) < CACHE_KEEP_MAX ||
            json_object_get(own, json_string_value(name)))
            json_object_set_new(own, json_string_value(name), json_integer(until));
    return save(dir, all, e);
}

json_t *cache_keep_names(const char *dir, const char *lake, int64_t now)
{
    json_auto_t *all = load(dir);
    json_t *own = json_object_get(all, lake);
    if (!json_is_object(own))
        return json_object();
    forget_old(own, now);
    return json_incref(own);
}
