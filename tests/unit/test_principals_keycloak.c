/* tests/unit/test_principals_keycloak.c - a Keycloak realm's export as the principals file. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/principals.h"

static int parse(const char *text, struct principals **ret, struct err *e)
{
    AUTO(free) char *s = xstrdup(text);
    for (char *p = s; *p; p++) /* not strchr(): sanitizers check all of the text at each call */
        *p = *p == '\'' ? '"' : *p;
    return principals_parse(s, strlen(s), ret, e);
}

static struct principals *must_parse(const char *text)
{
    struct principals *p = NULL;
    struct err e = {0};
    if (parse(text, &p, &e) < 0)
        fail_msg("%s: %s", text, e.text);
    return p;
}

static void assert_acts_as(const struct principals *p, const char *principal, const char *want)
{
    AUTO(who) struct who who = {0};
    AUTO(buf) struct buf b = {0};
    principals_expand(p, principal, &who);
    for (size_t i = 0; i < who.n; i++)
        buf_addf(&b, "%s%s", i ? " " : "", who.as[i]);
    assert_string_equal(buf_str(&b), want);
}

/* What an export has besides stays unread. */
static const char studio[] =
    "{'id':'0b1c','realm':'studio','enabled':true,'sslRequired':'external',"
    "'roles':{"
    " 'realm':["
    "  {'id':'r1','name':'default-roles-studio','composite':true,'composites':{"
    "    'realm':['offline_access','viewer'],'client':{'account':['view-profile']}}},"
    "  {'name':'offline_access','composite':false},"
    "  {'name':'viewer','composite':false},"
    "  {'name':'lead','composite':true,'composites':{'realm':['senior','viewer']}},"
    "  {'name':'senior','composite':true,'composites':{'realm':['lead'],"
    "    'client':{'shotlake':['editor']}}},"
    "  {'name':'unused'}],"
    " 'client':{"
    "  'shotlake':[{'name':'editor','composite':false}],"
    "  'account':[{'name':'view-profile','composite':true,'composites':{"
    "    'client':{'account':['read-mail']}}}],"
    "  'urn:amazon:webservices':[{'name':'arn:aws:iam::111122223333:role/x,arn:y'}],"
    "  'other':[{'name':'superuser'}]}},"
    "'groups':["
    " {'id':'g1','name':'vendors','path':'/vendors','realmRoles':['offline_access'],"
    "  'clientRoles':{'other':['superuser']},"
    "  'subGroups':[{'name':'acme','path':'/vendors/acme','realmRoles':['unused'],'subGroups':["
    "    {'name':'night shift','subGroups':[]}]},{'name':'bolt','clientRoles':{}}]},"
    " {'name':'crew'}],"
    "'users':["
    " {'id':'u1','username':'ann','enabled':true,'totp':false,'email':'ann@studio.example',"
    "  'attributes':{'uid':['1001','1002'],'affiliation':['staff'],'locale':['de'],"
    "   'entitlements':['urn:lab:1','urn:lab:2']},"
    "  'credentials':[{'type':'password','secretData':'x'}],"
    "  'realmRoles':['default-roles-studio'],'groups':['/vendors/acme']},"
    " {'username':'bob','enabled':true,'realmRoles':['lead'],'groups':['/crew','/vendors/bolt'],"
    "  'clientRoles':{'shotlake':['viewer'],'other':['superuser'],"
    "   'urn:amazon:webservices':['arn:aws:iam::111122223333:role/x,arn:y']}},"
    " {'username':'cat','enabled':true,'groups':['/vendors/acme/night shift'],"
    "  'attributes':{'uid':'1003','affiliation':[''],'entitlements':['']}},"
    " {'username':'dan','enabled':false,'realmRoles':['lead'],'groups':['/crew'],"
    "  'attributes':{'uid':['1004'],'affiliation':['staff']}},"
    " {'username':'eva','enabled':true,'attributes':{'uid':['1004','4294967294']}},"
    " {'username':'service-account-farm','enabled':true,'serviceAccountClientId':'farm',"
    "  'realmRoles':['viewer'],'attributes':{'uid':['990']}}],"
    "'clients':[{'clientId':'farm','serviceAccountsEnabled':true}]}";

static void test_export(void **state)
{
    (void)state;
    AUTO(principals) struct principals *p = must_parse(studio);
    assert_acts_as(p, "user:ann",
                   "user:ann group:acme role:unused group:vendors role:offline_access "
                   "role:other:superuser role:default-roles-studio role:viewer "
                   "role:account:view-profile role:account:read-mail");
    /* lead and senior bring each other along */
    assert_acts_as(p, "user:bob",
                   "user:bob group:crew group:bolt group:vendors role:offline_access "
                   "role:other:superuser role:lead role:viewer role:senior role:editor");
    assert_acts_as(p, "user:cat",
                   "user:cat group:night shift group:acme role:unused group:vendors "
                   "role:offline_access role:other:superuser");
    assert_acts_as(p, "user:service-account-farm", "user:service-account-farm role:viewer");
    assert_acts_as(p, "user:eva", "user:eva");
    assert_acts_as(p, "user:nobody", "user:nobody");
    assert_acts_as(p, "group:vendors", "group:vendors");
    assert_string_equal(principals_by_uid(p, 1001), "user:ann");
    assert_string_equal(principals_by_uid(p, 1002), "user:ann");
    assert_string_equal(principals_by_uid(p, 1003), "user:cat");
    assert_string_equal(principals_by_uid(p, 990), "user:service-account-farm");
    static const char *const known[] = {
        "group:night shift", "group:bolt", "role:lead", "role:editor", "role:other:superuser",
        "role:account:read-mail", "user:service-account-farm",
    };
    for (size_t i = 0; i < COUNT(known); i++)
        if (!principals_has(p, known[i]))
            fail_msg("%s", known[i]);
    assert_false(principals_has(p, "role:superuser"));
    assert_false(principals_has(p, "group:/vendors"));
}

/* A disabled user has nothing, not even a name; the uid is free for the one who has it now. */
static void test_disabled(void **state)
{
    (void)state;
    AUTO(principals) struct principals *p = must_parse(studio);
    assert_acts_as(p, "user:dan", "");
    assert_false(principals_has(p, "user:dan"));
    assert_string_equal(principals_by_uid(p, 1004), "user:eva");
    assert_string_equal(principals_by_uid(p, 4294967294), "user:eva");
}

static void test_attributes(void **state)
{
    (void)state;
    AUTO(principals) struct principals *p = must_parse(studio);
    AUTO(who) struct who ann = {0}, cat = {0};
    principals_expand(p, "user:ann", &ann);
    assert_string_equal(ann.affiliation, "staff");
    assert_int_equal(ann.n_entitlements, 2);
    assert_string_equal(ann.entitlements[0], "urn:lab:1");
    assert_string_equal(ann.entitlements[1], "urn:lab:2");
    principals_expand(p, "user:cat", &cat);
    assert_null(cat.affiliation);
    assert_int_equal(cat.n_entitlements, 0);
}

/* A part of an export, as the partial one of the console: what is not there gives nothing. */
static void test_parts(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{'realm':'r'}",
        "{'realm':'r','users':[],'groups':[],'roles':{}}",
        "{'realm':'r','roles':{'realm':[]}}",
        "{'realm':'r','roles':{'client':{}}}",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        AUTO(principals) struct principals *p = must_parse(texts[i]);
        assert_acts_as(p, "user:ann", "user:ann");
        assert_null(principals_by_uid(p, 1001));
    }
    AUTO(principals) struct principals *p =
        must_parse("{'realm':'r','users':[{'username':'ann','realmRoles':['lead']}]}");
    assert_acts_as(p, "user:ann", "user:ann role:lead");
}

#define GROUPS "{'realm':'r','groups':[{'name':'a','subGroups':[{'name':'b'}]}],'users':"

static const struct {
    const char *text, *said;
} bad[] = {
    {"{'realm':7}", "/realm"},
    {"{'realm':null,'users':[]}", "/realm"},
    {"{'realm':'r','users':{}}", "users"},
    {"{'realm':'r','groups':{}}", "groups"},
    {"{'realm':'r','users':[7]}", "/users/0"},
    {"{'realm':'r','users':[{'id':'u1'}]}", "/users/0"}, /* an id is Keycloak's own number */
    {"{'realm':'r','users':[{'username':'a'},{'username':'a'}]}", "/users/1: user:a stands twice"},
    {"{'realm':'r','users':[{'username':'a','enabled':'false'}]}", "/users/0/enabled"},
    {"{'realm':'r','users':[{'username':'a/b'}]}", "/users/0"},
    {"{'realm':'r','users':[{'username':'a','realmRoles':'x'}]}", "/users/0: its roles"},
    {"{'realm':'r','users':[{'username':'a','realmRoles':['x/y']}]}", "/users/0: 'role'"},
    {"{'realm':'r','users':[{'username':'a','clientRoles':['x']}]}", "/users/0: its roles of"},
    {"{'realm':'r','users':[{'username':'a','clientRoles':{'c':'x'}}]}", "/users/0: its roles"},
    {"{'realm':'r','users':[{'username':'a','clientRoles':{'c':[7]}}]}", "/users/0"},
    {"{'realm':'r','users':[{'username':'a','clientRoles':{'shotlake':['x/y']}}]}", "/users/0"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['x']}}]}", "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['0']}}]}", "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['-5']}}]}", "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':[' 5']}}]}", "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['5x']}}]}", "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['4294967295']}}]}",
     "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['18446744073709551617']}}]}",
     "/users/0/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':[5]}}]}",
     "/users/0/attributes/uid"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'uid':['5']}},"
     "{'username':'b','attributes':{'uid':['5']}}]}", "/users/1/uid: 5 belongs to user:a"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'affiliation':['x','y']}}]}",
     "/users/0/attributes/affiliation: more than one"},
    {"{'realm':'r','users':[{'username':'a','attributes':{'entitlements':[['x']]}}]}",
     "/users/0/attributes/entitlements"},
    {"{'realm':'r','users':[{'username':'a','groups':['/x']}]}", "/users/0/groups/0: no group '/x'"},
    {GROUPS "[{'username':'a','groups':['a']}]}", "/users/0/groups/0: no group 'a'"},
    {GROUPS "[{'username':'a','groups':['/b']}]}", "/users/0/groups/0: no group '/b'"},
    {GROUPS "[{'username':'a','groups':['/a/b','/a/b/']}]}", "/users/0/groups/1: no group '/a/b/'"},
    {GROUPS "[{'username':'a','groups':'/a'}]}", "/users/0/groups: not a list"},
    {GROUPS "[{'username':'a','groups':[7]}]}", "/users/0/groups/0: no group"},
    {"{'realm':'r','groups':[{'name':'x/y'}]}", "/groups/0"},
    {"{'realm':'r','groups':[{'path':'/x'}]}", "/groups/0"},
    {"{'realm':'r','groups':[{'name':'x','subGroups':[{'name':''}]}]}", "below '/x/': /groups/0"},
    {"{'realm':'r','groups':[{'name':'x','subGroups':{}}]}", "below '/x/' are not a list"},
    {"{'realm':'r','groups':[{'name':'x','realmRoles':7}]}", "group '/x'"},
    {"{'realm':'r','groups':[{'name':'x','subGroups':[{'name':'leads'}]},"
     "{'name':'y','subGroups':[{'name':'leads'}]}]}",
     "groups '/x/leads' and '/y/leads' would both be group:leads"},
    {"{'realm':'r','groups':[{'name':'x','subGroups':[{'name':'x'}]}]}",
     "groups '/x' and '/x/x' would both be group:x"},
    {"{'realm':'r','roles':[]}", "/roles"},
    {"{'realm':'r','roles':{'client':[]}}", "/roles"},
    {"{'realm':'r','roles':{'realm':{}}}", "/roles/realm"},
    {"{'realm':'r','roles':{'realm':[{'composites':{}}]}}", "/roles/realm/0"},
    {"{'realm':'r','roles':{'realm':[{'name':'x','composites':{'realm':'y'}}]}}", "/roles/realm/0"},
    {"{'realm':'r','roles':{'client':{'c':7}}}", "/roles/client"},
    {"{'realm':'r','roles':{'client':{'c':[{'name':7}]}}}", "/roles/client/0"},
};

static void test_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(principals) struct principals *p = NULL;
        struct err e = {0};
        int r = parse(bad[i].text, &p, &e);
        if (r != -EBADMSG || p || !strstr(e.text, bad[i].said))
            fail_msg("%s: %d %s", bad[i].text, r, e.text);
    }
}

static void test_depth(void **state)
{
    (void)state;
    for (int depth = 32; depth <= 33; depth++) {
        AUTO(buf) struct buf b = {0};
        AUTO(principals) struct principals *p = NULL;
        struct err e = {0};
        buf_adds(&b, "{'realm':'r','groups':[");
        for (int i = 0; i < depth; i++)
            buf_addf(&b, "{'name':'g%d','subGroups':[", i);
        for (int i = 0; i < depth; i++)
            buf_adds(&b, "]}");
        buf_adds(&b, "]}");
        assert_int_equal(parse(buf_str(&b), &p, &e), depth == 32 ? 0 : -EFBIG);
    }
}

/* As many users as there may be, each with a group, roles of it and a composite one. */
static void test_many(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0};
    buf_adds(&b, "{'realm':'r','roles':{'realm':[{'name':'base','composites':{'realm':['viewer']}}]},"
                 "'groups':[{'name':'all','subGroups':[{'name':'some','realmRoles':['base']}]}],"
                 "'users':[");
    for (int i = 1; i <= 100000; i++)
        buf_addf(&b, "%s{'username':'u%d','enabled':true,'groups':['/all/some'],"
                     "'attributes':{'uid':['%d']}}", i > 1 ? "," : "", i, i);
    buf_adds(&b, "]}");
    AUTO(principals) struct principals *p = must_parse(buf_str(&b));
    assert_acts_as(p, "user:u100000",
                   "user:u100000 group:some role:base group:all role:viewer");
    assert_string_equal(principals_by_uid(p, 77777), "user:u77777");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_export),  cmocka_unit_test(test_disabled),
        cmocka_unit_test(test_attributes), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refused), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_many),
    };
    return cmocka_run_group_tests_name("principals_keycloak", tests, NULL, NULL);
}
