/* tools/cmd_policy.c - policies on classes, and roles: set, clear and list. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/roles.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/rule_list.h"

/* ---- policies on classes ------------------------------------------------------------------- */

struct policy {
    char principal[PRINCIPAL_MAX];
    const char *class;
};

static int see_class(void *arg, const struct placed *p, struct err *e)
{
    struct policy *policy = arg;
    size_t i;
    json_t *class;
    (void)e;
    json_array_foreach(p->value, i, class)
        if (policy->class && strcmp(json_string_value(class), policy->class) == 0)
            policy->class = NULL;
    return 0;
}

static int warn_class(void *arg, struct index_read *rd, struct err *e)
{
    struct policy look = *(const struct policy *)arg;
    int r = index_placed_each(rd, PLACED_CLASSES, see_class, &look, e);
    if (r == 0 && look.class)
        fprintf(stderr, "shotlake: nothing is of the class '%s' yet: the policy gives nothing\n",
                look.class);
    return r;
}

/* "read,write" */
static json_t *read_actions(const char *text)
{
    json_t *list = json_array();
    while (*text) {
        size_t n = strcspn(text, ",");
        json_array_append_new(list, json_stringn(text, n));
        text += n + (text[n] == ',');
    }
    return list;
}

int cmd_policy_set(struct cli *c, int argc, char **argv)
{
    static const struct option options[] = {{"allow", required_argument, NULL, 'a'}, {0}};
    struct policy p;
    const char *allow = NULL;
    struct err e;
    opterr = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == '?')
            return cli_usage(c, "unknown option or missing value: %s", argv[optind - 1]);
        allow = optarg;
    }
    if (argc - optind != 2)
        return cli_usage(c, "policy set takes PRINCIPAL and CLASS");
    if (!allow || !*allow)
        return cli_usage(c, "a policy needs actions: --allow read,write");
    if (principal_parse(argv[optind], p.principal, &e) < 0)
        return cli_usage(c, "%s", e.text);
    p.class = argv[optind + 1];
    json_auto_t *body = json_pack("{ss ss ss so}", "op", "policy", "principal", p.principal,
                                  "class", p.class, "actions", read_actions(allow));
    AUTO(free) char *actions = rule_value_text(json_object_get(body, "actions"));
    AUTO(free) char *done = xasprintf("%s may do this with class %s: %s", p.principal, p.class,
                                      actions);
    return change_make(
        c, &(struct change){.body = body, .warn = warn_class, .arg = &p, .done = done});
}

static int policy_must_exist(void *arg, struct index_read *rd, struct err *e)
{
    const struct policy *p = arg;
    json_auto_t *actions = NULL;
    int r = index_rule(rd, RULE_POLICY, p->principal, p->class, &actions, NULL, e);
    return r < 0 || actions ? r
                            : err_set(e, -ENOENT, "no policy of %s on class %s", p->principal,
                                      p->class);
}

int cmd_policy_clear(struct cli *c, int argc, char **argv)
{
    struct policy p;
    struct err e;
    if (argc != 3)
        return cli_usage(c, "policy clear takes PRINCIPAL and CLASS");
    if (principal_parse(argv[1], p.principal, &e) < 0)
        return cli_usage(c, "%s", e.text);
    p.class = argv[2];
    json_auto_t *body = json_pack("{ss ss ss s[]}", "op", "policy", "principal", p.principal,
                                  "class", p.class, "actions");
    AUTO(free) char *done = xasprintf("no policy of %s on class %s any more", p.principal, p.class);
    return change_make(
        c, &(struct change){.body = body, .check = policy_must_exist, .arg = &p, .done = done});
}

int cmd_policy_list(struct cli *c, int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "policy list takes no arguments");
    return rule_list(c, &(struct rule_shape){RULE_POLICY, {"principal", "class"}, "actions", "  "});
}

/* ---- roles --------------------------------------------------------------------------------- */

/* A role gives what shotlake knows, or what another role gives. */
static int warn_gives(void *arg, struct index_read *rd, struct err *e)
{
    const json_t *gives = arg;
    size_t i;
    json_t *name;
    uint64_t bits;
    json_auto_t *others = json_array();
    json_array_foreach(gives, i, name)
        if (!role_builtin(json_string_value(name), &bits))
            json_array_append(others, name);
    return rule_warn_unknown(rd, RULE_ROLE, others, "role or permission", "it gives nothing", e);
}

int cmd_role_set(struct cli *c, int argc, char **argv)
{
    json_auto_t *gives = json_array();
    if (argc < 3)
        return cli_usage(c, "role set takes NAME and what it gives");
    for (int i = 2; i < argc; i++)
        if (json_array_append_new(gives, json_string(argv[i])) < 0)
            return cli_usage(c, "an argument is not UTF-8");
    json_auto_t *body = json_pack("{ss ss sO}", "op", "role", "role", argv[1], "gives", gives);
    AUTO(free) char *names = rule_value_text(gives);
    AUTO(free) char *done = xasprintf("role %s gives %s", argv[1], names);
    return change_make(
        c, &(struct change){.body = body, .warn = warn_gives, .arg = gives, .done = done});
}

static int role_must_exist(void *arg, struct index_read *rd, struct err *e)
{
    json_auto_t *gives = NULL;
    int r = index_rule(rd, RULE_ROLE, arg, "", &gives, NULL, e);
    return r < 0 || gives ? r : err_set(e, -ENOENT, "no such role: %s", (const char *)arg);
}

int cmd_role_clear(struct cli *c, int argc, char **argv)
{
    if (argc != 2)
        return cli_usage(c, "role clear takes one NAME");
    json_auto_t *body = json_pack("{ss ss sn}", "op", "role", "role", argv[1], "gives");
    AUTO(free) char *done = xasprintf("role %s gives nothing of its own any more", argv[1]);
    return change_make(
        c, &(struct change){.body = body, .check = role_must_exist, .arg = argv[1], .done = done});
}

int cmd_role_list(struct cli *c, int argc, char **argv)
{
    (void)argv;
    if (argc != 1)
        return cli_usage(c, "role list takes no arguments");
    return rule_list(c, &(struct rule_shape){RULE_ROLE, {"role", NULL}, "gives", ""});
}
