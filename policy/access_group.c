/* policy/access_group.c - whom an access group admits, and which range holds an address. */
/* SPDX-License-Identifier: MIT */
#include "policy/access_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/principals.h"

#define LIST_MAX 1000
#define STRING_MAX 1024 /* an entitlement is a URI */

struct span {
    struct address start, end;
};

struct range {
    struct span *spans;
    size_t n;
};

struct ranges {
    json_t *numbers; /* name -> place in `all` */
    struct range *all;
    size_t n;
};

static bool is_blank(const char *s, size_t n)
{
    return strspn(s, " \t\n\v\f\r") >= n;
}

static bool read_span(const json_t *v, struct span *ret)
{
    const char *start = json_string_value(json_object_get(v, "start"));
    const char *end = json_string_value(json_object_get(v, "end"));
    return start && end && address_parse(start, &ret->start) && address_parse(end, &ret->end) &&
           address_in(&ret->start, &ret->start, &ret->end);
}

static int check_end(const json_t *v, size_t i, const char *which, struct err *e)
{
    struct address a;
    const char *text = json_string_value(json_object_get(v, which));
    if (!text)
        return err_set(e, -EBADMSG, "/%zu/%s: missing, or not a string", i, which);
    if (!address_parse(text, &a))
        return err_set(e, -EBADMSG, "/%zu/%s: '%.64s' is not an IPv4 or IPv6 address", i, which,
                       text);
    return 0;
}

int ranges_check(const json_t *list, struct err *e)
{
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX)
        return err_set(e, -EBADMSG, "not a list of up to %d {start, end}", LIST_MAX);
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        struct span s;
        int r = check_end(v, i, "start", e);
        if (r < 0 || (r = check_end(v, i, "end", e)) < 0)
            return r;
        if (json_object_size(v) != 2)
            return err_set(e, -EBADMSG, "/%zu: has members besides start and end", i);
        if (!read_span(v, &s))
            return err_set(e, -EBADMSG, "/%zu/end: below start, or not of its family", i);
    }
    return 0;
}

struct ranges *ranges_new(void)
{
    struct ranges *r = xcalloc(1, sizeof *r);
    r->numbers = json_object();
    return r;
}

void ranges_free(struct ranges *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n; i++)
        free(r->all[i].spans);
    free(r->all);
    json_decref(r->numbers);
    free(r);
}

void ranges_add(struct ranges *r, const char *name, const json_t *list)
{
    struct range one = {xcalloc(json_array_size(list) + 1, sizeof *one.spans), 0};
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        if (read_span(v, &one.spans[one.n]))
            one.n++;
    }
    const json_t *number = json_object_get(r->numbers, name);
    if (number) {
        struct range *old = &r->all[json_integer_value(number)];
        free(old->spans);
        *old = one;
        return;
    }
    r->all = xrealloc(r->all, r->n + 1, sizeof *r->all);
    r->all[r->n] = one;
    json_object_set_new(r->numbers, name, json_integer((json_int_t)r->n++));
}

bool ranges_have(const struct ranges *r, const char *name, const struct address *a)
{
    const json_t *number = json_object_get(r->numbers, name);
    if (!number)
        return false;
    const struct range *one = &r->all[json_integer_value(number)];
    for (size_t i = 0; i < one->n; i++)
        if (address_in(a, &one->spans[i].start, &one->spans[i].end))
            return true;
    return false;
}

bool ranges_know(const struct ranges *r, const char *name)
{
    return json_object_get(r->numbers, name);
}

/* A user is written by its bare name, a group with its kind: any other kind would read like a name
 * that nobody has. */
static int check_user(const char *s, const char *key, size_t i, struct err *e)
{
    if (strncmp(s, "user:", 5) == 0 || strncmp(s, "role:", 5) == 0)
        return err_set(e, -EBADMSG, "/%s/%zu: '%.64s': write a user's bare name or group:NAME", key,
                       i, s);
    return 0;
}

static int check_strings(const json_t *list, const char *key, struct err *e)
{
    if (json_is_null(list))
        return 0;
    if (!json_is_array(list) || json_array_size(list) > LIST_MAX)
        return err_set(e, -EBADMSG, "/%s: not null or a list of up to %d strings", key, LIST_MAX);
    bool names = strcmp(key, "users") == 0 || strcmp(key, "admins") == 0;
    size_t i;
    json_t *v;
    json_array_foreach(list, i, v) {
        const char *s = json_string_value(v);
        size_t n = json_string_length(v);
        if (!s || n > STRING_MAX || strlen(s) != n || is_blank(s, n))
            return err_set(e, -EBADMSG, "/%s/%zu: not a string of 1 to %d bytes that says anything",
                           key, i, STRING_MAX);
        for (const char *c = s; *c; c++)
            if ((unsigned char)*c < 0x20 || *c == 0x7f)
                return err_set(e, -EBADMSG, "/%s/%zu: a control character", key, i);
        int r = names ? check_user(s, key, i, e) : 0;
        if (r < 0)
            return r;
    }
    return 0;
}

int access_group_check(const json_t *rules, struct err *e)
{
    static const char *const lists[] = {"users", "states", "entitlements", "ranges", "admins"};
    if (!json_is_object(rules))
        return err_set(e, -EBADMSG, "the rules of an access group are an object");
    const char *key;
    json_t *v;
    json_object_foreach((json_t *)rules, key, v) {
        bool is_list = false;
        for (size_t i = 0; i < COUNT(lists); i++)
            is_list = is_list || strcmp(key, lists[i]) == 0;
        if (!is_list && strcmp(key, "satisfy_all") != 0)
            return err_set(e, -EBADMSG, "unknown member \"%.64s\"", key);
        int r = is_list ? check_strings(v, key, e) : 0;
        if (r < 0)
            return r;
        if (!is_list && !json_is_boolean(v) && !json_is_null(v))
            return err_set(e, -EBADMSG, "/satisfy_all: not true, false or null");
    }
    return 0;
}

/* The name that a caller has as a user; NULL where it is none, or one that says nothing. */
static const char *user_name(const struct who *who)
{
    if (who->n == 0)
        return NULL;
    const char *s = who->as[0];
    if (strncmp(s, "arn:", 4) == 0)
        return s;
    if (strncmp(s, "user:", 5) != 0)
        return NULL;
    s += 5;
    const char *at = strrchr(s, '@');
    return is_blank(s, at ? (size_t)(at - s) : strlen(s)) ? NULL : s;
}

/* `full` is `bare`@`scope`. */
static bool is_scoped(const char *full, const char *bare, const char *scope)
{
    size_t n = strlen(bare);
    return *scope && !strchr(bare, '@') && strncmp(full, bare, n) == 0 && full[n] == '@' &&
           strcmp(full + n + 1, scope) == 0;
}

/* An ARN may hold an '@' of its own: it has no scope. */
static bool same_user(const char *listed, const char *name, const char *scope)
{
    if (strcmp(listed, name) == 0)
        return true;
    return strncmp(name, "arn:", 4) != 0 &&
           (is_scoped(name, listed, scope) || is_scoped(listed, name, scope));
}

static bool acts_as(const struct who *who, const char *principal)
{
    for (size_t i = 0; i < who->n; i++)
        if (strcmp(who->as[i], principal) == 0)
            return true;
    return false;
}

static bool lists_user(const json_t *rules, const char *key, const char *scope,
                       const struct who *who)
{
    const char *name = user_name(who);
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(rules, key), i, v) {
        const char *listed = json_string_value(v);
        if (!name || !listed)
            continue;
        if (strncmp(listed, "group:", 6) == 0 ? acts_as(who, listed)
                                              : same_user(listed, name, scope))
            return true;
    }
    return false;
}

static bool lists(const json_t *rules, const char *key, const char *text)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(rules, key), i, v) {
        if (text && *text && json_is_string(v) && strcmp(json_string_value(v), text) == 0)
            return true;
    }
    return false;
}

/* The first rule about the user that fits, or NULL. */
static const char *user_rule(const json_t *rules, const char *scope, const struct who *who)
{
    if (!user_name(who))
        return NULL;
    if (lists_user(rules, "users", scope, who))
        return "users";
    if (lists_user(rules, "admins", scope, who))
        return "admins";
    if (lists(rules, "states", who->affiliation))
        return "states";
    for (size_t i = 0; i < who->n_entitlements; i++)
        if (lists(rules, "entitlements", who->entitlements[i]))
            return "entitlements";
    return NULL;
}

static const char *range_of(const json_t *rules, const struct ranges *ranges,
                            const struct address *a)
{
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(rules, "ranges"), i, v) {
        if (json_is_string(v) && ranges_have(ranges, json_string_value(v), a))
            return json_string_value(v);
    }
    return NULL;
}

struct admission access_group_admits(const json_t *rules, const struct ranges *ranges,
                                     const char *scope, const struct who *who)
{
    struct admission a = {
        .satisfy_all = json_is_true(json_object_get(rules, "satisfy_all")),
        .user_rule = user_rule(rules, scope, who),
        .range = range_of(rules, ranges, &who->address),
    };
    a.by_users = a.user_rule;
    a.by_network = a.range;
    a.admitted = a.satisfy_all ? a.by_users && a.by_network : a.by_users || a.by_network;
    return a;
}

bool access_group_is_everyone(const char *group)
{
    return strcmp(group, "authenticated") == 0 || strcmp(group, "entire-bu-community") == 0;
}

bool access_group_has_admin(const json_t *rules, const char *scope, const struct who *who)
{
    return lists_user(rules, "admins", scope, who);
}
