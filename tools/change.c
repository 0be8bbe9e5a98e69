/* tools/change.c - changes of the ledger, by the operator or in the name of a principal. */
/* SPDX-License-Identifier: MIT */
#include "tools/change.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "policy/change.h"
#include "policy/decide.h"
#include "policy/index.h"
#include "policy/roles.h"
#include "policy/rules.h"
#include "policy/visible.h"
#include "tools/cli.h"

int acting_open(struct cli *c, struct acting *ret)
{
    AUTO(principals) struct principals *people = NULL;
    struct address address;
    struct err e;
    *ret = (struct acting){0};
    if (!c->act_as)
        return CLI_DONE;
    if (principal_parse(c->act_as, ret->name, &e) < 0)
        return cli_usage(c, "--act-as: %s", e.text);
    if (cli_address(c, &address, &e) < 0)
        return cli_usage(c, "%s", e.text);
    if (cli_principals(c, &people, &e) < 0)
        return cli_fail(&e);
    principals_expand(people, ret->name, &ret->who);
    ret->who.address = address;
    return CLI_DONE;
}

void acting_done(struct acting *a)
{
    who_done(&a->who);
    *a = (struct acting){0};
}

int acting_asker(const struct acting *a, struct index_read *rd, struct asker **ret, struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    *ret = NULL;
    if (acting_is_operator(a))
        return 0;
    int r = rules_load(rd, &rules, e);
    return r < 0 ? r : asker_new(rd, rules, &a->who, ret, e);
}

static int sees(const struct acting *a, struct index_read *rd, bool closed, roaring_bitmap_t **ret,
                struct err *e)
{
    AUTO(visible) struct visible v = {0};
    *ret = NULL;
    if (acting_is_operator(a))
        return 0;
    int r = visible_compute(rd, &a->who, clock_wall(), &v, e);
    if (r < 0)
        return r;
    if (!closed && v.closed)
        roaring_bitmap_andnot_inplace(v.nodes, v.closed);
    *ret = TAKE(v.nodes);
    return 0;
}

int acting_sees(const struct acting *a, struct index_read *rd, roaring_bitmap_t **ret,
                struct err *e)
{
    return sees(a, rd, /* closed= */ true, ret, e);
}

int acting_reads(const struct acting *a, struct index_read *rd, roaring_bitmap_t **ret,
                 struct err *e)
{
    return sees(a, rd, /* closed= */ false, ret, e);
}

/* What is told of a change that is not made: `why`, or if its path is one that the principal does not
 * see, what is told of an absent one. */
static int refuse(const struct acting *a, struct index_read *rd, const json_t *body,
                  const char *given, const struct err *why, struct err *e)
{
    const char *path = json_string_value(json_object_get(body, "path"));
    roaring_bitmap_t *seen = NULL;
    node_id id = NODE_NONE;
    struct err problem = *why; /* `e` may be where that stands */
    int r = path ? index_find(rd, path, &id, e) : 0;
    if (r == 0 && path)
        r = acting_sees(a, rd, &seen, e);
    if (r < 0 && r != -ENOENT)
        return r;
    bool tell = !path || (seen && (id == NODE_ROOT || roaring_bitmap_contains(seen, id)));
    if (seen)
        roaring_bitmap_free(seen);
    return tell ? err_set(e, problem.code, "%s", problem.text)
                : err_set(e, -ENOENT, "no such path in the lake: %s", given ? given : path);
}

int acting_may(const struct acting *a, struct index_read *rd, const json_t *body, const char *given,
               struct err *e)
{
    AUTO(asker) struct asker *asker = NULL;
    struct err why, denied;
    int r = acting_asker(a, rd, &asker, e);
    if (r < 0 || !asker)
        return r;
    r = change_allowed(asker, rd, body, clock_wall(), &why);
    if (r < 0 && r != -EACCES)
        return err_set(e, r, "%s", why.text);
    if (r == 0)
        return 0;
    err_set(&denied, -EPERM, "%s: not allowed: %s", a->name, why.text);
    return refuse(a, rd, body, given, &denied, e);
}

int acting_must_see(const struct acting *a, struct index_read *rd, node_id node, const char *given,
                    struct err *e)
{
    roaring_bitmap_t *sees = NULL;
    int r = acting_sees(a, rd, &sees, e);
    if (r < 0 || !sees)
        return r;
    bool seen = node == NODE_ROOT || roaring_bitmap_contains(sees, node);
    roaring_bitmap_free(sees);
    return seen ? 0 : err_set(e, -ENOENT, "no such path in the lake: %s", given);
}

int acting_reads_access(const struct acting *a, struct index_read *rd, node_id node, bool *ret,
                        struct err *e)
{
    static const char action[] = "modify_all_access";
    AUTO(asker) struct asker *asker = NULL;
    struct node nd;
    int r = acting_asker(a, rd, &asker, e);
    *ret = !asker;
    if (r < 0 || !asker)
        return r;
    if (!(asker_permissions(asker) & (ROLE(ACCESS_READ) | ROLE(SUPERUSER))))
        return 0;
    if ((r = index_node(rd, node, &nd, e)) < 0)
        return r;
    return nd.is_dir ? decide_directory(asker, rd, node, action, clock_wall(), ret, e)
                     : decide(asker, rd, node, action, clock_wall(), ret, e);
}

/* ---- records ------------------------------------------------------------------------------- */

int changer_open(struct cli *c, struct changer *ret)
{
    struct err e;
    *ret = (struct changer){.c = c};
    int r = acting_open(c, &ret->as);
    if (r != CLI_DONE)
        return r;
    return cli_lake_synced(c, &ret->lk, &e) < 0 ? cli_fail(&e) : CLI_DONE;
}

void changer_done(struct changer *ch)
{
    lake_close(ch->lk);
    acting_done(&ch->as);
    ch->lk = NULL;
}

struct asked {
    struct changer *ch;
    const struct change *change;
};

static int check(void *arg, struct index_read *rd, struct err *e)
{
    const struct asked *a = arg;
    const struct change *change = a->change;
    struct err why;
    a->ch->denied = false;
    int r = change->check ? change->check(change->arg, rd, e) : 0;
    if (r < 0 && change->given && !json_object_get(change->body, "path") &&
        !json_object_get(change->body, "edit"))
        return r; /* no such place */
    /* Who may not change what is there does not learn in what state it is, or that it is there. */
    int may = acting_may(&a->ch->as, rd, change->body, change->given, &why);
    if (may == 0 && r < 0 && !acting_is_operator(&a->ch->as))
        return refuse(&a->ch->as, rd, change->body, change->given, e, e);
    if (may == 0)
        return r;
    *e = why;
    a->ch->denied = may == -EPERM;
    return may;
}

int changer_append(struct changer *ch, const struct change *change, uint64_t *ret_seq,
                   struct err *e)
{
    struct asked asked = {ch, change};
    ch->denied = false;
    if (!change->body)
        return err_set(e, -EINVAL, "an argument is not UTF-8");
    const char *actor = acting_is_operator(&ch->as) ? ch->lk->actor : ch->as.name;
    int r = lake_append_as(ch->lk, actor, change->body, check, &asked, ret_seq, e);
    if (r < 0 || !change->warn)
        return r;
    AUTO(index_read) struct index_read *rd = NULL;
    struct err ignored; /* the change is made, a warning cannot undo it */
    if (index_read_begin(ch->lk->index, &rd, &ignored) == 0)
        change->warn(change->arg, rd, &ignored);
    return 0;
}

int changer_fail(struct changer *ch, int r, const struct err *e)
{
    if (r == -ENOENT)
        return cli_unknown("%s", e->text);
    cli_fail(e);
    return ch->denied ? CLI_DENIED : CLI_FAILED;
}

static void tell(const struct change *change, uint64_t seq)
{
    const char *path = json_string_value(json_object_get(change->body, "path"));
    const char *edit = json_string_value(json_object_get(change->body, "edit"));
    if (change->placed)
        printf("%s%s: ", path ? "" : edit ? "edit:" : "lake", path ? path : edit ? edit : "");
    printf("%s (ledger record %" PRIu64 ")\n", change->done, seq);
}

int change_make(struct cli *c, const struct change *change)
{
    AUTO(changer) struct changer ch = {0};
    struct err e;
    uint64_t seq;
    if (!change->body)
        return cli_usage(c, "an argument is not UTF-8");
    int r = changer_open(c, &ch);
    if (r != CLI_DONE)
        return r; /* also of -ENOENT: no lake is not "no such edit" */
    if ((r = changer_append(&ch, change, &seq, &e)) < 0)
        return changer_fail(&ch, r, &e);
    if (c->json) {
        json_object_set_new(change->body, "record", json_integer((json_int_t)seq));
        cli_print_json(json_incref(change->body));
    } else {
        tell(change, seq);
    }
    return CLI_DONE;
}
