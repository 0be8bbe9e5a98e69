/* tests/fuzz/fuzz_principals.c - any bytes as a principals file, and as the name of a principal. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/principals.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void check_canonical(const char *text)
{
    char name[PRINCIPAL_MAX], again[PRINCIPAL_MAX];
    struct err e;
    if (principal_parse(text, name, &e) < 0)
        return;
    must(strlen(name) < PRINCIPAL_MAX, "a name too long");
    must(principal_parse(name, again, &e) == 0 && strcmp(name, again) == 0, "not canonical");
}

/* Everything that a user acts as is a principal that the file knows. */
static void check_user(const struct principals *p, const char *user)
{
    AUTO(who) struct who who = {0};
    char name[PRINCIPAL_MAX];
    struct err e;
    principals_expand(p, user, &who);
    must(who.n > 0 && strcmp(who.as[0], user) == 0, "a user is not itself");
    for (size_t i = 0; i < who.n; i++) {
        must(principals_has(p, who.as[i]), "an unknown name");
        must(principal_parse(who.as[i], name, &e) == 0 && strcmp(name, who.as[i]) == 0,
             "a name that is not canonical");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(free) char *text = xstrndup((const char *)data, n);
    AUTO(principals) struct principals *p = NULL;
    struct err e = {0};
    check_canonical(text);
    int r = principals_parse((const char *)data, n, &p, &e);
    if (r < 0) {
        must((r == -EBADMSG || r == -EFBIG) && !p && *e.text, "a bad refusal");
        return 0;
    }
    must(!principals_by_uid(p, 0), "root is somebody");
    for (uid_t uid = 1; uid < 2048; uid++)
        if (principals_by_uid(p, uid))
            check_user(p, principals_by_uid(p, uid));
    return 0;
}
