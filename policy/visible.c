/* policy/visible.c - the one question behind every lookup: what may this principal see now? */
/* SPDX-License-Identifier: MIT */
#include "policy/visible.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/record.h"

struct gather {
    struct index_read *rd;
    const struct who *who;
    int64_t now;
    struct visible *ret;
};

static int add_label(struct gather *g, const char *label, struct err *e)
{
    roaring_bitmap_t *set;
    int r = index_label(g->rd, label, &set, e);
    if (r < 0)
        return r;
    roaring_bitmap_or_inplace(g->ret->nodes, set);
    roaring_bitmap_free(set);
    return 0;
}

static void changes_at(struct gather *g, int64_t t)
{
    if (t > g->now && t < g->ret->next_change)
        g->ret->next_change = t;
}

static int add_edit_label(void *arg, const struct edit_label *label, struct err *e)
{
    struct gather *g = arg;
    changes_at(g, label->until);
    return g->now < label->until ? add_label(g, label->name, e) : 0;
}

static int add_grant(void *arg, const struct grant *grant, struct err *e)
{
    struct gather *g = arg;
    changes_at(g, grant->from);
    changes_at(g, grant->until);
    if (g->now < grant->from || g->now >= grant->until)
        return 0;
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(g->rd, grant->edit, &ed, e);
    if (r < 0)
        return r == -ENOENT ? err_set(e, -EBADMSG, "index: edit %s is granted, and not there",
                                      grant->edit) : r;
    return ed.state == EDIT_ENABLED ? edit_labels(&ed, add_edit_label, g, e) : 0;
}

static int add_acl(void *arg, const struct placed *acl, struct err *e)
{
    struct gather *g = arg;
    size_t i;
    json_t *entry;
    if (acl->at.kind != PLACE_NODE)
        return 0;
    json_array_foreach(acl->value, i, entry) {
        char principal[PRINCIPAL_MAX];
        if (!acl_gives(entry, "read"))
            continue;
        acl_principal(entry, principal);
        for (size_t k = 0; k < g->who->n; k++) {
            if (strcmp(g->who->as[k], principal) != 0)
                continue;
            char label[32];
            snprintf(label, sizeof label, "acl:%u", acl->at.node);
            return add_label(g, label, e);
        }
    }
    return 0;
}

int visible_compute(struct index_read *rd, const struct who *who, int64_t now, struct visible *ret,
                    struct err *e)
{
    AUTO(visible) struct visible v = {.nodes = roaring_bitmap_create(), .next_change = WHEN_NEVER};
    struct gather g = {rd, who, now, &v};
    struct index_head head;
    int r = index_head(rd, &head, e);
    for (size_t i = 0; r == 0 && i < who->n; i++)
        r = index_grants(rd, who->as[i], add_grant, &g, e);
    if (r == 0)
        r = index_placed_each(rd, PLACED_ACL, add_acl, &g, e);
    if (r < 0)
        return r;
    v.seq = head.seq;
    *ret = v;
    v.nodes = NULL;
    return 0;
}

void visible_done(struct visible *v)
{
    if (v->nodes)
        roaring_bitmap_free(v->nodes);
    *v = (struct visible){0};
}
