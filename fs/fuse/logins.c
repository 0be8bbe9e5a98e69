/* fs/fuse/logins.c - who has signed in on a mount: one session a uid, and how each ends. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/logins.h"

#include <errno.h>
#include <pthread.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fuse/file_mark.h"

#define TAG "login"
#define ACCOUNTS_FILE "/etc/passwd"
#define ACCOUNTS_MS 10000 /* how often accounts that are in no file are asked about */
#define ACCOUNT_BYTES_MAX (1u << 20)
#define MS_MOST (INT64_MAX / 4)

struct logins {
    struct login_limits limits;
    pthread_mutex_t lock;  /* guards the table */
    struct login **table; /* rising by uid */
    size_t n;

    struct file_mark accounts; /* of the one thread that checks them */
    int64_t checked_ms;
};

/* ---- one session ----------------------------------------------------------------------------- */

struct login *login_ref(struct login *l)
{
    atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
    return l;
}

void login_unref(struct login *l)
{
    if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
        return;
    who_done(&l->who);
    free(l->account);
    free(l);
}

static int64_t limited(int64_t s)
{
    return s > MS_MOST / 1000 ? MS_MOST : s * 1000;
}

/* Says it once and for all: what is over stays over when a clock is set back. */
static bool is_over(const struct logins *lg, struct login *l)
{
    int64_t ms = clock_mono_ms(), idle_ms = limited(lg->limits.idle_s);
    if (atomic_load(&l->over))
        return true;
    if (clock_wall() < l->until && ms < l->until_ms &&
        (idle_ms == 0 || ms - atomic_load(&l->used_ms) < idle_ms))
        return false;
    atomic_store(&l->over, true);
    return true;
}

/* The name of a uid: 0, also for none (NULL); a negative errno where that cannot be told now. */
static int account_of(uid_t uid, char **ret)
{
    struct passwd pw, *found = NULL;
    for (size_t room = 1024; room <= ACCOUNT_BYTES_MAX; room *= 4) {
        AUTO(free) char *text = xcalloc(room, 1);
        int r = getpwuid_r(uid, &pw, text, room, &found);
        if (r == ERANGE)
            continue;
        /* Some of the system's sources answer so for a uid that they do not know. */
        if (r != 0 && r != ENOENT && r != ESRCH)
            return -r;
        *ret = found ? xstrdup(pw.pw_name) : NULL;
        return 0;
    }
    return -ERANGE;
}

/* ---- the table ------------------------------------------------------------------------------- */

struct logins *logins_new(const struct login_limits *limits)
{
    struct logins *lg = xcalloc(1, sizeof *lg);
    lg->limits = *limits;
    pthread_mutex_init(&lg->lock, NULL);
    lg->accounts = file_mark_of(ACCOUNTS_FILE);
    lg->checked_ms = clock_mono_ms();
    return lg;
}

void logins_free(struct logins *lg)
{
    if (!lg)
        return;
    for (size_t i = 0; i < lg->n; i++)
        login_unref(lg->table[i]);
    free(lg->table);
    pthread_mutex_destroy(&lg->lock);
    free(lg);
}

/* Lock held. The place of a uid, or where it would go. */
static size_t place_of(const struct logins *lg, uid_t uid)
{
    size_t low = 0, high = lg->n;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (lg->table[mid]->uid < uid)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Lock held; borrowed. */
static struct login *find(const struct logins *lg, uid_t uid)
{
    size_t at = place_of(lg, uid);
    struct login *l = at < lg->n && lg->table[at]->uid == uid ? lg->table[at] : NULL;
    return l && !is_over(lg, l) ? l : NULL;
}

/* Lock held. */
static void remove_at(struct logins *lg, size_t at)
{
    struct login *l = lg->table[at];
    atomic_store(&l->over, true);
    memmove(lg->table + at, lg->table + at + 1, (lg->n - at - 1) * sizeof(struct login *));
    lg->n--;
    login_unref(l);
}

static struct login *make(const struct logins *lg, uid_t uid, const struct who *who,
                          int64_t expires, const char *how)
{
    struct login *l = xcalloc(1, sizeof *l);
    int64_t now = clock_wall(), ms = clock_mono_ms(), left = expires - now;
    if (lg->limits.max_s > 0 && left > lg->limits.max_s)
        left = lg->limits.max_s;
    l->refs = 1;
    l->uid = uid;
    who_copy(who, &l->who);
    l->how = how;
    l->began = now;
    l->until = now + left;
    l->until_ms = ms + limited(left);
    l->used_ms = ms;
    return l;
}

int logins_add(struct logins *lg, uid_t uid, const struct who *who, int64_t expires,
               const char *how, struct err *e)
{
    AUTO(login) struct login *l = NULL;
    if (who->n == 0 || expires <= clock_wall())
        return err_set(e, -EACCES, "the credential is not valid any more");
    l = make(lg, uid, who, expires, how);
    int r = account_of(uid, &l->account);
    if (r < 0)
        return err_errno(e, r, "look up uid %u", uid);

    LOCKED(&lg->lock);
    struct login *had = find(lg, uid);
    if (had && strcmp(had->who.as[0], who->as[0]) != 0)
        return err_set(e, -EBUSY, "another principal is signed in with this uid: log out first");
    size_t at = place_of(lg, uid);
    if (at < lg->n && lg->table[at]->uid == uid)
        remove_at(lg, at);
    if (lg->n == LOGINS_MAX)
        return err_set(e, -ENOSPC, "%d users are signed in: no more", LOGINS_MAX);
    lg->table = xrealloc(lg->table, lg->n + 1, sizeof(struct login *));
    memmove(lg->table + at + 1, lg->table + at, (lg->n - at) * sizeof(struct login *));
    lg->table[at] = TAKE(l);
    lg->n++;
    return 0;
}

struct login *logins_get(struct logins *lg, uid_t uid)
{
    LOCKED(&lg->lock);
    struct login *l = find(lg, uid);
    return l ? login_ref(l) : NULL;
}

void logins_touch(struct logins *lg, uid_t uid)
{
    LOCKED(&lg->lock);
    struct login *l = find(lg, uid);
    if (l)
        atomic_store(&l->used_ms, clock_mono_ms());
}

int64_t logins_idle_end(struct logins *lg, const struct login *l)
{
    if (lg->limits.idle_s <= 0)
        return l->until;
    int64_t left = limited(lg->limits.idle_s) - (clock_mono_ms() - atomic_load(&l->used_ms));
    int64_t at = clock_wall() + left / 1000;
    return at < l->until ? at : l->until;
}

bool logins_end(struct logins *lg, uid_t uid)
{
    LOCKED(&lg->lock);
    if (!find(lg, uid))
        return false;
    remove_at(lg, place_of(lg, uid));
    return true;
}

void logins_sweep(struct logins *lg)
{
    LOCKED(&lg->lock);
    for (size_t i = lg->n; i-- > 0;)
        if (is_over(lg, lg->table[i])) {
            log_info(TAG, "the session of %s (uid %u) is over", lg->table[i]->who.as[0],
                     lg->table[i]->uid);
            remove_at(lg, i);
        }
}

size_t logins_count(struct logins *lg)
{
    LOCKED(&lg->lock);
    return lg->n;
}

/* ---- uids that are given to others ---------------------------------------------------------- */

/* References to all sessions: the system is asked without the lock. */
static struct login **all(struct logins *lg, size_t *ret_n)
{
    LOCKED(&lg->lock);
    struct login **list = xcalloc(lg->n + 1, sizeof(struct login *));
    for (size_t i = 0; i < lg->n; i++)
        list[i] = login_ref(lg->table[i]);
    *ret_n = lg->n;
    return list;
}

static bool same_account(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_account(struct login *l)
{
    AUTO(free) char *account = NULL;
    int r = account_of(l->uid, &account);
    if (r < 0) { /* not known now: the session's own end stays */
        log_debug(TAG, "cannot look up uid %u: %s", l->uid, strerrorname_np(-r));
        return;
    }
    if (same_account(l->account, account))
        return;
    log_info(TAG, "uid %u is another account now: the session of %s is over", l->uid,
             l->who.as[0]);
    atomic_store(&l->over, true);
}

void logins_check_accounts(struct logins *lg)
{
    struct file_mark mark = file_mark_of(ACCOUNTS_FILE);
    int64_t ms = clock_mono_ms();
    if (file_mark_same(&mark, &lg->accounts) && ms - lg->checked_ms < ACCOUNTS_MS)
        return;
    lg->accounts = mark;
    lg->checked_ms = ms;
    size_t n;
    AUTO(free) struct login **list = all(lg, &n);
    for (size_t i = 0; i < n; i++) {
        check_account(list[i]);
        login_unref(list[i]);
    }
}
