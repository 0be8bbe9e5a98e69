/* fs/fuse/login_message.h - what a client may say on a mount's login socket. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_LOGIN_MESSAGE_H
#define FS_FUSE_LOGIN_MESSAGE_H

#include <stddef.h>

#include <jansson.h>

struct err;

/* One message each way on a connection, a JSON object:
 *   {"op": "login", "token": "…"} or {"op": "login", "user": "…", "password": "…"}
 *   {"op": "logout"}
 *   {"op": "session"}
 * The answer has "error" and "errno", or what was asked for. Whose session it is about is not in
 * the message: the kernel says which uid has connected. */

#define LOGIN_MESSAGE_MAX 65536
#define LOGIN_USER_MAX 255 /* bytes */
#define LOGIN_PASSWORD_MAX 1024

enum login_op { LOGIN_IN, LOGIN_OUT, LOGIN_TELL };

struct login_message {
    enum login_op op;
    json_t *credential; /* of LOGIN_IN, as auth_check() takes it; else NULL */
};

/* Another member, a wrong type, an empty or too long value is refused: -EBADMSG. The sentence
 * repeats nothing of the message. login_message_done() after 0. */
int login_message_parse(const char *text, size_t n, struct login_message *ret, struct err *e);
/* Wipes the credential. */
void login_message_done(struct login_message *m);

static inline void auto_login_message(struct login_message *m)
{
    login_message_done(m);
}

#endif
