/* fs/fuse/unix_socket.c - names and addresses of the sockets that a mount has beside it. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/unix_socket.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "fs/view/siphash.h"

void unix_name(const char *mountpoint, const char *kind, char ret[UNIX_NAME_SIZE])
{
    static const uint8_t key[SIPHASH_KEY_SIZE] = "shotlake.control";
    snprintf(ret, UNIX_NAME_SIZE, "%016llx.%s",
             (unsigned long long)siphash(key, mountpoint, strlen(mountpoint)), kind);
}

int unix_address(const char *dir, int dir_fd, const char *name, struct sockaddr_un *ret,
                 struct err *e)
{
    size_t room = sizeof ret->sun_path;
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, room, "%s/%s", dir, name);
    if (n >= (int)room)
        n = snprintf(ret->sun_path, room, "/proc/self/fd/%d/%s", dir_fd, name);
    return n < (int)room ? 0 : err_set(e, -ENAMETOOLONG, "socket '%s'", name);
}
