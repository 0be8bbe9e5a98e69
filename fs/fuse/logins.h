/* fs/fuse/logins.h - who has signed in on a mount: one session a uid, and how each ends. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_LOGINS_H
#define FS_FUSE_LOGINS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "policy/principals.h"

struct err;
struct logins;

/* One session. Constant but for the atomic members; refcounted; any thread. The credential that
 * began it is not here: nothing is left of it once it was verified. */
struct login {
    atomic_uint refs;
    atomic_bool over; /* once true, for good: no clock makes a session live again */
    uid_t uid;
    struct who who; /* as the credential has it: as[0] "user:NAME" */
    char *account;  /* the uid's name in passwd when it signed in; NULL: it had none */
    const char *how; /* "token" or "basic"; static */
    int64_t began, until;          /* wall clock, Unix seconds */
    int64_t until_ms;              /* the same end by the clock that nobody sets */
    _Atomic int64_t used_ms;       /* the last request; clock_mono_ms() */
};
struct login *login_ref(struct login *l);
void login_unref(struct login *l); /* NULL is fine */
static inline void auto_login(struct login **l)
{
    login_unref(*l);
}

struct login_limits {
    int64_t idle_s; /* a session without a request for so long is over; 0: no such limit */
    int64_t max_s;  /* the longest session, whatever its credential says; 0: as the credential */
};

#define LOGINS_MAX 1000

struct logins *logins_new(const struct login_limits *limits);
void logins_free(struct logins *lg); /* NULL is fine */

/* Begins the session of a uid: until `expires` (of the credential, Unix seconds) at the latest. The
 * same principal's earlier session on that uid is over. `who` is copied, `how` borrowed for good.
 * -EACCES: `expires` is past; -EBUSY: another principal is signed in on that uid; -ENOSPC. */
int logins_add(struct logins *lg, uid_t uid, const struct who *who, int64_t expires,
               const char *how, struct err *e);

/* The session of a uid that is not over by any clock, or NULL. The caller unrefs. */
struct login *logins_get(struct logins *lg, uid_t uid);
/* The uid made a request: its idle time begins anew. */
void logins_touch(struct logins *lg, uid_t uid);
/* Moment (wall clock) at which the session is over if nothing is asked any more. */
int64_t logins_idle_end(struct logins *lg, const struct login *l);

/* Ends a uid's session. False: it had none. */
bool logins_end(struct logins *lg, uid_t uid);
/* Forgets the sessions that the clocks have ended. */
void logins_sweep(struct logins *lg);
/* Ends those whose uid is another account now, or none: a uid that is given to somebody else takes
 * no session with it. Asks the system, which may take long. One thread. */
void logins_check_accounts(struct logins *lg);

size_t logins_count(struct logins *lg);

#endif
