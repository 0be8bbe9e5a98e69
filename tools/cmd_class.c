/* tools/cmd_class.c - the classes and the metadata of places: set, clear and show. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"
#include "tools/place_arg.h"

#define PLACES (PLACE_TAKES_PATH | PLACE_TAKES_EDIT)

struct placed_change {
    struct place_arg place;
    json_t *body;
    json_t *classes; /* those that are set, or NULL */
};

static int name_place(void *arg, struct index_read *rd, struct err *e)
{
    struct placed_change *p = arg;
    return place_arg_name(&p->place, rd, p->body, e);
}

/* ---- classes ------------------------------------------------------------------------------- */

struct named {
    json_t *left; /* {class: …} that no policy was seen to name */
};

static int see_policy(void *arg, const struct rule *r, struct err *e)
{
    struct named *n = arg;
    (void)e;
    json_object_del(n->left, r->key[1]);
    return 0;
}

/* A class without a policy gives nobody anything, which may be a slip of the pen. */
static int warn_classes(void *arg, struct index_read *rd, struct err *e)
{
    const struct placed_change *p = arg;
    json_auto_t *left = json_object();
    struct named named = {left};
    size_t i;
    const char *class;
    json_t *v;
    json_array_foreach(p->classes, i, v)
        json_object_set_new(left, json_string_value(v), json_true());
    int r = index_rules(rd, RULE_POLICY, see_policy, &named, e);
    if (r < 0)
        return r;
    json_object_foreach(left, class, v)
        fprintf(stderr, "shotlake: no policy names the class '%s' yet: it gives nothing\n", class);
    return 0;
}

static char *join(const json_t *list)
{
    AUTO(buf) struct buf b = {0};
    for (size_t i = 0; i < json_array_size(list); i++)
        buf_addf(&b, "%s%s", i > 0 ? ", " : "", json_string_value(json_array_get(list, i)));
    return buf_take(&b);
}

int cmd_class_set(struct cli *c, int argc, char **argv)
{
    struct placed_change p = {0};
    json_auto_t *classes = json_array();
    int status;
    if (argc < 3)
        return cli_usage(c, "class set takes PLACE and classes, or '' for none at all");
    if (!place_arg_parse(c, argv[1], PLACES, PLACED_CLASSES, &p.place, &status))
        return status;
    bool none = argc == 3 && argv[2][0] == '\0';
    for (int i = 2; !none && i < argc; i++)
        if (json_array_append_new(classes, json_string(argv[i])) < 0)
            return cli_usage(c, "a class is not UTF-8");
    json_auto_t *body = json_pack("{ss sO}", "op", "class", "classes", classes);
    AUTO(free) char *names = join(classes);
    AUTO(free) char *done = none ? xstrdup("no classes, also none from above")
                                 : xasprintf("classes %s", names);
    p.body = body;
    p.classes = classes;
    return change_make(c, &(struct change){.body = body, .check = name_place, .warn = warn_classes,
                                           .arg = &p, .given = argv[1], .done = done,
                                           .placed = true});
}

static int must_have_classes(void *arg, struct index_read *rd, struct err *e)
{
    struct placed_change *p = arg;
    json_auto_t *own = NULL;
    int r = name_place(arg, rd, e);
    if (r == 0)
        r = index_placed(rd, PLACED_CLASSES, &p->place.at, &own, NULL, e);
    return r < 0 || own ? r : err_set(e, -EALREADY, "'%s' has no classes of its own", p->place.given);
}

int cmd_class_clear(struct cli *c, int argc, char **argv)
{
    struct placed_change p = {0};
    int status;
    if (argc != 2)
        return cli_usage(c, "class clear takes one PLACE");
    if (!place_arg_parse(c, argv[1], PLACES, PLACED_CLASSES, &p.place, &status))
        return status;
    json_auto_t *body = json_pack("{ss sn}", "op", "class", "classes");
    p.body = body;
    return change_make(c, &(struct change){.body = body, .check = must_have_classes, .arg = &p,
                                           .given = argv[1], .done = "its classes are inherited again",
                                           .placed = true});
}

static int add_effective(void *arg, const char *label, struct err *e)
{
    static const char prefix[] = "class:";
    (void)e;
    if (strncmp(label, prefix, strlen(prefix)) == 0)
        json_array_append_new(arg, json_string(label + strlen(prefix)));
    return 0;
}

/* The nearest directory that has classes stands for one that has none itself. */
static int add_inherited(struct index_read *rd, node_id id, json_t *ret, struct err *e)
{
    for (;;) {
        const struct place at = {.kind = PLACE_NODE, .node = id};
        json_auto_t *set = NULL;
        struct node nd;
        int r = index_placed(rd, PLACED_CLASSES, &at, &set, NULL, e);
        if (r < 0 || set)
            return r < 0 ? r : json_array_extend(ret, set);
        if (id == NODE_ROOT)
            return 0;
        if ((r = index_node(rd, id, &nd, e)) < 0)
            return r;
        id = nd.parent;
    }
}

static int show_classes(struct index_read *rd, const struct place *at, json_t **ret, struct err *e)
{
    json_t *own = NULL, *effective = json_array();
    struct node nd = {0};
    int r = index_placed(rd, PLACED_CLASSES, at, &own, NULL, e);
    if (r == 0 && at->kind == PLACE_NODE)
        r = index_node(rd, at->node, &nd, e);
    if (r == 0 && at->kind == PLACE_EDIT)
        json_array_extend(effective, own);
    else if (r == 0)
        r = nd.is_dir ? add_inherited(rd, at->node, effective, e)
                      : index_labels_of(rd, at->node, add_effective, effective, e);
    *ret = json_pack("{so so}", "own", own ? own : json_null(), "effective", effective);
    return r;
}

/* What stands on a place, as JSON; the exit status. */
static int look(struct cli *c, const char *given, enum placed_table table,
                int show(struct index_read *rd, const struct place *at, json_t **ret, struct err *e),
                json_t **ret)
{
    AUTO(lake) struct lake *lk = NULL;
    AUTO(index_read) struct index_read *rd = NULL;
    struct place_arg place;
    struct err e;
    int status;
    if (!place_arg_parse(c, given, PLACES, table, &place, &status))
        return status;
    if (cli_lake_synced(c, &lk, &e) < 0 || index_read_begin(lk->index, &rd, &e) < 0)
        return cli_fail(&e);
    int r = place_arg_find(&place, rd, &e);
    if (r == -ENOENT)
        return cli_unknown("%s", e.text);
    if (r == 0)
        r = show(rd, &place.at, ret, &e);
    return r < 0 ? cli_fail(&e) : CLI_DONE;
}

int cmd_class_show(struct cli *c, int argc, char **argv)
{
    json_auto_t *j = NULL;
    if (argc != 2)
        return cli_usage(c, "class show takes one PLACE");
    int r = look(c, argv[1], PLACED_CLASSES, show_classes, &j);
    if (r != CLI_DONE)
        return r;
    if (c->json) {
        cli_print_json(json_incref(j));
        return CLI_DONE;
    }
    const json_t *set = json_object_get(j, "own"), *in_effect = json_object_get(j, "effective");
    AUTO(free) char *own = join(set), *effective = join(in_effect);
    printf("own       %s\neffective %s\n",
           json_is_null(set) ? "(inherited)" : json_array_size(set) == 0 ? "(none)" : own,
           json_array_size(in_effect) == 0 ? "(none)" : effective);
    return CLI_DONE;
}

/* ---- metadata ------------------------------------------------------------------------------ */

int cmd_metadata_set(struct cli *c, int argc, char **argv)
{
    struct placed_change p = {0};
    json_auto_t *fields = json_object();
    int status;
    if (argc < 2)
        return cli_usage(c, "metadata set takes PLACE and KEY=VALUE pairs; none: nothing is left");
    if (!place_arg_parse(c, argv[1], PLACES, PLACED_METADATA, &p.place, &status))
        return status;
    for (int i = 2; i < argc; i++) {
        const char *equals = strchr(argv[i], '=');
        if (!equals || equals == argv[i])
            return cli_usage(c, "'%s' is not KEY=VALUE", argv[i]);
        AUTO(free) char *key = xstrndup(argv[i], (size_t)(equals - argv[i]));
        if (json_object_get(fields, key))
            return cli_usage(c, "'%s' is given twice", key);
        if (json_object_set_new(fields, key, json_string(equals + 1)) < 0)
            return cli_usage(c, "'%s' is not UTF-8", key);
    }
    json_auto_t *body = json_pack("{ss sO}", "op", "metadata", "fields", fields);
    AUTO(free) char *done = xasprintf("%zu fields", json_object_size(fields));
    p.body = body;
    return change_make(c, &(struct change){.body = body, .check = name_place, .arg = &p,
                                           .given = argv[1], .done = done, .placed = true});
}

static int show_metadata(struct index_read *rd, const struct place *at, json_t **ret, struct err *e)
{
    int r = index_placed(rd, PLACED_METADATA, at, ret, NULL, e);
    if (r == 0 && !*ret)
        *ret = json_object();
    return r;
}

int cmd_metadata_show(struct cli *c, int argc, char **argv)
{
    json_auto_t *j = NULL;
    const char *key;
    json_t *v;
    if (argc != 2)
        return cli_usage(c, "metadata show takes one PLACE");
    int r = look(c, argv[1], PLACED_METADATA, show_metadata, &j);
    if (r != CLI_DONE)
        return r;
    if (c->json) {
        cli_print_json(json_incref(j));
        return CLI_DONE;
    }
    json_object_foreach(j, key, v)
        printf("%s=%s\n", key, json_string_value(v));
    return CLI_DONE;
}
