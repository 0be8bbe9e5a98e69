/* tools/cmd_edit_files.c - edit manifest and shots: what a conform has left in the lake. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/location.h"
#include "conform/otio_read.h"
#include "conform/shots.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/index.h"
#include "tools/cli.h"

enum edit_file { EDIT_FILE_MANIFEST, EDIT_FILE_STUDIO, EDIT_FILE_SHOTS };

/* The key of one of an edit's files; free(). */
static int key_of(struct lake *lk, const char *id, enum edit_file which, char **ret, struct err *e)
{
    AUTO(edit) struct edit ed = {0};
    struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r == 0)
        r = index_edit(rd, id, &ed, e);
    if (r == 0) {
        const char *const keys[] = {ed.manifest, ed.studio, ed.shots};
        *ret = xstrdup(keys[which]);
    }
    index_read_end(rd);
    if (r == 0 && !**ret)
        return err_set(e, -ENODATA, "edit %s was conformed by a shotlake that did not write this "
                       "file yet; conform it again", id);
    return r;
}

/* One of an edit's files: 0, or the exit status. */
static int fetch(struct cli *c, struct lake **lk, const char *id, enum edit_file which,
                 struct buf *ret)
{
    AUTO(free) char *key = NULL;
    struct err e;
    int r = cli_lake_synced(c, lk, &e);
    if (r < 0)
        return cli_fail(&e);
    r = key_of(*lk, id, which, &key, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r == 0 && (r = store_get((*lk)->store, key, 2 * (size_t)CONFORM_FILE_MAX, ret, NULL, &e)) < 0)
        err_wrap(&e, "read '%s'", key);
    return r < 0 ? cli_fail(&e) : 0;
}

/* The same timeline with its media at other addresses. */
static int move(struct lake *lk, const struct location_style *style, struct buf *text,
                struct err *e)
{
    AUTO(otio_doc) struct otio_doc *doc = NULL;
    int r = otio_read(buf_str(text), text->len, &doc, e);
    for (size_t i = 0; r == 0 && i < doc->n_refs; i++) {
        json_t *moved = location_moved(doc->refs[i].object, lk->store, style);
        if (moved && !otio_replace(&doc->refs[i], moved))
            r = err_set(e, -EINVAL, "at '%s': its address cannot be written", doc->refs[i].pointer);
    }
    buf_clear(text);
    return r < 0 ? r : otio_write(doc, text, e);
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

/* Writes a file whole or not at all: an application may be watching for it. */
static int save(const char *path, const struct buf *text, struct err *e)
{
    AUTO(free) char *part = xasprintf("%s.part", path);
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_errno(e, -errno, "write '%s'", part);
    int r = write_all(fd, text);
    if (close(fd) < 0 && r == 0)
        r = -errno;
    if (r == 0 && rename(part, path) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    unlink(part);
    return err_errno(e, r, "write '%s'", path);
}

struct manifest {
    struct location_style style;
    bool is_studio, moves;
    const char *output; /* NULL: stdout */
};

static int print_manifest(struct cli *c, const char *id, const struct manifest *how)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(buf) struct buf text = {0};
    struct err e;
    int r = fetch(c, &lk, id, how->is_studio ? EDIT_FILE_STUDIO : EDIT_FILE_MANIFEST, &text);
    if (r != 0)
        return r;
    if (how->moves && move(lk, &how->style, &text, &e) < 0)
        return cli_fail(&e);
    if (how->output)
        return save(how->output, &text, &e) < 0 ? cli_fail(&e) : CLI_DONE;
    fwrite(buf_str(&text), 1, text.len, stdout);
    return CLI_DONE;
}

int cmd_edit_manifest(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"studio", no_argument, NULL, 's'},
                                            {"urls", required_argument, NULL, 'u'},
                                            {"mount-root", required_argument, NULL, 'm'},
                                            {0}};
    struct manifest how = {0};
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "o:", options, NULL)) != -1;) {
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        if (o == 'u' && location_parse_urls(optarg, &how.style.urls, &e) < 0)
            return cli_usage(c, "%s", e.text);
        if (o == 'm' && location_check_root(optarg, &e) < 0)
            return cli_usage(c, "%s", e.text);
        how.is_studio |= o == 's';
        how.moves |= o == 'u';
        if (o == 'm')
            how.style.root = optarg;
        if (o == 'o')
            how.output = optarg;
    }
    if (argc - optind != 1)
        return cli_usage(c, "edit manifest takes one ID");
    if (location_check_style(&how.style, &e) < 0)
        return cli_usage(c, "%s", e.text);
    return print_manifest(c, argv[optind], &how);
}

int cmd_edit_shots(struct cli *c, int argc, char **argv)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(buf) struct buf text = {0};
    json_t *rows;
    struct err e;
    if (argc != 2)
        return cli_usage(c, "edit shots takes one ID");
    int r = fetch(c, &lk, argv[1], EDIT_FILE_SHOTS, &text);
    if (r != 0)
        return r;
    if (!c->json) {
        fwrite(buf_str(&text), 1, text.len, stdout);
        return CLI_DONE;
    }
    if (shots_read(buf_str(&text), text.len, &rows, &e) < 0)
        return cli_fail(&e);
    cli_print_json(rows);
    return CLI_DONE;
}
