/* fs/auth/users_edit.c - the file of users with passwords, changed. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/auth_file.h"
#include "fs/auth/secret.h"

/* A change under way: the file as it is, under the lock. */
struct edit {
    const char *path;
    int lock;
    json_t *json; /* the whole; well-formed by users_parse() */
};

static void edit_done(struct edit *d)
{
    json_decref(d->json);
    if (d->lock >= 0)
        close(d->lock);
}

static void auto_edit(struct edit *d)
{
    edit_done(d);
}

/* The lock is a file of its own, because the users file is replaced; only who may change the one can
 * open the other, so nobody else can hold up a change. */
static int take_lock(struct edit *d, struct err *e)
{
    AUTO(free) char *path = xasprintf("%s.lock", d->path);
    d->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock < 0)
        return err_errno(e, -errno, "'%s'", path);
    while (flock(d->lock, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_errno(e, -errno, "lock '%s'", path);
    return 0;
}

static int begin(struct edit *d, const char *path, bool may_be_absent, struct err *e)
{
    AUTO(secret_buf) struct buf text = {0};
    AUTO(users) struct users users = {0};
    struct auth_file_id id;
    json_error_t je;
    *d = (struct edit){.path = path, .lock = -1};
    int r = take_lock(d, e);
    if (r < 0)
        return r;
    r = users_load(path, &users, &id, e);
    if (r == -ENOENT && may_be_absent) {
        d->json = json_pack("{s[]}", "users");
        return 0;
    }
    if (r < 0 || (r = auth_file_read(path, USERS_BYTES_MAX, &text, &id, e)) < 0)
        return r;
    d->json = json_loadb(buf_str(&text), text.len, JSON_REJECT_DUPLICATES, &je);
    if (!json_is_array(json_object_get(d->json, "users")))
        return err_set(e, -EBADMSG, "'%s' has changed while it was read", path);
    return 0;
}

static int add_text(const char *s, size_t n, void *arg)
{
    buf_add(arg, s, n);
    return 0;
}

static int write_all(int fd, const struct buf *text)
{
    for (size_t at = 0; at < text->len;) {
        ssize_t n = write(fd, text->p + at, text->len - at);
        if (n < 0 && errno != EINTR)
            return -errno;
        at += n > 0 ? (size_t)n : 0;
    }
    return 0;
}

/* The new file, whole and on the disk, under another name. */
static int write_new(const char *new_path, const struct buf *text)
{
    unlink(new_path); /* of a change that was interrupted */
    AUTO(fd) int fd = open(new_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return -errno;
    int r = write_all(fd, text);
    return r < 0 ? r : fsync(fd) < 0 ? -errno : 0;
}

static int sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    AUTO(free) char *folder = slash ? xstrndup(path, (size_t)(slash - path) + 1) : xstrdup(".");
    AUTO(fd) int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

/* What would not be read is not written. */
static int commit(struct edit *d, struct err *e)
{
    AUTO(secret_buf) struct buf text = {0};
    AUTO(users) struct users users = {0};
    AUTO(free) char *new_path = xasprintf("%s.new", d->path);
    json_dump_callback(d->json, add_text, &text, JSON_INDENT(1));
    buf_addc(&text, '\n');
    int r = users_parse(buf_str(&text), text.len, &users, e);
    if (r < 0)
        return r;
    if ((r = write_new(new_path, &text)) == 0 && rename(new_path, d->path) < 0)
        r = -errno;
    if (r < 0) {
        unlink(new_path);
        return err_errno(e, r, "write '%s'", d->path);
    }
    r = sync_folder(d->path);
    return r < 0 ? err_errno(e, r, "'%s' is written, but not safe from a power cut", d->path) : 0;
}

/* Where the user is in the list; its size: nowhere. */
static size_t place_of(const json_t *list, const char *id)
{
    size_t i = 0;
    for (; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_object_get(json_array_get(list, i), "id"));
        if (s && id && strcmp(s, id) == 0)
            break;
    }
    return i;
}

static int begin_at(struct edit *d, const char *path, const char *id, size_t *ret, struct err *e)
{
    int r = begin(d, path, /* may_be_absent= */ false, e);
    if (r < 0)
        return r;
    const json_t *list = json_object_get(d->json, "users");
    *ret = place_of(list, id);
    if (*ret == json_array_size(list))
        return err_set(e, -ENOENT, "there is no user '%.128s' in '%s'", id, path);
    return 0;
}

int users_add(const char *path, const json_t *user, struct err *e)
{
    AUTO(edit) struct edit d = {.lock = -1};
    const char *id = json_string_value(json_object_get(user, "id"));
    int r = begin(&d, path, /* may_be_absent= */ true, e);
    if (r < 0)
        return r;
    json_t *list = json_object_get(d.json, "users");
    if (place_of(list, id) < json_array_size(list))
        return err_set(e, -EEXIST, "there is a user '%.128s' already", id);
    json_array_append_new(list, json_deep_copy(user));
    return commit(&d, e);
}

int users_remove(const char *path, const char *id, struct err *e)
{
    AUTO(edit) struct edit d = {.lock = -1};
    size_t at = 0;
    int r = begin_at(&d, path, id, &at, e);
    if (r < 0)
        return r;
    json_array_remove(json_object_get(d.json, "users"), at);
    return commit(&d, e);
}

int users_set_hash(const char *path, const char *id, const char *hash, struct err *e)
{
    AUTO(edit) struct edit d = {.lock = -1};
    size_t at = 0;
    int r = begin_at(&d, path, id, &at, e);
    if (r < 0)
        return r;
    json_object_set_new(json_array_get(json_object_get(d.json, "users"), at), "hash",
                        json_string(hash));
    return commit(&d, e);
}
