/* tests/unit/test_explain.c - the reasons given for a decision, as JSON and as text. */
/* SPDX-License-Identifier: MIT */
#include "policy/explain.h"
#include "policy/rules_impl.h"
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

/* What a question about one object reads. */
static void test_rules_about(void **state)
{
    struct world *w = small(state);
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(rules) struct rules *about = NULL;
    node_id object, dir;
    grant(w, E1, "user:ann", PAST, FAR);
    grant(w, E2, "user:ann", PAST, FAR);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_find(rd, "b/3.mov", &object, &w->e), 0);
    assert_int_equal(rules_load_about(rd, object, &about, &w->e), 0);
    assert_int_equal(about->n_edits, 1);
    assert_int_equal(about->n_grants, 1);
    assert_string_equal(about->edits[0].id, E2);
    rules_unref(about);
    assert_int_equal(index_find(rd, "b/", &dir, &w->e), 0);
    assert_int_equal(rules_load_about(rd, dir, &about, &w->e), 0);
    assert_null(about);
    assert_int_equal(rules_load_about(rd, 999999, &about, &w->e), -ENOENT);
    assert_null(about);
}

static void test_no_reason(void **state)
{
    struct world *w = small(state);
    assert_text(w, "user:ann", "a/2.mov", NOON,
                "no: user:ann does not see /a/2.mov at 2027-01-15T08:00:00Z\n"
                "  no grant, no ACL and no class reaches it\n");
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
        "'record':7,'action':'list','guards':[],"
        "'gates':[{'gate':'role','pass':true,'needs':'asset_read'}],'by':["
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

/* The text for an action of user:ann, as the principals file has her. */
static void assert_action(struct world *w, const char *people_json, const char *path,
                          const char *action, const char *want)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(principals) struct principals *p = NULL;
    AUTO(who) struct who who = {0};
    AUTO(buf) struct buf b = {0};
    AUTO(free) char *text = turned(people_json);
    json_auto_t *j = NULL;
    node_id id;
    assert_int_equal(principals_parse(text, strlen(text), &p, &w->e), 0);
    principals_expand(p, "user:ann", &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    if (index_find_shown(rd, path, &id, &w->e) < 0 ||
        explain_action(rd, &who, id, action, NOON, &j, &w->e) < 0)
        fail_msg("%s", w->e.text);
    explain_text(j, &b);
    assert_string_equal(buf_str(&b), want);
}

#define ANN "{'users':[{'id':'ann','groups':['g']}]}"

/* A guard on top of a grant: both are told, and who is stricter. */
static void test_guard_over_grant(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", PAST, FAR); /* 5 */
    say(w, "{'op':'access_group','site':'','group':'crew','rules':{'users':['bob']}}", NULL);
    say(w, "{'op':'protect','path':'a/','group':'crew'}", NULL); /* 7 */
#define GRANT_TEXT "  grant of edit " E1 " (Cut " E1 ") to user:ann until " FAR                   \
                   ", by tester@host, ledger record 5"
#define DENIES "access group 'crew' guards /a/: neither named by it nor at an address in its ranges"
    assert_action(w, ANN, "a/1.mov", "read",
                  "no: user:ann may not read /a/1.mov at 2027-01-15T08:00:00Z\n"
                  GRANT_TEXT ": " DENIES "\n"
                  "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:ann\n"
                  "  stopped by access group crew of / at /a/: neither named by it nor at an "
                  "address in its ranges\n"
                  "  Shot Locker's grant alone would allow it; what denies it counts too: " DENIES
                  "\n");
    assert_action(w, ANN, "a/", "list",
                  "no: user:ann does not see /a/ at 2027-01-15T08:00:00Z\n"
                  GRANT_TEXT ": what it would show here is held back from the caller\n"
                  "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:ann\n"
                  "  stopped by access group crew of / at /a/: neither named by it nor at an "
                  "address in its ranges\n");
    say(w, "{'op':'access_group','site':'','group':'crew','rules':{'users':['ann']}}", NULL);
    assert_action(w, ANN, "a/1.mov", "read",
                  "yes: user:ann may read /a/1.mov at 2027-01-15T08:00:00Z\n" GRANT_TEXT "\n"
                  "  passes access group crew of / at /a/: admitted by its users\n");
    assert_who(w, "a/1.mov", NOON,
               "user:ann" GRANT_TEXT "; if access group crew of / at /a/ admits it\n");
}

/* Classes, gates, superusers, and actions on objects and on a directory itself. */
static void test_other_rules(void **state)
{
    struct world *w = small(state);
    say(w, "{'op':'class','path':'b/','classes':['news','original']}", NULL);
    say(w, "{'op':'policy','principal':'group:g','class':'news','actions':['read','write']}",
        NULL); /* 6 */
#define POLICY_TEXT "  policy of group:g on class news, ledger record 6"
    assert_action(w, ANN, "b/3.mov", "list",
                  "yes: user:ann sees /b/3.mov at 2027-01-15T08:00:00Z\n" POLICY_TEXT "\n"
                  "  it may not be opened; why is told about --action read\n");
#define MISSES "file_read_original"
    assert_action(w, ANN, "b/3.mov", "read",
                  "no: user:ann may not read /b/3.mov at 2027-01-15T08:00:00Z\n"
                  POLICY_TEXT ": no role of the caller gives " MISSES "\n"
                  "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:ann\n"
                  "  needs " MISSES ", which no role of the caller gives\n"
                  "  TAMS's policy on classes alone would allow it; what denies it counts too: no "
                  "role of the caller gives " MISSES "\n");
    assert_action(w, "{'users':[{'id':'ann','groups':['g','editor']}]}", "b/3.mov", "write",
                  "yes: user:ann may write /b/3.mov at 2027-01-15T08:00:00Z\n" POLICY_TEXT "\n");
    assert_action(w, "{'users':[{'id':'ann','groups':['superuser']}]}", "b/3.mov", "grade",
                  "yes: user:ann may grade /b/3.mov at 2027-01-15T08:00:00Z\n"
                  "  user:ann is a superuser\n");
    acl(w, "a/", "[{'principalType':'GROUP','principal':'g','accessTypes':['modify_all_access']}]");
    assert_action(w, "{'users':[{'id':'ann','groups':['g','access_write']}]}", "a/",
                  "modify_all_access",
                  "yes: user:ann may say who accesses /a/ at 2027-01-15T08:00:00Z\n"
                  "  ACL of /a/ for group:g, ledger record 7\n");
}

static json_t *effective(struct world *w, const char *path)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(who) struct who who = {0};
    json_t *j = NULL;
    node_id id;
    principals_expand(NULL, "user:ann", &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_find(rd, path, &id, &w->e), 0);
    if (explain_effective(rd, id, &who, NOON, &j, &w->e) < 0)
        fail_msg("%s", w->e.text);
    return j;
}

static void assert_json(json_t *j, const char *text)
{
    json_auto_t *got = j, *want = json_of(text);
    if (!json_equal(got, want)) {
        AUTO(free) char *dump = json_dumps(got, JSON_INDENT(1));
        fail_msg("%s", dump);
    }
}

/* Inherited lists say from where, and those that the filter stops say at what. */
static void test_effective(void **state)
{
    struct world *w = small(state);
    acl(w, "/", READ_FOR("GROUP", "all"));      /* 5 */
    acl(w, "a/1.mov", READ_FOR("USER", "ann")); /* 6 */
#define OWN "{'principal':'user:ann','accessTypes':['read'],'via':'/a/1.mov','inherited':false,"      \
            "'record':6}"
#define ROOTS "{'principal':'group:all','accessTypes':['read'],'via':'/','inherited':true,'record':5"
#define CALLER "'callerAccess':{'read':true,'write':false,'modify_acl_access':false}"
    assert_json(effective(w, "a/1.mov"), "{'path':'/a/1.mov'," CALLER ",'access':[" OWN "," ROOTS
                "}],'stopped':[]}");
    say(w, "{'op':'settings','set':{'acl.propagate.filter':'source:str_eq=portal'}}", NULL);
    say(w, "{'op':'metadata','path':'/','fields':{'source':'portal'}}", NULL);
    assert_json(effective(w, "a/1.mov"), "{'path':'/a/1.mov'," CALLER ",'access':[" OWN "],"
                "'stopped':[" ROOTS ",'why':'/a/ does not hand lists down: its metadata does not fit "
                "acl.propagate.filter'}]}");
    assert_json(effective(w, "a/"), "{'path':'/a/','callerAccess':{'read':false,'write':false,"
                "'modify_acl_access':false},'access':[" ROOTS "}],'stopped':[]}");
}

/* A list that the filter keeps from a path is a reason why not, and says where it ends. */
static void test_filter_is_told(void **state)
{
    struct world *w = small(state);
    acl(w, "/", READ_FOR("USER", "ann")); /* 5 */
    assert_text(w, "user:ann", "b/3.mov", NOON,
                "yes: user:ann sees /b/3.mov at 2027-01-15T08:00:00Z\n"
                "  ACL of / for user:ann, ledger record 5\n");
    say(w, "{'op':'settings','set':{'acl.propagate.filter':'source:str_eq=portal'}}", NULL);
    say(w, "{'op':'metadata','path':'/','fields':{'source':'portal'}}", NULL);
#define STOPS(path) "no: user:ann does not see " path " at 2027-01-15T08:00:00Z\n"                  \
            "  ACL of / for user:ann, ledger record 5: /b/ does not hand lists down: its metadata "  \
            "does not fit acl.propagate.filter\n"
#define OF_EDIT "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:ann\n"
    assert_text(w, "user:ann", "b/3.mov", NOON, STOPS("/b/3.mov") OF_EDIT);
    assert_text(w, "user:ann", "b/", NOON, STOPS("/b/") OF_EDIT);
    assert_text(w, "user:bob", "b/3.mov", NOON,
                "no: user:bob does not see /b/3.mov at 2027-01-15T08:00:00Z\n"
                "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:bob\n");
    say(w, "{'op':'metadata','path':'b/','fields':{'source':'portal'}}", NULL);
    assert_text(w, "user:ann", "b/", NOON, "yes: user:ann sees /b/ at 2027-01-15T08:00:00Z\n"
                                           "  ACL of / for user:ann, ledger record 5\n");
}

/* A grant for some addresses is not told as one for all. */
static void test_ranges_are_told(void **state)
{
    struct world *w = small(state);
    say(w, "{'op':'grant','edit':'" E1 "','principal':'user:ann','from':'" PAST "','until':'" FAR
           "','ranges':['office','home']}", NULL); /* 5 */
#define ONLY "grant of edit " E1 " (Cut " E1 ") to user:ann until " FAR                              \
             ", only at addresses in office, home, by tester@host, ledger record 5"
    assert_text(w, "user:ann", "a/1.mov", NOON,
                "no: user:ann does not see /a/1.mov at 2027-01-15T08:00:00Z\n"
                "  " ONLY ": the caller is at no address of its ranges\n"
                "  edit " E2 " (Cut " E2 "), ledger record 4: not granted to user:ann\n");
    assert_who(w, "a/1.mov", NOON, "user:ann  " ONLY "\n");
}

static void test_review(void **state)
{
    struct world *w = small(state);
    AUTO(index_read) struct index_read *rd = NULL;
    json_t *list = NULL;
    grant(w, E1, "user:ann", PAST, "2027-01-15T08:00:00Z"); /* 5 */
    acl(w, "a/", "[{'principalType':'USER','principal':'ann','accessTypes':['write']},"
                 "{'principalType':'USER','principal':'bob','accessTypes':['read']}]"); /* 6 */
    say(w, "{'op':'policy','principal':'group:g','class':'news','actions':['read']}", NULL);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(access_review(rd, NOON, &list, &w->e), 0);
#define ROW ",'since':'2027-01-15T08:00:00Z','actor':'tester@host'"
    assert_json(list, "[{'rule':'grant','principal':'user:ann','edit':'" E1 "','name':'Cut " E1 "',"
                "'from':'1970-01-01T00:00:00Z','until':'2027-01-15T08:00:00Z','record':5,"
                "'active':false" ROW "},"
                "{'rule':'acl','principal':'user:ann','access':['write'],'path':'/a/','record':6,"
                "'active':true" ROW "},"
                "{'rule':'acl','principal':'user:bob','access':['read'],'path':'/a/','record':6,"
                "'active':true" ROW "},"
                "{'rule':'class','principal':'group:g','class':'news','access':['read'],"
                "'record':7,'active':true" ROW "}]");
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
        WORLD_TEST(test_rules_about),
        WORLD_TEST(test_no_reason), WORLD_TEST(test_grant_in_time), WORLD_TEST(test_json),
        WORLD_TEST(test_others),    WORLD_TEST(test_who),       WORLD_TEST(test_names_of_an_edit),
        WORLD_TEST(test_long_actor), WORLD_TEST(test_guard_over_grant),
        WORLD_TEST(test_other_rules), WORLD_TEST(test_effective), WORLD_TEST(test_review),
        WORLD_TEST(test_filter_is_told), WORLD_TEST(test_ranges_are_told),
    };
    return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
