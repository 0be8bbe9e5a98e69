/* fs/fuse/copy_guard.c - a process that empties files when this one is killed. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/copy_guard.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct copy_guard {
    int fd; /* one message each: a slot, with a descriptor where that is to be guarded */
    pid_t pid;
};

union control {
    struct cmsghdr header; /* for its alignment */
    char bytes[CMSG_SPACE(sizeof(int))];
};

/* ---- the guard: after a fork of many threads, so system calls only --------------------------- */

static int guarded[COPY_GUARD_SLOTS]; /* descriptor + 1; 0: none */

/* The next message. False: the other side is gone. */
static bool receive(int fd, uint32_t *ret_slot, int *ret_fd)
{
    union control control = {0};
    struct iovec iov = {.iov_base = ret_slot, .iov_len = sizeof *ret_slot};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = control.bytes,
                         .msg_controllen = sizeof control.bytes};
    ssize_t n;
    do
        n = recvmsg(fd, &msg, MSG_CMSG_CLOEXEC);
    while (n < 0 && errno == EINTR);
    if (n != sizeof *ret_slot)
        return false;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
    *ret_fd = -1;
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
        memcpy(ret_fd, CMSG_DATA(c), sizeof *ret_fd);
    return true;
}

static void take_over(int sock)
{
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null >= 0 && fd <= STDERR_FILENO; fd++)
        dup2(null, fd);
    if (sock > STDERR_FILENO + 1)
        close_range(STDERR_FILENO + 1, (unsigned)sock - 1, 0);
    close_range((unsigned)sock + 1, ~0u, 0);
    (void)!chdir("/");
    struct rlimit lim;
    if (getrlimit(RLIMIT_NOFILE, &lim) == 0 && lim.rlim_cur < 2 * COPY_GUARD_SLOTS) {
        lim.rlim_cur = lim.rlim_max < 2 * COPY_GUARD_SLOTS ? lim.rlim_max : 2 * COPY_GUARD_SLOTS;
        setrlimit(RLIMIT_NOFILE, &lim);
    }
    prctl(PR_SET_NAME, "shotlake-guard");
}

static _Noreturn void guard(int sock)
{
    uint32_t slot;
    int fd;
    take_over(sock);
    while (receive(sock, &slot, &fd)) {
        if (slot >= COPY_GUARD_SLOTS)
            continue;
        if (guarded[slot])
            close(guarded[slot] - 1);
        guarded[slot] = fd + 1;
    }
    for (slot = 0; slot < COPY_GUARD_SLOTS; slot++)
        if (guarded[slot])
            (void)!ftruncate(guarded[slot] - 1, 0);
    _exit(0);
}

/* ---- its parent ------------------------------------------------------------------------------ */

int copy_guard_start(struct copy_guard **ret, struct err *e)
{
    sigset_t all, old;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return err_errno(e, -errno, "make a socket for the guard of plain copies");
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    pid_t pid = fork();
    if (pid == 0)
        guard(pair[1]);
    int r = -errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    close(pair[1]);
    if (pid < 0) {
        close(pair[0]);
        return err_errno(e, r, "start the guard of plain copies");
    }
    struct copy_guard *g = xcalloc(1, sizeof *g);
    g->fd = pair[0];
    g->pid = pid;
    *ret = g;
    return 0;
}

static int tell(struct copy_guard *g, uint32_t slot, int fd)
{
    union control control = {0};
    struct iovec iov = {.iov_base = &slot, .iov_len = sizeof slot};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        msg.msg_control = control.bytes;
        msg.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t n;
    do
        n = sendmsg(g->fd, &msg, MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    return n < 0 ? -errno : 0;
}

int copy_guard_add(struct copy_guard *g, unsigned slot, int fd)
{
    return tell(g, slot, fd);
}

void copy_guard_remove(struct copy_guard *g, unsigned slot)
{
    (void)tell(g, slot, -1); /* a guard that is gone has nothing */
}

void copy_guard_stop(struct copy_guard *g)
{
    if (!g)
        return;
    close(g->fd);
    while (waitpid(g->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    free(g);
}
