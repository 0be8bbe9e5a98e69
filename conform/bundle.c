/* conform/bundle.c - the file of an edit, out of the zip or the folder that it may come in. */
/* SPDX-License-Identifier: MIT */
#include "conform/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <zip.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/edit_format.h"

#define TIMELINE "content.otio"
#define VERSION "version.txt"
#define VERSION_MAX 64     /* bytes of version.txt */
#define RATIO_FROM 1048576 /* bytes unpacked from which the ratio counts */
#define PIECE 65536
#define HEADER_MAX 262144 /* of an entry: two 16-bit lengths and a little */

DEFINE_AUTO(zip, zip_t *, zip_discard);
DEFINE_AUTO(zip_member, zip_file_t *, zip_fclose);

/* A zip in memory or in a file. libzip keeps some hundred bytes for every entry and looks each up
 * by its name, so what it may read is bounded until the list is made. */
struct archive {
    const char *data; /* or NULL: in `fd` */
    int fd;
    uint64_t size, at;
    uint64_t allowance; /* bytes that may still be read */
    bool over;
    zip_error_t error;
};

static zip_int64_t fail(struct archive *a, int why)
{
    zip_error_set(&a->error, why, why == ZIP_ER_READ ? errno : 0);
    return -1;
}

static zip_int64_t archive_read(struct archive *a, void *data, uint64_t n)
{
    uint64_t left = a->at < a->size ? a->size - a->at : 0;
    n = n < left ? n : left;
    if (n > a->allowance) {
        a->over = true;
        return fail(a, ZIP_ER_MEMORY);
    }
    ssize_t got = (ssize_t)n;
    if (a->data)
        memcpy(data, a->data + a->at, n);
    else
        do
            got = pread(a->fd, data, n, (off_t)a->at);
        while (got < 0 && errno == EINTR);
    if (got < 0)
        return fail(a, ZIP_ER_READ);
    a->at += (uint64_t)got;
    a->allowance -= (uint64_t)got;
    return got;
}

static zip_int64_t archive_seek(struct archive *a, void *data, uint64_t n)
{
    zip_int64_t to = zip_source_seek_compute_offset(a->at, a->size, data, n, &a->error);
    if (to < 0)
        return -1;
    a->at = (uint64_t)to;
    return 0;
}

/* What libzip asks of a source: see zip_source_function(3). */
static zip_int64_t archive_answer(void *arg, void *data, zip_uint64_t n, zip_source_cmd_t command)
{
    struct archive *a = arg;
    switch (command) {
    case ZIP_SOURCE_OPEN:
        a->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return archive_read(a, data, n);
    case ZIP_SOURCE_SEEK:
        return archive_seek(a, data, n);
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)a->at;
    case ZIP_SOURCE_STAT:
        zip_stat_init(data);
        ((zip_stat_t *)data)->size = a->size;
        ((zip_stat_t *)data)->valid = ZIP_STAT_SIZE;
        return sizeof(zip_stat_t);
    case ZIP_SOURCE_ERROR:
        return zip_error_to_data(&a->error, data, n);
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        return fail(a, ZIP_ER_OPNOTSUPP);
    }
}

static int refuse_zip(const struct archive *a, zip_error_t *error, const char *what, struct err *e)
{
    if (a->over)
        return err_set(e, -EFBIG, "the list of files in the bundle has more than %u bytes",
                       BUNDLE_DIRECTORY_MAX);
    return err_set(e, -EBADMSG, "%s: %s", what, zip_error_strerror(error));
}

static int open_zip(struct archive *a, zip_t **ret, struct err *e)
{
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_function_create(archive_answer, a, &error);
    if (source)
        *ret = zip_open_from_source(source, ZIP_RDONLY, &error);
    int r = *ret ? 0 : refuse_zip(a, &error, "the bundle is no zip that can be read", e);
    if (!*ret)
        zip_source_free(source); /* zip_open_from_source() took it only if it succeeded */
    zip_error_fini(&error);
    if (r == 0 && zip_get_num_entries(*ret, 0) > BUNDLE_ENTRIES_MAX)
        r = err_set(e, -EFBIG, "the bundle has %" PRId64 " files, more than %d",
                    (int64_t)zip_get_num_entries(*ret, 0), BUNDLE_ENTRIES_MAX);
    return r;
}

static const char *base_name(const char *path)
{
    const char *name = path;
    for (; *path; path++)
        if (*path == '/' || *path == '\\')
            name = path + 1;
    return name;
}

/* The entry `wanted` at the top of the bundle, -1 where there is none. Readers differ in which of
 * two they take, in case, and in what "../" or "\" before a name is: then there must be one only,
 * so that nobody sees another timeline than was conformed. */
static int find_entry(zip_t *z, const char *wanted, int64_t *ret, struct err *e)
{
    *ret = -1;
    int64_t n = zip_get_num_entries(z, 0);
    for (int64_t i = 0; i < n; i++) {
        const char *name = zip_get_name(z, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (!name || strcasecmp(base_name(name), wanted) != 0)
            continue;
        if (strcmp(name, wanted) != 0)
            return err_set(e, -EBADMSG, "the bundle has '%.200s' where only '%s' may be", name,
                           wanted);
        if (*ret >= 0)
            return err_set(e, -EBADMSG, "the bundle has two files '%s'", wanted);
        *ret = i;
    }
    return 0;
}

static int check_entry(const zip_stat_t *st, uint64_t max, const char *name, struct err *e)
{
    const uint64_t all =
        ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD | ZIP_STAT_ENCRYPTION_METHOD;
    if ((st->valid & all) != all)
        return err_set(e, -EBADMSG, "the bundle does not say how '%s' is stored", name);
    if (st->encryption_method != ZIP_EM_NONE)
        return err_set(e, -EBADMSG, "'%s' in the bundle is encrypted", name);
    if (st->comp_method != ZIP_CM_STORE && st->comp_method != ZIP_CM_DEFLATE)
        return err_set(e, -EBADMSG,
                       "'%s' in the bundle is packed by method %u; only stored and "
                       "deflated files are read",
                       name, st->comp_method);
    if (st->size > max)
        return err_set(e, -EFBIG, "'%s' in the bundle has %" PRIu64 " bytes, more than %" PRIu64,
                       name, st->size, max);
    if (st->size > RATIO_FROM && st->size / BUNDLE_RATIO_MAX > st->comp_size)
        return err_set(e, -EFBIG, "'%s' in the bundle unpacks to more than %d times its size", name,
                       BUNDLE_RATIO_MAX);
    return 0;
}

/* Appends the bytes of an entry, at most `max`. */
static int read_entry(struct archive *a, zip_t *z, int64_t entry, const char *name, uint64_t max,
                      struct buf *ret, struct err *e)
{
    zip_stat_t st;
    zip_stat_init(&st);
    if (zip_stat_index(z, (zip_uint64_t)entry, 0, &st) < 0)
        return refuse_zip(a, zip_get_error(z), name, e);
    int r = check_entry(&st, max, name, e);
    if (r < 0)
        return r;
    a->allowance = st.comp_size + HEADER_MAX;
    AUTO(zip_member) zip_file_t *f = zip_fopen_index(z, (zip_uint64_t)entry, 0);
    if (!f)
        return refuse_zip(a, zip_get_error(z), name, e);
    for (uint64_t done = 0;;) {
        zip_int64_t n = zip_fread(f, buf_room(ret, PIECE), PIECE);
        if (n < 0)
            return refuse_zip(a, zip_file_get_error(f), name, e);
        buf_added(ret, (size_t)n);
        done += (uint64_t)n;
        if (n == 0 && done == st.size)
            return 0;
        if (n == 0 || done > st.size)
            return err_set(e, -EBADMSG,
                           "'%s' in the bundle has not the %" PRIu64 " bytes that "
                           "the bundle says",
                           name, st.size);
    }
}

/* "1.0.0"; the major number is what counts. */
static int check_version(const struct buf *text, struct err *e)
{
    const char *s = buf_str(text);
    s += strspn(s, " \t\r\n");
    if (strncmp(s, "1.", 2) == 0 || (*s == '1' && s[1 + strspn(s + 1, " \t\r\n")] == '\0'))
        return 0;
    return err_set(e, -EBADMSG, "the bundle's %s is not of version 1", VERSION);
}

static int read_archive(struct archive *a, struct buf *ret, struct err *e)
{
    AUTO(zip) zip_t *z = NULL;
    AUTO(buf) struct buf text = {0};
    int64_t version = -1, timeline = -1;
    a->allowance = BUNDLE_DIRECTORY_MAX;
    int r = open_zip(a, &z, e);
    if (r == 0)
        r = find_entry(z, VERSION, &version, e);
    if (r == 0)
        r = find_entry(z, TIMELINE, &timeline, e);
    if (r == 0 && timeline < 0)
        r = err_set(e, -EBADMSG, "the zip is no timeline bundle: it has no %s", TIMELINE);
    if (r == 0 && version >= 0) /* OpenTimelineIO writes it, and reads bundles without it */
        r = read_entry(a, z, version, VERSION, VERSION_MAX, &text, e);
    if (r == 0 && version >= 0)
        r = check_version(&text, e);
    return r < 0 ? r : read_entry(a, z, timeline, TIMELINE, CONFORM_FILE_MAX, ret, e);
}

int bundle_read(const void *data, size_t n, struct buf *ret, struct err *e)
{
    struct archive a = {.data = data, .fd = -1, .size = n};
    zip_error_init(&a.error);
    int r = read_archive(&a, ret, e);
    zip_error_fini(&a.error);
    return r;
}

/* Files and folders */

static int read_plain(int fd, const char *path, size_t max, struct buf *ret, struct err *e)
{
    for (size_t start = ret->len;;) {
        ssize_t n = read(fd, buf_room(ret, PIECE), PIECE);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, -errno, "read '%s'", path);
        if (n == 0)
            return 0;
        buf_added(ret, (size_t)n);
        if (ret->len - start > max)
            return err_set(e, -EFBIG, "'%s' has more than %zu bytes", path, max);
    }
}

/* `base` with its suffix replaced; a name without a suffix gets one. */
static char *with_suffix(const char *base, const char *suffix)
{
    const char *dot = strrchr(base, '.');
    return xasprintf("%.*s%s", (int)(dot && dot != base ? (size_t)(dot - base) : strlen(base)),
                     base, suffix);
}

static int read_member(int folder, const char *path, const char *name, size_t max, struct buf *ret,
                       struct err *e)
{
    struct stat st;
    AUTO(free) char *full = xasprintf("%s/%s", path, name);
    /* whoever made the folder must not have a file read that only this program may read */
    AUTO(fd) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);
    if (fd < 0 && errno == ELOOP)
        return err_set(e, -EINVAL, "'%s' is a symbolic link, which a bundle may not have", full);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, -errno, "open '%s'", full);
    if (!S_ISREG(st.st_mode))
        return err_set(e, -EINVAL, "'%s' is no plain file", full);
    return read_plain(fd, full, max, ret, e);
}

static int load_folder(int fd, const char *path, const char *base, struct buf *ret, char **ret_name,
                       struct err *e)
{
    AUTO(buf) struct buf version = {0};
    bool otio = faccessat(fd, TIMELINE, F_OK, 0) == 0;
    if (!otio && faccessat(fd, "Info.fcpxml", F_OK, 0) < 0)
        return err_set(e, -EISDIR, "'%s' is a folder without %s or Info.fcpxml", path, TIMELINE);
    int r = 0;
    if (otio && faccessat(fd, VERSION, F_OK, 0) == 0)
        r = read_member(fd, path, VERSION, VERSION_MAX, &version, e);
    if (r == 0 && version.len > 0 && (r = check_version(&version, e)) < 0)
        return err_wrap(e, "'%s'", path);
    if (r == 0)
        r = read_member(fd, path, otio ? TIMELINE : "Info.fcpxml", CONFORM_FILE_MAX, ret, e);
    if (r == 0)
        *ret_name = with_suffix(base, otio ? ".otio" : ".fcpxml");
    return r;
}

static bool is_zip(int fd, const char *path)
{
    char head[64];
    ssize_t n = pread(fd, head, sizeof head, 0);
    return n >= 0 && edit_format_of(head, (size_t)n, path) == EDIT_FORMAT_ZIP;
}

int bundle_load_fd(int fd, const char *path, struct buf *ret, char **ret_name, struct err *e)
{
    struct stat st;
    AUTO(free) char *trimmed = xstrdup(path);
    for (size_t n = strlen(trimmed); n > 1 && trimmed[n - 1] == '/';)
        trimmed[--n] = '\0';
    const char *slash = strrchr(trimmed, '/'), *base = slash ? slash + 1 : trimmed;
    if (fstat(fd, &st) < 0)
        return err_errno(e, -errno, "look at '%s'", path);
    if (S_ISDIR(st.st_mode))
        return load_folder(fd, trimmed, base, ret, ret_name, e);
    int r;
    if (S_ISREG(st.st_mode) && is_zip(fd, path)) {
        struct archive a = {.fd = fd, .size = (uint64_t)st.st_size};
        zip_error_init(&a.error);
        r = read_archive(&a, ret, e);
        zip_error_fini(&a.error);
        if (r < 0)
            return err_wrap(e, "'%s'", path);
        *ret_name = with_suffix(base, ".otio");
        return 0;
    }
    r = read_plain(fd, path, CONFORM_FILE_MAX, ret, e);
    if (r == 0)
        *ret_name = xstrdup(base);
    return r;
}

int bundle_load(const char *path, struct buf *ret, char **ret_name, struct err *e)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, -errno, "open '%s'", path);
    return bundle_load_fd(fd, path, ret, ret_name, e);
}
