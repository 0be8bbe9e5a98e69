/* tools/cmd_login.c - signing in on a shared mount, signing out, and who one is there. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/auth/auth.h"
#include "fs/auth/oidc.h"
#include "fs/fuse/login_socket.h"
#include "fs/fuse/mountpoint.h"
#include "tools/cli.h"
#include "tools/secret_input.h"

#define BUSY_MS 20000     /* how long many sign-ins of one uid wait for each other */
#define BUSY_WAIT_MS 100

struct login_args {
    const char *token_file, *user, *auth, *socket;
    bool password_stdin;
};

static int parse(struct cli *c, int argc, char **argv, bool is_login, struct login_args *a)
{
    static const struct option options[] = {
        {"login-socket", required_argument, NULL, 's'},
        {"token-file", required_argument, NULL, 't'},
        {"user", required_argument, NULL, 'u'},
        {"password-stdin", no_argument, NULL, 'p'},
        {"auth", required_argument, NULL, 'a'},
        {NULL, 0, NULL, 0},
    };
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == '?' || (option != 's' && !is_login))
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        switch (option) {
        case 's': a->socket = optarg; break;
        case 't': a->token_file = optarg; break;
        case 'u': a->user = optarg; break;
        case 'p': a->password_stdin = true; break;
        case 'a': a->auth = optarg; break;
        }
    }
    if (argc - optind != 1)
        return cli_usage(c, "%s takes one mountpoint", argv[0]);
    if (a->token_file && (a->user || a->password_stdin))
        return cli_usage(c, "either --token-file or --user");
    if (a->password_stdin && !a->user)
        return cli_usage(c, "--password-stdin needs --user");
    return 0;
}

char *cli_auth_path(struct cli *c, const char *named)
{
    const char *set = getenv("SHOTLAKE_AUTH");
    if (named || (set && *set))
        return xstrdup(named ? named : set);
    AUTO(free) char *path = xasprintf("%s/auth.json", c->state);
    return access(path, F_OK) == 0 ? TAKE(path) : NULL;
}

/* ---- asking the mount ------------------------------------------------------------------------ */

static int ask_once(const struct login_args *a, const char *path, uid_t owner, const char *text,
                    json_t **ret, struct err *e)
{
    size_t n = strlen(text);
    if (a->socket)
        return login_socket_ask(a->socket, owner, text, n, ret, e);
    int r = -ENOENT;
    for (int of_root = 1; r == -ENOENT && of_root >= 0; of_root--) {
        AUTO(free) char *at = login_socket_path(path, of_root);
        r = at ? login_socket_ask(at, owner, text, n, ret, e) : -ENOENT;
    }
    return r;
}

/* The mount is one of ours, so that its owner may be told a credential. */
static int ask(const struct login_args *a, const char *mountpoint, json_t *message, json_t **ret,
               struct err *e)
{
    AUTO(free) char *path = NULL;
    AUTO(secret) char *text = json_dumps(message, JSON_COMPACT);
    struct mountpoint mp;
    int r = text ? mountpoint_resolve(mountpoint, &path, e)
                 : err_set(e, -EINVAL, "an argument is not UTF-8");
    if (r == 0)
        r = mountpoint_find(path, &mp, e);
    if (r < 0)
        return r;
    if (!mp.is_ours)
        return err_set(e, -EINVAL, "'%s' is not a mount of shotlake", path);
    for (int64_t until = clock_mono_ms() + BUSY_MS;;) {
        r = ask_once(a, path, mp.user, text, ret, e);
        if (r != -EUSERS || clock_mono_ms() > until)
            break;
        nanosleep(&(struct timespec){.tv_nsec = BUSY_WAIT_MS * 1000000L}, NULL);
    }
    return r == -ENOENT ? err_wrap(e, "nobody can sign in at '%s': it was mounted without --auth, or "
                                   "with another --login-socket", path)
                        : r;
}

/* ---- what is printed ------------------------------------------------------------------------- */

static int64_t moment(const json_t *session, const char *name)
{
    return json_integer_value(json_object_get(session, name));
}

static void print_moment(const char *what, int64_t at)
{
    char text[WHEN_TEXT_SIZE];
    printf("%-12s %s\n", what, at == WHEN_NEVER ? "never" : when_format(at, text));
}

static void print_session(const json_t *answer)
{
    const json_t *session = json_object_get(answer, "session");
    const char *principal = json_string_value(json_object_get(answer, "principal"));
    if (!json_is_object(session)) {
        printf("%s\n", principal ? principal : "nobody");
        if (principal)
            puts("by the principals file; nobody is signed in");
        return;
    }
    const json_t *name;
    size_t i;
    printf("%-12s %s\n", "principal", json_string_value(json_object_get(session, "principal")));
    json_array_foreach(json_object_get(session, "names"), i, name)
        if (i > 0)
            printf("%-12s %s\n", i == 1 ? "also" : "", json_string_value(name));
    printf("%-12s %s%s\n", "signed in by", json_string_value(json_object_get(session, "how")),
           json_is_true(json_object_get(session, "narrowed")) ? ", which narrows what is shown"
                                                               : "");
    print_moment("until", moment(session, "until"));
    print_moment("when idle", moment(session, "idle_until"));
}

/* As every other answer has them; null is never. */
static void tell_moments(json_t *session)
{
    static const char *const names[] = {"began", "until", "idle_until"};
    char text[WHEN_TEXT_SIZE];
    for (size_t i = 0; i < COUNT(names) && json_is_object(session); i++) {
        int64_t at = moment(session, names[i]);
        json_object_set_new(session, names[i],
                            at == WHEN_NEVER ? json_null() : json_string(when_format(at, text)));
    }
}

static int finish(struct cli *c, int r, json_t *answer, const struct err *e)
{
    if (r < 0)
        return cli_fail(e);
    if (c->json) {
        tell_moments(json_object_get(answer, "session"));
        cli_print_json(answer);
    } else {
        print_session(answer);
        json_decref(answer);
    }
    return CLI_DONE;
}

/* ---- the credential -------------------------------------------------------------------------- */

static int read_token(const char *path, char **ret, struct err *e)
{
    if (!strcmp(path, "-"))
        return secret_from_fd(STDIN_FILENO, "the token", ret, e);
    AUTO(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, -errno, "open '%s'", path);
    return secret_from_fd(fd, path, ret, e);
}

static void show_prompt(void *arg, const struct oidc_prompt *p)
{
    (void)arg;
    fprintf(stderr, "Open %s\nand enter the code %s\n", p->uri, p->code);
    if (p->uri_complete)
        fprintf(stderr, "or open %s\n", p->uri_complete);
    fprintf(stderr, "within %d minutes.\n", (p->expires_in + 59) / 60);
}

/* The state folder's own configuration is the daemon's too, so both know the same provider. */
static int ask_provider(struct cli *c, const char *named, char **ret, struct err *e)
{
    AUTO(auth) struct auth *auth = NULL;
    AUTO(free) char *path = cli_auth_path(c, named);
    if (!path)
        return err_set(e, -EINVAL,
                       "no way to sign in: --token-file, --user, or --auth with a provider");
    int r = auth_load(path, &auth, e);
    return r < 0 ? r : oidc_device_login(auth, show_prompt, NULL, /* cancel= */ NULL, ret, e);
}

/* A message that is a credential; wipe_message() afterwards. */
static int make_message(struct cli *c, const struct login_args *a, json_t **ret, struct err *e)
{
    AUTO(secret) char *secret = NULL;
    int r;
    if (a->token_file)
        r = read_token(a->token_file, &secret, e);
    else if (a->password_stdin)
        r = secret_from_fd(STDIN_FILENO, "the password", &secret, e);
    else if (a->user)
        r = secret_from_terminal("Password: ", &secret, e);
    else
        r = ask_provider(c, a->auth, &secret, e);
    if (r < 0)
        return r;
    *ret = a->user ? json_pack("{s:s, s:s, s:s}", "op", "login", "user", a->user, "password",
                               secret)
                   : json_pack("{s:s, s:s}", "op", "login", "token", secret);
    return *ret ? 0 : err_set(e, -EINVAL, "a credential that is not UTF-8");
}

static void wipe_message(json_t *message)
{
    const char *name;
    json_t *v;
    json_object_foreach(message, name, v)
        explicit_bzero((char *)json_string_value(v), json_string_length(v));
    json_decref(message);
}

int cmd_login(struct cli *c, int argc, char **argv)
{
    struct login_args a = {0};
    json_t *message = NULL, *answer = NULL;
    struct err e;
    int r = parse(c, argc, argv, /* is_login= */ true, &a);
    if (r != 0)
        return r;
    r = make_message(c, &a, &message, &e);
    if (r == 0)
        r = ask(&a, argv[optind], message, &answer, &e);
    wipe_message(message);
    return finish(c, r, answer, &e);
}

static int say(struct cli *c, int argc, char **argv, const char *op)
{
    struct login_args a = {0};
    json_t *answer = NULL;
    struct err e;
    int r = parse(c, argc, argv, /* is_login= */ false, &a);
    if (r != 0)
        return r;
    json_auto_t *message = json_pack("{s:s}", "op", op);
    r = ask(&a, argv[optind], message, &answer, &e);
    return finish(c, r, answer, &e);
}

int cmd_logout(struct cli *c, int argc, char **argv)
{
    return say(c, argc, argv, "logout");
}

int cmd_session(struct cli *c, int argc, char **argv)
{
    return say(c, argc, argv, "session");
}
