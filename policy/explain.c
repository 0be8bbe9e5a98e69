/* policy/explain.c - why may, or may not, this principal see that path? */
/* SPDX-License-Identifier: MIT */
#include "policy/explain.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "policy/explain_impl.h"
#include "policy/visible.h"

/* What a name that an edit has below edits/ stands for: "link", or "object" of another name. */
static int add_target(struct index_read *rd, const struct node *n, json_t *ret, struct err *e)
{
    AUTO(buf) struct buf text = {0};
    if (n->target == NODE_NONE)
        return 0;
    int r = n->is_link ? index_link(rd, n, &text, e) : index_object_key(rd, n, &text, e);
    if (r < 0)
        return r;
    return json_object_set_new(ret, n->is_link ? "link" : "object", json_string(buf_str(&text)));
}

static int contradiction(struct index_read *rd, node_id node, struct err *e)
{
    json_auto_t *path = NULL;
    int r = ways_path(rd, node, &path, e);
    return r < 0 ? r : err_set(e, -EBADMSG, "the index contradicts itself about '%s'; delete its "
                               "folder, it is rebuilt from the lake", json_string_value(path));
}

struct answer {
    bool allow, closed;
    uint64_t seq;
    json_t *why;
};

static void auto_answer(struct answer *a)
{
    json_decref(a->why);
}

/* What is shown by what is below or behind it, or is a collection. */
static int explain_other(const struct asker *a, struct index_read *rd, node_id node,
                         const char *action, int64_t now, const roaring_bitmap_t *nodes,
                         bool *ret, json_t **ret_why, struct err *e)
{
    AUTO(ways) struct ways w = {0};
    AUTO(buf) struct buf key = {0};
    json_auto_t *gates = NULL, *guards = NULL;
    bool token = true, seen = asker_wants(action) == GIVES_READ &&
                              roaring_bitmap_contains(nodes, node);
    int r;
    *ret = seen;
    if ((r = ways_init(&w, rd, a->rules, a, node, action, now, e)) < 0 ||
        (r = index_key(rd, node, &key, e)) < 0 ||
        (w.collection && (r = decide_directory(a, rd, node, action, now, ret, e)) < 0))
        return r;
    w.seen = nodes;
    if (w.collection)
        token = asker_token_leaves(a, action, NULL, buf_str(&key));
    else if (a->superuser)
        token = seen; /* nothing else takes from it */
    if ((r = ways_barriers(&w, action, token, &gates, &guards, e)) < 0)
        return r;
    if (!w.blocked && w.node.target != NODE_NONE && asker_wants(action) != GIVES_READ)
        w.blocked = xstrdup("it is another name of something, or a link to it");
    if (!w.blocked && a->superuser && !*ret)
        w.blocked = xstrdup("nothing is there");
    if ((r = ways_why(&w, gates, guards, ret_why, e)) < 0)
        return r;
    return *ret == (json_array_size(w.by) > 0) ? 0 : contradiction(rd, node, e);
}

/* An object that all the rules are not needed for: one decision, by those that bear on it. */
static int explain_object(struct index_read *rd, struct rules *about, const struct who *who,
                          node_id node, const char *action, int64_t now, struct answer *ret,
                          struct err *e)
{
    AUTO(asker) struct asker *a = NULL;
    bool may = true;
    int r = asker_new(rd, about, who, &a, e);
    if (r < 0 || (r = decide_why(a, rd, node, action, now, &ret->allow, &ret->why, e)) < 0)
        return r;
    if (ret->allow && strcmp(action, "list") == 0)
        r = decide(a, rd, node, "read", now, &may, e);
    ret->closed = !may;
    ret->seq = rules_seq(about);
    return r;
}

/* What takes all the rules is held against what a mount shows, too. */
static int explain_any(struct index_read *rd, const struct who *who, const struct node *n,
                       const char *action, int64_t now, struct answer *ret, struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    AUTO(asker) struct asker *a = NULL;
    AUTO(visible) struct visible v = {0};
    bool read = asker_wants(action) == GIVES_READ;
    int r;
    if ((r = rules_load(rd, &rules, e)) < 0 || (r = asker_new(rd, rules, who, &a, e)) < 0 ||
        (r = visible_of(a, rd, now, &v, e)) < 0)
        return r;
    ret->seq = v.seq;
    if (n->is_dir || n->target != NODE_NONE) {
        r = explain_other(a, rd, n->id, action, now, v.nodes, &ret->allow, &ret->why, e);
    } else {
        bool seen = read && roaring_bitmap_contains(v.nodes, n->id) &&
                    (strcmp(action, "read") != 0 || !roaring_bitmap_contains(v.closed, n->id));
        r = decide_why(a, rd, n->id, action, now, &ret->allow, &ret->why, e);
        if (r == 0 && read && ret->allow != seen)
            r = contradiction(rd, n->id, e);
    }
    ret->closed = r == 0 && ret->allow && strcmp(action, "list") == 0 &&
                  roaring_bitmap_contains(v.closed, n->id);
    return r;
}

int explain_action(struct index_read *rd, const struct who *who, node_id node, const char *action,
                   int64_t now, json_t **ret, struct err *e)
{
    AUTO(rules) struct rules *about = NULL;
    AUTO(answer) struct answer answer = {0};
    json_auto_t *path = NULL;
    char at[WHEN_TEXT_SIZE];
    struct node n;
    int r;
    if ((r = ways_path(rd, node, &path, e)) < 0 || (r = index_node(rd, node, &n, e)) < 0 ||
        (r = rules_load_about(rd, node, &about, e)) < 0)
        return r;
    r = about ? explain_object(rd, about, who, node, action, now, &answer, e)
              : explain_any(rd, who, &n, action, now, &answer, e);
    if (r < 0)
        return r;
    *ret = json_pack("{sb ss sO ss sI ss}", "allow", answer.allow, "principal",
                     who->n == 0 ? "" : who_name(who), "path", path, "at", when_format(now, at),
                     "record", (json_int_t)answer.seq, "action", action);
    if (!*ret || json_object_update(*ret, answer.why) < 0)
        return err_set(e, -ENOMEM, "explain");
    if (answer.closed)
        json_object_set_new(*ret, "closed", json_true());
    return add_target(rd, &n, *ret, e);
}

int explain_decision(struct index_read *rd, const struct who *who, node_id node, int64_t now,
                     json_t **ret, struct err *e)
{
    return explain_action(rd, who, node, "list", now, ret, e);
}

/* ---- for people ---------------------------------------------------------------------------- */

static const char *str(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

/* Where a grant holds. */
static void ranges_text(const json_t *ranges, struct buf *ret)
{
    size_t i;
    json_t *name;
    json_array_foreach(ranges, i, name)
        buf_addf(ret, "%s%s", i == 0 ? ", only at addresses in " : ", ", json_string_value(name));
}

static void grant_text(const json_t *j, struct buf *ret)
{
    buf_addf(ret, "grant of edit %s (%s) to %s until %s", str(j, "edit"), str(j, "name"),
             str(j, "principal"), str(j, "until"));
    ranges_text(json_object_get(j, "ranges"), ret);
    buf_addf(ret, ", by %s", str(j, "actor"));
}

static void reason_text(const json_t *j, struct buf *ret)
{
    const char *rule = str(j, "rule"), *why = str(j, "why");
    json_int_t record = json_integer_value(json_object_get(j, "record"));
    buf_adds(ret, "  ");
    if (strcmp(rule, "acl") == 0)
        buf_addf(ret, "ACL of %s for %s", str(j, "path"), str(j, "principal"));
    else if (strcmp(rule, "grant") == 0)
        grant_text(j, ret);
    else if (strcmp(rule, "edit-acl") == 0)
        buf_addf(ret, "ACL of edit %s (%s) for %s", str(j, "edit"), str(j, "name"),
                 str(j, "principal"));
    else if (strcmp(rule, "class") == 0)
        buf_addf(ret, "policy of %s on class %s", str(j, "principal"), str(j, "class"));
    else if (strcmp(rule, "owner") == 0)
        buf_addf(ret, "file of edit %s (%s), which %s brought in", str(j, "edit"), str(j, "name"),
                 str(j, "principal"));
    else if (strcmp(rule, "superuser") == 0)
        buf_addf(ret, "%s is a superuser", str(j, "principal"));
    else
        buf_addf(ret, "edit %s (%s)", str(j, "edit"), str(j, "name"));
    if (record)
        buf_addf(ret, ", ledger record %" JSON_INTEGER_FORMAT, record);
    if (*str(j, "retiring"))
        buf_addf(ret, ": retiring until %s", str(j, "retiring"));
    if (*why)
        buf_addf(ret, ": %s", why);
}

static void barriers_text(const json_t *d, struct buf *ret)
{
    size_t i;
    json_t *j;
    json_array_foreach(json_object_get(d, "gates"), i, j) {
        if (json_is_true(json_object_get(j, "pass")))
            continue; /* told only where it stands in the way */
        if (*str(j, "needs"))
            buf_addf(ret, "  needs %s, which no role of the caller gives\n", str(j, "needs"));
        else if (strcmp(str(j, "gate"), "lake") == 0)
            buf_adds(ret, "  the lake's own list does not name the caller for it\n");
        else
            buf_adds(ret, "  the caller's token is narrowed to other things\n");
    }
    json_array_foreach(json_object_get(d, "guards"), i, j) {
        buf_addf(ret, "  %s access group %s of /%s at %s: %s\n",
                 !json_is_true(json_object_get(j, "counts")) ? "not asked:"
                 : json_is_true(json_object_get(j, "pass"))  ? "passes"
                                                             : "stopped by",
                 str(j, "group"), str(j, "site"), str(j, "path"), str(j, "why"));
    }
}

static const char *verb_of(const char *action, bool allow)
{
    if (strcmp(action, "list") == 0)
        return allow ? "sees" : "does not see";
    if (strcmp(action, "modify_all_access") == 0)
        return allow ? "may say who accesses" : "may not say who accesses";
    return allow ? "may" : "may not";
}

void explain_text(const json_t *d, struct buf *ret)
{
    bool allow = json_is_true(json_object_get(d, "allow"));
    const char *action = str(d, "action"), *verb = verb_of(action, allow);
    bool named = strncmp(verb, "may", 3) == 0 && strlen(verb) <= strlen("may not");
    size_t i;
    json_t *j;
    buf_addf(ret, "%s: %s %s %s%s%s at %s\n", allow ? "yes" : "no",
             *str(d, "principal") ? str(d, "principal") : "a caller without a name", verb,
             named ? action : "", named ? " " : "", str(d, "path"), str(d, "at"));
    if (*str(d, "link"))
        buf_addf(ret, "  a link to %s\n", str(d, "link"));
    else if (*str(d, "object"))
        buf_addf(ret, "  another name of /%s\n", str(d, "object"));
    json_array_foreach(json_object_get(d, allow ? "by" : "not"), i, j) {
        reason_text(j, ret);
        buf_addc(ret, '\n');
    }
    if (json_is_true(json_object_get(d, "closed")))
        buf_adds(ret, "  it may not be opened; why is told about --action read\n");
    if (!allow && json_array_size(json_object_get(d, "not")) == 0)
        buf_adds(ret, "  no grant, no ACL and no class reaches it\n");
    barriers_text(d, ret);
    if (*str(d, "stricter"))
        buf_addf(ret, "  %s\n", str(d, "stricter"));
}

/* ---- who ----------------------------------------------------------------------------------- */

int explain_who(struct index_read *rd, node_id node, int64_t now, json_t **ret, struct err *e)
{
    AUTO(rules) struct rules *rules = NULL;
    AUTO(ways) struct ways w = {0};
    json_auto_t *guards = NULL, *conditions = json_array();
    size_t i;
    json_t *j;
    int r = rules_load_about(rd, node, &rules, e);
    if (r == 0 && !rules)
        r = rules_load(rd, &rules, e);
    if (r < 0 || (r = ways_init(&w, rd, rules, NULL, node, "read", now, e)) < 0 ||
        (r = ways_find(&w, e)) < 0 || (r = ways_guards(&w, &guards, NULL, e)) < 0)
        return r;
    json_array_foreach(guards, i, j) {
        if (!json_is_true(json_object_get(j, "counts")))
            continue;
        AUTO(free) char *text = xasprintf("access group %s of /%s at %s admits it",
                                          str(j, "group"), str(j, "site"), str(j, "path"));
        json_array_append_new(conditions, json_string(text));
    }
    json_array_foreach(w.by, i, j)
        if (json_array_size(conditions) > 0)
            json_object_set(j, "if", conditions);
    *ret = json_incref(w.by);
    return 0;
}

void explain_who_text(const json_t *list, struct buf *ret)
{
    size_t i, k;
    json_t *j, *condition;
    json_array_foreach(list, i, j) {
        buf_adds(ret, str(j, "principal"));
        reason_text(j, ret);
        json_array_foreach(json_object_get(j, "if"), k, condition)
            buf_addf(ret, "%s %s", k ? "," : "; if", json_string_value(condition));
        buf_addc(ret, '\n');
    }
}
