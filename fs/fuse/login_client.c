/* fs/fuse/login_client.c - where users of a shared mount sign in: the user's side. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/fuse/login_message.h"
#include "fs/fuse/login_socket.h"
#include "fs/fuse/unix_socket.h"

#define ANSWER_MS 60000 /* the daemon may fetch a key set first */

char *login_socket_path(const char *mountpoint, bool of_root)
{
    const char *run = getenv("SHOTLAKE_RUN"), *own = getenv("XDG_RUNTIME_DIR");
    char name[UNIX_NAME_SIZE];
    unix_name(mountpoint, "login", name);
    if (run && *run)
        return xasprintf("%s/%s", run, name);
    if (of_root)
        return xasprintf("/run/shotlake/%s", name);
    return own && *own ? xasprintf("%s/shotlake/%s", own, name) : NULL;
}

static int connect_to(const char *path, struct err *e)
{
    AUTO(free) char *copy = xstrdup(path), *again = xstrdup(path);
    const char *dir = dirname(copy);
    struct sockaddr_un addr;
    AUTO(fd) int dir_fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return err_errno(e, -errno, "open '%s'", dir);
    int r = unix_address(dir, dir_fd, basename(again), &addr, e);
    if (r < 0)
        return r;
    AUTO(fd) int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return err_errno(e, -errno, "make a socket");
    if (connect(fd, (struct sockaddr *)&addr, sizeof addr) < 0)
        return err_errno(e, errno == ECONNREFUSED ? -ENOENT : -errno, "login socket '%s'", path);
    r = fd;
    fd = -1;
    return r;
}

static int check_server(int fd, uid_t owner, const char *path, struct err *e)
{
    struct ucred peer;
    socklen_t n = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
        return err_errno(e, -errno, "login socket '%s'", path);
    if (peer.uid != 0 && peer.uid != geteuid() && peer.uid != owner)
        return err_set(e, -EPERM, "login socket '%s' is uid %u's: nothing is told to it", path,
                       peer.uid);
    return 0;
}

static int read_answer(int fd, json_t **ret, struct err *e)
{
    AUTO(free) char *text = xcalloc(LOGIN_MESSAGE_MAX, 1);
    struct pollfd p = {.fd = fd, .events = POLLIN};
    int r;
    while ((r = poll(&p, 1, ANSWER_MS)) < 0 && errno == EINTR)
        ;
    if (r <= 0)
        return err_set(e, -ETIMEDOUT, "the mount's daemon does not answer");
    ssize_t n = recv(fd, text, LOGIN_MESSAGE_MAX, MSG_TRUNC);
    if (n < 0 && errno == ECONNRESET) /* told once; the answer is behind it */
        n = recv(fd, text, LOGIN_MESSAGE_MAX, MSG_TRUNC | MSG_DONTWAIT);
    if (n <= 0 || n > LOGIN_MESSAGE_MAX)
        return err_set(e, -EIO, "the mount's daemon does not answer");
    *ret = json_loadb(text, (size_t)n, JSON_REJECT_DUPLICATES, NULL);
    return *ret ? 0 : err_set(e, -EBADMSG, "the mount's daemon answers with something else");
}

/* The code of a refusal's "errno"; those that a caller may want to tell apart. */
static int code_of(const json_t *answer)
{
    static const int codes[] = {EACCES, EAGAIN, EBUSY, EOPNOTSUPP, EPERM, ESRCH, EUSERS};
    const char *name = json_string_value(json_object_get(answer, "errno"));
    for (size_t i = 0; name && i < COUNT(codes); i++)
        if (strcmp(strerrorname_np(codes[i]), name) == 0)
            return -codes[i];
    return -EIO;
}

int login_socket_ask(const char *path, uid_t owner, const char *text, size_t n, json_t **ret,
                     struct err *e)
{
    AUTO(fd) int fd = connect_to(path, e);
    if (fd < 0)
        return fd;
    int r = check_server(fd, owner, path, e);
    if (r < 0)
        return r;
    /* A refusal may be there already, and nobody that reads. */
    if (send(fd, text, n, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
        return err_errno(e, -errno, "login socket '%s'", path);
    json_t *answer = NULL;
    r = read_answer(fd, &answer, e);
    if (r < 0)
        return r;
    const char *why = json_string_value(json_object_get(answer, "error"));
    if (why) {
        r = err_set(e, code_of(answer), "%s", why);
        json_decref(answer);
        return r;
    }
    *ret = answer;
    return 0;
}
