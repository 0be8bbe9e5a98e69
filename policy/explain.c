/* policy/explain.c - why may, or may not, this principal see that path? */
/* SPDX-License-Identifier: MIT */
#include "policy/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/record.h"
#include "policy/visible.h"

struct explain {
    struct index_read *rd;
    const struct who *who; /* NULL: everybody (explain_who) */
    node_id node;
    int64_t now;
    json_t *by, *not_by;
};

static bool acts_as(const struct who *who, const char *principal)
{
    for (size_t i = 0; !who || i < who->n; i++)
        if (!who || strcmp(who->as[i], principal) == 0)
            return true;
    return false;
}

static int holds(struct explain *x, const char *label, bool *ret, struct err *e)
{
    roaring_bitmap_t *set;
    int r = index_label(x->rd, label, &set, e);
    if (r < 0)
        return r;
    *ret = roaring_bitmap_contains(set, x->node);
    roaring_bitmap_free(set);
    return 0;
}

/* How long an edit shows the node: the latest end of the labels that hold it. */
struct reach {
    struct explain *x;
    int64_t until; /* INT64_MIN: none does */
};

static int add_reach(void *arg, const struct edit_label *label, struct err *e)
{
    struct reach *reach = arg;
    bool has;
    int r = holds(reach->x, label->name, &has, e);
    if (r == 0 && has && label->until > reach->until)
        reach->until = label->until;
    return r;
}

static int on_grant(void *arg, const struct grant *g, struct err *e)
{
    struct explain *x = arg;
    char from[WHEN_TEXT_SIZE], until[WHEN_TEXT_SIZE], end[WHEN_TEXT_SIZE];
    AUTO(edit) struct edit ed = {0};
    struct reach reach = {x, INT64_MIN};
    int r;
    if (!acts_as(x->who, g->principal))
        return 0;
    if ((r = index_edit(x->rd, g->edit, &ed, e)) < 0 ||
        (r = edit_labels(&ed, add_reach, &reach, e)) < 0)
        return r;
    if (reach.until == INT64_MIN)
        return 0;
    when_format(g->from, from);
    when_format(g->until, until);
    json_t *j = json_pack("{ss ss ss ss ss ss sI ss}", "rule", "grant", "edit", g->edit, "name",
                          ed.name, "principal", g->principal, "from", from, "until", until,
                          "record", (json_int_t)g->seq, "actor", g->actor);
    bool early = x->now < g->from, late = x->now >= g->until;
    bool off = ed.state != EDIT_ENABLED, gone = reach.until <= x->now;
    when_format(reach.until, end);
    if (reach.until != WHEN_NEVER && !gone)
        json_object_set_new(j, "retiring", json_string(end));
    AUTO(free) char *why = early  ? xasprintf("starts %s", from)
                           : late ? xasprintf("expired %s", until)
                           : off  ? xasprintf("the edit is %s", edit_state_name(ed.state))
                           : gone ? xasprintf("the cut uses it no more; retired until %s", end)
                                  : NULL;
    if (why)
        json_object_set_new(j, "why", json_string(why));
    return json_array_append_new(why ? x->not_by : x->by, j);
}

static int on_acl_entry(struct explain *x, const struct placed *a, const json_t *entry,
                        const char *path, struct err *e)
{
    char principal[PRINCIPAL_MAX];
    acl_principal(entry, principal);
    if (!acts_as(x->who, principal))
        return 0;
    json_t *j = json_pack("{ss ss ss sO sI}", "rule", "acl", "path", path, "principal", principal,
                          "access", json_object_get(entry, "accessTypes"), "record",
                          (json_int_t)a->seq);
    if (!j)
        return err_set(e, -ENOMEM, "explain");
    bool read = acl_gives(entry, "read");
    if (!read)
        json_object_set_new(j, "why", json_string("gives no read"));
    return json_array_append_new(read ? x->by : x->not_by, j);
}

static int on_acl(void *arg, const struct placed *a, struct err *e)
{
    struct explain *x = arg;
    char label[32];
    bool has;
    if (a->at.kind != PLACE_NODE)
        return 0;
    snprintf(label, sizeof label, "acl:%u", a->at.node);
    int r = holds(x, label, &has, e);
    if (r < 0 || !has)
        return r;
    AUTO(buf) struct buf path = {0};
    buf_addc(&path, '/');
    if ((r = index_key(x->rd, a->at.node, &path, e)) < 0)
        return r;
    size_t i;
    json_t *entry;
    json_array_foreach(a->value, i, entry) {
        if ((r = on_acl_entry(x, a, entry, path.p, e)) < 0)
            return r;
    }
    return 0;
}

/* Edits that hold the object but that the principal was never given. */
static int on_label(void *arg, const char *label, struct err *e)
{
    struct explain *x = arg;
    if (strncmp(label, "edit:", 5) != 0)
        return 0;
    for (size_t i = 0; i < x->who->n; i++) {
        struct grant g;
        int r = index_grant(x->rd, label + 5, x->who->as[i], &g, e);
        if (r != -ENOENT)
            return r;
    }
    AUTO(edit) struct edit ed = {0};
    int r = index_edit(x->rd, label + 5, &ed, e);
    if (r < 0)
        return r;
    char *why = xasprintf("not granted to %s", who_name(x->who));
    json_t *j = json_pack("{ss ss ss sI ss}", "rule", "edit", "edit", ed.id, "name", ed.name,
                          "record", (json_int_t)ed.seq, "why", why);
    free(why);
    return json_array_append_new(x->not_by, j);
}

/* What a name that an edit has below edits/ stands for: "link", or "object" of another name. */
static int add_target(struct index_read *rd, node_id node, json_t *ret, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    struct node n;
    int r = index_node(rd, node, &n, e);
    if (r < 0 || n.target == NODE_NONE)
        return r;
    r = n.is_link ? index_link(rd, &n, &text, e) : index_object_key(rd, &n, &text, e);
    if (r < 0)
        return r;
    return json_object_set_new(ret, n.is_link ? "link" : "object", json_string(buf_str(&text)));
}

int explain_decision(struct index_read *rd, const struct who *who, node_id node, int64_t now,
                     json_t **ret, struct err *e)
{
    json_auto_t *by = json_array(), *not_by = json_array();
    struct explain x = {rd, who, node, now, by, not_by};
    AUTO(visible) struct visible v = {0};
    AUTO(buf) struct buf path = {0};
    char at[WHEN_TEXT_SIZE];
    int r;
    buf_addc(&path, '/');
    if ((r = visible_compute(rd, who, now, &v, e)) < 0 || (r = index_key(rd, node, &path, e)) < 0 ||
        (r = index_grants(rd, NULL, on_grant, &x, e)) < 0 ||
        (r = index_placed_each(rd, PLACED_ACL, on_acl, &x, e)) < 0 ||
        (r = index_labels_of(rd, node, on_label, &x, e)) < 0)
        return r;
    bool allow = roaring_bitmap_contains(v.nodes, node);
    /* two ways to one answer: a difference is a bug that must not pass as an explanation */
    if (allow != (json_array_size(by) > 0))
        return err_set(e, -EBADMSG, "the index contradicts itself about '%s'; delete its folder, "
                       "it is rebuilt from the lake", path.p);
    *ret = json_pack("{sb ss ss ss sI sO sO}", "allow", allow, "principal", who_name(who), "path",
                     path.p, "at", when_format(now, at), "record", (json_int_t)v.seq, "by", by,
                     "not", not_by);
    return *ret ? add_target(rd, node, *ret, e) : err_set(e, -ENOMEM, "explain");
}

static const char *str(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static void reason_text(const json_t *j, struct buf *ret)
{
    const char *rule = str(j, "rule"), *why = str(j, "why");
    buf_adds(ret, "  ");
    if (strcmp(rule, "acl") == 0)
        buf_addf(ret, "ACL of %s for %s", str(j, "path"), str(j, "principal"));
    else if (strcmp(rule, "grant") == 0)
        buf_addf(ret, "grant of edit %s (%s) to %s until %s, by %s", str(j, "edit"),
                 str(j, "name"), str(j, "principal"), str(j, "until"), str(j, "actor"));
    else
        buf_addf(ret, "edit %s (%s)", str(j, "edit"), str(j, "name"));
    buf_addf(ret, ", ledger record %" JSON_INTEGER_FORMAT,
             json_integer_value(json_object_get(j, "record")));
    if (*str(j, "retiring"))
        buf_addf(ret, ": retiring until %s", str(j, "retiring"));
    if (*why)
        buf_addf(ret, ": %s", why);
    buf_addc(ret, '\n');
}

void explain_text(const json_t *d, struct buf *ret)
{
    bool allow = json_is_true(json_object_get(d, "allow"));
    size_t i;
    json_t *j;
    buf_addf(ret, "%s: %s %s %s at %s\n", allow ? "yes" : "no", str(d, "principal"),
             allow ? "sees" : "does not see", str(d, "path"), str(d, "at"));
    if (*str(d, "link"))
        buf_addf(ret, "  a link to %s\n", str(d, "link"));
    else if (*str(d, "object"))
        buf_addf(ret, "  another name of /%s\n", str(d, "object"));
    json_array_foreach(json_object_get(d, allow ? "by" : "not"), i, j)
        reason_text(j, ret);
    if (!allow && json_array_size(json_object_get(d, "not")) == 0)
        buf_adds(ret, "  no grant and no ACL reaches it\n");
}

int explain_who(struct index_read *rd, node_id node, int64_t now, json_t **ret, struct err *e)
{
    json_auto_t *by = json_array(), *not_by = json_array();
    struct explain x = {rd, NULL, node, now, by, not_by};
    int r;
    if ((r = index_grants(rd, NULL, on_grant, &x, e)) < 0 ||
        (r = index_placed_each(rd, PLACED_ACL, on_acl, &x, e)) < 0)
        return r;
    *ret = json_incref(by);
    return 0;
}

void explain_who_text(const json_t *list, struct buf *ret)
{
    size_t i;
    json_t *j;
    json_array_foreach(list, i, j) {
        buf_adds(ret, str(j, "principal"));
        reason_text(j, ret);
    }
}
