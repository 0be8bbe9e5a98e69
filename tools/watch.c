/* tools/watch.c - the watcher's loop: looking, working, waiting. */
/* SPDX-License-Identifier: MIT */
#include "tools/watch.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "conform/claim.h"
#include "fs/lake/lake.h"
#include "tools/conform_job.h"

#define PAUSE_FIRST_MS 1000
#define PAUSE_MAX_MS 60000
#define OTHERS_MS 1000    /* until a cut that another watcher works on is asked about again */
#define LOOK_GAP_MS 100   /* between two looks: thousands of notices must not cost as many looks */

struct watch {
    struct watch_bench bench;
    const struct watch_options *opt;
    int64_t lake_ms; /* not before then: the lake was out of reach */
    int lake_pause_ms;
    uint64_t refused;
};

static int longer(int pause_ms)
{
    return pause_ms == 0                  ? PAUSE_FIRST_MS
           : pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS
                                         : pause_ms * 2;
}

static bool is_stopped(const struct watch *w)
{
    return *w->opt->stop != 0;
}

/* ---- looking --------------------------------------------------------------------------------- */

/* 0, or an error where that ends the watcher. */
static int look(struct watch *w, struct watch_place *p, struct err *e)
{
    int r = p->ops->look(p, e);
    int64_t now = clock_mono_ms();
    if (r == 0) {
        settle_end(p->settle, now);
        p->look_ms = now + w->opt->poll_ms;
        p->pause_ms = 0;
        return 0;
    }
    if (w->opt->once)
        return r;
    p->pause_ms = longer(p->pause_ms);
    p->look_ms = now + p->pause_ms;
    log_warn("watch", "%s; looking again in %d s", e->text, p->pause_ms / 1000);
    return 0;
}

static int look_where_due(struct watch *w, struct err *e)
{
    for (int i = 0; i < w->opt->n_places; i++) {
        struct watch_place *p = w->opt->places[i];
        int64_t now = clock_mono_ms();
        /* what becomes whole by the clock must have been looked at once more */
        bool due = now >= p->look_ms || (p->pause_ms == 0 && settle_when(p->settle) <= now);
        int r = due ? look(w, p, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- working --------------------------------------------------------------------------------- */

static int work_on(struct watch *w, struct watch_place *p, const char *name,
                   const struct settle_look *how, struct err *e)
{
    enum watch_end end = watch_cut(&w->bench, p, name, how, e);
    int64_t now = clock_mono_ms();
    if (end != WATCH_NO_LAKE)
        w->lake_pause_ms = 0;
    switch (end) {
    case WATCH_CONFORMED:
        return 0;
    case WATCH_REFUSED:
        w->refused++;
        return 0;
    case WATCH_OTHERS:
        settle_wait(p->settle, name, now + OTHERS_MS);
        return 0;
    case WATCH_LATER:
        settle_failed(p->settle, name, now);
        log_warn("watch", "'%s' waits: %s", name, e->text);
        return 0;
    case WATCH_NO_LAKE:
        if (w->opt->once)
            return e->code;
        w->lake_pause_ms = longer(w->lake_pause_ms);
        w->lake_ms = now + w->lake_pause_ms;
        log_warn("watch", "'%s' waits, trying again in %d s: %s", name, w->lake_pause_ms / 1000,
                 e->text);
    }
    return 0;
}

/* Everything that is whole, one by one. */
static int work(struct watch *w, struct err *e)
{
    for (int i = 0; i < w->opt->n_places; i++) {
        struct watch_place *p = w->opt->places[i];
        struct settle_look how;
        const char *next;
        while (!is_stopped(w) && clock_mono_ms() >= w->lake_ms &&
               (next = settle_next(p->settle, clock_mono_ms(), &how))) {
            AUTO(free) char *name = xstrdup(next);
            int r = work_on(w, p, name, &how, e);
            if (r < 0)
                return r;
        }
    }
    return 0;
}

/* Tags that could not be written are tried again when there is nothing else to do. */
static void tag(struct watch *w)
{
    struct err e;
    uint64_t edits;
    int64_t now = clock_mono_ms();
    if (!w->bench.untagged || is_stopped(w) || now < w->lake_ms)
        return;
    int r = lake_tag_pending(w->bench.lk, w->opt->job->commit.jobs, NULL, NULL, &edits, &e);
    w->bench.untagged = r < 0 && !w->opt->once;
    if (r == 0)
        log_info("watch", "object tags: %" PRIu64 " edits completed", edits);
    if (r == 0 || w->opt->once)
        return; /* the edits stand, and the next scan or conform tries, too */
    w->lake_pause_ms = longer(w->lake_pause_ms);
    w->lake_ms = now + w->lake_pause_ms;
    log_warn("watch", "object tags wait, trying again in %d s: %s", w->lake_pause_ms / 1000,
             e.text);
}

/* For `once`: nothing to do, but for cuts that cannot be worked on. */
static bool is_over(const struct watch *w, size_t *ret_failed)
{
    size_t left = 0;
    *ret_failed = 0;
    for (int i = 0; i < w->opt->n_places; i++) {
        size_t failed, n = settle_count(w->opt->places[i]->settle, &failed);
        left += n - failed;
        *ret_failed += failed;
    }
    return left == 0;
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int wait_ms(const struct watch *w)
{
    int64_t now = clock_mono_ms(), until = w->bench.untagged ? w->lake_ms : INT64_MAX;
    for (int i = 0; i < w->opt->n_places; i++) {
        const struct watch_place *p = w->opt->places[i];
        int64_t ready = p->pause_ms ? INT64_MAX : settle_when(p->settle);
        if (ready < w->lake_ms)
            ready = w->lake_ms;
        if (ready < until)
            until = ready;
        if (p->look_ms < until)
            until = p->look_ms;
    }
    return until <= now ? 0 : until - now > w->opt->poll_ms ? (int)w->opt->poll_ms
                                                             : (int)(until - now);
}

static void wait_for_more(struct watch *w)
{
    struct pollfd fds[3] = {{.fd = w->opt->stop_fd, .events = POLLIN}};
    for (int i = 0; i < w->opt->n_places; i++)
        fds[i + 1] = (struct pollfd){.fd = w->opt->places[i]->ops->wake_fd(w->opt->places[i]),
                                     .events = POLLIN};
    if (poll(fds, (nfds_t)w->opt->n_places + 1, wait_ms(w)) <= 0)
        return;
    for (int i = 0; i < w->opt->n_places; i++) {
        struct watch_place *p = w->opt->places[i];
        if ((fds[i + 1].revents & POLLIN) && p->ops->woken(p) && p->pause_ms == 0)
            p->look_ms = 0;
    }
    poll(fds, 1, LOOK_GAP_MS); /* what comes in a burst is looked at together */
}

static int loop(struct watch *w, struct err *e)
{
    size_t stuck = 0;
    for (;;) {
        int r = look_where_due(w, e);
        if (r == 0)
            r = work(w, e);
        if (r == 0)
            tag(w);
        if (r < 0)
            return r;
        if (is_stopped(w))
            return 0;
        if (w->opt->once && is_over(w, &stuck))
            return (int)(w->refused + stuck < INT32_MAX ? w->refused + stuck : INT32_MAX);
        wait_for_more(w);
    }
}

int watch_run(struct lake *lk, const struct watch_options *opt, struct err *e)
{
    struct watch w = {.bench = {.lk = lk, .job = opt->job}, .opt = opt};
    int r = claimer_new(lk->store, lk->dir, lk->actor, opt->lease_ms, &w.bench.claimer, e);
    if (r < 0)
        return r;
    for (int i = 0; i < opt->n_places; i++)
        log_info("watch", "watching '%s' for the lake '%s'", opt->places[i]->where,
                 lk->store->url);
    r = loop(&w, e);
    claimer_free(w.bench.claimer);
    return r;
}
