/* fs/fuse/unix_socket.h - names and addresses of the sockets that a mount has beside it. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_UNIX_SOCKET_H
#define FS_FUSE_UNIX_SOCKET_H

#include <sys/un.h>

struct err;

#define UNIX_NAME_SIZE 32

/* "0123456789abcdef.sock": the same for a mountpoint on every call, short, and without the path's
 * own characters. Not a secret. `kind` has at most 8 bytes. */
void unix_name(const char *mountpoint, const char *kind, char ret[UNIX_NAME_SIZE]);

/* sun_path holds 107 bytes and a folder may be deeper: such a socket is reached through its
 * folder's descriptor `dir_fd`. */
int unix_address(const char *dir, int dir_fd, const char *name, struct sockaddr_un *ret,
                 struct err *e);

#endif
