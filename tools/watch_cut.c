/* tools/watch_cut.c - the life of one dropped cut: claimed, conformed, reported, moved.
 *
 *     fetch -> claim -> is there an edit of it? -no-> plan -> commit -> report -> move -> release
 *                                    `-yes----------------------------^
 *
 * A watcher may be killed between any two of these, and another may do the same at the same time:
 * the edit's record names the claim as its source, and the ledger takes one record a source. What
 * follows the record can be done again without harm, and is, until the cut is moved. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "base/when.h"
#include "conform/claim.h"
#include "fs/lake/lake.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "tools/cli.h"
#include "tools/conform_job.h"
#include "tools/watch.h"

#define NAME_BYTES 255

void dropped_done(struct dropped *cut)
{
    free(cut->name);
    free(cut->file);
    free(cut->refused);
    buf_done(&cut->data);
    buf_done(&cut->raw);
    *cut = (struct dropped){0};
}

void watch_place_close(struct watch_place *p)
{
    if (!p)
        return;
    free(p->where);
    settle_free(p->settle);
    p->ops->close(p);
}

/* Appends at most `room` bytes of a name. One that is cut says so by its hash. */
static void add_name(const char *name, size_t n, size_t room, struct buf *ret)
{
    char hash[SHA256_HEX_SIZE];
    if (n <= room) {
        buf_add(ret, name, n);
        return;
    }
    hash_sha256_hex(name, n, hash);
    for (n = room - 9; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80; n--)
        ; /* not within a character */
    buf_add(ret, name, n);
    buf_addf(ret, "-%.8s", hash);
}

void watch_report_name(const char *name, struct buf *ret)
{
    static const char end[] = ".report.txt";
    add_name(name, strlen(name), NAME_BYTES - strlen(end), ret);
    buf_adds(ret, end);
}

void watch_moved_name(const char *name, int turn, struct buf *ret)
{
    char stamp[64] = "", digits[32] = "";
    time_t now = (time_t)clock_wall();
    struct tm tm;
    const char *dot = strrchr(name, '.');
    size_t stem = dot ? (size_t)(dot - name) : strlen(name);
    if (turn > 1)
        snprintf(digits, sizeof digits, "-%d", turn);
    if (turn > 0 && gmtime_r(&now, &tm)) {
        strftime(stamp, sizeof stamp - sizeof digits, ".%Y%m%dT%H%M%SZ", &tm);
        strcat(stamp, digits);
    }
    add_name(name, stem, NAME_BYTES - strlen(name + stem) - strlen(stamp), ret);
    buf_addf(ret, "%s%s", stamp, name + stem);
}

/* ---- one cut --------------------------------------------------------------------------------- */

struct work {
    struct watch_bench *bench;
    struct lake *lk;
    struct watch_place *p;
    struct conform_job job; /* with the claim as its source */
    struct dropped cut;
    char claim[SHA256_HEX_SIZE], edit[EDIT_ID_SIZE];
    bool interrupted; /* an earlier try may have come far */
    int status;       /* what `conform` would exit with */
    struct buf report;
    char why[sizeof((struct err){0}.text)]; /* it is refused */
};

static const char *status_text(int status)
{
    return status == CLI_DONE        ? "conformed"
           : status == CLI_MISSING   ? "conformed, some media missing"
           : status == CLI_AMBIGUOUS ? "conformed, some media ambiguous (never granted)"
                                     : "failed, nothing changed";
}

static void head(struct work *w, const char *says)
{
    char now[WHEN_TEXT_SIZE];
    buf_clear(&w->report);
    for (const char *s = w->cut.name; *s; s++) /* a name must not make up lines */
        buf_addc(&w->report, (unsigned char)*s < 0x20 || *s == 0x7f ? '?' : *s);
    buf_addf(&w->report, ": %s\nat %s by %s\nexit status %d: %s\n\n", says,
             when_format(clock_wall(), now), w->lk->actor, w->status, status_text(w->status));
}

static enum watch_end refuse(struct work *w, const char *why)
{
    w->status = CLI_FAILED;
    head(w, "not conformed");
    buf_addf(&w->report, "%s\n", why);
    snprintf(w->why, sizeof w->why, "%s", why);
    return WATCH_REFUSED;
}

static void say_untagged(struct work *w, const char *edit, const char *why)
{
    w->bench->untagged = true;
    log_warn("watch", "edit %s: its object tags are not complete (%s); they are tried again", edit,
             why);
}

/* The report that `conform` prints, of what was committed or found committed. */
static int report_edit(struct work *w, const struct conform_job_result *res, struct err *e)
{
    char says[64];
    snprintf(says, sizeof says, "edit %s", res->commit.edit);
    snprintf(w->edit, sizeof w->edit, "%s", res->commit.edit);
    w->status = conform_job_status(res);
    head(w, says);
    const char *hint = conform_job_hint(&w->job, res, w->lk);
    if (hint)
        buf_addf(&w->report, "%s\n", hint);
    return conform_job_report(res, w->lk, /* json= */ false, &w->report, e);
}

/* There is an edit of this very drop, and whoever made it could not finish: its tags may be
 * missing, and its report is made from the lake as it is now, which is moments later. */
static int report_interrupted(struct work *w, const struct edit *ed, struct err *e)
{
    struct conform_job_result res = {0};
    int r = ed->tagged ? 0 : lake_tag_edit(w->lk, ed->id, w->job.commit.jobs, NULL, NULL,
                                           &res.commit.tags, e);
    if (r < 0)
        say_untagged(w, ed->id, e->text);
    r = conform_job_plan_bytes(w->lk, w->cut.name, w->cut.file, &w->cut.data, &w->job, &res.plan,
                               e);
    if (r < 0)
        return r;
    snprintf(res.commit.edit, sizeof res.commit.edit, "%s", ed->id);
    res.commit.name = xstrdup(ed->name);
    res.commit.artefacts.manifest = xstrdup(ed->manifest);
    r = report_edit(w, &res, e);
    conform_job_result_done(&res);
    return r;
}

static void report_again(struct work *w, const struct edit *ed)
{
    char then[WHEN_TEXT_SIZE];
    snprintf(w->edit, sizeof w->edit, "%s", ed->id);
    w->status = CLI_DONE;
    head(w, "conformed already");
    buf_addf(&w->report,
             "The same bytes under the same name became edit %s (\"%s\", %s, by %s).\n"
             "Nothing was done. To have a further edit of it, drop it under another name.\n%s\n",
             ed->id, ed->name, when_format(ed->time, then), ed->actor, ed->id);
}

/* 1: there is an edit of it, and the report says so. 0: there is none. */
static int is_edit(struct work *w, struct err *e)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(edit) struct edit ed = {0};
    int r = index_read_begin(w->lk->index, &rd, e);
    if (r == 0)
        r = index_edit_of_source(rd, w->claim, &ed, e);
    if (r < 0)
        return r == -ENOENT ? 0 : r;
    index_read_end(TAKE(rd));
    if (w->interrupted && report_interrupted(w, &ed, e) == 0)
        return 1;
    report_again(w, &ed);
    return 1;
}

/* Whose fault is it that there is no plan? */
static bool is_cuts_fault(int r)
{
    return r != -EIO && r != -ENOSPC && r != -ENOMEM && r != -ETIMEDOUT && r != -ECANCELED;
}

static enum watch_end conform(struct work *w, struct err *e)
{
    struct conform_job_result res = {0};
    int r = conform_job_plan_bytes(w->lk, w->cut.name, w->cut.file, &w->cut.data, &w->job,
                                   &res.plan, e);
    if (r < 0)
        return is_cuts_fault(r) ? refuse(w, e->text) : WATCH_NO_LAKE;
    r = conform_job_commit(w->lk, w->cut.file, &w->cut.data, &w->job, &res, e);
    if (r == 0) {
        if (res.commit.tags_pending)
            say_untagged(w, res.commit.edit, res.commit.tags_why);
        r = report_edit(w, &res, e);
        conform_job_result_done(&res);
        return r == 0 ? WATCH_CONFORMED : WATCH_NO_LAKE;
    }
    conform_plan_free(res.plan);
    if (r == -EINVAL || r == -EPERM)
        return refuse(w, e->text);
    if (r != -EALREADY)
        return WATCH_NO_LAKE;
    w->interrupted = true; /* another watcher had it at the same time and was faster */
    return is_edit(w, e) == 1 ? WATCH_CONFORMED : WATCH_NO_LAKE;
}

static enum watch_end decide(struct work *w, unsigned generation, struct err *e)
{
    if (w->cut.refused)
        return refuse(w, w->cut.refused);
    int r = lake_sync(w->lk, e); /* after the claim: what its last holder did is seen */
    if (r == 0)
        r = is_edit(w, e);
    if (r != 0)
        return r == 1 ? WATCH_CONFORMED : WATCH_NO_LAKE;
    if (generation > CLAIM_GENERATIONS_MAX)
        return refuse(w, "watchers took it up many times, and each ended before it was conformed; "
                         "conform it by hand to see why");
    return conform(w, e);
}

static enum watch_end trouble(const struct watch_place *p)
{
    return p->in_lake ? WATCH_NO_LAKE : WATCH_LATER;
}

/* Reports and moves. What cannot be done now is done at the next try. */
static enum watch_end finish(struct work *w, enum watch_end end, struct err *e)
{
    AUTO(free) char *moved = NULL;
    const char *folder = end == WATCH_CONFORMED ? "done" : "failed";
    int r = w->p->ops->report(w->p, w->cut.name, &w->report, e);
    if (r == 0)
        r = w->p->ops->finish(w->p, &w->cut, folder, &moved, e);
    if (r == -EAGAIN) { /* a new cut has its name: that has its own turn */
        log_info("watch", "'%s' was replaced while it was worked on", w->cut.name);
        return end;
    }
    if (r < 0)
        return trouble(w->p);
    if (moved)
        settle_forget(w->p->settle, w->cut.name);
    else
        settle_wait(w->p->settle, w->cut.name, SETTLE_NEVER);
    if (end == WATCH_CONFORMED)
        log_info("watch", "'%s': edit %s, status %d, now '%s/%s'", w->cut.name, w->edit, w->status,
                 folder, moved ? moved : "…");
    else
        log_warn("watch", "'%s': refused (%s), now '%s/%s'", w->cut.name, w->why, folder,
                 moved ? moved : "…");
    return end;
}

static enum watch_end claimed(struct work *w, unsigned generation, struct err *e)
{
    int r = w->p->ops->is_there(w->p, &w->cut, e);
    if (r < 0)
        return trouble(w->p);
    if (r == 0) /* somebody was through with it before our claim */
        return WATCH_OTHERS;
    if ((r = w->p->ops->can_finish(w->p, e)) < 0)
        return trouble(w->p);
    enum watch_end end = decide(w, generation, e);
    return end == WATCH_CONFORMED || end == WATCH_REFUSED ? finish(w, end, e) : end;
}

static enum watch_end with_claim(struct work *w, struct claimer *claimer, struct err *e)
{
    enum claim got = CLAIM_OTHERS;
    unsigned generation = 0;
    struct err late;
    claim_name(w->p->kind, w->cut.name, buf_str(&w->cut.data), w->cut.data.len, w->claim);
    w->job.commit.source = w->claim;
    if (claim_take(claimer, w->claim, w->cut.name, &got, &generation, e) < 0)
        return WATCH_NO_LAKE;
    if (got == CLAIM_OTHERS)
        return WATCH_OTHERS;
    w->interrupted = got == CLAIM_AGAIN || generation > 1;
    enum watch_end end = claimed(w, generation, e);
    /* With an edit and without a report the claim stays: it tells the next try what to say. */
    bool untold = *w->edit && end != WATCH_CONFORMED;
    if (untold || claim_release(claimer, w->claim, &late) == 0)
        return end;
    log_debug("watch", "a claim stays behind: %s", late.text);
    return end;
}

enum watch_end watch_cut(struct watch_bench *bench, struct watch_place *p, const char *name,
                         const struct settle_look *look, struct err *e)
{
    struct work w = {.bench = bench, .lk = bench->lk, .p = p, .job = *bench->job};
    enum watch_end end = WATCH_OTHERS;
    int r = p->ops->fetch(p, name, look, &w.cut, e);
    if (r == 0)
        end = with_claim(&w, bench->claimer, e);
    else if (r != -ENOENT && r != -EAGAIN)
        end = trouble(p);
    dropped_done(&w.cut);
    buf_done(&w.report);
    return end;
}
