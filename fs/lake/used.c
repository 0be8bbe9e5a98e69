/* fs/lake/used.c - when a grant was last made use of on this host. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/used.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct used {
    json_t *times; /* {principal: {edit: time}} */
};

struct used *used_new(void)
{
    struct used *u = xcalloc(1, sizeof *u);
    u->times = json_object();
    return u;
}

void used_free(struct used *u)
{
    if (!u)
        return;
    json_decref(u->times);
    free(u);
}

struct used *used_load(const char *dir)
{
    AUTO(free) char *path = xasprintf("%s/used.json", dir);
    struct used *u = used_new();
    json_t *read = json_load_file(path, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(read)) {
        json_decref(u->times);
        u->times = read;
    } else {
        json_decref(read);
    }
    return u;
}

bool used_get(const struct used *u, const char *principal, const char *edit, int64_t *ret)
{
    const json_t *time = json_object_get(json_object_get(u->times, principal), edit);
    if (!json_is_integer(time))
        return false;
    *ret = json_integer_value(time);
    return true;
}

void used_note(struct used *u, const char *principal, const char *edit, int64_t time)
{
    int64_t had;
    json_t *edits = json_object_get(u->times, principal);
    if (!json_is_object(edits)) {
        edits = json_object();
        json_object_set_new(u->times, principal, edits);
    }
    if (!used_get(u, principal, edit, &had) || had < time)
        json_object_set_new(edits, edit, json_integer(time));
}

static int lock_file(const char *dir, struct err *e)
{
    AUTO(free) char *path = xasprintf("%s/used.lock", dir);
    AUTO(fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, -errno, "open '%s'", path);
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_errno(e, -errno, "lock '%s'", path);
    int r = fd;
    fd = -1;
    return r;
}

static void merge(struct used *to, const struct used *from)
{
    const char *principal, *edit;
    json_t *edits, *time;
    json_object_foreach(from->times, principal, edits)
        json_object_foreach(edits, edit, time)
            used_note(to, principal, edit, json_integer_value(time));
}

int used_save(const struct used *u, const char *dir, struct err *e)
{
    AUTO(free) char *path = xasprintf("%s/used.json", dir);
    AUTO(free) char *fresh = xasprintf("%s/used.json.new", dir);
    AUTO(fd) int lock = lock_file(dir, e);
    if (lock < 0)
        return lock;
    AUTO(used) struct used *all = used_load(dir);
    merge(all, u);
    if (json_dump_file(all->times, fresh, JSON_COMPACT) < 0 || rename(fresh, path) < 0) {
        int r = err_errno(e, -errno, "write '%s'", path);
        unlink(fresh);
        return r;
    }
    return 0;
}
