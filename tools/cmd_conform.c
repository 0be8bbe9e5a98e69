/* tools/cmd_conform.c - conform: a timeline becomes an edit. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "tools/cli.h"
#include "tools/conform_job.h"

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

static int run(struct cli *c, const char *path, struct conform_job *job, struct err *e)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(buf) struct buf text = {0};
    struct conform_job_result res;
    int r = conform_job_defaults(job, c->state, e);
    if (r == 0)
        r = cli_lake_synced(c, &lk, e);
    if (r == 0)
        r = conform_job_run(lk, path, job, &res, e);
    if (r < 0)
        return cli_fail(e);
    cli_progress_end();
    say_tags(&res.commit);
    int status = conform_job_status(&res);
    r = conform_job_report(&res, lk, c->json, &text, e);
    conform_job_result_done(&res);
    if (r < 0)
        return cli_fail(e);
    fputs(buf_str(&text), stdout);
    return status;
}

int cmd_conform(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {
        CONFORM_JOB_OPTIONS, {"name", required_argument, NULL, 'n'}, {0}};
    struct conform_job job = CONFORM_JOB_DEFAULT;
    struct err e;
    int r = 0;
    job.commit.progress = cli_progress;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'n') {
            job.commit.name = optarg;
        } else if (o == '?') {
            conform_job_done(&job);
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        } else if ((r = conform_job_option(&job, o, optarg, &e)) < 0) {
            conform_job_done(&job);
            return r == -EINVAL ? cli_usage(c, "%s", e.text) : cli_fail(&e);
        }
    }
    if (argc - optind != 1)
        r = cli_usage(c, "conform takes one FILE");
    else
        r = run(c, argv[optind], &job, &e);
    conform_job_done(&job);
    return r;
}
