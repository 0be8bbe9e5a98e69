/* fs/fuse/mountpoint.c - what the system knows of a mount: where, whose, alive or dead. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/mountpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define ALIVE_WAIT_MS 5000

int mountpoint_resolve(const char *path, char **ret, struct err *e)
{
    AUTO(free) char *whole = realpath(path, NULL);
    if (whole) {
        *ret = TAKE(whole);
        return 0;
    }
    if (errno != ENOTCONN && errno != EACCES && errno != EIO)
        return err_errno(e, -errno, "mountpoint '%s'", path);
    int why = errno;
    AUTO(free) char *head = xstrdup(path);
    size_t n = strlen(head);
    while (n > 1 && head[n - 1] == '/')
        head[--n] = '\0';
    char *slash = strrchr(head, '/');
    AUTO(free) char *name = xstrdup(slash ? slash + 1 : head);
    if (slash)
        slash[slash == head] = '\0';
    AUTO(free) char *dir = realpath(slash ? head : ".", NULL);
    if (!dir || !*name || !strcmp(name, ".") || !strcmp(name, ".."))
        return err_errno(e, -why, "mountpoint '%s'", path);
    *ret = xasprintf("%s/%s", strcmp(dir, "/") ? dir : "", name);
    return 0;
}

/* Undoes the \ooo of mountinfo in place. */
static void unescape(char *s)
{
    char *to = s;
    for (; *s; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] && s[3]) {
            *to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

static unsigned number_after(const char *s, const char *what)
{
    const char *at = strstr(s, what);
    return at ? (unsigned)strtoul(at + strlen(what), NULL, 10) : 0;
}

/* "36 35 0:52 / /mnt/acme ro,… shared:1 - fuse.shotlake shotlake ro,user_id=1001,…" */
static bool parse_line(char *line, const char *path, struct mountpoint *ret)
{
    char *save = NULL, *field[6], *rest = strstr(line, " - ");
    if (!rest)
        return false;
    *rest = '\0';
    rest += 3;
    for (int i = 0; i < 6; i++)
        if (!(field[i] = strtok_r(i ? NULL : line, " ", &save)))
            return false;
    unescape(field[4]);
    if (strcmp(field[4], path) != 0 || sscanf(field[2], "%u:%u", &ret->major, &ret->minor) != 2)
        return false;
    size_t type = strcspn(rest, " ");
    ret->is_ours = type == strlen(MOUNTPOINT_TYPE) && !strncmp(rest, MOUNTPOINT_TYPE, type);
    ret->user = number_after(rest, "user_id=");
    ret->group = number_after(rest, "group_id=");
    return true;
}

int mountpoint_find(const char *path, struct mountpoint *ret, struct err *e)
{
    AUTO(file) FILE *f = fopen("/proc/self/mountinfo", "re");
    AUTO(free) char *line = NULL;
    size_t room = 0;
    bool found = false;
    if (!f)
        return err_errno(e, -errno, "read the list of mounts");
    while (getline(&line, &room, f) > 0) {
        struct mountpoint mp;
        if (parse_line(line, path, &mp)) {
            *ret = mp; /* a later line lies above an earlier one */
            found = true;
        }
    }
    return found ? 0 : err_set(e, -ENOENT, "nothing is mounted at '%s'", path);
}

/* Only the user (and group) that a mount lets in learns from it whether it lives. Asks what no
 * kernel keeps: attributes outlive the daemon. */
static _Noreturn void ask_as(const char *path, const struct mountpoint *mp)
{
    struct statfs st;
    if (geteuid() == 0 && mp->user != 0 &&
        (setgroups(0, NULL) < 0 || setresgid(mp->group, mp->group, mp->group) < 0 ||
         setresuid(mp->user, mp->user, mp->user) < 0))
        _exit(0);
    _exit(statfs(path, &st) < 0 && errno == ENOTCONN ? 1 : 0);
}

bool mountpoint_is_dead(const char *path, const struct mountpoint *mp)
{
    pid_t pid = fork();
    if (pid < 0)
        return false;
    if (pid == 0)
        ask_as(path, mp);
    /* A daemon that does not answer is not a dead one. */
    for (int waited = 0; waited < ALIVE_WAIT_MS; waited += 10) {
        int status;
        if (waitpid(pid, &status, WNOHANG) == pid)
            return WIFEXITED(status) && WEXITSTATUS(status) == 1;
        poll(NULL, 0, 10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return false;
}

static int unmount_by_helper(const char *path, bool lazy, struct err *e)
{
    int status;
    pid_t pid = fork();
    if (pid < 0)
        return err_errno(e, -errno, "start fusermount3");
    if (pid == 0) {
        execlp("fusermount3", "fusermount3", "-u", lazy ? "-z" : "-q", "--", path, (char *)NULL);
        _exit(127);
    }
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return err_errno(e, -errno, "wait for fusermount3");
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return err_set(e, -ENOENT, "fusermount3 is not installed");
    return err_set(e, -EBUSY, "fusermount3 cannot unmount '%s': it is in use, or not yours", path);
}

int mountpoint_unmount(const char *path, bool lazy, struct err *e)
{
    if (umount2(path, UMOUNT_NOFOLLOW | (lazy ? MNT_DETACH : 0)) == 0)
        return 0;
    if (errno == EPERM)
        return unmount_by_helper(path, lazy, e);
    if (errno == EBUSY)
        return err_set(e, -EBUSY, "'%s' is in use", path);
    return err_errno(e, -errno, "unmount '%s'", path);
}

void mountpoint_set_readahead(const struct mountpoint *mp, unsigned kib)
{
    char path[64], text[16];
    snprintf(path, sizeof path, "/sys/class/bdi/%u:%u/read_ahead_kb", mp->major, mp->minor);
    AUTO(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0) {
        int n = snprintf(text, sizeof text, "%u", kib);
        ssize_t done = write(fd, text, (size_t)n);
        (void)done;
    }
}
