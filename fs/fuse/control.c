/* fs/fuse/control.c - a daemon's Unix socket: how it is doing, and when it has ended. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "fs/fuse/unix_socket.h"

#define TAG "control"
#define CLIENTS_MAX 64 /* the oldest goes */
#define ASK_MS 5000
#define ANSWER_MAX 65536

struct control {
    int run_fd, listen_fd, stop_fd;
    char name[UNIX_NAME_SIZE];
    control_answer_fn *fn;
    void *arg;
    pthread_t thread;
    struct stat own;          /* of the socket's file */
    int clients[CLIENTS_MAX]; /* open until the daemon ends: that is how its end is told */
    size_t next_client;
};

static int socket_address(const char *state, int run_fd, const char *name, struct sockaddr_un *ret,
                          struct err *e)
{
    AUTO(free) char *dir = xasprintf("%s/run", state);
    return unix_address(dir, run_fd, name, ret, e);
}

static int open_run(const char *state, bool make, struct err *e)
{
    AUTO(free) char *path = xasprintf("%s/run", state);
    if (make && mkdir(path, 0700) < 0 && errno != EEXIST)
        return err_errno(e, -errno, "make '%s'", path);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? fd : err_errno(e, -errno, "open '%s'", path);
}

int control_lock(const char *state, struct err *e)
{
    AUTO(fd) int fd = open_run(state, /* make= */ true, e);
    if (fd < 0)
        return fd;
    while (flock(fd, LOCK_EX) < 0)
        if (errno != EINTR)
            return err_errno(e, -errno, "lock '%s/run'", state);
    int r = fd;
    fd = -1;
    return r;
}

static int connect_to(const char *state, int run_fd, const char *name, struct err *e)
{
    struct sockaddr_un addr;
    int r = socket_address(state, run_fd, name, &addr, e);
    if (r < 0)
        return r;
    AUTO(fd) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, -errno, "make a socket");
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        return err_errno(e, errno == ECONNREFUSED ? -ENOENT : -errno, "the mount's daemon");
    r = fd;
    fd = -1;
    return r;
}

/* ---- the daemon's side ----------------------------------------------------------------------- */

static bool is_allowed(int fd)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) == 0 &&
           (peer.uid == 0 || peer.uid == geteuid());
}

static void serve_one(struct control *ct)
{
    int fd = accept4(ct->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    if (!is_allowed(fd)) {
        close(fd);
        return;
    }
    json_t *answer = ct->fn(ct->arg);
    AUTO(free) char *text = json_dumps(answer, JSON_COMPACT);
    json_decref(answer);
    /* Fits the socket's buffer; a client that does not read loses its answer, nobody else. */
    if (text &&
        (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0 || send(fd, "\n", 1, MSG_NOSIGNAL) < 0))
        log_debug(TAG, "a client went away");
    int *slot = &ct->clients[ct->next_client++ % CLIENTS_MAX];
    if (*slot >= 0)
        close(*slot);
    *slot = fd;
}

static void *serve(void *arg)
{
    struct control *ct = arg;
    struct pollfd p[2] = {{.fd = ct->listen_fd, .events = POLLIN},
                          {.fd = ct->stop_fd, .events = POLLIN}};
    for (;;) {
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return NULL;
        if (p[1].revents)
            return NULL;
        if (p[0].revents)
            serve_one(ct);
    }
}

static int listen_at(struct control *ct, const char *state, struct err *e)
{
    struct sockaddr_un addr;
    int r = socket_address(state, ct->run_fd, ct->name, &addr, e);
    if (r < 0)
        return r;
    unlinkat(ct->run_fd, ct->name, 0);
    ct->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ct->listen_fd < 0)
        return err_errno(e, -errno, "make a socket");
    /* Nobody can connect before listen(), so the mode is right in time. */
    if (bind(ct->listen_fd, (struct sockaddr *)&addr, sizeof addr) < 0 ||
        fchmodat(ct->run_fd, ct->name, 0600, 0) < 0 ||
        fstatat(ct->run_fd, ct->name, &ct->own, AT_SYMLINK_NOFOLLOW) < 0 ||
        listen(ct->listen_fd, 16) < 0)
        return err_errno(e, -errno, "make the control socket");
    return 0;
}

/* The clients' connections stay open: the kernel closes them when the process has ended. */
static void destroy(struct control *ct)
{
    if (ct->listen_fd >= 0)
        close(ct->listen_fd);
    if (ct->stop_fd >= 0)
        close(ct->stop_fd);
    if (ct->run_fd >= 0)
        close(ct->run_fd);
    free(ct);
}

int control_start(const char *state, const char *mountpoint, control_answer_fn *fn, void *arg,
                  struct control **ret, struct err *e)
{
    sigset_t all, old;
    struct control *ct = xcalloc(1, sizeof *ct);
    ct->fn = fn;
    ct->arg = arg;
    ct->listen_fd = -1;
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        ct->clients[i] = -1;
    unix_name(mountpoint, "sock", ct->name);
    ct->stop_fd = eventfd(0, EFD_CLOEXEC);
    ct->run_fd = open_run(state, /* make= */ true, e);
    int r = ct->run_fd < 0 ? ct->run_fd : listen_at(ct, state, e);
    if (r == 0) {
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &old);
        r = pthread_create(&ct->thread, NULL, serve, ct);
        pthread_sigmask(SIG_SETMASK, &old, NULL);
        if (r != 0)
            r = err_errno(e, -r, "start the control thread");
    }
    if (r < 0) {
        destroy(ct);
        return r;
    }
    *ret = ct;
    return 0;
}

void control_stop(struct control *ct)
{
    if (!ct)
        return;
    eventfd_write(ct->stop_fd, 1);
    pthread_join(ct->thread, NULL);
    struct stat st; /* another daemon may have taken the name over */
    if (fstatat(ct->run_fd, ct->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_ino == ct->own.st_ino && st.st_dev == ct->own.st_dev)
        unlinkat(ct->run_fd, ct->name, 0);
    destroy(ct);
}

/* ---- the client's side ----------------------------------------------------------------------- */

static int read_answer(int fd, struct buf *ret, struct err *e)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (!memchr(buf_str(ret), '\n', ret->len)) {
        int r = poll(&p, 1, ASK_MS);
        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return err_set(e, -ETIMEDOUT, "the mount's daemon does not answer");
        ssize_t n = recv(fd, buf_room(ret, 4096), 4096, 0);
        if (n <= 0)
            return err_set(e, -EACCES, "the mount's daemon does not answer you");
        buf_added(ret, (size_t)n);
        if (ret->len > ANSWER_MAX)
            return err_set(e, -EBADMSG, "the mount's daemon answers too much");
    }
    return 0;
}

int control_ask(const char *state, const char *mountpoint, json_t **ret, int *ret_fd, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    char name[UNIX_NAME_SIZE];
    AUTO(fd) int run_fd = open_run(state, /* make= */ false, e);
    if (run_fd < 0)
        return run_fd;
    unix_name(mountpoint, "sock", name);
    AUTO(fd) int fd = connect_to(state, run_fd, name, e);
    if (fd < 0)
        return fd;
    int r = read_answer(fd, &text, e);
    if (r < 0)
        return r;
    json_error_t why;
    *ret = json_loadb(text.p, text.len, 0, &why);
    if (!*ret)
        return err_set(e, -EBADMSG, "the mount's daemon answers: %s", why.text);
    if (ret_fd) {
        *ret_fd = fd;
        fd = -1;
    }
    return 0;
}

bool control_wait(int fd, int ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    char c;
    if (poll(&p, 1, ms) <= 0)
        return false;
    return recv(fd, &c, 1, 0) <= 0;
}
