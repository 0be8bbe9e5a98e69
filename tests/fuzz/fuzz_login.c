/* tests/fuzz/fuzz_login.c - any bytes on a login socket: refused, or a message of its shape. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "fs/fuse/login_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_text(const json_t *credential, const char *name, size_t max)
{
    const json_t *v = json_object_get(credential, name);
    must(json_is_string(v) && json_string_length(v) > 0 && json_string_length(v) <= max, name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct login_message m = {0};
    struct err e = {0};
    int r = login_message_parse((const char *)data, n, &m, &e);
    if (r < 0) {
        must(r == -EBADMSG && *e.text && !m.credential, "a bad refusal");
        return 0;
    }
    must((m.op == LOGIN_IN) == (m.credential != NULL), "a credential goes with signing in");
    if (m.credential && json_object_get(m.credential, "token")) {
        must(json_object_size(m.credential) == 1, "a token alone");
        check_text(m.credential, "token", LOGIN_MESSAGE_MAX);
    } else if (m.credential) {
        must(json_object_size(m.credential) == 2, "a user and a password alone");
        check_text(m.credential, "user", LOGIN_USER_MAX);
        check_text(m.credential, "password", LOGIN_PASSWORD_MAX);
    }
    login_message_done(&m);
    return 0;
}
