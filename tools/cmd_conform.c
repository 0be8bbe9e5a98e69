/* tools/cmd_conform.c - conform: a timeline becomes an edit. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/lake/lake.h"
#include "policy/decide.h"
#include "policy/index.h"
#include "policy/roles.h"
#include "tools/acl_file.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/conform_job.h"
#include "tools/edit_change.h"

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

/* What --update and its kin ask for. */
struct update {
    const char *edit;
    int64_t retire_until;
    bool dry_run;
    json_t *access; /* a list for the edit, or NULL */
};

/* --retire takes whole days from now, or a moment. */
static int read_retire(const char *arg, int64_t *ret, struct err *e)
{
    size_t n = strlen(arg);
    if (n > 0 && n < 6 && strspn(arg, "0123456789") == n) {
        long days = strtol(arg, NULL, 10);
        *ret = clock_wall() + days * 86400;
        return days > 0 ? 0 : err_set(e, -EINVAL, "--retire takes 1 day or more");
    }
    if (when_parse(arg, WHEN_DAY_END, ret, e) < 0)
        return err_wrap(e, "--retire takes days or a moment");
    return *ret > clock_wall() ? 0 : err_set(e, -EINVAL, "--retire: '%s' is over", arg);
}

/* The report is long: what to do about it comes last. */
static void say_hint(const char *hint)
{
    fflush(stdout);
    if (hint)
        fprintf(stderr, "shotlake: %s\n", hint);
}

/* An edit that is not there is told apart from a file that is not. */
static int must_stand(struct lake *lk, const char *id, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    int r = index_read_begin(lk->index, &rd, e);
    if (r < 0 || (r = index_edit(rd, id, &ed, e)) < 0)
        return r;
    return ed.state == EDIT_REMOVED ? err_set(e, -ENOENT, "edit %s was removed", id) : 0;
}

/* What the next version of edit `id` would change, or (NULL) what would be found. */
static int dry_run(struct cli *c, struct lake *lk, const char *path, const struct conform_job *job,
                   const char *id, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    json_auto_t *change = NULL;
    struct conform_job_result res;
    int r = conform_job_plan(lk, path, job, &res, e);
    if (r < 0)
        return cli_fail(e);
    int status = conform_job_status(&res);
    const char *hint = conform_job_hint(job, &res, lk);
    r = id ? edit_change_plan(lk, id, res.plan, &change, e)
           : conform_job_report(&res, lk, c->json, &text, e);
    conform_job_result_done(&res);
    if (r < 0)
        return cli_fail(e);
    if (change && c->json)
        cli_print_json(json_incref(change));
    else if (change)
        edit_change_text(change, &text);
    fputs(buf_str(&text), stdout);
    say_hint(hint);
    return status;
}

/* Who may not set access lists at all cannot bring one with the edit either: known before there is
 * one. */
static int may_set_access(const struct changer *ch, const struct update *up, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(asker) struct asker *asker = NULL;
    int r = index_read_begin(ch->lk->index, &rd, e);
    if (r < 0 || !up->access || (r = acting_asker(&ch->as, rd, &asker, e)) < 0 || !asker)
        return r;
    return asker_is_superuser(asker) || (asker_permissions(asker) & ROLE(ACCESS_WRITE))
               ? 0
               : err_set(e, -EPERM, "%s: not allowed: --access: needs access_write", ch->as.name);
}

static int set_access(struct changer *ch, const struct update *up, const char *edit, struct err *e)
{
    if (!up->access)
        return 0;
    json_auto_t *body = json_pack("{ss ss sO}", "op", "acl", "edit", edit, "entries", up->access);
    int r = changer_append(ch, &(struct change){.body = body}, NULL, e);
    return r < 0 ? err_wrap(e, "edit %s stands, but without its access list", edit) : 0;
}

static int start(struct changer *ch, struct conform_job *job, const struct update *up,
                 struct err *e)
{
    int r = conform_job_defaults(job, ch->c->state, e);
    if (r < 0)
        return r;
    job->as = &ch->as;
    job->commit.update = up->edit;
    job->commit.retire_until = up->retire_until;
    return may_set_access(ch, up, e);
}

static int fail(const struct err *e)
{
    cli_fail(e);
    return e->code == -EPERM ? CLI_DENIED : CLI_FAILED;
}

static int run(struct cli *c, const char *path, struct conform_job *job, const struct update *up,
               struct err *e)
{
    AUTO(changer) struct changer ch = {0};
    AUTO(buf) struct buf text = {0};
    struct conform_job_result res;
    int r = changer_open(c, &ch);
    if (r != CLI_DONE)
        return r;
    if ((r = start(&ch, job, up, e)) < 0)
        return fail(e);
    if (up->edit && (r = must_stand(ch.lk, up->edit, e)) == -ENOENT)
        return cli_unknown("%s", e->text);
    if (r == 0 && up->dry_run)
        return dry_run(c, ch.lk, path, job, up->edit, e);
    if (r == 0)
        r = conform_job_run(ch.lk, path, job, &res, e);
    if (r < 0)
        return fail(e);
    cli_progress_end();
    say_tags(&res.commit);
    int status = conform_job_status(&res);
    const char *hint = conform_job_hint(job, &res, ch.lk);
    r = conform_job_report(&res, ch.lk, c->json, &text, e);
    if (r == 0)
        r = set_access(&ch, up, res.commit.edit, e);
    conform_job_result_done(&res);
    fputs(buf_str(&text), stdout);
    if (r < 0)
        return fail(e);
    say_hint(hint);
    return status;
}

int cmd_conform(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {
        CONFORM_JOB_OPTIONS,
        {"name", required_argument, NULL, 'n'},
        {"update", required_argument, NULL, 'u'},
        {"retire", required_argument, NULL, 'r'},
        {"dry-run", no_argument, NULL, 'd'},
        {"access", required_argument, NULL, 'a'},
        {0}};
    struct conform_job job = CONFORM_JOB_DEFAULT;
    struct update up = {0};
    const char *access = NULL;
    struct err e;
    int r = 0;
    job.commit.progress = cli_progress;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'n') {
            job.commit.name = optarg;
        } else if (o == 'u') {
            up.edit = optarg;
        } else if (o == 'a') {
            access = optarg;
        } else if (o == 'd') {
            up.dry_run = true;
        } else if (o == '?') {
            conform_job_done(&job);
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        } else if ((r = o == 'r' ? read_retire(optarg, &up.retire_until, &e)
                                 : conform_job_option(&job, o, optarg, &e)) < 0) {
            conform_job_done(&job);
            return r == -EINVAL ? cli_usage(c, "%s", e.text) : cli_fail(&e);
        }
    }
    if (argc - optind != 1)
        r = cli_usage(c, "conform takes one FILE");
    else if (!up.edit && up.retire_until)
        r = cli_usage(c, "--retire goes with --update");
    else if (location_check_style(&job.conform.location, &e) < 0)
        r = cli_usage(c, "%s", e.text);
    else if (up.edit && up.dry_run && c->act_as) /* it tells of the version before, media and all */
        r = cli_usage(c, "--dry-run of an --update takes no --act-as");
    else if (access && !(up.access = acl_file_read(access, &e)))
        r = cli_fail(&e);
    else
        r = run(c, argv[optind], &job, &up, &e);
    json_decref(up.access);
    conform_job_done(&job);
    return r;
}
