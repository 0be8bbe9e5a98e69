/* tools/cmd_user.c - user add, list, password and remove: who signs in with a password. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/auth/auth_file.h"
#include "fs/auth/password.h"
#include "fs/auth/secret.h"
#include "fs/auth/users.h"
#include "policy/principals.h"
#include "tools/cli.h"
#include "tools/secret_input.h"

struct user_args {
    char *path;       /* of the users file */
    bool is_of_state; /* it is the default one */
    const char *name;
    const char *groups, *roles; /* "a,b", or NULL */
    bool password_stdin;
};

static void user_args_done(struct user_args *a)
{
    free(a->path);
}

static void auto_user_args(struct user_args *a)
{
    user_args_done(a);
}

enum user_takes {
    TAKES_NAME = 1,
    TAKES_PASSWORD = 2,
    TAKES_GROUPS = 4,
};

static bool is_taken(int option, int takes)
{
    return option == 'u' || (option == 'p' && takes & TAKES_PASSWORD) ||
           ((option == 'g' || option == 'r') && takes & TAKES_GROUPS);
}

static int parse(struct cli *c, int argc, char **argv, int takes, struct user_args *a)
{
    static const struct option options[] = {
        {"users", required_argument, NULL, 'u'},  {"password-stdin", no_argument, NULL, 'p'},
        {"groups", required_argument, NULL, 'g'}, {"roles", required_argument, NULL, 'r'},
        {NULL, 0, NULL, 0},
    };
    const char *path = NULL;
    int option, names = takes & TAKES_NAME ? 1 : 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (!is_taken(option, takes))
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        switch (option) {
        case 'u': path = optarg; break;
        case 'p': a->password_stdin = true; break;
        case 'g': a->groups = optarg; break;
        case 'r': a->roles = optarg; break;
        }
    }
    if (argc - optind != names)
        return cli_usage(c, "user %s takes %s", argv[0], names ? "one name" : "no name");
    a->name = names ? argv[optind] : NULL;
    a->is_of_state = !path;
    a->path = path ? xstrdup(path) : xasprintf("%s/users.json", c->state);
    return 0;
}

static bool is_name(const char *kind, const char *name)
{
    AUTO(free) char *text = xasprintf("%s:%s", kind, name);
    char canonical[PRINCIPAL_MAX];
    struct err e;
    return !strchr(name, ':') && principal_parse(text, canonical, &e) == 0;
}

/* "a,b" as a list; NULL where one of them is no name. */
static json_t *split(const char *kind, const char *names)
{
    json_auto_t *list = json_array();
    AUTO(free) char *copy = xstrdup(names);
    for (char *rest = copy, *one; (one = strsep(&rest, ",")) != NULL;) {
        if (!is_name(kind, one))
            return NULL;
        json_array_append_new(list, json_string(one));
    }
    return TAKE(list);
}

/* A new password, twice where a person types it. */
static int ask_password(const struct user_args *a, char **ret, struct err *e)
{
    AUTO(secret) char *first = NULL;
    AUTO(secret) char *again = NULL;
    if (a->password_stdin)
        return secret_from_fd(STDIN_FILENO, "the password on stdin", ret, e);
    AUTO(free) char *prompt = xasprintf("New password of %s: ", a->name);
    int r = secret_from_terminal(prompt, &first, e);
    if (r == 0)
        r = secret_from_terminal("Once more: ", &again, e);
    if (r < 0)
        return r;
    if (strcmp(first, again) != 0)
        return err_set(e, -EINVAL, "the two are not the same; nothing was changed");
    *ret = TAKE(first);
    return 0;
}

static int ask_hash(const struct user_args *a, char ret[PASSWORD_HASH_SIZE], struct err *e)
{
    AUTO(secret) char *password = NULL;
    int r = ask_password(a, &password, e);
    return r < 0 ? r : password_hash(password, ret, e);
}

static int finish(struct cli *c, int r, const char *done, const struct user_args *a,
                  const struct err *e)
{
    if (r == -ENOENT)
        return cli_unknown("%s", e->text);
    if (r < 0)
        return cli_fail(e);
    if (c->json)
        cli_print_json(json_pack("{ssss}", "user", a->name, "done", done));
    else
        printf("%s %s\n", a->name, done);
    return CLI_DONE;
}

int cmd_user_add(struct cli *c, int argc, char **argv)
{
    AUTO(user_args) struct user_args a = {0};
    char hash[PASSWORD_HASH_SIZE];
    struct err e;
    int r = parse(c, argc, argv, TAKES_NAME | TAKES_PASSWORD | TAKES_GROUPS, &a);
    if (r != 0)
        return r;
    json_auto_t *user = json_pack("{ss}", "id", a.name);
    json_auto_t *groups = a.groups ? split("group", a.groups) : json_array();
    json_auto_t *roles = a.roles ? split("role", a.roles) : json_array();
    if (!user || !is_name("user", a.name))
        return cli_usage(c, "'%s' is no name that a user can have", a.name);
    if (!groups || !roles)
        return cli_usage(c, "--%s: not names with commas between them",
                         groups ? "roles" : "groups");
    if (ask_hash(&a, hash, &e) < 0)
        return cli_fail(&e);
    if (a.is_of_state && mkdir(c->state, 0700) < 0 && errno != EEXIST) {
        err_errno(&e, -errno, "make '%s'", c->state);
        return cli_fail(&e);
    }
    json_object_set_new(user, "hash", json_string(hash));
    if (json_array_size(groups) > 0)
        json_object_set(user, "groups", groups);
    if (json_array_size(roles) > 0)
        json_object_set(user, "roles", roles);
    if (users_add(a.path, user, &e) < 0)
        return cli_fail(&e);
    return finish(c, 0, "added", &a, &e);
}

int cmd_user_password(struct cli *c, int argc, char **argv)
{
    AUTO(user_args) struct user_args a = {0};
    char hash[PASSWORD_HASH_SIZE];
    struct err e;
    int r = parse(c, argc, argv, TAKES_NAME | TAKES_PASSWORD, &a);
    if (r != 0)
        return r;
    if (ask_hash(&a, hash, &e) < 0)
        return cli_fail(&e);
    return finish(c, users_set_hash(a.path, a.name, hash, &e), "changed", &a, &e);
}

int cmd_user_remove(struct cli *c, int argc, char **argv)
{
    AUTO(user_args) struct user_args a = {0};
    struct err e;
    int r = parse(c, argc, argv, TAKES_NAME, &a);
    return r != 0 ? r : finish(c, users_remove(a.path, a.name, &e), "removed", &a, &e);
}

/* "user:NAME" and what it acts as; never its hash. */
static json_t *describe(const struct user_entry *u)
{
    json_t *as = json_array();
    for (size_t i = 0; i < u->n_as; i++)
        json_array_append_new(as, json_string(u->as[i]));
    return json_pack("{sssosb}", "user", u->name, "as", as, "disabled", u->disabled);
}

static void print_user(const struct user_entry *u)
{
    printf("%s%s", u->name, u->disabled ? " (disabled)" : "");
    for (size_t i = 0; i < u->n_as; i++)
        printf(" %s", u->as[i]);
    putchar('\n');
}

int cmd_user_list(struct cli *c, int argc, char **argv)
{
    AUTO(user_args) struct user_args a = {0};
    AUTO(users) struct users users = {0};
    struct auth_file_id id;
    struct err e;
    int r = parse(c, argc, argv, 0, &a);
    if (r != 0)
        return r;
    if (users_load(a.path, &users, &id, &e) < 0)
        return cli_fail(&e);
    json_t *list = json_array();
    for (size_t i = 0; i < users.n; i++) {
        json_array_append_new(list, describe(&users.all[i]));
        if (!c->json)
            print_user(&users.all[i]);
    }
    if (c->json)
        cli_print_json(list);
    else
        json_decref(list);
    return CLI_DONE;
}
