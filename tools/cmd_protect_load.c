/* tools/cmd_protect_load.c - protect load: a list of protected sites at once. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "fs/store/store.h"
#include "policy/index.h"
#include "tools/change.h"
#include "tools/cli.h"

#define SITES_MAX 100000

/* What a site's address is in this lake, without '/' in front; borrowed from `site`. NULL: it is the
 * address of another lake. Of other schemes the rest is the key: "https://host/site" is "host/site". */
static const char *key_of(const char *site, const char *lake)
{
    size_t n = strlen(lake);
    const char *scheme = strstr(site, "://");
    while (n > 0 && lake[n - 1] == '/')
        n--;
    if (strncmp(site, lake, n) == 0 && (site[n] == '/' || site[n] == '\0'))
        site += n;
    else if (scheme && (strncmp(site, "s3:", 3) == 0 || strncmp(site, "file:", 5) == 0))
        return NULL;
    else if (scheme)
        site = scheme + 3;
    while (*site == '/')
        site++;
    return site;
}

struct load {
    const char *lake;
    json_t *want; /* {path as the lake has it: group} */
    json_t *now;  /* what is protected already, likewise */
    struct index_read *rd;
    size_t sites;
};

static int see_guard(void *arg, const struct guard *g, struct err *e)
{
    struct load *l = arg;
    AUTO(buf) struct buf key = {0};
    if (g->by_name)
        return 0;
    int r = index_key(l->rd, g->node, &key, e);
    if (r == 0)
        json_object_set_new(l->now, key.len ? key.p : "/", json_string(g->group));
    return r;
}

static int want_site(struct load *l, const char *site, const json_t *group, struct err *e)
{
    AUTO(buf) struct buf key = {0};
    node_id id;
    const char *path = key_of(site, l->lake);
    if (!json_is_string(group))
        return err_set(e, -EBADMSG, "'%s': the group is not a string", site);
    if (!path)
        return err_set(e, -EBADMSG, "'%s' is not in this lake (%s)", site, l->lake);
    int r = index_find(l->rd, path, &id, e);
    if (r == 0)
        r = index_key(l->rd, id, &key, e);
    if (r < 0)
        return r;
    const char *place = key.len ? key.p : "/";
    const char *before = json_string_value(json_object_get(l->want, place));
    if (before && strcmp(before, json_string_value(group)) != 0)
        return err_set(e, -EBADMSG, "'%s' has two groups, '%s' and '%s'", site, before,
                       json_string_value(group));
    json_object_set(l->want, place, (json_t *)group);
    return 0;
}

/* All of the list is looked at before anything is changed. */
static int look(struct load *l, const json_t *list, struct err *e)
{
    size_t i;
    json_t *one, *group;
    const char *site;
    int r = index_guards(l->rd, see_guard, l, e);
    if (r < 0)
        return r;
    if (!json_is_array(list) || json_array_size(list) > SITES_MAX)
        return err_set(e, -EBADMSG, "not a list [{SITE: GROUP}, …] of at most %d", SITES_MAX);
    json_array_foreach(list, i, one) {
        if (!json_is_object(one))
            return err_set(e, -EBADMSG, "/%zu: not an object {SITE: GROUP}", i);
        json_object_foreach(one, site, group)
            if ((r = want_site(l, site, group, e)) < 0)
                return err_wrap(e, "/%zu", i);
    }
    return 0;
}

/* What is as it is to be needs no record; of the rest: may all of them be made? */
static int drop_same(struct load *l, const struct acting *as, struct err *e)
{
    const char *path;
    json_t *group;
    void *next;
    json_object_foreach_safe(l->want, next, path, group) {
        if (json_equal(group, json_object_get(l->now, path))) {
            json_object_del(l->want, path);
            continue;
        }
        json_auto_t *body = json_pack("{ss ss sO}", "op", "protect", "path", path, "group", group);
        int r = acting_may(as, l->rd, body, path, e);
        if (r < 0)
            return r;
    }
    return 0;
}

/* Who is acted as finds what it sees, and is answered before anything is changed. */
static int look_as(struct load *l, const struct acting *as, const json_t *list, struct err *e)
{
    roaring_bitmap_t *sees = NULL;
    int r = acting_sees(as, l->rd, &sees, e);
    if (r < 0)
        return r;
    index_read_only(l->rd, sees);
    r = look(l, list, e);
    index_read_only(l->rd, NULL);
    if (sees)
        roaring_bitmap_free(sees);
    l->sites = json_object_size(l->want);
    return r < 0 ? r : drop_same(l, as, e);
}

static int append_all(struct changer *ch, const struct load *l, int *n, struct err *e)
{
    const char *path;
    json_t *group;
    json_object_foreach(l->want, path, group) {
        json_auto_t *body =
            json_pack("{ss ss sO}", "op", "protect", "path", path, "group", group);
        int r = changer_append(ch, &(struct change){.body = body}, NULL, e);
        if (r < 0)
            return err_wrap(e, "'%s', after %d changes", path, *n);
        ++*n;
    }
    return 0;
}

int cmd_protect_load(struct cli *c, int argc, char **argv)
{
    AUTO(changer) struct changer ch = {0};
    json_auto_t *want = json_object(), *now = json_object();
    struct err e;
    int n = 0;
    if (argc != 2)
        return cli_usage(c, "protect load takes one FILE (or -)");
    json_auto_t *list = cli_read_json(argv[1], "sites", &e);
    if (!list)
        return cli_fail(&e);
    int status = changer_open(c, &ch);
    if (status != CLI_DONE)
        return status;
    struct load l = {.lake = ch.lk->store->url, .want = want, .now = now};
    int r = index_read_begin(ch.lk->index, &l.rd, &e);
    if (r == 0 && (r = look_as(&l, &ch.as, list, &e)) < 0) {
        ch.denied = r == -EPERM;
        err_wrap(&e, "sites '%s'", argv[1]);
    }
    index_read_end(l.rd);
    if (r == 0)
        r = append_all(&ch, &l, &n, &e);
    if (r < 0)
        return changer_fail(&ch, r, &e);
    if (c->json)
        cli_print_json(json_pack("{sI sI}", "sites", (json_int_t)l.sites, "changed",
                                 (json_int_t)n));
    else
        printf("%zu protected paths, %d changed; others stay as they are\n",
               l.sites, n);
    return CLI_DONE;
}
