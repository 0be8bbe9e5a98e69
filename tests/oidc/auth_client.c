/* tests/oidc/auth_client.c - signs in for a script: a command a line in, answers as JSON lines.
 *
 * usage: auth_client CONFIG
 *   {"do":"login"}                 the device flow: {"uri","code","complete"}, then {"token"}
 *   {"do":"check","token":"…","in":SECONDS}  what auth_check() says, so many seconds from now
 *   {"do":"advance","ms":N}        moves the clock that ages key sets
 * A failure is {"error":"…","code":N}. Its clock for waiting runs ten times as fast as others. */
/* SPDX-License-Identifier: MIT */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/auth/auth.h"
#include "fs/auth/oidc.h"

#define HURRY 10

static int64_t advanced_ms;

static int64_t fast_mono_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return HURRY * (t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000) + advanced_ms;
}

static int64_t wall(void)
{
    return time(NULL);
}

static void answer(json_t *v)
{
    json_dumpf(v, stdout, JSON_COMPACT);
    putchar('\n');
    fflush(stdout);
    json_decref(v);
}

static void fail(const struct err *e)
{
    answer(json_pack("{sssi}", "error", e->text, "code", e->code));
}

static void on_prompt(void *arg, const struct oidc_prompt *p)
{
    (void)arg;
    answer(json_pack("{ss ss ss* si}", "uri", p->uri, "code", p->code, "complete", p->uri_complete,
                     "expires_in", p->expires_in));
}

static void login(struct auth *a)
{
    AUTO(secret) char *token = NULL;
    struct err e;
    if (oidc_device_login(a, on_prompt, NULL, NULL, &token, &e) < 0)
        fail(&e);
    else
        answer(json_pack("{ss}", "token", token));
}

static json_t *list(char **s, size_t n)
{
    json_t *all = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(all, json_string(s[i]));
    return all;
}

static void check(struct auth *a, const json_t *command)
{
    AUTO(identity) struct identity id = {0};
    struct err e;
    json_auto_t *credential = json_pack("{sO}", "token", json_object_get(command, "token"));
    int64_t now = time(NULL) + json_integer_value(json_object_get(command, "in"));
    if (auth_check(a, credential, now, &id, &e) < 0)
        fail(&e);
    else
        answer(json_pack("{so sI ss ss* so}", "as", list(id.who.as, id.who.n), "expires",
                         (json_int_t)id.expires, "how", id.how, "affiliation", id.who.affiliation,
                         "entitlements", list(id.who.entitlements, id.who.n_entitlements)));
}

int main(int argc, char **argv)
{
    AUTO(auth) struct auth *a = NULL;
    char line[65536];
    struct err e;
    if (argc != 2)
        return 2;
    clock_set(wall, fast_mono_ms);
    if (auth_load(argv[1], &a, &e) < 0) {
        fail(&e);
        return 1;
    }
    while (fgets(line, sizeof line, stdin)) {
        json_auto_t *command = json_loads(line, 0, NULL);
        const char *what = json_string_value(json_object_get(command, "do"));
        if (what && strcmp(what, "login") == 0)
            login(a);
        else if (what && strcmp(what, "check") == 0)
            check(a, command);
        else if (what && strcmp(what, "advance") == 0)
            advanced_ms += json_integer_value(json_object_get(command, "ms"));
        else
            return 2;
    }
    return 0;
}
