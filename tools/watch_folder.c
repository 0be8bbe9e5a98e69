/* tools/watch_folder.c - cuts dropped into a local folder. */
/* SPDX-License-Identifier: MIT */
#include "tools/watch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/log.h"
#include "conform/bundle.h"
#include "policy/hash.h"

#define FOLDER_DEPTH_MAX 8
#define FOLDER_ENTRIES_MAX 100000

struct folder {
    struct watch_place pub; /* first */
    char *path;
    int dir;     /* as of the last look */
    int inotify; /* -1: this system has none to give, looks alone must do */
};

static struct folder *of(struct watch_place *p)
{
    return (struct folder *)p;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* Anew for every look: a file system may be mounted there, or the folder made again. */
static int reopen(struct folder *f, struct err *e)
{
    int fd = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, -errno, "open the folder '%s'", f->path);
    if (f->dir >= 0)
        close(f->dir);
    f->dir = fd;
    /* Looks find everything in the end, and alone where the files come over a network. */
    if (f->inotify >= 0 &&
        inotify_add_watch(f->inotify, f->path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_ONLYDIR) < 0)
        log_debug("watch", "no notice of changes in '%s'", f->path);
    return 0;
}

struct walk {
    struct settle_look *look;
    int entries;
};

/* Adds up what is in a bundle: while anything in it is written, the sums change. Takes `fd`. */
static void add_folder(struct walk *w, int fd, int depth)
{
    AUTO(dir) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir && fd >= 0)
        close(fd);
    if (!dir)
        return;
    for (const struct dirent *d; w->entries < FOLDER_ENTRIES_MAX && (d = readdir(dir));) {
        struct stat st;
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 ||
            fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        int64_t mtime_ns = (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec;
        w->entries++;
        w->look->size += S_ISREG(st.st_mode) ? (uint64_t)st.st_size : 0;
        w->look->id += (uint64_t)st.st_ino;
        if (mtime_ns > w->look->mtime_ns)
            w->look->mtime_ns = mtime_ns;
        if (S_ISDIR(st.st_mode) && depth < FOLDER_DEPTH_MAX)
            add_folder(w, openat(dirfd(dir), d->d_name,
                                 O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), depth + 1);
    }
}

static void look_of(const struct stat *st, struct settle_look *ret)
{
    *ret = (struct settle_look){
        .size = (uint64_t)st->st_size,
        .id = (uint64_t)st->st_ino,
        .mtime_ns = (int64_t)st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec,
    };
}

/* 1: a cut, with its look; 0: something else, or gone. */
static int look_at(int dir, const char *name, struct settle_look *ret)
{
    struct stat st;
    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    look_of(&st, ret);
    if (S_ISREG(st.st_mode))
        return settle_is_cut(name, /* is_dir= */ false);
    if (!S_ISDIR(st.st_mode) || !settle_is_cut(name, /* is_dir= */ true))
        return 0;
    struct walk w = {.look = ret};
    ret->size = 0; /* a directory's own says nothing: without a file in it, it is empty */
    add_folder(&w, openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC), 0);
    return 1;
}

static int folder_look(struct watch_place *p, struct err *e)
{
    struct folder *f = of(p);
    int r = reopen(f, e);
    if (r < 0)
        return r;
    int fd = openat(f->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    AUTO(dir) DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        r = err_errno(e, -errno, "list the folder '%s'", f->path);
        if (fd >= 0)
            close(fd);
        return r;
    }
    settle_begin(p->settle);
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        struct settle_look look;
        if (!d && errno != 0)
            return err_errno(e, -errno, "list the folder '%s'", f->path);
        if (!d)
            return 0;
        if (!settle_is_cut(d->d_name, false) && !settle_is_cut(d->d_name, true))
            continue; /* most of what lies there: not even looked at */
        if (look_at(f->dir, d->d_name, &look))
            settle_see(p->settle, d->d_name, &look);
    }
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Does a program of this host still have it open to write? A read lease is refused then. Where
 * there are no leases, or none for us, that it was quiet has to do. */
static bool is_being_written(int fd)
{
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN;
    fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

/* Is it what was dropped, and not this machine, that cannot be read? */
static bool is_cuts_fault(int r)
{
    return r == -EBADMSG || r == -EFBIG || r == -EINVAL || r == -EISDIR;
}

static int read_cut(const struct folder *f, const char *name, struct dropped *ret, struct err *e)
{
    AUTO(fd) int fd = openat(f->dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0)
        return errno == ENOENT ? -ENOENT : err_errno(e, -errno, "open '%s'", name);
    if (S_ISREG(st.st_mode) && is_being_written(fd))
        return -EAGAIN;
    int r = bundle_load_fd(fd, name, &ret->data, &ret->file, e);
    if (r == 0 || !is_cuts_fault(r))
        return r;
    buf_done(&ret->data);
    ret->refused = xstrdup(e->text);
    return 0;
}

static bool same_look(const struct settle_look *a, const struct settle_look *b)
{
    return a->size == b->size && a->id == b->id && a->mtime_ns == b->mtime_ns;
}

static int folder_is_there(struct watch_place *p, const struct dropped *cut, struct err *e)
{
    struct settle_look now;
    (void)e;
    return look_at(of(p)->dir, cut->name, &now) && same_look(&now, &cut->look);
}

static int folder_fetch(struct watch_place *p, const char *name, const struct settle_look *look,
                        struct dropped *ret, struct err *e)
{
    AUTO(dropped) struct dropped cut = {.name = xstrdup(name), .look = *look};
    int r = read_cut(of(p), name, &cut, e);
    if (r < 0)
        return r;
    /* after the last byte was read: what was written before that shows */
    if (!folder_is_there(p, &cut, e))
        return -EAGAIN;
    *ret = cut;
    cut = (struct dropped){0};
    return 0;
}

/* ---- the end of a cut ------------------------------------------------------------------------ */

static int folder_can_finish(struct watch_place *p, struct err *e)
{
    static const char *const names[] = {".", "done", "failed"};
    static const char *const shown[] = {"", "/done", "/failed"};
    struct folder *f = of(p);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct stat st;
        if (i > 0 && mkdirat(f->dir, names[i], 0777) < 0 && errno != EEXIST)
            return err_errno(e, -errno, "make '%s%s'", f->path, shown[i]);
        if (fstatat(f->dir, names[i], &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_errno(e, -errno, "look at '%s%s'", f->path, shown[i]);
        if (!S_ISDIR(st.st_mode))
            return err_set(e, -ENOTDIR, "'%s%s' is not a directory", f->path, shown[i]);
        if (faccessat(f->dir, names[i], W_OK | X_OK, AT_EACCESS) < 0)
            return err_errno(e, -errno, "cannot write to '%s%s'", f->path, shown[i]);
    }
    return 0;
}

static int write_all(int fd, const char *data, size_t n)
{
    while (n > 0) {
        ssize_t w = write(fd, data, n);
        if (w < 0 && errno == EINTR)
            continue;
        if (w < 0)
            return -errno;
        data += w;
        n -= (size_t)w;
    }
    return fsync(fd) < 0 ? -errno : 0;
}

static int folder_report(struct watch_place *p, const char *name, const struct buf *text,
                         struct err *e)
{
    struct folder *f = of(p);
    AUTO(buf) struct buf to = {0};
    uint8_t random[8];
    char hex[17], tmp[40];
    hash_random(random, sizeof random);
    hex_encode(random, sizeof random, hex);
    snprintf(tmp, sizeof tmp, ".report.%s.tmp", hex);
    watch_report_name(name, &to);
    AUTO(fd) int fd = openat(f->dir, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(e, -errno, "write a report into '%s'", f->path);
    int r = write_all(fd, buf_str(text), text->len);
    if (r == 0 && renameat(f->dir, tmp, f->dir, buf_str(&to)) < 0)
        r = -errno;
    if (r < 0)
        unlinkat(f->dir, tmp, 0);
    return r < 0 ? err_errno(e, r, "write '%s/%s'", f->path, buf_str(&to)) : 0;
}

/* Renames without replacing, also where the file system (NFS) knows no such rename. */
static int rename_new(int from, const char *a, int to, const char *b)
{
    struct stat st;
    if (renameat2(from, a, to, b, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return -errno;
    if (fstatat(from, a, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (S_ISDIR(st.st_mode)) /* replaces an empty directory at most */
        return renameat(from, a, to, b) == 0 ? 0 : errno == ENOTEMPTY ? -EEXIST : -errno;
    if (linkat(from, a, to, b, 0) < 0)
        return -errno;
    return unlinkat(from, a, 0) == 0 || errno == ENOENT ? 0 : -errno;
}

static int move_to(struct folder *f, const char *name, int to, const char *folder, char **ret,
                   struct err *e)
{
    for (int turn = 0; turn < WATCH_TURNS; turn++) {
        AUTO(buf) struct buf moved = {0};
        watch_moved_name(name, turn, &moved);
        int r = rename_new(f->dir, name, to, buf_str(&moved));
        if (r == 0) {
            *ret = buf_take(&moved);
            return 0;
        }
        if (r == -ENOENT) /* another watcher was faster */
            return 0;
        if (r != -EEXIST && r != -ENOTEMPTY)
            return err_errno(e, r, "move '%s' to '%s/%s'", name, f->path, folder);
    }
    return err_set(e, -EEXIST, "'%s/%s' is full of files of the name '%s'", f->path, folder, name);
}

static int folder_finish(struct watch_place *p, const struct dropped *cut, const char *folder,
                         char **ret, struct err *e)
{
    struct folder *f = of(p);
    AUTO(free) char *moved = NULL;
    struct settle_look now;
    int r = folder_can_finish(p, e);
    if (r < 0)
        return r;
    if (!look_at(f->dir, cut->name, &now))
        return 0;
    if (!same_look(&now, &cut->look))
        return -EAGAIN;
    AUTO(fd) int to = openat(f->dir, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (to < 0)
        return err_errno(e, -errno, "open '%s/%s'", f->path, folder);
    r = move_to(f, cut->name, to, folder, &moved, e);
    if (r < 0 || !moved)
        return r;
    /* What was moved is what was conformed, unless somebody dropped a new cut of that name in just
     * this moment: that goes back to where it was dropped. */
    if ((!look_at(to, moved, &now) || !same_look(&now, &cut->look)) &&
        rename_new(to, moved, f->dir, cut->name) == 0)
        return -EAGAIN;
    *ret = TAKE(moved);
    return 0;
}

/* ---- notice ---------------------------------------------------------------------------------- */

static int folder_wake_fd(struct watch_place *p)
{
    return of(p)->inotify;
}

static bool folder_woken(struct watch_place *p)
{
    struct folder *f = of(p);
    char data[16384] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool worth = false;
    for (ssize_t n; (n = read(f->inotify, data, sizeof data)) > 0;) {
        const struct inotify_event *ev;
        for (const char *at = data; at < data + n; at += sizeof *ev + ev->len) {
            ev = (const struct inotify_event *)(const void *)at;
            bool is_dir = ev->mask & IN_ISDIR;
            if (ev->mask & IN_Q_OVERFLOW)
                worth = true;
            if (ev->len == 0 || !settle_is_cut(ev->name, is_dir))
                continue;
            worth = true;
            if (ev->mask & IN_MOVED_TO)
                settle_renamed(p->settle, ev->name);
        }
    }
    return worth;
}

static void folder_close(struct watch_place *p)
{
    struct folder *f = of(p);
    if (f->dir >= 0)
        close(f->dir);
    if (f->inotify >= 0)
        close(f->inotify);
    free(f->path);
    free(f);
}

int watch_folder_open(const char *path, int64_t quiet_ms, struct watch_place **ret, struct err *e)
{
    static const struct watch_place_ops ops = {
        .look = folder_look,
        .fetch = folder_fetch,
        .is_there = folder_is_there,
        .can_finish = folder_can_finish,
        .report = folder_report,
        .finish = folder_finish,
        .wake_fd = folder_wake_fd,
        .woken = folder_woken,
        .close = folder_close,
    };
    struct folder *f = xcalloc(1, sizeof *f);
    f->pub = (struct watch_place){.ops = &ops, .kind = "folder", .where = xstrdup(path),
                                  .settle = settle_new(quiet_ms)};
    f->path = xstrdup(path);
    f->dir = -1;
    f->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (f->inotify < 0)
        log_warn("watch", "no notice of changes (%s): '%s' is looked at from time to time",
                 strerror(errno), path);
    int r = reopen(f, e);
    if (r == 0)
        r = folder_can_finish(&f->pub, e);
    if (r < 0) {
        watch_place_close(&f->pub);
        return r;
    }
    *ret = &f->pub;
    return 0;
}
