/* tools/conform_job.h - one timeline becomes an edit: what conform and watch share. */
/* SPDX-License-Identifier: MIT */
#ifndef TOOLS_CONFORM_JOB_H
#define TOOLS_CONFORM_JOB_H

#include <getopt.h>
#include <stdbool.h>

#include "conform/commit.h"
#include "conform/conform.h"
#include "conform/edit_format.h"

struct acting;
struct buf;
struct err;
struct lake;
struct pins;
struct sidecars;

/* How timelines are conformed. Start with CONFORM_JOB_DEFAULT; strings are borrowed. */
struct conform_job {
    struct conform_options conform;
    struct edit_format_options format;
    struct commit_options commit; /* file, data and size are filled by conform_job_run() */
    struct pins *pins;            /* what the options read: conform_job_done() */
    struct sidecars *sidecars;
    const struct acting *as; /* in whose name: only what it may read is media then, and everything else
                                as if it were not there (row TA7); NULL, or the operator: all */
};
#define CONFORM_JOB_DEFAULT {.conform = {.handles = CONFORM_HANDLES}}

/* The options that every verb which conforms takes: lines of its table for getopt_long. */
enum conform_job_option {
    CONFORM_JOB_WHOLE = 1000,
    CONFORM_JOB_RATE,
    CONFORM_JOB_JOBS,
    CONFORM_JOB_HANDLES,
    CONFORM_JOB_STRICT,
    CONFORM_JOB_PREFER,
    CONFORM_JOB_PIN,
    CONFORM_JOB_NEWEST,
    CONFORM_JOB_ROOT,
    CONFORM_JOB_SIDECARS,
    CONFORM_JOB_TEMPLATE,
    CONFORM_JOB_URLS,
    CONFORM_JOB_MOUNT_ROOT,
};
/* clang-format off */
#define CONFORM_JOB_OPTIONS                                   \
    {"handles", required_argument, NULL, CONFORM_JOB_HANDLES}, \
    {"jobs", required_argument, NULL, CONFORM_JOB_JOBS},       \
    {"media-root", required_argument, NULL, CONFORM_JOB_ROOT}, \
    {"mount-root", required_argument, NULL, CONFORM_JOB_MOUNT_ROOT}, \
    {"newest-version", no_argument, NULL, CONFORM_JOB_NEWEST}, \
    {"pin", required_argument, NULL, CONFORM_JOB_PIN},         \
    {"prefer", required_argument, NULL, CONFORM_JOB_PREFER},   \
    {"rate", required_argument, NULL, CONFORM_JOB_RATE},       \
    {"strict", no_argument, NULL, CONFORM_JOB_STRICT},         \
    {"shot-template", required_argument, NULL, CONFORM_JOB_TEMPLATE}, \
    {"sidecars", required_argument, NULL, CONFORM_JOB_SIDECARS}, \
    {"urls", required_argument, NULL, CONFORM_JOB_URLS},       \
    {"whole", no_argument, NULL, CONFORM_JOB_WHOLE}
/* clang-format on */

/* Takes one of them into `job`; `arg` is borrowed and may be changed. -EINVAL with the sentence for
 * a usage error, or the error of a file that it names. */
int conform_job_option(struct conform_job *job, int option, char *arg, struct err *e);

/* Reads the sidecar rules of a lake's state, `state`/sidecars.json, unless an option gave some; no
 * such file is no rules. */
int conform_job_defaults(struct conform_job *job, const char *state, struct err *e);

void conform_job_done(struct conform_job *job);

struct conform_job_result {
    struct conform_plan *plan;
    struct commit_result commit;
};

/* Conforms the file at `path` against a synced lake and commits it; what an interrupted conform
 * left is completed first. On an error nothing changed. conform_job_result_done() after 0. */
int conform_job_run(struct lake *lk, const char *path, const struct conform_job *job,
                    struct conform_job_result *ret, struct err *e);
void conform_job_result_done(struct conform_job_result *res);

/* Only plans: nothing is uploaded, tagged or written. `ret->commit` stays empty. */
int conform_job_plan(struct lake *lk, const char *path, const struct conform_job *job,
                     struct conform_job_result *ret, struct err *e);

/* The two steps of conform_job_run(), for bytes that bundle_load() or the like has read already:
 * `path` is for messages, `file` the base name of the bytes. conform_job_plan_bytes() changes
 * nothing: what it refuses is the timeline's fault (or memory's, -EIO and -ENOSPC of the index).
 * conform_job_commit() commits res->plan; with a source it completes no other edit's tags. Its
 * errors are the lake's, but for -EINVAL (a name that cannot be one), -EALREADY (job->commit.source
 * has an edit) and -EPERM: it is not allowed to job->as; nothing was uploaded. */
int conform_job_plan_bytes(struct lake *lk, const char *path, const char *file,
                           const struct buf *data, const struct conform_job *job,
                           struct conform_plan **ret, struct err *e);
int conform_job_commit(struct lake *lk, const char *file, const struct buf *data,
                       const struct conform_job *job, struct conform_job_result *res,
                       struct err *e);

/* CLI_DONE, CLI_MISSING or CLI_AMBIGUOUS. */
int conform_job_status(const struct conform_job_result *res);

/* Appends the report, as text or JSON, as `conform` prints it; of a plan alone without an edit. */
int conform_job_report(const struct conform_job_result *res, struct lake *lk, bool json,
                       struct buf *ret, struct err *e);

/* What to do first where media are missing because the lake was never scanned: a sentence, or NULL,
 * also for who is acted as, since it tells of the whole lake. */
const char *conform_job_hint(const struct conform_job *job, const struct conform_job_result *res,
                             struct lake *lk);

#endif
