/* fs/fuse/fuse_session.c - one mount from mount(2) to its end. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/fuse_session.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/cache/cache.h"
#include "fs/fuse/backing.h"
#include "fs/fuse/fuse_ops.h"
#include "fs/fuse/fuse_read.h"
#include "fs/fuse/mountpoint.h"

#define TAG "fuse"
#define READAHEAD_KIB 1024
#define THREADS_LEAST 2
#define THREADS_MOST 8

struct session {
    struct front *f;
    struct fuse_session *se;
    char *path;
    bool by_us; /* mount(2), not fusermount3 */
    struct mountpoint where;

    pthread_t main_thread, signal_thread;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool ended;
    void (*ending)(void *arg);
    void *ending_arg;
};

/* What libfuse said last: the reason of a mount that failed. */
static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[256];

static void on_log(enum fuse_log_level level, const char *fmt, va_list ap)
{
    char text[256];
    vsnprintf(text, sizeof text, fmt, ap);
    text[strcspn(text, "\n")] = '\0';
    if (level <= FUSE_LOG_ERR) {
        LOCKED(&said_lock);
        snprintf(said, sizeof said, "%s", text);
    }
    log_debug(TAG, "%s", text);
}

/* ---- signals --------------------------------------------------------------------------------- */

static void ending_signals(sigset_t *ret)
{
    sigemptyset(ret);
    sigaddset(ret, SIGTERM);
    sigaddset(ret, SIGINT);
    sigaddset(ret, SIGHUP);
    sigaddset(ret, SIGUSR1);
}

void session_block_signals(void)
{
    sigset_t set;
    ending_signals(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static void do_nothing(int sig)
{
    (void)sig;
}

/* Waits for a signal or the loop's end. libfuse's loop sleeps in sem_wait() and looks at its flag
 * when a signal handler interrupts that: it is knocked until it has seen it. */
static void *wait_for_signal(void *arg)
{
    struct session *s = arg;
    sigset_t set;
    int sig;
    bool ended;
    ending_signals(&set);
    do { /* SIGUSR1 is the loop's own: it says only "look" */
        if (sigwait(&set, &sig) != 0)
            sig = SIGTERM;
        pthread_mutex_lock(&s->lock);
        ended = s->ended;
        pthread_mutex_unlock(&s->lock);
    } while (sig == SIGUSR1 && !ended);
    if (ended)
        return NULL;
    log_info(TAG, "ending at signal %d", sig);
    s->ending(s->ending_arg);
    fuse_session_exit(s->se);
    pthread_mutex_lock(&s->lock);
    while (!s->ended) {
        struct timespec t;
        pthread_kill(s->main_thread, SIGUSR2);
        clock_gettime(CLOCK_REALTIME, &t);
        t.tv_nsec += 20000000;
        t.tv_sec += t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&s->cond, &s->lock, &t);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- mounting -------------------------------------------------------------------------------- */

static int mount_as_root(struct session *s, struct err *e)
{
    const struct front *f = s->f;
    AUTO(fd) int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
    AUTO(free) char *data = NULL;
    char name[32];
    if (fd < 0)
        return err_errno(e, -errno, "open /dev/fuse");
    data = xasprintf("fd=%d,rootmode=40000,user_id=%u,group_id=%u,max_read=%zu%s", fd, f->uid,
                     f->gid, CACHE_READ_BYTES, f->per_caller ? ",allow_other" : "");
    if (mount("shotlake", s->path, MOUNTPOINT_TYPE, MS_RDONLY | MS_NOSUID | MS_NODEV, data) < 0)
        return err_errno(e, -errno, "mount at '%s'", s->path);
    s->by_us = true;
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    if ((f->passthrough ? backing_attach(s->se, fd) : fuse_session_mount(s->se, name)) != 0) {
        umount2(s->path, UMOUNT_NOFOLLOW | MNT_DETACH);
        return err_set(e, -EIO, "take over the mount at '%s': %s", s->path, said);
    }
    fd = -1; /* the session's */
    return 0;
}

static int mount_as_user(struct session *s, struct err *e)
{
    if (fuse_session_mount(s->se, s->path) == 0)
        return 0;
    LOCKED(&said_lock);
    return err_set(e, -EIO, "mount at '%s': %s", s->path,
                   said[0] ? said : "fusermount3 refuses (its own message is above)");
}

static struct fuse_session *make_session(struct front *f, bool as_root)
{
    struct fuse_lowlevel_ops ops = fuse_ops_table(f);
    struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
    fuse_opt_add_arg(&args, "shotlake");
    if (!as_root) {
        fuse_opt_add_arg(&args, "-oro,nosuid,nodev,fsname=shotlake,subtype=shotlake");
        if (f->per_caller)
            fuse_opt_add_arg(&args, "-oallow_other");
    }
    struct fuse_session *se = fuse_session_new(&args, &ops, sizeof ops, f);
    fuse_opt_free_args(&args);
    return se;
}

int session_mount(struct front *f, const char *path, struct session **ret, struct err *e)
{
    bool as_root = geteuid() == 0;
    fuse_set_log_func(on_log);
    struct fuse_session *se = make_session(f, as_root);
    if (!se)
        return err_set(e, -EIO, "start a FUSE session: %s", said);

    struct session *s = xcalloc(1, sizeof *s);
    s->f = f;
    s->se = f->se = se;
    s->path = xstrdup(path);
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->cond, NULL);
    int r = as_root ? mount_as_root(s, e) : mount_as_user(s, e);
    if (r == 0)
        r = mountpoint_find(path, &s->where, e);
    if (r < 0) {
        session_end(s);
        return r;
    }
    *ret = s;
    return 0;
}

/* ---- serving --------------------------------------------------------------------------------- */

static unsigned thread_count(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    if (cores < THREADS_LEAST)
        return THREADS_LEAST;
    return cores > THREADS_MOST ? THREADS_MOST : (unsigned)cores;
}

static int serve(struct session *s)
{
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (!config)
        return -ENOMEM;
    fuse_loop_cfg_set_clone_fd(config, 1);
    fuse_loop_cfg_set_max_threads(config, thread_count());
    fuse_loop_cfg_set_idle_threads(config, thread_count());
    int r = fuse_session_loop_mt(s->se, config);
    fuse_loop_cfg_destroy(config);
    return r < 0 ? r : 0;
}

int session_loop(struct session *s, void (*ending)(void *arg), void *arg, struct err *e)
{
    sigset_t knock;
    struct sigaction act = {.sa_handler = do_nothing};
    s->main_thread = pthread_self();
    s->ending = ending;
    s->ending_arg = arg;
    sigaction(SIGUSR2, &act, NULL); /* without SA_RESTART: it interrupts the loop's sleep */
    sigemptyset(&knock);
    sigaddset(&knock, SIGUSR2);

    pthread_sigmask(SIG_BLOCK, &knock, NULL);
    int r = pthread_create(&s->signal_thread, NULL, wait_for_signal, s);
    if (r != 0)
        return err_errno(e, -r, "start the thread that waits for signals");
    pthread_sigmask(SIG_UNBLOCK, &knock, NULL);
    mountpoint_set_readahead(&s->where, READAHEAD_KIB);
    r = serve(s);

    pthread_mutex_lock(&s->lock);
    s->ended = true;
    pthread_cond_signal(&s->cond);
    pthread_mutex_unlock(&s->lock);
    pthread_kill(s->signal_thread, SIGUSR1);
    pthread_join(s->signal_thread, NULL);
    return r < 0 ? err_errno(e, r, "answer requests at '%s'", s->path) : 0;
}

/* True where the mount at the path is still this one. */
static bool is_mounted(const struct session *s)
{
    struct mountpoint now;
    struct err e;
    return mountpoint_find(s->path, &now, &e) == 0 && now.is_ours && now.major == s->where.major &&
           now.minor == s->where.minor;
}

void session_end(struct session *s)
{
    if (!s)
        return;
    fuse_read_end_all(s->f);
    if (s->by_us && is_mounted(s))
        umount2(s->path, UMOUNT_NOFOLLOW | MNT_DETACH);
    fuse_session_unmount(s->se); /* does nothing to a mount of mount(2) */
    fuse_session_destroy(s->se);
    front_close_handles(s->f);
    s->f->se = NULL;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->cond);
    free(s->path);
    free(s);
}
