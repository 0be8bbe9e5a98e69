/* tests/unit/test_explain.c - the reasons given for a decision, as JSON and as text. */
/* SPDX-License-Identifier: MIT */
#include "policy/explain.h"
#include "tests/unit/policy_world.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define PAST "1970-01-01"
#define FAR "2100-01-01T00:00:00Z"

static const char people[] = "{'users':[{'id':'ann','groups':['g']},{'id':'bob'}]}";

static struct world *small(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1.mov +a/2.mov +b/3.mov"); /* record 2 */
    edit(w, E1, "a/1.mov");                     /* 3 */
    edit(w, E2, "a/1.mov b/3.mov");             /* 4 */
    return w;
}

static json_t *decide(struct world *w, const char *principal, const char *path, int64_t t)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(principals) struct principals *p = NULL;
    AUTO(who) struct who who = {0};
    AUTO(free) char *text = turned(people);
    json_t *j = NULL;
    node_id id;
    assert_int_equal(principals_parse(text, strlen(text), &p, &w->e), 0);
    principals_expand(p, principal, &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    if (index_find_shown(rd, path, &id, &w->e) < 0 ||
        explain_decision(rd, &who, id, t, &j, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return j;
}

static void assert_text(struct world *w, const char *principal, const char *path, int64_t t,
                        const char *want)
{
    AUTO(buf) struct buf b = {0};
    json_auto_t *j = decide(w, principal, path, t);
    explain_text(j, &b);
    assert_string_equal(buf_str(&b), want);
}

static void test_no_reason(void **state)
{
    struct world *w = small(state);
    assert_text(w, "user:ann", "a/2.mov", NOON,
                "no: user:ann does not see /a/2.mov at 2027-01-15T08:00:00Z\n"
                "  no grant and no ACL reaches it\n");
}

static void test_grant_in_time(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "group:g", "2027-01-15T08:00:00Z", "2027-01-15T09:00:00Z"); /* record 5 */
    assert_text(w, "user:ann", "a/1.mov", NOON,
                "yes: user:ann sees /a/1.mov at 2027-01-15T08:00:00Z\n"
                "  grant of edit " E1 " (Cut " E1 ") to group:g until 2027-01-15T09:00:00Z, by "
                "tester@host, ledger record 5\n");
    assert_text(w, "user:ann", "a/1.mov", NOON + 3600,
                "no: user:ann does not see /a/1.mov at 2027-01-15T09:00:00Z\n"
                "  grant of edit " E1 " (Cut " E1 ") to group:g until 2027-01-15T09:00:00Z, by "
                "tester@host, ledger record 5: expired 2027-01-15T09:00:00Z\n"
                "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:ann\n");
    assert_text(w, "user:ann", "a/", NOON,
                "yes: user:ann sees /a/ at 2027-01-15T08:00:00Z\n"
                "  grant of edit " E1 " (Cut " E1 ") to group:g until 2027-01-15T09:00:00Z, by "
                "tester@host, ledger record 5\n");
}

static void test_json(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", "2027-01-15T09:00:00Z", FAR);           /* 5 */
    grant(w, E2, "user:ann", PAST, FAR);                             /* 6 */
    acl(w, "a/", "[{'principalType':'GROUP','principal':'g','accessTypes':['write']},"
                 "{'principalType':'USER','principal':'ann','accessTypes':['read']}]"); /* 7 */
    json_auto_t *j = decide(w, "user:ann", "a/1.mov", NOON);
    json_auto_t *want = json_of(
        "{'allow':true,'principal':'user:ann','path':'/a/1.mov','at':'2027-01-15T08:00:00Z',"
        "'record':7,'by':["
        "{'rule':'grant','edit':'" E2 "','name':'Cut " E2 "','principal':'user:ann',"
        "'from':'1970-01-01T00:00:00Z','until':'" FAR "','record':6,'actor':'tester@host'},"
        "{'rule':'acl','path':'/a/','principal':'user:ann','access':['read'],'record':7}],"
        "'not':["
        "{'rule':'grant','edit':'" E1 "','name':'Cut " E1 "','principal':'user:ann',"
        "'from':'2027-01-15T09:00:00Z','until':'" FAR "','record':5,'actor':'tester@host',"
        "'why':'starts 2027-01-15T09:00:00Z'},"
        "{'rule':'acl','path':'/a/','principal':'group:g','access':['write'],'record':7,"
        "'why':'gives no read'}]}");
    if (!json_equal(j, want)) {
        AUTO(free) char *got = json_dumps(j, JSON_INDENT(1));
        fail_msg("%s", got);
    }
    AUTO(buf) struct buf b = {0};
    explain_text(j, &b);
    assert_string_equal(buf_str(&b),
                        "yes: user:ann sees /a/1.mov at 2027-01-15T08:00:00Z\n"
                        "  grant of edit " E2 " (Cut " E2 ") to user:ann until " FAR ", by "
                        "tester@host, ledger record 6\n"
                        "  ACL of /a/ for user:ann, ledger record 7\n");
}

/* Somebody else's rights are not told to be this one's. */
static void test_others(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", PAST, FAR);
    acl(w, "b/", READ_FOR("GROUP", "g"));
    json_auto_t *j = decide(w, "user:bob", "b/3.mov", NOON);
    assert_false(json_is_true(json_object_get(j, "allow")));
    assert_int_equal(json_array_size(json_object_get(j, "by")), 0);
    assert_text(w, "user:bob", "b/3.mov", NOON,
                "no: user:bob does not see /b/3.mov at 2027-01-15T08:00:00Z\n"
                "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:bob\n");
    assert_text(w, "user:ann", "b/3.mov", NOON,
                "yes: user:ann sees /b/3.mov at 2027-01-15T08:00:00Z\n"
                "  ACL of /b/ for group:g, ledger record 6\n");
}

static void assert_who(struct world *w, const char *path, int64_t t, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(buf) struct buf b = {0};
    json_auto_t *list = NULL;
    node_id id;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_find(rd, path, &id, &w->e), 0);
    assert_int_equal(explain_who(rd, id, t, &list, &w->e), 0);
    explain_who_text(list, &b);
    assert_string_equal(buf_str(&b), want);
}

static void test_who(void **state)
{
    struct world *w = small(state);
    assert_who(w, "a/1.mov", NOON, "");
    grant(w, E1, "user:ann", PAST, FAR);
    grant(w, E2, "role:r", PAST, "2027-01-15T08:00:00Z");
    acl(w, "/", "[{'principalType':'USER','principal':'bob','accessTypes':['read']},"
                "{'principalType':'USER','principal':'eve','accessTypes':['write']}]");
    assert_who(w, "a/1.mov", NOON,
               "user:ann  grant of edit " E1 " (Cut " E1 ") to user:ann until " FAR
               ", by tester@host, ledger record 5\n"
               "user:bob  ACL of / for user:bob, ledger record 7\n");
    assert_who(w, "b/", NOON - 1,
               "role:r  grant of edit " E2 " (Cut " E2 ") to role:r until 2027-01-15T08:00:00Z"
               ", by tester@host, ledger record 6\n"
               "user:bob  ACL of / for user:bob, ledger record 7\n");
}

/* What an edit has below edits/ is seen through grants alone, whatever ACLs give. */
static void test_names_of_an_edit(void **state)
{
    struct world *w = small(state);
    const char *manifest = "edits/Cut Six-cccccccccc/cut.otio";
    const char *link = "edits/Cut Six-cccccccccc/sh010/1.mov";
    say(w, "{'op':'edit','edit':'cccccccccc','name':'Cut Six','file':'f','manifest':'m/cut.otio',"
           "'objects':1,'bytes':10,'manifest_stat':[10,1,'m1']}",
        "['a/1.mov']\n['sh010','1.mov','a/1.mov']\n"); /* record 5 */
    acl(w, "/", READ_FOR("USER", "bob"));
    grant(w, "cccccccccc", "user:ann", PAST, FAR);
    assert_text(w, "user:bob", link, NOON,
                "no: user:bob does not see /edits/Cut Six-cccccccccc/sh010/1.mov at "
                "2027-01-15T08:00:00Z\n"
                "  a link to ../../../a/1.mov\n"
                "  edit cccccccccc (Cut Six), ledger record 5: not granted to user:bob\n");
    assert_text(w, "user:ann", manifest, NOON,
                "yes: user:ann sees /edits/Cut Six-cccccccccc/cut.otio at 2027-01-15T08:00:00Z\n"
                "  another name of /m/cut.otio\n"
                "  grant of edit cccccccccc (Cut Six) to user:ann until " FAR
                ", by tester@host, ledger record 7\n");
    json_auto_t *j = decide(w, "user:ann", link, NOON);
    assert_string_equal(json_string_value(json_object_get(j, "link")), "../../../a/1.mov");
    assert_null(json_object_get(j, "object"));
}

/* An actor that is too long is cut between two characters, never within one. */
static void test_long_actor(void **state)
{
    struct world *w = small(state);
    char actor[2 * 100 + 1] = ""; /* 127 bytes of it end within a character */
    for (int i = 0; i < 100; i++)
        strcat(actor, "\xc3\xa9");
    struct index_head head = head_of(w);
    json_auto_t *body = json_of("{'op':'grant','edit':'" E1 "','principal':'user:ann',"
                                "'from':'" PAST "','until':'" FAR "'}");
    buf_clear(&w->last);
    assert_int_equal(record_format(body, head.seq + 1, head.hash, ID32, NOON, actor, &w->last,
                                   &w->e), 0);
    assert_int_equal(apply_last(w), 0);
    json_auto_t *j = decide(w, "user:ann", "a/1.mov", NOON);
    assert_true(json_is_true(json_object_get(j, "allow")));
    const json_t *by = json_array_get(json_object_get(j, "by"), 0);
    const char *told = json_string_value(json_object_get(by, "actor"));
    assert_non_null(told);
    assert_memory_equal(told, actor, strlen(told));
    assert_true(strlen(told) > 120);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_no_reason), WORLD_TEST(test_grant_in_time), WORLD_TEST(test_json),
        WORLD_TEST(test_others),    WORLD_TEST(test_who),       WORLD_TEST(test_names_of_an_edit),
        WORLD_TEST(test_long_actor),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
