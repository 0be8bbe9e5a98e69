/* tools/cmd_conform.c - conform: a timeline becomes an edit. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/commit.h"
#include "conform/conform.h"
#include "conform/edit_format.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/cli.h"

struct how {
    struct conform_options conform;
    struct edit_format_options format;
};

static int read_edit(const char *path, struct buf *ret, struct err *e)
{
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, -errno, "open '%s'", path);
    for (;;) {
        ssize_t n = read(fd, buf_room(ret, 1 << 20), 1 << 20);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return err_errno(e, -errno, "read '%s'", path);
        if (n == 0)
            return 0;
        buf_added(ret, (size_t)n);
        if (ret->len > CONFORM_FILE_MAX)
            return err_set(e, -EFBIG, "'%s' has more than %u bytes", path, CONFORM_FILE_MAX);
    }
}

/* What conform reads: OpenTimelineIO as it came, or another format turned into it. `*ret` is
 * `data` itself or `scratch`. */
static int as_otio(const char *path, const struct buf *data, const struct edit_format_options *how,
                   struct buf *scratch, const struct buf **ret, struct err *e)
{
    enum edit_format format = edit_format_of(buf_str(data), data->len, path);
    *ret = data;
    if (format == EDIT_FORMAT_UNKNOWN)
        return err_set(e, -EBADMSG, "not an edit that is read here: OpenTimelineIO (.otio), CMX 3600 "
                       "EDL, Final Cut Pro 7 XML or FCPXML");
    if (format == EDIT_FORMAT_OTIO)
        return 0;
    json_auto_t *tree = NULL;
    int r = edit_format_convert(format, buf_str(data), data->len, how, &tree, e);
    if (r < 0)
        return r;
    char *text = json_dumps(tree, JSON_INDENT(4) | JSON_REAL_PRECISION(17));
    if (!text)
        return err_set(e, -EBADMSG, "the %s cannot be written as OpenTimelineIO",
                       edit_format_name(format));
    buf_adds(scratch, text);
    free(text);
    *ret = scratch;
    return 0;
}

static int make_plan(struct lake *lk, const char *path, const struct buf *data,
                     const struct how *how, struct conform_plan **ret, struct err *e)
{
    AUTO(buf) struct buf scratch = {0};
    struct index_read *rd = NULL;
    const struct buf *otio;
    int r = as_otio(path, data, &how->format, &scratch, &otio, e);
    if (r == 0)
        r = index_read_begin(lk->index, &rd, e);
    if (r == 0)
        r = conform_plan(rd, lk->store, buf_str(otio), otio->len, &how->conform, ret, e);
    index_read_end(rd);
    return r < 0 ? err_wrap(e, "'%s'", path) : 0;
}

static int status_of(const struct conform_plan *p)
{
    if (conform_has_ambiguous(p))
        return CLI_AMBIGUOUS;
    return conform_has_missing(p) ? CLI_MISSING : CLI_DONE;
}

static int print_report(struct cli *c, struct lake *lk, const struct conform_plan *plan,
                        const struct commit_result *res, struct err *e)
{
    struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r < 0)
        return r;
    if (c->json) {
        cli_print_json(conform_report_json(plan, rd, res->edit, res->name, res->manifest));
    } else {
        AUTO(buf) struct buf text = {0};
        conform_report_text(plan, rd, &text);
        fputs(buf_str(&text), stdout);
        printf("manifest %s\n%s\n", res->manifest, res->edit);
    }
    index_read_end(rd);
    return 0;
}

static void say_tags(const struct commit_result *res)
{
    if (res->tags_pending)
        fprintf(stderr,
                "shotlake: the edit stands, but its object tags are not complete (%s); the next "
                "scan or conform completes them\n",
                res->tags_why);
    if (res->tags.overflow > 0)
        fprintf(stderr,
                "shotlake: %" PRIu64 " objects are in more edits than their tags can name; the "
                "index has them all\n",
                res->tags.overflow);
}

static int run(struct cli *c, const char *path, const struct how *how,
               struct commit_options *opt, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    AUTO(lake) struct lake *lk = NULL;
    AUTO(conform_plan) struct conform_plan *plan = NULL;
    struct commit_result res = {0};
    uint64_t edits = 0;
    int r;
    if ((r = read_edit(path, &data, e)) < 0 || (r = cli_lake_synced(c, &lk, e)) < 0 ||
        (r = make_plan(lk, path, &data, how, &plan, e)) < 0)
        return cli_fail(e);
    /* what an interrupted conform left; that it cannot be completed now must not stop this one */
    struct err late;
    if (lake_tag_pending(lk, opt->jobs, cli_progress, NULL, &edits, &late) < 0)
        fprintf(stderr, "shotlake: tags of an earlier edit still wait: %s\n", late.text);
    opt->data = buf_str(&data);
    opt->size = data.len;
    if ((r = commit_plan(lk, plan, opt, &res, e)) < 0)
        return cli_fail(e);
    cli_progress_end();
    say_tags(&res);
    r = print_report(c, lk, plan, &res, e);
    commit_result_done(&res);
    return r < 0 ? cli_fail(e) : status_of(plan);
}

/* A whole number within limits. */
static bool read_number(const char *s, int least, int most, int *ret)
{
    char *end;
    errno = 0;
    long v = strtol(s, &end, 10);
    if (end == s || *end || errno != 0 || v < least || v > most)
        return false;
    *ret = (int)v;
    return true;
}

int cmd_conform(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                            {"jobs", required_argument, NULL, 'j'},
                                            {"handles", required_argument, NULL, 'h'},
                                            {"whole", no_argument, NULL, 'w'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {0}};
    struct commit_options opt = {.progress = cli_progress};
    struct how how = {.conform = {.handles = CONFORM_HANDLES}};
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'n') {
            opt.name = optarg;
        } else if (o == 'w') {
            how.conform.whole = true;
        } else if (o == 'r') {
            how.format.rate = edit_format_rate(optarg);
            if (how.format.rate.den == 0)
                return cli_usage(c, "--rate takes frames a second: 24, 23.976, 30000/1001");
        } else if (o == 'j') {
            if (!read_number(optarg, 1, 64, &opt.jobs))
                return cli_usage(c, "--jobs takes a number from 1 to 64");
        } else if (o == 'h') {
            if (!read_number(optarg, 0, CONFORM_HANDLES_MAX, &how.conform.handles))
                return cli_usage(c, "--handles takes a number from 0 to %d", CONFORM_HANDLES_MAX);
        } else {
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return cli_usage(c, "conform takes one FILE");
    const char *slash = strrchr(argv[optind], '/');
    opt.file = slash ? slash + 1 : argv[optind];
    return run(c, argv[optind], &how, &opt, &e);
}
