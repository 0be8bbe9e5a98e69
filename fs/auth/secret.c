/* fs/auth/secret.c - what must not stay in memory. */
/* SPDX-License-Identifier: MIT */
#include "fs/auth/secret.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

void secret_free(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

void buf_wipe(struct buf *b)
{
    if (b->p)
        explicit_bzero(b->p, b->cap);
    buf_done(b);
}
