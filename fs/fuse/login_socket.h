/* fs/fuse/login_socket.h - where users of a shared mount sign in: both sides. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_LOGIN_SOCKET_H
#define FS_FUSE_LOGIN_SOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

struct auth;
struct err;
struct login_socket;
struct logins;
struct mount_state;

/*
 * A SOCK_SEQPACKET socket that every user of the host may connect to; login_message.h has what is
 * said. The uid is the peer's as the kernel has it (SO_PEERCRED), never what the client says.
 * Root, the overflow uid (what a uid of another user namespace looks like from here) and no uid at
 * all are refused. At most 8 connections a uid are served at once and 64 in all; each has 5
 * seconds to send its message, and to take the answer.
 */
struct login_socket_options {
    const char *path;
    struct auth *auth;
    struct logins *logins;
    struct mount_state *state; /* knows who a uid is without a session */
    void (*on_change)(void *arg); /* a session began or ended; from the socket's threads */
    void *arg;
};

/* Where the login socket of a mountpoint is: below $SHOTLAKE_RUN; else /run/shotlake for a daemon
 * of root, $XDG_RUNTIME_DIR/shotlake for another. The caller frees; NULL: that folder is not
 * known. */
char *login_socket_path(const char *mountpoint, bool of_root);

/* Makes the socket (mode 0666) in its folder, which is made (0755) where it is not there: its
 * parent must be. Refuses a folder that other users may change. Borrows the options' values. */
int login_socket_start(const struct login_socket_options *o, struct login_socket **ret,
                       struct err *e);

/* Removes the socket and frees `ls`; NULL is fine. False: a client's credential is still being
 * checked after `wait_ms`; `ls` and what it borrows must stay. */
bool login_socket_stop(struct login_socket *ls, int64_t wait_ms);

/* Sends a message and reads the answer, as the user. `owner`: who may serve it besides root and the
 * caller: a credential is told to nobody else. An answer that is an error is returned as one.
 * -ENOENT: nobody listens there. */
int login_socket_ask(const char *path, uid_t owner, const char *text, size_t n, json_t **ret,
                     struct err *e);

#endif
