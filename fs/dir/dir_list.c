/* fs/dir/dir_list.c - the objects below a directory in the bytewise order of their keys.
 *
 * The order of keys is not the order of names: "a.b" < "a/b" < "a0", as '/' lies between '.' and
 * '0'. A directory is therefore kept and compared as "name/", which is how its keys go on. Then the
 * entries of a directory, sorted, and each directory replaced by what is below it, are the keys in
 * order: no name is a prefix of another entry's in a way that the next byte does not decide.
 *
 * The walk holds the names of the directories from the root to where it is, but only one
 * descriptor: a tree of 512 levels (1,024 bytes of "a/") must not need 512 of them. When it comes
 * back to a directory that still has objects, it opens that again by its path. */
/* SPDX-License-Identifier: MIT */
#include "fs/dir/dir_list.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/dir/dir_path.h"

#define DEPTH_MAX (STORE_KEY_MAX / 2 + 1)

struct level {
    struct buf names;    /* NUL-terminated, one after the other; a directory's ends in '/' */
    const char **sorted; /* into names */
    size_t n, i;
    size_t path_len; /* bytes of walk.path that are this directory, with its '/' */
};

struct walk {
    const struct dir_root *root;
    const char *after;
    store_list_fn *fn;
    void *arg;
    char path[STORE_KEY_MAX + 1]; /* the directory or object in hand */
    struct level *levels;
    size_t depth;
    DIR *dir; /* that of the innermost level, or NULL */
};

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Whether the entry, or anything below it, is greater than `after`. */
static bool wanted(const struct walk *w, const char *entry)
{
    size_t n = strlen(entry);
    bool is_dir = entry[n - 1] == '/';
    return strcmp(entry, w->after) > 0 || (is_dir && strncmp(entry, w->after, n) == 0);
}

/* 1 object, 2 directory, 0 neither or gone, negative errno. */
static int kind_of(DIR *dir, const struct dirent *d)
{
    if (d->d_type == DT_REG)
        return 1;
    if (d->d_type == DT_DIR)
        return 2;
    if (d->d_type != DT_UNKNOWN)
        return 0;
    struct stat st;
    if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : -errno;
    return S_ISREG(st.st_mode) ? 1 : S_ISDIR(st.st_mode) ? 2 : 0;
}

/* Opens the directory w->path. 1; 0 where it is gone or no directory any more. */
static int open_dir(struct walk *w, struct err *e)
{
    int fd = dir_path_open(w->root, w->path, O_RDONLY | O_DIRECTORY);
    if (fd == -ENOENT || fd == -ENOTDIR || fd == -ELOOP)
        return 0;
    if (fd < 0)
        return dir_path_error(w->root, fd, "list", w->path, e);
    w->dir = fdopendir(fd);
    if (!w->dir) {
        int r = -errno;
        close(fd);
        return dir_path_error(w->root, r, "list", w->path, e);
    }
    return 1;
}

static void close_dir(struct walk *w)
{
    if (w->dir)
        closedir(w->dir);
    w->dir = NULL;
}

/* Puts an entry of the open directory into the level if it can matter. 0 or a code. */
static int level_add(struct walk *w, struct level *l, const struct dirent *d, const char *base,
                     struct err *e)
{
    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
        !starts_with(d->d_name, base))
        return 0;
    int kind = kind_of(w->dir, d);
    if (kind < 0)
        return dir_path_error(w->root, kind, "list", w->path, e);
    if (kind == 0)
        return 0;
    size_t name_len = strlen(d->d_name), dir = kind == 2;
    if (l->path_len + name_len + dir > STORE_KEY_MAX) {
        log_debug("dir", "skipped a path of more than %d bytes below '%s'", STORE_KEY_MAX, w->path);
        return 0;
    }
    char entry[STORE_KEY_MAX + 1];
    memcpy(entry, w->path, l->path_len);
    memcpy(entry + l->path_len, d->d_name, name_len);
    memcpy(entry + l->path_len + name_len, "/", dir);
    entry[l->path_len + name_len + dir] = '\0';
    if (!wanted(w, entry) || (dir && dir_path_is_foreign(entry)))
        return 0;
    buf_add(&l->names, entry + l->path_len, name_len + dir + 1);
    l->n++;
    return 0;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Enters the directory w->path, keeping the entries whose names start with `base`. */
static int level_push(struct walk *w, const char *base, struct err *e)
{
    if (w->depth == DEPTH_MAX)
        return err_set(e, -EIO, "the tree below '%s' is deeper than a key can be", w->root->path);
    close_dir(w);
    int r = open_dir(w, e);
    if (r <= 0)
        return r;
    struct level *l = &w->levels[w->depth++];
    *l = (struct level){.path_len = strlen(w->path)};
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(w->dir);
        if (!d && errno == ENOENT) /* removed while it was read */
            break;
        if (!d && errno != 0)
            return dir_path_error(w->root, -errno, "list", w->path, e);
        if (!d)
            break;
        r = level_add(w, l, d, base, e);
        if (r < 0)
            return r;
    }
    l->sorted = xcalloc(l->n, sizeof *l->sorted);
    const char *p = buf_str(&l->names);
    for (size_t i = 0; i < l->n; i++, p += strlen(p) + 1)
        l->sorted[i] = p;
    qsort(l->sorted, l->n, sizeof *l->sorted, by_bytes);
    return 0;
}

static void level_pop(struct walk *w)
{
    struct level *l = &w->levels[--w->depth];
    buf_done(&l->names);
    free(l->sorted);
    close_dir(w);
}

/* Gives the object w->path, whose name in its directory is `name`, to the caller. */
static int emit(struct walk *w, const struct level *l, const char *name, struct err *e)
{
    struct stat st;
    if (!w->dir) {
        char first = w->path[l->path_len];
        w->path[l->path_len] = '\0';
        int r = open_dir(w, e);
        w->path[l->path_len] = first;
        if (r <= 0)
            return r;
    }
    if (fstatat(dirfd(w->dir), name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : dir_path_error(w->root, -errno, "look at", w->path, e);
    if (!S_ISREG(st.st_mode))
        return 0;
    struct store_stat state;
    dir_path_stat(&st, &state);
    int r = w->fn(w->arg, w->path, &state, e);
    return r < 0 ? r : 0;
}

static int walk_all(struct walk *w, struct err *e)
{
    int r = 0;
    while (r == 0 && w->depth > 0) {
        struct level *l = &w->levels[w->depth - 1];
        if (l->i == l->n) {
            level_pop(w);
            continue;
        }
        const char *name = l->sorted[l->i++];
        if (l->i > 1 && strcmp(name, l->sorted[l->i - 2]) == 0)
            continue; /* removed and made again while the directory was read */
        size_t n = strlen(name);
        memcpy(w->path + l->path_len, name, n + 1);
        if (name[n - 1] == '/')
            r = level_push(w, /* base= */ "", e);
        else
            r = emit(w, l, name, e);
    }
    return r;
}

/* The part of a prefix up to its last '/', if that can be a directory. */
static bool start_at(const char *prefix, char path[STORE_KEY_MAX + 1], const char **ret_base)
{
    const char *slash = strrchr(prefix, '/');
    size_t n = slash ? (size_t)(slash - prefix) + 1 : 0;
    if (n > STORE_KEY_MAX)
        return false;
    memcpy(path, prefix, n);
    path[n] = '\0';
    *ret_base = prefix + n;
    if (n == 0)
        return true;
    path[n - 1] = '\0';
    bool ok = dir_path_is_key(path);
    path[n - 1] = '/';
    return ok && !dir_path_is_foreign(path);
}

int dir_list(const struct dir_root *root, const char *prefix, const char *after, store_list_fn *fn,
             void *arg, struct err *e)
{
    struct walk w = {.root = root, .after = after ? after : "", .fn = fn, .arg = arg};
    const char *base = "";
    int r = dir_path_root_check(root, e);
    if (r < 0)
        return r;
    /* Keys below the prefix's directory may all lie before `after`: then it is not even opened. */
    if (start_at(prefix ? prefix : "", w.path, &base) &&
        (w.path[0] == '\0' || wanted(&w, w.path))) {
        w.levels = xcalloc(DEPTH_MAX, sizeof *w.levels);
        r = level_push(&w, base, e);
        if (r == 0)
            r = walk_all(&w, e);
        while (w.depth > 0)
            level_pop(&w);
        close_dir(&w);
        free(w.levels);
    }
    /* A lake that went away under the walk looks like one whose objects were all deleted. */
    return r < 0 ? r : dir_path_root_check(root, e);
}
