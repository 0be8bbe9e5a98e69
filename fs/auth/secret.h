/* fs/auth/secret.h - what must not stay in memory. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_AUTH_SECRET_H
#define FS_AUTH_SECRET_H

struct buf;

/* Wipes and frees a string; NULL is fine. */
void secret_free(char *s);
/* Wipes all the room of `b` and frees it. Growing leaves copies behind: where that matters, make the
 * room once. */
void buf_wipe(struct buf *b);

static inline void auto_secret(char **s)
{
    secret_free(*s);
}

static inline void auto_secret_buf(struct buf *b)
{
    buf_wipe(b);
}

#endif
