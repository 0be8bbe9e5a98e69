/* tests/unit/test_access_group.c - whom an access group admits: by name, by rule, by network. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/access_group.h"
#include "policy/principals.h"

#define VECTORS "../shared/auth-vectors/seeds/bu_rules.json"
#define RENDER_ARN "arn:aws:iam::111122223333:role/farm/render@studio.example"

DEFINE_AUTO(ranges, struct ranges *, ranges_free);

/* JSON with ' for ". */
static json_t *quoted(const char *text)
{
    AUTO(free) char *s = xstrdup(text);
    for (char *c = s; *c; c++)
        if (*c == '\'')
            *c = '"';
    json_error_t je;
    json_t *j = json_loads(s, JSON_DECODE_ANY, &je);
    if (!j)
        fail_msg("%s: %s", text, je.text);
    return j;
}

static void add_entitlement(struct who *w, const char *s)
{
    w->entitlements = xrealloc(w->entitlements, w->n_entitlements + 1, sizeof *w->entitlements);
    w->entitlements[w->n_entitlements++] = xstrdup(s);
}

static struct ranges *read_ranges(const json_t *all)
{
    struct ranges *r = ranges_new();
    const char *name;
    json_t *list;
    struct err e;
    json_object_foreach((json_t *)all, name, list) {
        if (ranges_check(list, &e) < 0)
            fail_msg("range %s: %s", name, e.text);
        ranges_add(r, name, list);
    }
    return r;
}

#define RANGES                                                                                     \
    "{'edge':[{'start':'192.0.2.0','end':'192.0.2.63'},"                                           \
    "         {'start':'192.0.2.128','end':'192.0.2.128'}],"                                       \
    " 'six':[{'start':'2001:db8::','end':'2001:db8::ff'}],"                                        \
    " 'all':[{'start':'0.0.0.0','end':'255.255.255.255'}], 'none':[]}"
#define OPEN_RULES                                                                                 \
    "{'users':['ana','bo@lab.example','group:grips'],'states':['crew'],'entitlements':"            \
    "['urn:lab:hold/77'],'ranges':['edge','six','lost'],'satisfy_all':%s,'admins':['chief']}"

static const struct {
    const char *what;
    const char *rules; /* whole, or satisfy_all of OPEN_RULES; NULL: false */
    const char *scope; /* NULL: "" */
    const char *as, *also, *affiliation, *entitlement, *address;
    bool admitted;
    const char *user_rule, *range;
} cases[] = {
    {"by name", .as = "user:ana", .admitted = true, .user_rule = "users"},
    {"case matters", .as = "user:Ana"},
    {"a longer name", .as = "user:ana2"},
    {"a shorter name", .as = "user:an"},
    {"a group of that name", .as = "group:ana"},
    {"a role of that name", .as = "user:x", .also = "role:ana"},
    {"any scope without one by default", .as = "user:ana@lab.example"},
    {"the default scope", .scope = "lab.example", .as = "user:ana@lab.example", .admitted = true,
     .user_rule = "users"},
    {"a foreign scope", .scope = "lab.example", .as = "user:ana@evil.example"},
    {"a scope within the scope", .scope = "lab.example", .as = "user:ana@x@lab.example"},
    {"a scope that goes on", .scope = "lab.example", .as = "user:ana@lab.example.org"},
    {"a whole name", .as = "user:bo@lab.example", .admitted = true, .user_rule = "users"},
    {"a whole name, bare", .as = "user:bo"},
    {"a whole name, bare, in its scope", .scope = "lab.example", .as = "user:bo", .admitted = true,
     .user_rule = "users"},
    {"a whole name, bare, elsewhere", .scope = "set.example", .as = "user:bo"},
    {"a listed group", .as = "user:cy", .also = "group:grips", .admitted = true,
     .user_rule = "users"},
    {"a user named like it", .as = "user:group:grips"},
    {"the group itself is no user", .as = "group:grips"},
    {"an admin", .as = "user:chief", .admitted = true, .user_rule = "admins"},
    {"an affiliation", .as = "user:cy", .affiliation = "crew", .admitted = true,
     .user_rule = "states"},
    {"its case", .as = "user:cy", .affiliation = "Crew"},
    {"an affiliation without a name", .affiliation = "crew"},
    {"an entitlement", .as = "user:cy", .entitlement = "urn:lab:hold/77", .admitted = true,
     .user_rule = "entitlements"},
    {"one that begins like it", .as = "user:cy", .entitlement = "urn:lab:hold/771"},
    {"one that it begins with", .as = "user:cy", .entitlement = "urn:lab:hold/7"},
    {"two in one string", .as = "user:cy", .entitlement = "urn:x;urn:lab:hold/77"},
    {"a blank name", .as = "user: ", .affiliation = "crew", .entitlement = "urn:lab:hold/77"},
    {"a scope alone", .scope = "lab.example", .as = "user:@lab.example", .affiliation = "crew"},
    {"a blank before a scope", .as = "user: \t@lab.example", .affiliation = "crew"},
    {"the network", .as = "user:cy", .address = "192.0.2.63", .admitted = true, .range = "edge"},
    {"the network, nameless", .address = "192.0.2.0", .admitted = true, .range = "edge"},
    {"between two spans", .as = "user:cy", .address = "192.0.2.64"},
    {"a span of one", .as = "user:cy", .address = "192.0.2.128", .admitted = true, .range = "edge"},
    {"the second range", .as = "user:cy", .address = "2001:db8::ff", .admitted = true,
     .range = "six"},
    {"behind it", .as = "user:cy", .address = "2001:db8::100"},
    {"both", .as = "user:ana", .address = "192.0.2.1", .admitted = true, .user_rule = "users",
     .range = "edge"},
    {"all: both", .rules = "true", .as = "user:ana", .address = "192.0.2.1", .admitted = true,
     .user_rule = "users", .range = "edge"},
    {"all: the user", .rules = "true", .as = "user:ana", .address = "192.0.2.99",
     .user_rule = "users"},
    {"all: no address", .rules = "true", .as = "user:ana", .user_rule = "users"},
    {"all: the network", .rules = "true", .as = "user:cy", .address = "192.0.2.1", .range = "edge"},
    {"all: an admin, too", .rules = "true", .as = "user:chief", .user_rule = "admins"},
    {"all: nameless", .rules = "true", .affiliation = "crew", .address = "192.0.2.1",
     .range = "edge"},
    {"null is either", .rules = "null", .as = "user:ana", .admitted = true, .user_rule = "users"},
    {"false is either", .rules = "false", .as = "user:ana", .admitted = true, .user_rule = "users"},
    {"no rules", .rules = "{}", .as = "user:ana", .affiliation = "crew", .entitlement = "x",
     .address = "192.0.2.1"},
    {"null lists",
     .rules = "{'users':null,'states':null,'entitlements':null,'ranges':null,'admins':null}",
     .as = "user:ana", .affiliation = "crew", .entitlement = "x", .address = "192.0.2.1"},
    {"all of empty lists", .rules = "{'satisfy_all':true}", .as = "user:ana",
     .address = "192.0.2.1"},
    {"all without ranges", .rules = "{'users':['ana'],'ranges':[],'satisfy_all':true}",
     .as = "user:ana", .address = "192.0.2.1", .user_rule = "users"},
    {"all without users", .rules = "{'ranges':['edge'],'satisfy_all':true}", .as = "user:ana",
     .address = "192.0.2.1", .range = "edge"},
    {"an unknown range", .rules = "{'ranges':['lost']}", .as = "user:ana", .address = "192.0.2.1"},
    {"an empty range", .rules = "{'ranges':['none']}", .as = "user:ana", .address = "192.0.2.1"},
    {"no address is not 0.0.0.0", .rules = "{'ranges':['all']}", .as = "user:ana"},
    {"the widest range", .rules = "{'ranges':['all']}", .as = "user:ana", .address = "0.0.0.0",
     .admitted = true, .range = "all"},
    {"but one family", .rules = "{'ranges':['all']}", .as = "user:ana", .address = "::1"},
    /* rules of an older writer that would be refused today must still not fit */
    {"a blank state", .rules = "{'states':['']}", .as = "user:ana", .affiliation = ""},
    {"no state", .rules = "{'states':['']}", .as = "user:ana"},
    {"a text for all", .rules = "{'users':['ana'],'satisfy_all':'true'}", .as = "user:ana",
     .admitted = true, .user_rule = "users"},
    {"an ARN", .rules = "{'users':['" RENDER_ARN "']}", .as = RENDER_ARN, .admitted = true,
     .user_rule = "users"},
    {"an ARN has no scope", .rules = "{'users':['arn:aws:iam::111122223333:role/farm/render']}",
     .scope = "studio.example", .as = RENDER_ARN},
};

static void test_admits(void **state)
{
    (void)state;
    json_auto_t *named = quoted(RANGES);
    AUTO(ranges) struct ranges *ranges = read_ranges(named);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *text = cases[i].rules ? cases[i].rules : "false";
        const char *scope = cases[i].scope ? cases[i].scope : "";
        AUTO(free) char *whole = *text == '{' ? xstrdup(text) : xasprintf(OPEN_RULES, text);
        json_auto_t *rules = quoted(whole);
        AUTO(who) struct who who = {0};
        if (cases[i].as)
            who_add(&who, cases[i].as);
        if (cases[i].also)
            who_add(&who, cases[i].also);
        if (cases[i].affiliation)
            who.affiliation = xstrdup(cases[i].affiliation);
        if (cases[i].entitlement) {
            add_entitlement(&who, "urn:other");
            add_entitlement(&who, cases[i].entitlement);
        }
        assert_true(!cases[i].address || address_parse(cases[i].address, &who.address));
        struct admission a = access_group_admits(rules, ranges, scope, &who);
        if (a.admitted != cases[i].admitted)
            fail_msg("%s: %s", cases[i].what, a.admitted ? "admitted" : "not admitted");
        if (strcmp(a.user_rule ? a.user_rule : "", cases[i].user_rule ? cases[i].user_rule : "") ||
            strcmp(a.range ? a.range : "", cases[i].range ? cases[i].range : ""))
            fail_msg("%s: by %s and %s", cases[i].what, a.user_rule ? a.user_rule : "no user rule",
                     a.range ? a.range : "no range");
        assert_int_equal(a.by_users, a.user_rule != NULL);
        assert_int_equal(a.by_network, a.range != NULL);
        assert_int_equal(a.satisfy_all, json_is_true(json_object_get(rules, "satisfy_all")));
    }
}

static const struct {
    const char *rules, *sentence;
} bad_rules[] = {
    {"[]", "an object"},
    {"null", "an object"},
    {"{'user':['ana']}", "unknown member \"user\""},
    {"{'satisfy_all':'false'}", "/satisfy_all: not true, false or null"},
    {"{'satisfy_all':1}", "/satisfy_all"},
    {"{'users':'ana'}", "/users: not null or a list"},
    {"{'users':{'0':'ana'}}", "/users: not null or a list"},
    {"{'users':['ana',7]}", "/users/1: not a string"},
    {"{'users':['']}", "/users/0: not a string"},
    {"{'users':[' \\t']}", "/users/0: not a string"},
    {"{'users':['user:ana']}", "/users/0: 'user:ana': write a user's bare name"},
    {"{'admins':['role:viewer']}", "/admins/0: 'role:viewer'"},
    {"{'states':['']}", "/states/0: not a string"},
    {"{'states':['a\\u0007b']}", "/states/0: a control character"},
    {"{'entitlements':[null]}", "/entitlements/0: not a string"},
    {"{'ranges':'edge'}", "/ranges: not null or a list"},
    {"{'ranges':[['edge']]}", "/ranges/0: not a string"},
};

static void test_check(void **state)
{
    (void)state;
    struct err e = {0};
    for (size_t i = 0; i < COUNT(bad_rules); i++) {
        json_auto_t *rules = quoted(bad_rules[i].rules);
        if (access_group_check(rules, &e) != -EBADMSG || !strstr(e.text, bad_rules[i].sentence))
            fail_msg("%s: %s", bad_rules[i].rules, e.text);
    }
    AUTO(free) char *open_rules = xasprintf(OPEN_RULES, "null");
    const char *const good[] = {"{}", "{'users':null,'satisfy_all':null}", "{'satisfy_all':true}",
                                "{'users':[],'states':[],'ranges':[]}", open_rules};
    for (size_t i = 0; i < COUNT(good); i++) {
        json_auto_t *rules = quoted(good[i]);
        if (access_group_check(rules, &e) != 0)
            fail_msg("%s: %s", good[i], e.text);
    }
    json_auto_t *rules = json_object();
    json_t *users = json_array();
    json_object_set_new(rules, "users", users);
    for (int i = 0; i < 1000; i++)
        json_array_append_new(users, json_string("ana"));
    assert_int_equal(access_group_check(rules, &e), 0);
    json_array_append_new(users, json_string("ana"));
    assert_int_equal(access_group_check(rules, &e), -EBADMSG);
    char text[1026];
    memset(text, 'n', sizeof text);
    for (int n = 1024; n <= 1025; n++) {
        text[n] = '\0';
        json_array_clear(users);
        json_array_append_new(users, json_string(text));
        assert_int_equal(access_group_check(rules, &e), n == 1024 ? 0 : -EBADMSG);
        text[n] = 'n';
    }
}

static const struct {
    const char *list, *sentence;
} bad_ranges[] = {
    {"{}", "not a list"},
    {"null", "not a list"},
    {"['10.0.0.0']", "/0/start: missing"},
    {"[{'start':'10.0.0.0'}]", "/0/end: missing"},
    {"[{'end':'10.0.0.0'}]", "/0/start: missing"},
    {"[{'start':1,'end':'10.0.0.0'}]", "/0/start: missing, or not a string"},
    {"[{'start':'10.0.0.0','end':'10.0.0.1'},{'start':'10.0.0','end':'10.0.0.1'}]",
     "/1/start: '10.0.0' is not"},
    {"[{'start':'10.0.0.0','end':'010.0.0.1'}]", "/0/end: '010.0.0.1' is not"},
    {"[{'start':'::ffff:10.0.0.0','end':'::ffff:10.0.0.1'}]", "/0/start: '::ffff:10.0.0.0' is not"},
    {"[{'start':'10.0.0.1','end':'10.0.0.0'}]", "/0/end: below start"},
    {"[{'start':'10.0.0.1','end':'::1'}]", "/0/end: below start, or not of its family"},
    {"[{'start':'10.0.0.1','end':'10.0.0.2','note':''}]", "/0: has members besides"},
};

static void test_ranges(void **state)
{
    (void)state;
    struct err e = {0};
    for (size_t i = 0; i < COUNT(bad_ranges); i++) {
        json_auto_t *list = quoted(bad_ranges[i].list);
        if (ranges_check(list, &e) != -EBADMSG || !strstr(e.text, bad_ranges[i].sentence))
            fail_msg("%s: %s", bad_ranges[i].list, e.text);
    }
    json_auto_t *many = json_array();
    for (int i = 0; i < 1000; i++)
        json_array_append_new(many, quoted("{'start':'::1','end':'::1'}"));
    assert_int_equal(ranges_check(many, &e), 0);
    json_array_append_new(many, quoted("{'start':'::1','end':'::1'}"));
    assert_int_equal(ranges_check(many, &e), -EBADMSG);
    AUTO(ranges) struct ranges *r = ranges_new();
    struct address a = {0};
    assert_true(address_parse("10.0.0.1", &a));
    json_auto_t *one = quoted("[{'start':'10.0.0.1','end':'10.0.0.1'}]");
    json_auto_t *other = quoted("[{'start':'10.0.0.2','end':'10.0.0.3'}]");
    assert_int_equal(ranges_check(one, &e), 0);
    assert_false(ranges_know(r, "x"));
    assert_false(ranges_have(r, "x", &a));
    ranges_add(r, "x", one);
    ranges_add(r, "y", other);
    assert_true(ranges_know(r, "x") && ranges_have(r, "x", &a));
    assert_false(ranges_have(r, "y", &a));
    assert_false(ranges_have(r, "X", &a));
    ranges_add(r, "x", other); /* the later one counts */
    assert_true(ranges_know(r, "x"));
    assert_false(ranges_have(r, "x", &a));
    assert_true(address_parse("10.0.0.3", &a));
    assert_true(ranges_have(r, "x", &a));
    json_auto_t *wrong = quoted("[{'start':'x','end':'y'},7]"); /* unchecked: nobody is in it */
    ranges_add(r, "x", wrong);
    assert_false(ranges_have(r, "x", &a));
}

static void test_admins(void **state)
{
    (void)state;
    json_auto_t *rules = quoted("{'users':['ana'],'admins':['chief','group:leads']}");
    static const struct {
        const char *as, *also, *scope;
        bool is;
    } who_is[] = {
        {"user:chief", NULL, "", true},        {"user:ana", NULL, "", false},
        {"user:ana", "group:leads", "", true}, {"group:leads", NULL, "", false},
        {"user:chief@a", NULL, "a", true},     {"user:chief@b", NULL, "a", false},
        {NULL, NULL, "", false},
    };
    for (size_t i = 0; i < COUNT(who_is); i++) {
        AUTO(who) struct who who = {0};
        if (who_is[i].as)
            who_add(&who, who_is[i].as);
        if (who_is[i].also)
            who_add(&who, who_is[i].also);
        if (access_group_has_admin(rules, who_is[i].scope, &who) != who_is[i].is)
            fail_msg("%s", who_is[i].as ? who_is[i].as : "nobody");
    }
    assert_true(access_group_is_everyone("authenticated"));
    assert_true(access_group_is_everyone("entire-bu-community"));
    assert_false(access_group_is_everyone("Authenticated"));
    assert_false(access_group_is_everyone(""));
}

/* The caller of one vector. A text that is no address leaves it without one. */
static void vector_caller(const json_t *v, struct who *who)
{
    const char *name = json_string_value(json_object_get(v, "eppn"));
    const char *affiliation = json_string_value(json_object_get(v, "affiliation"));
    const char *ip = json_string_value(json_object_get(v, "ip"));
    if (name) {
        AUTO(free) char *user = xasprintf("user:%s", name);
        who_add(who, user);
    }
    who->affiliation = affiliation ? xstrdup(affiliation) : NULL;
    if (ip)
        address_parse(ip, &who->address);
    size_t i;
    json_t *s;
    json_array_foreach(json_object_get(v, "entitlements"), i, s)
        add_entitlement(who, json_string_value(s));
}

static bool vector_admits(const json_t *all, const struct ranges *ranges, const json_t *v,
                          const struct who *who)
{
    const char *group = json_string_value(json_object_get(v, "group"));
    if (access_group_is_everyone(group))
        return who->n > 0;
    const json_t *rules = json_object_get(json_object_get(all, "groups"), group);
    struct err e;
    if (!rules)
        return false;
    if (access_group_check(rules, &e) < 0)
        fail_msg("%s: %s", group, e.text);
    return access_group_admits(rules, ranges, "bu.edu", who).admitted;
}

static void test_vectors(void **state)
{
    (void)state;
    const char *source = getenv("SHOTLAKE_SOURCE");
    char path[4096]; /* skip() jumps: nothing may be held here */
    snprintf(path, sizeof path, "%s/%s", source ? source : ".", VECTORS);
    if (access(path, R_OK) < 0) {
        print_message("no vectors: %s\n", path);
        skip();
    }
    json_auto_t *all = json_load_file(path, 0, NULL);
    assert_non_null(all);
    AUTO(ranges) struct ranges *ranges = read_ranges(json_object_get(all, "ranges"));
    size_t i;
    json_t *v;
    json_array_foreach(json_object_get(all, "vectors"), i, v) {
        AUTO(who) struct who who = {0};
        vector_caller(v, &who);
        if (vector_admits(all, ranges, v, &who) != json_is_true(json_object_get(v, "expect")))
            fail_msg("%s", json_string_value(json_object_get(v, "name")));
    }
    assert_true(i >= 23);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_admits),
        cmocka_unit_test(test_check),
        cmocka_unit_test(test_ranges),
        cmocka_unit_test(test_admins),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests_name("access_group", tests, NULL, NULL);
}
