/* fs/dir/dir_tags.c - tags as extended attributes: the tag K is the attribute user.K. */
/* SPDX-License-Identifier: MIT */
#include "fs/dir/dir_tags.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/dir/dir_path.h"
#include "fs/store/store.h"

#define XATTR_SPACE "user."
#define TAG_START "ShotLocker"
#define LIST_MAX 65536 /* the kernel's own limit on a list of names (XATTR_LIST_MAX) */

struct tag_name {
    char s[sizeof XATTR_SPACE + STORE_TAG_KEY_MAX];
};

static struct tag_name name_of(const char *tag_key)
{
    struct tag_name name;
    strcpy(stpcpy(name.s, XATTR_SPACE), tag_key); /* both lengths are bounded by their types */
    return name;
}

static int tags_error(const struct dir_root *root, int code, const char *doing, const char *key,
                      struct err *e)
{
    if (code == -EOPNOTSUPP)
        return err_set(e, -EIO,
                       "the filesystem of '%s' has no extended attributes (user.*), so "
                       "its objects cannot be tagged",
                       root->path);
    if (code == -ENOSPC || code == -E2BIG)
        return err_set(e, -ENOSPC, "the filesystem of '%s' has no room for the tags of '%s'",
                       root->path, key);
    return dir_path_error(root, code, doing, key, e);
}

/* 1: filled in; 0: gone meanwhile. */
static int read_one(const struct dir_root *root, int fd, const char *key, const char *xattr,
                    struct store_tag *ret, struct err *e)
{
    const char *tag_key = xattr + strlen(XATTR_SPACE);
    size_t key_len = strlen(tag_key);
    if (key_len > STORE_TAG_KEY_MAX)
        return err_set(e, -EBADMSG, "'%s' has a tag with a name of %zu bytes", key, key_len);
    ssize_t n = fgetxattr(fd, xattr, ret->value, sizeof ret->value - 1);
    if (n < 0 && errno == ENODATA)
        return 0;
    if (n < 0 && errno == ERANGE)
        return err_set(e, -EBADMSG, "the tag %s of '%s' is longer than %d bytes", tag_key, key,
                       STORE_TAG_VALUE_MAX);
    if (n < 0)
        return tags_error(root, -errno, "read the tags of", key, e);
    ret->value[n] = '\0';
    if (strlen(ret->value) != (size_t)n)
        return err_set(e, -EBADMSG, "the tag %s of '%s' holds a NUL byte", tag_key, key);
    memcpy(ret->key, tag_key, key_len + 1);
    return 1;
}

static int read_all(const struct dir_root *root, int fd, const char *key, struct store_tags *ret,
                    struct err *e)
{
    AUTO(free) char *names = xcalloc(1, LIST_MAX);
    ssize_t n = flistxattr(fd, names, LIST_MAX);
    if (n < 0)
        return tags_error(root, -errno, "read the tags of", key, e);
    ret->n = 0;
    for (const char *p = names; p < names + n; p += strlen(p) + 1) {
        if (strncmp(p, XATTR_SPACE TAG_START, strlen(XATTR_SPACE TAG_START)) != 0)
            continue;
        if (ret->n == STORE_TAGS_MAX)
            return err_set(e, -EBADMSG, "'%s' has more than %d tags", key, STORE_TAGS_MAX);
        int r = read_one(root, fd, key, p, &ret->tag[ret->n], e);
        if (r < 0)
            return r;
        ret->n += (size_t)r;
    }
    return 0;
}

int dir_tags_get(const struct dir_root *root, const char *key, struct store_tags *ret,
                 struct err *e)
{
    struct stat st;
    struct store_tags tags;
    AUTO(fd) int fd = dir_path_object_read(root, key, &st, e);
    if (fd < 0)
        return fd;
    int r = read_all(root, fd, key, &tags, e);
    if (r == 0)
        *ret = tags;
    return r;
}

void dir_tags_meta(int fd, struct store_meta *ret)
{
    AUTO(free) char *names = xcalloc(1, LIST_MAX);
    const size_t skip = strlen(XATTR_SPACE);
    ssize_t n = flistxattr(fd, names, LIST_MAX);
    ret->n = 0;
    for (const char *p = names; p < names + n; p += strlen(p) + 1) {
        char value[STORE_META_VALUE_MAX];
        if (strncmp(p, XATTR_SPACE, skip) != 0 ||
            strncmp(p + skip, TAG_START, strlen(TAG_START)) == 0)
            continue;
        ssize_t len = fgetxattr(fd, p, value, sizeof value);
        if (len >= 0)
            store_meta_add(ret, p + skip, strlen(p + skip), value, (size_t)len);
    }
}

static const struct store_tag *find(const struct store_tags *tags, const char *key)
{
    for (size_t i = 0; i < tags->n; i++)
        if (strcmp(tags->tag[i].key, key) == 0)
            return &tags->tag[i];
    return NULL;
}

static int check(const struct store_tags *tags, const char *key, struct err *e)
{
    if (tags->n > STORE_TAGS_MAX)
        return err_set(e, -EINVAL, "%zu tags for '%s', more than %d", tags->n, key, STORE_TAGS_MAX);
    for (size_t i = 0; i < tags->n; i++) {
        const struct store_tag *t = &tags->tag[i];
        if (strncmp(t->key, TAG_START, strlen(TAG_START)) != 0)
            return err_set(
                e, -EINVAL,
                "a directory lake keeps only tags that start with " TAG_START ", not '%s'", t->key);
        if (find(tags, t->key) != t)
            return err_set(e, -EINVAL, "the tag '%s' of '%s' is given twice", t->key, key);
    }
    return 0;
}

int dir_tags_put(const struct dir_root *root, const char *key, const struct store_tags *tags,
                 struct err *e)
{
    struct stat st;
    struct store_tags old;
    bool changed = false;
    int r = check(tags, key, e);
    if (r < 0)
        return r;
    AUTO(fd) int fd = dir_path_object_read(root, key, &st, e);
    if (fd < 0)
        return fd;
    r = read_all(root, fd, key, &old, e);
    if (r < 0)
        return r;
    for (size_t i = 0; i < tags->n; i++) {
        const struct store_tag *t = &tags->tag[i], *was = find(&old, t->key);
        if (was && strcmp(was->value, t->value) == 0)
            continue;
        changed = true;
        if (fsetxattr(fd, name_of(t->key).s, t->value, strlen(t->value), 0) < 0)
            return tags_error(root, -errno, "tag", key, e);
    }
    for (size_t i = 0; i < old.n; i++) {
        if (find(tags, old.tag[i].key))
            continue;
        changed = true;
        if (fremovexattr(fd, name_of(old.tag[i].key).s) < 0 && errno != ENODATA)
            return tags_error(root, -errno, "tag", key, e);
    }
    if (changed && fsync(fd) < 0)
        return tags_error(root, -errno, "tag", key, e);
    return 0;
}
