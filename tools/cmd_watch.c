/* tools/cmd_watch.c - watch: cuts that are dropped into a folder become edits. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "conform/claim.h"
#include "fs/lake/lake.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/conform_job.h"
#include "tools/watch.h"

#define POLL_MS 5000
#define SETTLE_MS 2000
#define SECONDS_MAX 86400
#define PAUSE_MAX_MS 60000

enum { OPTION_INBOX = 'i', OPTION_POLL = 'p', OPTION_SETTLE = 's', OPTION_LEASE = 'l',
       OPTION_ONCE = 'o' };

struct watch_args {
    struct conform_job job;
    struct acting as;
    const char *dir;
    bool inbox, once;
    int64_t poll_ms, settle_ms, lease_ms;
};

/* ---- ending ---------------------------------------------------------------------------------- */

static volatile sig_atomic_t stopped;
static int stop_fd = -1;

static void on_signal(int sig)
{
    const uint64_t one = 1;
    int saved = errno;
    (void)sig;
    stopped = 1;
    if (write(stop_fd, &one, sizeof one) < 0)
        stopped = 1; /* it is readable already */
    errno = saved;
}

/* The first SIGTERM or SIGINT lets the cut in hand come to its end; a second one ends at once,
 * which is harmless, too. */
static int catch_signals(struct err *e)
{
    struct sigaction act = {.sa_handler = on_signal, .sa_flags = SA_RESTART | (int)SA_RESETHAND};
    signal(SIGIO, SIG_IGN); /* somebody opens a file whose lease we hold, which is for an instant */
    stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (stop_fd < 0 || sigaction(SIGTERM, &act, NULL) < 0 || sigaction(SIGINT, &act, NULL) < 0)
        return err_errno(e, -errno, "prepare for signals");
    return 0;
}

/* ---- the command line ------------------------------------------------------------------------ */

static bool read_seconds(const char *s, double least, int64_t *ret_ms)
{
    char *end;
    double v = strtod(s, &end);
    if (end == s || *end || !(v >= least && v <= SECONDS_MAX))
        return false;
    *ret_ms = (int64_t)(v * 1000);
    return true;
}

static int take_option(struct cli *c, struct watch_args *a, int option, const char *word)
{
    struct err e;
    switch (option) {
    case OPTION_INBOX:
        a->inbox = true;
        return 0;
    case OPTION_ONCE:
        a->once = true;
        return 0;
    case OPTION_POLL:
        return read_seconds(optarg, 0.1, &a->poll_ms) ? 0 : cli_usage(c, "--poll takes seconds");
    case OPTION_SETTLE:
        return read_seconds(optarg, 0, &a->settle_ms) ? 0 : cli_usage(c, "--settle takes seconds");
    case OPTION_LEASE:
        return read_seconds(optarg, 1, &a->lease_ms) ? 0 : cli_usage(c, "--lease takes seconds");
    case '?':
        return cli_usage(c, "unknown option or missing value: %s", word);
    }
    int r = conform_job_option(&a->job, option, optarg, &e);
    return r == 0 ? 0 : r == -EINVAL ? cli_usage(c, "%s", e.text) : cli_fail(&e);
}

static int take_args(struct cli *c, struct watch_args *a, int argc, char **argv)
{
    static const struct option options[] = {CONFORM_JOB_OPTIONS,
                                            {"lake-inbox", no_argument, NULL, OPTION_INBOX},
                                            {"lease", required_argument, NULL, OPTION_LEASE},
                                            {"once", no_argument, NULL, OPTION_ONCE},
                                            {"poll", required_argument, NULL, OPTION_POLL},
                                            {"settle", required_argument, NULL, OPTION_SETTLE},
                                            {0}};
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        int r = take_option(c, a, o, argv[optind - 1]);
        if (r != 0)
            return r;
    }
    if (argc - optind > 1 || (argc == optind && !a->inbox))
        return cli_usage(c, "watch takes one DIR, or --lake-inbox, or both");
    a->dir = argc > optind ? argv[optind] : NULL;
    return 0;
}

/* ---- running --------------------------------------------------------------------------------- */

static bool will_pass(int r)
{
    return r == -EIO || r == -ETIMEDOUT || r == -ECANCELED;
}

/* A watcher is started with its machine, and the store may come later. 0 and NULL: told to stop. */
static int open_lake(struct cli *c, bool once, struct lake **ret, struct err *e)
{
    for (int pause_ms = 1000;; pause_ms *= 2) {
        int r = cli_lake_synced(c, ret, e);
        if (r == 0 || once || !will_pass(r))
            return r;
        if (pause_ms > PAUSE_MAX_MS)
            pause_ms = PAUSE_MAX_MS;
        log_warn("watch", "%s; trying again in %d s", e->text, pause_ms / 1000);
        struct pollfd fd = {.fd = stop_fd, .events = POLLIN};
        poll(&fd, 1, pause_ms);
        if (stopped)
            return 0;
    }
}

static int run(struct cli *c, struct watch_args *a, struct err *e)
{
    AUTO(lake) struct lake *lk = NULL;
    struct watch_options opt = {.job = &a->job, .poll_ms = a->poll_ms, .lease_ms = a->lease_ms,
                                .once = a->once, .stop_fd = stop_fd, .stop = &stopped};
    int r = conform_job_defaults(&a->job, c->state, e);
    if (r == 0 && a->dir)
        r = watch_folder_open(a->dir, a->settle_ms, &opt.places[opt.n_places++], e);
    if (r == 0)
        r = open_lake(c, a->once, &lk, e);
    if (r == 0 && lk && a->inbox)
        r = watch_inbox_open(lk, a->settle_ms, &opt.places[opt.n_places++], e);
    if (r == 0 && lk)
        r = watch_run(lk, &opt, e);
    for (int i = 0; i < opt.n_places; i++)
        watch_place_close(opt.places[i]);
    return r;
}

static int start(struct cli *c, struct watch_args *a)
{
    struct err e;
    log_set(c->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO, /* to_syslog= */ false);
    int r = acting_open(c, &a->as);
    if (r != CLI_DONE)
        return r;
    a->job.as = &a->as;
    r = catch_signals(&e);
    if (r == 0)
        r = run(c, a, &e);
    return r < 0 ? cli_fail(&e) : r == 0 ? CLI_DONE : CLI_FAILED;
}

int cmd_watch(struct cli *c, int argc, char **argv)
{
    struct watch_args a = {.job = CONFORM_JOB_DEFAULT, .poll_ms = POLL_MS, .settle_ms = SETTLE_MS,
                           .lease_ms = CLAIM_LEASE_MS};
    int r = take_args(c, &a, argc, argv);
    if (r == CLI_DONE)
        r = start(c, &a);
    acting_done(&a.as);
    conform_job_done(&a.job);
    return r;
}
