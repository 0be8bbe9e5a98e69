/* tools/conform_job.c - one timeline becomes an edit: what conform and watch share. */
/* SPDX-License-Identifier: MIT */
#include "tools/conform_job.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/bundle.h"
#include "conform/json_text.h"
#include "conform/pins.h"
#include "conform/sidecar.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"

/* A whole file of at most `max` bytes. */
static int read_file(const char *path, size_t max, struct buf *ret, struct err *e)
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
        if (ret->len > max)
            return err_set(e, -EFBIG, "'%s' has more than %zu bytes", path, max);
    }
}

static int read_pins(struct conform_job *job, const char *path, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    AUTO(pins) struct pins *pins = NULL;
    int r = read_file(path, PINS_BYTES_MAX, &data, e);
    if (r < 0)
        return r;
    r = pins_parse(buf_str(&data), data.len, &pins, e);
    if (r < 0)
        return err_wrap(e, "'%s'", path);
    pins_free(job->pins); /* the last --pin counts */
    job->pins = TAKE(pins);
    job->conform.match.pins = job->pins;
    return 0;
}

static int read_sidecars(struct conform_job *job, const char *path, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    AUTO(sidecars) struct sidecars *rules = NULL;
    int r = read_file(path, SIDECARS_BYTES_MAX, &data, e);
    if (r < 0)
        return r;
    r = sidecars_parse(buf_str(&data), data.len, &rules, e);
    if (r < 0)
        return err_wrap(e, "'%s'", path);
    sidecars_free(job->sidecars);
    job->sidecars = TAKE(rules);
    job->conform.sidecars = job->sidecars;
    return 0;
}

int conform_job_defaults(struct conform_job *job, const char *state, struct err *e)
{
    AUTO(free) char *path = xasprintf("%s/sidecars.json", state);
    if (job->sidecars || access(path, F_OK) < 0)
        return 0;
    return read_sidecars(job, path, e);
}

void conform_job_done(struct conform_job *job)
{
    pins_free(job->pins);
    sidecars_free(job->sidecars);
    job->pins = NULL;
    job->sidecars = NULL;
    job->conform.match.pins = NULL;
    job->conform.sidecars = NULL;
}

/* Keys of a lake have no '/' in front. */
static const char *as_key(const char *s)
{
    return s + (*s == '/');
}

static int add_prefix(struct match_options *opt, const char *prefix, struct err *e)
{
    if (opt->n_prefer == MATCH_OPTIONS_MAX)
        return err_set(e, -EINVAL, "--prefer is given more than %d times", MATCH_OPTIONS_MAX);
    if (*as_key(prefix) == '\0')
        return err_set(e, -EINVAL, "--prefer takes the beginning of a key");
    opt->prefer[opt->n_prefer++] = as_key(prefix);
    return 0;
}

static int add_root(struct match_options *opt, char *arg, struct err *e)
{
    char *equals = strrchr(arg, '=');
    if (opt->n_roots == MATCH_OPTIONS_MAX)
        return err_set(e, -EINVAL, "--media-root is given more than %d times", MATCH_OPTIONS_MAX);
    if (!equals || equals == arg)
        return err_set(e, -EINVAL, "--media-root takes OLD=NEW");
    *equals = '\0';
    opt->roots[opt->n_roots++] = (struct match_root){.from = arg, .to = as_key(equals + 1)};
    return 0;
}

static int add_template(struct match_options *opt, const char *key, struct err *e)
{
    if (opt->n_templates == MATCH_OPTIONS_MAX)
        return err_set(e, -EINVAL, "--shot-template is given more than %d times",
                       MATCH_OPTIONS_MAX);
    if (!strstr(key, "{shot}"))
        return err_set(e, -EINVAL, "--shot-template takes a key with {shot} in it");
    opt->templates[opt->n_templates++] = as_key(key);
    return 0;
}

int conform_job_option(struct conform_job *job, int option, char *arg, struct err *e)
{
    switch (option) {
    case CONFORM_JOB_WHOLE:
        job->conform.whole = true;
        return 0;
    case CONFORM_JOB_STRICT:
        job->conform.strict = true;
        return 0;
    case CONFORM_JOB_RATE:
        job->format.rate = edit_format_rate(arg);
        if (job->format.rate.den == 0)
            return err_set(e, -EINVAL, "--rate takes frames a second: 24, 23.976, 30000/1001");
        return 0;
    case CONFORM_JOB_JOBS:
        if (!cli_number(arg, 1, 64, &job->commit.jobs))
            return err_set(e, -EINVAL, "--jobs takes a number from 1 to 64");
        return 0;
    case CONFORM_JOB_HANDLES:
        if (!cli_number(arg, 0, CONFORM_HANDLES_MAX, &job->conform.handles))
            return err_set(e, -EINVAL, "--handles takes a number from 0 to %d",
                           CONFORM_HANDLES_MAX);
        return 0;
    case CONFORM_JOB_PREFER:
        return add_prefix(&job->conform.match, arg, e);
    case CONFORM_JOB_ROOT:
        return add_root(&job->conform.match, arg, e);
    case CONFORM_JOB_TEMPLATE:
        return add_template(&job->conform.match, arg, e);
    case CONFORM_JOB_NEWEST:
        job->conform.match.newest_version = true;
        return 0;
    case CONFORM_JOB_PIN:
        return read_pins(job, arg, e);
    case CONFORM_JOB_SIDECARS:
        return read_sidecars(job, arg, e);
    case CONFORM_JOB_URLS:
        return location_parse_urls(arg, &job->conform.location.urls, e);
    case CONFORM_JOB_MOUNT_ROOT:
        job->conform.location.root = arg;
        return location_check_root(arg, e);
    }
    return err_set(e, -EINVAL, "unknown option");
}

/* What conform reads: OpenTimelineIO as it came, or another format turned into it. `*ret` is
 * `data` itself or `scratch`. */
static int as_otio(const char *file, const struct buf *data, const struct edit_format_options *how,
                   struct buf *scratch, const struct buf **ret, struct err *e)
{
    enum edit_format format = edit_format_of(buf_str(data), data->len, file);
    *ret = data;
    if (format == EDIT_FORMAT_UNKNOWN)
        return err_set(e, -EBADMSG,
                       "not an edit that is read here: OpenTimelineIO (.otio, .otioz, "
                       ".otiod), AAF, CMX 3600 EDL, Final Cut Pro 7 XML or FCPXML");
    if (format == EDIT_FORMAT_OTIO)
        return 0;
    static const struct json_text_style style = JSON_TEXT_STYLE;
    json_auto_t *tree = NULL;
    int r = edit_format_convert(format, buf_str(data), data->len, how, &tree, e);
    if (r < 0)
        return r;
    json_text_write(tree, &style, "\n", scratch);
    buf_addc(scratch, '\n');
    *ret = scratch;
    return 0;
}

int conform_job_plan_bytes(struct lake *lk, const char *path, const char *file,
                           const struct buf *data, const struct conform_job *how,
                           struct conform_plan **ret, struct err *e)
{
    AUTO(buf) struct buf scratch = {0};
    struct index_read *rd = NULL;
    roaring_bitmap_t *only = NULL;
    const struct buf *otio;
    int r = as_otio(file, data, &how->format, &scratch, &otio, e);
    if (r == 0)
        r = index_read_begin(lk->index, &rd, e);
    if (r == 0 && how->as && (r = acting_reads(how->as, rd, &only, e)) == 0)
        index_read_only(rd, only);
    if (r == 0)
        r = conform_plan(rd, lk->store, buf_str(otio), otio->len, &how->conform, ret, e);
    index_read_end(rd);
    if (only)
        roaring_bitmap_free(only);
    return r < 0 ? err_wrap(e, "'%s'", path) : 0;
}

/* Is the edit allowed, and all of its media still read by who ingests it? */
static int check_acting(void *arg, struct index_read *rd, const json_t *body,
                        const struct conform_plan *plan, struct err *e)
{
    const struct acting *as = arg;
    roaring_bitmap_t *only = NULL;
    int r = acting_may(as, rd, body, NULL, e);
    if (r < 0 || (r = acting_reads(as, rd, &only, e)) < 0 || !only)
        return r;
    bool all = roaring_bitmap_is_subset(plan->objects, only);
    roaring_bitmap_free(only);
    return all ? 0
               : err_set(e, -EPERM, "%s: not allowed: some of the media cannot be read any more: "
                         "conform again", as->name);
}

/* The same before anything is uploaded; a new edit has no id yet. */
static int check_early(struct lake *lk, const struct conform_job *job,
                       const struct conform_plan *plan, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    const char *update = job->commit.update;
    json_auto_t *body = json_pack("{ss ss}", "op", "edit", "edit", update ? update : "0000000000");
    if (!update)
        json_object_set_new(body, "owner", json_string(job->as->name));
    int r = index_read_begin(lk->index, &rd, e);
    return r < 0 ? r : check_acting((void *)job->as, rd, body, plan, e);
}

int conform_job_commit(struct lake *lk, const char *file, const struct buf *data,
                       const struct conform_job *job, struct conform_job_result *res,
                       struct err *e)
{
    struct commit_options opt = job->commit;
    uint64_t edits = 0;
    /* What an interrupted conform left; that it cannot be completed now must not stop this one. Of
     * a source that is for whoever works on it: watchers would all write each other's tags. */
    struct err late;
    if (job->as && !acting_is_operator(job->as)) {
        int r = check_early(lk, job, res->plan, e);
        if (r < 0)
            return r;
        opt.owner = opt.actor = job->as->name;
        opt.check = check_acting;
        opt.check_arg = (void *)job->as;
    }
    if (!opt.source &&
        lake_tag_pending(lk, opt.jobs, opt.progress, opt.progress_arg, &edits, &late) < 0)
        fprintf(stderr, "shotlake: tags of an earlier edit still wait: %s\n", late.text);
    opt.file = file;
    opt.data = buf_str(data);
    opt.size = data->len;
    opt.handles = job->conform.whole ? CONFORM_HANDLES_MAX : job->conform.handles;
    return commit_plan(lk, res->plan, &opt, &res->commit, e);
}

int conform_job_run(struct lake *lk, const char *path, const struct conform_job *job,
                    struct conform_job_result *ret, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    AUTO(free) char *file = NULL;
    struct conform_job_result res = {0};
    int r = bundle_load(path, &data, &file, e);
    if (r == 0)
        r = conform_job_plan_bytes(lk, path, file, &data, job, &res.plan, e);
    if (r < 0)
        return r;
    if ((r = conform_job_commit(lk, file, &data, job, &res, e)) < 0) {
        conform_plan_free(res.plan);
        return r;
    }
    *ret = res;
    return 0;
}

int conform_job_plan(struct lake *lk, const char *path, const struct conform_job *job,
                     struct conform_job_result *ret, struct err *e)
{
    AUTO(buf) struct buf data = {0};
    AUTO(free) char *file = NULL;
    *ret = (struct conform_job_result){0};
    int r = bundle_load(path, &data, &file, e);
    return r < 0 ? r : conform_job_plan_bytes(lk, path, file, &data, job, &ret->plan, e);
}

void conform_job_result_done(struct conform_job_result *res)
{
    conform_plan_free(res->plan);
    commit_result_done(&res->commit);
    res->plan = NULL;
}

int conform_job_status(const struct conform_job_result *res)
{
    if (conform_has_ambiguous(res->plan))
        return CLI_AMBIGUOUS;
    return conform_has_missing(res->plan) ? CLI_MISSING : CLI_DONE;
}

int conform_job_report(const struct conform_job_result *res, struct lake *lk, bool json,
                       struct buf *ret, struct err *e)
{
    const struct commit_result *done = &res->commit;
    struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r < 0)
        return r;
    if (json) {
        bool is_edit = done->artefacts.manifest; /* a plan that was not committed has none */
        json_auto_t *j = conform_report_json(res->plan, rd, is_edit ? done->edit : NULL,
                                             done->name, done->artefacts.manifest);
        if (is_edit) {
            json_object_set_new(j, "version", json_integer((json_int_t)done->version));
            json_object_set_new(j, "studio", json_string(done->artefacts.studio));
            json_object_set_new(j, "shots", json_string(done->artefacts.shots));
            json_object_set_new(j, "results", json_string(done->artefacts.results));
        }
        char *text = json_dumps(j, JSON_INDENT(2));
        if (!text)
            r = err_set(e, -EBADMSG, "the report cannot be written as JSON");
        else
            buf_addf(ret, "%s\n", text);
        free(text);
    } else {
        conform_report_text(res->plan, rd, ret);
        if (done->version > 1)
            buf_addf(ret, "version %" PRIu64 "\n", done->version);
        if (done->artefacts.manifest)
            buf_addf(ret, "manifest %s\nshots    %s\nstudio   %s\nresults  %s\n%s\n",
                     done->artefacts.manifest, done->artefacts.shots, done->artefacts.studio,
                     done->artefacts.results, done->edit);
    }
    index_read_end(rd);
    return r;
}

/* Ends the walk at the first object that is no edit's file. */
static int on_object(void *arg, const struct node *n, struct err *e)
{
    static const char edits[] = "ShotLocker/";
    AUTO(buf) struct buf key = {0};
    int r = index_key(arg, n->id, &key, e);
    return r < 0 || strncmp(buf_str(&key), edits, strlen(edits)) == 0 ? r : -ECANCELED;
}

const char *conform_job_hint(const struct conform_job *job, const struct conform_job_result *res,
                             struct lake *lk)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct err e; /* a hint that cannot be given is none */
    if (job->as && !acting_is_operator(job->as))
        return NULL;
    if (!conform_has_missing(res->plan) || index_read_begin(lk->index, &rd, &e) < 0 ||
        index_inventory_each(rd, on_object, rd, &e) < 0)
        return NULL;
    return "nothing of this lake is known yet: run 'shotlake scan', then conform again";
}
