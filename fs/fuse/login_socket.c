/* fs/fuse/login_socket.c - where users of a shared mount sign in: the daemon's side. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/login_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/auth/auth.h"
#include "fs/fuse/login_message.h"
#include "fs/fuse/logins.h"
#include "fs/fuse/mount_state.h"
#include "fs/fuse/unix_socket.h"

#define TAG "login"
#define CLIENTS_MAX 64
#define CLIENTS_OF_UID 8
#define BACKLOG 128
#define CLIENT_MS 5000
#define TICK_MS 1000 /* how often accounts are looked at */
#define REFUSALS_LOGGED_MS 1000 /* one refusal in so long is logged */
#define OVERFLOW_UID 65534

struct login_socket {
    struct login_socket_options o;
    char *name;
    int dir_fd, listen_fd, wake_fd;
    uid_t overflow_uid;
    struct stat own; /* of the socket's file */
    pthread_t thread;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    bool stop;
    struct client *clients;
    size_t n;
    int64_t refusal_ms;
};

/* One connection, served by a thread of its own: checking a credential may take seconds. */
struct client {
    struct login_socket *ls;
    struct client *next;
    int fd;
    uid_t uid;
};

/* ---- one message ----------------------------------------------------------------------------- */

static void log_refusal(struct login_socket *ls, uid_t uid, const char *why)
{
    LOCKED(&ls->lock);
    int64_t ms = clock_mono_ms();
    if (ls->refusal_ms == 0 || ms - ls->refusal_ms > REFUSALS_LOGGED_MS)
        log_info(TAG, "uid %u is not signed in: %s", uid, why);
    ls->refusal_ms = ms;
}

static json_t *names_of(const struct who *who)
{
    json_t *list = json_array();
    for (size_t i = 0; i < who->n; i++)
        json_array_append_new(list, json_string(who->as[i]));
    return list;
}

/* {"session": {…} or null, "principal": …} */
static json_t *tell(struct login_socket *ls, uid_t uid)
{
    AUTO(login) struct login *l = logins_get(ls->o.logins, uid);
    char name[PRINCIPAL_MAX];
    json_t *session = NULL;
    if (l)
        session = json_pack("{s:s, s:o, s:s, s:I, s:I, s:I, s:b}", "principal", l->who.as[0],
                            "names", names_of(&l->who), "how", l->how, "began",
                            (json_int_t)l->began, "until", (json_int_t)l->until, "idle_until",
                            (json_int_t)logins_idle_end(ls->o.logins, l), "narrowed",
                            l->who.details != NULL);
    bool known = mount_state_principal_of(ls->o.state, uid, name);
    return json_pack("{s:o?, s:s?, s:I}", "session", session, "principal", known ? name : NULL,
                     "uid", (json_int_t)uid);
}

static int sign_in(struct login_socket *ls, uid_t uid, const json_t *credential, struct err *e)
{
    AUTO(identity) struct identity id = {0};
    int r = auth_check(ls->o.auth, credential, clock_wall(), &id, e);
    if (r == 0)
        r = logins_add(ls->o.logins, uid, &id.who, id.expires, id.how, e);
    if (r < 0) {
        log_refusal(ls, uid, e->text);
        return r;
    }
    log_info(TAG, "uid %u is signed in as %s by %s", uid, id.who.as[0], id.how);
    ls->o.on_change(ls->o.arg);
    return 0;
}

static int sign_out(struct login_socket *ls, uid_t uid, struct err *e)
{
    if (!logins_end(ls->o.logins, uid))
        return err_set(e, -ESRCH, "nobody is signed in with this uid");
    log_info(TAG, "uid %u has signed out", uid);
    ls->o.on_change(ls->o.arg);
    return 0;
}

static int carry_out(struct login_socket *ls, uid_t uid, const char *text, size_t n,
                     struct err *e)
{
    AUTO(login_message) struct login_message m = {0};
    int r = login_message_parse(text, n, &m, e);
    if (r < 0)
        return r;
    switch (m.op) {
    case LOGIN_IN:
        return sign_in(ls, uid, m.credential, e);
    case LOGIN_OUT:
        return sign_out(ls, uid, e);
    default:
        return 0;
    }
}

static json_t *refusal(const struct err *e)
{
    const char *name = strerrorname_np(-e->code);
    return json_pack("{s:s, s:s}", "error", e->text, "errno", name ? name : "EIO");
}

static json_t *answer_to(struct login_socket *ls, uid_t uid, const char *text, size_t n)
{
    struct err e;
    return carry_out(ls, uid, text, n, &e) < 0 ? refusal(&e) : tell(ls, uid);
}

/* ---- one client ------------------------------------------------------------------------------ */

static bool wait_for(int fd, short events, int64_t until_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    int r;
    do {
        int64_t left = until_ms - clock_mono_ms();
        r = poll(&p, 1, left > 0 ? (int)left : 0);
    } while (r < 0 && errno == EINTR);
    return r > 0;
}

static void send_answer(int fd, json_t *answer)
{
    AUTO(free) char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (!text || !wait_for(fd, POLLOUT, clock_mono_ms() + CLIENT_MS) ||
        send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug(TAG, "a client went away");
}

static void serve(struct login_socket *ls, int fd, uid_t uid)
{
    AUTO(free) char *text = xcalloc(LOGIN_MESSAGE_MAX, 1);
    struct err e;
    json_t *answer;
    if (!wait_for(fd, POLLIN, clock_mono_ms() + CLIENT_MS))
        return;
    /* MSG_TRUNC: the length is the message's own. Descriptors that come with it are dropped by the
     * kernel, since none are asked for. */
    ssize_t n = recv(fd, text, LOGIN_MESSAGE_MAX, MSG_DONTWAIT | MSG_TRUNC);
    if (n <= 0)
        return;
    if (n > LOGIN_MESSAGE_MAX) {
        err_set(&e, -EMSGSIZE, "a message of over %d bytes", LOGIN_MESSAGE_MAX);
        answer = refusal(&e);
    } else {
        answer = answer_to(ls, uid, text, (size_t)n);
    }
    explicit_bzero(text, LOGIN_MESSAGE_MAX);
    send_answer(fd, answer);
}

static void remove_client(struct client *cl)
{
    struct login_socket *ls = cl->ls;
    LOCKED(&ls->lock);
    struct client **at = &ls->clients;
    while (*at != cl)
        at = &(*at)->next;
    *at = cl->next;
    ls->n--;
    eventfd_write(ls->wake_fd, 1); /* there is room for another one */
    pthread_cond_signal(&ls->idle);
}

/* Ends with the list's lock: from then on login_socket_stop() may free everything. */
static void *be_client(void *arg)
{
    struct client *cl = arg;
    serve(cl->ls, cl->fd, cl->uid);
    close(cl->fd);
    remove_client(cl);
    free(cl);
    return NULL;
}

/* ---- all clients ----------------------------------------------------------------------------- */

static bool uid_of_peer(const struct login_socket *ls, int fd, uid_t *ret)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
        return false;
    *ret = peer.uid;
    return peer.uid != 0 && peer.uid != (uid_t)-1 && peer.uid != OVERFLOW_UID &&
           peer.uid != ls->overflow_uid;
}

static size_t count_of(struct login_socket *ls, uid_t uid)
{
    size_t n = 0;
    LOCKED(&ls->lock);
    for (const struct client *cl = ls->clients; cl; cl = cl->next)
        n += cl->uid == uid;
    return n;
}

static int start_client(struct login_socket *ls, int fd, uid_t uid)
{
    pthread_t thread;
    struct client *cl = xcalloc(1, sizeof *cl);
    *cl = (struct client){.ls = ls, .fd = fd, .uid = uid};
    pthread_mutex_lock(&ls->lock);
    cl->next = ls->clients;
    ls->clients = cl;
    ls->n++;
    pthread_mutex_unlock(&ls->lock);
    int r = pthread_create(&thread, NULL, be_client, cl);
    if (r == 0) {
        pthread_detach(thread);
        return 0;
    }
    remove_client(cl);
    free(cl);
    return -r;
}

static void accept_one(struct login_socket *ls)
{
    AUTO(fd) int fd = accept4(ls->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct err e;
    uid_t uid;
    int r = 0;
    if (fd < 0)
        return;
    if (!uid_of_peer(ls, fd, &uid))
        r = err_set(&e, -EPERM, "root, and who has no uid of this host, cannot sign in");
    else if (count_of(ls, uid) >= CLIENTS_OF_UID)
        r = err_set(&e, -EUSERS, "too many connections of this uid at once");
    else if ((r = start_client(ls, fd, uid)) < 0)
        err_errno(&e, r, "serve this connection");
    if (r == 0) {
        fd = -1; /* the client's */
        return;
    }
    json_t *answer = refusal(&e);
    AUTO(free) char *text = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
    json_decref(answer);
    if (text && send(fd, text, strlen(text), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        log_debug(TAG, "a client went away");
}

/* Whether to end; `*ret_full`: nobody more is let in for now, the others wait in the backlog. */
static bool is_stopping(struct login_socket *ls, bool *ret_full)
{
    LOCKED(&ls->lock);
    *ret_full = ls->n >= CLIENTS_MAX;
    return ls->stop;
}

static void *listen_loop(void *arg)
{
    struct login_socket *ls = arg;
    eventfd_t count;
    bool full;
    while (!is_stopping(ls, &full)) {
        struct pollfd p[2] = {{.fd = ls->wake_fd, .events = POLLIN},
                              {.fd = full ? -1 : ls->listen_fd, .events = POLLIN}};
        if (poll(p, 2, TICK_MS) > 0) {
            if (p[0].revents)
                eventfd_read(ls->wake_fd, &count);
            if (p[1].revents)
                accept_one(ls);
        }
        logins_check_accounts(ls->o.logins);
    }
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static uid_t read_overflow_uid(void)
{
    AUTO(file) FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
    unsigned uid;
    return f && fscanf(f, "%u", &uid) == 1 ? (uid_t)uid : OVERFLOW_UID;
}

/* Whoever may change the folder may put a socket of their own in the place of ours. */
static int open_folder(const char *dir, struct err *e)
{
    struct stat st;
    if (mkdir(dir, 0755) == 0)
        chmod(dir, 0755); /* whatever the umask: every user must come through */
    else if (errno != EEXIST)
        return err_errno(e, -errno, "make '%s'", dir);
    AUTO(fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, -errno, "open '%s'", dir);
    if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
        ((st.st_mode & 022) && !(st.st_mode & S_ISVTX)))
        return err_set(e, -EPERM, "'%s': other users may change that folder", dir);
    int r = fd;
    fd = -1;
    return r;
}

static int listen_at(struct login_socket *ls, struct err *e)
{
    AUTO(free) char *path = xstrdup(ls->o.path), *again = xstrdup(ls->o.path);
    const char *dir = dirname(path);
    struct sockaddr_un addr;
    ls->name = xstrdup(basename(again));
    ls->dir_fd = open_folder(dir, e);
    int r = ls->dir_fd < 0 ? ls->dir_fd : unix_address(dir, ls->dir_fd, ls->name, &addr, e);
    if (r < 0)
        return r;
    struct stat had;
    if (fstatat(ls->dir_fd, ls->name, &had, AT_SYMLINK_NOFOLLOW) == 0) {
        if (!S_ISSOCK(had.st_mode))
            return err_set(e, -EEXIST, "'%s' is no socket", ls->o.path);
        unlinkat(ls->dir_fd, ls->name, 0); /* a dead daemon's: a live one has the mountpoint */
    }
    ls->listen_fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ls->listen_fd < 0)
        return err_errno(e, -errno, "make a socket");
    /* Nobody can connect before listen(), so the mode is right in time. */
    if (bind(ls->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        fchmodat(ls->dir_fd, ls->name, 0666, 0) < 0 ||
        fstatat(ls->dir_fd, ls->name, &ls->own, AT_SYMLINK_NOFOLLOW) < 0 ||
        listen(ls->listen_fd, BACKLOG) < 0)
        return err_errno(e, -errno, "make the login socket '%s'", ls->o.path);
    return 0;
}

static void destroy(struct login_socket *ls)
{
    if (ls->listen_fd >= 0)
        close(ls->listen_fd);
    if (ls->dir_fd >= 0)
        close(ls->dir_fd);
    if (ls->wake_fd >= 0)
        close(ls->wake_fd);
    pthread_mutex_destroy(&ls->lock);
    pthread_cond_destroy(&ls->idle);
    free(ls->name);
    free(ls);
}

int login_socket_start(const struct login_socket_options *o, struct login_socket **ret,
                       struct err *e)
{
    sigset_t all, old;
    struct login_socket *ls = xcalloc(1, sizeof *ls);
    pthread_condattr_t attr;
    ls->o = *o;
    ls->listen_fd = ls->dir_fd = -1;
    ls->overflow_uid = read_overflow_uid();
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&ls->idle, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_init(&ls->lock, NULL);
    ls->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    int r = ls->wake_fd < 0 ? err_errno(e, -errno, "make an eventfd") : listen_at(ls, e);
    if (r == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&ls->thread, NULL, listen_loop, ls);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r != 0)
            r = err_errno(e, -r, "start the login thread");
    }
    if (r < 0) {
        destroy(ls);
        return r;
    }
    *ret = ls;
    return 0;
}

/* Lock held. Waits until no client is served any more. */
static void wait_for_clients(struct login_socket *ls, int64_t wait_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += wait_ms / 1000;
    t.tv_nsec += wait_ms % 1000 * 1000000;
    t.tv_sec += t.tv_nsec / 1000000000;
    t.tv_nsec %= 1000000000;
    while (ls->n > 0)
        if (pthread_cond_timedwait(&ls->idle, &ls->lock, &t) == ETIMEDOUT)
            return;
}

bool login_socket_stop(struct login_socket *ls, int64_t wait_ms)
{
    struct stat st; /* another daemon may have taken the name over */
    if (!ls)
        return true;
    pthread_mutex_lock(&ls->lock);
    ls->stop = true;
    pthread_mutex_unlock(&ls->lock);
    eventfd_write(ls->wake_fd, 1);
    pthread_join(ls->thread, NULL);
    if (fstatat(ls->dir_fd, ls->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_ino == ls->own.st_ino && st.st_dev == ls->own.st_dev)
        unlinkat(ls->dir_fd, ls->name, 0);
    pthread_mutex_lock(&ls->lock);
    for (const struct client *cl = ls->clients; cl; cl = cl->next)
        shutdown(cl->fd, SHUT_RD); /* who has said nothing yet is not waited for */
    wait_for_clients(ls, wait_ms);
    bool ended = ls->n == 0;
    pthread_mutex_unlock(&ls->lock);
    if (ended)
        destroy(ls);
    return ended;
}
