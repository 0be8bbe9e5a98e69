/* tests/unit/test_change.c - who may change what: each op, and each thing that may be missing. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#include "policy/change.h"
#include "policy/decide.h"
#include "policy/rules.h"

/* aaaaaaaaaa is own's, bbbbbbbbbb has a list; cccccccccc is disabled, dddddddddd removed. */
#define OWNED "'edit':'aaaaaaaaaa'"
#define LISTED "'edit':'bbbbbbbbbb'"
#define WRITER "'accessTypes':['write']}"
#define KEEPER "'accessTypes':['modify_all_access']}"
#define USER(name) "{'principalType':'USER','principal':'" name "',"

static void owned_edit(struct world *w, const char *id, const char *keys)
{
    AUTO(free) char *body =
        xasprintf("{'op':'edit','edit':'%s','name':'Cut %s','file':'ShotLocker/Edits/%s/cut.otio',"
                  "'manifest':'ShotLocker/Edits/%s/processed/cut.otio','objects':1,'bytes':10,"
                  "'manifest_stat':[10,1,'m1'],'owner':'user:own'}", id, id, id, id);
    AUTO(free) char *rows = xasprintf("['%s']\n", keys);
    say(w, body, rows);
}

static void make_lake(struct world *w)
{
    inventory(w, "+show/a/one.mov +show/a/two.mov +show/b/three.mov +show/c/four.mov +top.mov "
                 "+show/__restricted/g/five.mov");
    owned_edit(w, "aaaaaaaaaa", "show/a/two.mov");
    edit(w, "bbbbbbbbbb", "show/a/one.mov");
    edit(w, "cccccccccc", "show/a/one.mov");
    owned_edit(w, "dddddddddd", "show/a/one.mov");
    say(w, "{'op':'disable','edit':'cccccccccc'}", NULL);
    say(w, "{'op':'remove','edit':'dddddddddd'}", NULL);
    say(w, "{'op':'acl'," LISTED ",'entries':[" USER("wri") WRITER "," USER("kee") KEEPER "]}",
        NULL);
    acl(w, "show/a/", "[" USER("wri") WRITER "," USER("kee") KEEPER "," USER("ned") KEEPER "]");
    acl(w, "show/b/", "[" USER("kee") KEEPER "," USER("boss") KEEPER "]");
    /* who hands out an edit must see what it shows */
    acl(w, "/", "[" USER("own") "'accessTypes':['read']}," USER("kee") "'accessTypes':['read']}]");
    say(w, "{'op':'role','role':'access_write','gives':['asset_read']}", NULL);
    owned_edit(w, "ffffffffff", "show/b/three.mov");
    say(w, "{'op':'policy','principal':'user:kee','class':'sport','actions':['write']}", NULL);
    say(w, "{'op':'policy','principal':'user:kee','class':'news','actions':['read']}", NULL);
    say(w, "{'op':'policy','principal':'group:desk','class':'news','actions':['read','write']}",
        NULL);
    say(w, "{'op':'policy','principal':'user:own','class':'sport','actions':['write']}", NULL);
    say(w, "{'op':'access_group','site':'','group':'g','rules':{'users':['ann'],"
           "'admins':['boss','group:leads']}}", NULL);
    say(w, "{'op':'protect','path':'show/b/','group':'g'}", NULL);
    say(w, "{'op':'protect','path':'show/c/','group':'authenticated'}", NULL);
}

/* What change_allowed() says to one who acts as `names`, apart by ' ' ("" is nobody); "" if he may.
 * `details` (may be NULL) are those of the token. free(). */
static char *asked(struct world *w, const char *names, const char *details, const char *body)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(rules) struct rules *rules = NULL;
    AUTO(asker) struct asker *a = NULL;
    AUTO(who) struct who who = {0};
    AUTO(free) char *copy = xstrdup(names);
    json_auto_t *change = json_of(body);
    char *save;
    for (char *s = strtok_r(copy, " ", &save); s; s = strtok_r(NULL, " ", &save))
        who_add(&who, s);
    who.details = details ? json_of(details) : NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    if (rules_load(rd, &rules, &w->e) < 0 || asker_new(rd, rules, &who, &a, &w->e) < 0)
        fail_msg("%s", w->e.text);
    int r = change_allowed(a, rd, change, NOON, &w->e);
    if (r != 0 && r != -EACCES)
        fail_msg("%s: %d %s", body, r, w->e.text);
    return xstrdup(r == 0 ? "" : w->e.text);
}

static void expect(struct world *w, const char *names, const char *details, const char *body,
                   const char *want)
{
    AUTO(free) char *got = asked(w, names, details, body);
    if (strcmp(got, want) != 0)
        fail_msg("%s, %s: '%s', not '%s'", names, body, got, want);
}

#define ALL_ROLES                                                                                  \
    " role:administrator role:settings_read_all role:settings_write_all role:file_read_original"
#define GRANT "{'op':'grant','principal':'user:x','from':'2027-01-01','until':'2028-01-01',"
#define ACL_OF(place) "{'op':'acl'," place ",'entries':[]}"
#define CLASS_OF(place, list) "{'op':'class'," place ",'classes':" list "}"
#define EDIT_BODY "{'op':'edit','name':'x','owner':'user:own','edit':"

struct row {
    const char *names, *body, *want; /* "": allowed */
};

static const struct row on_edits[] = {
    {"user:own role:access_write", GRANT OWNED "}", ""},
    {"user:own role:access_delete", GRANT OWNED "}",
     "grant of edit aaaaaaaaaa: needs access_write"},
    {"user:own", GRANT OWNED "}", "grant of edit aaaaaaaaaa: needs access_write"},
    {"user:own role:access_write", GRANT "'edit':'ffffffffff'}", /* of a protected object */
     "grant of edit ffffffffff: needs read on all media of the edit"},
    {"user:own role:access_write", "{'op':'revoke','principal':'user:x','edit':'ffffffffff'}", ""},
    {"user:own role:access_write", ACL_OF("'edit':'ffffffffff'"), ""},
    {"user:own role:access_write",
     "{'op':'acl','edit':'ffffffffff','entries':[" USER("x") "'accessTypes':['write','annotate']}]}",
     "acl of edit ffffffffff: needs read on all media of the edit"},
    {"user:own role:access_write",
     "{'op':'metadata','edit':'ffffffffff','fields':{'source':'portal'}}",
     "metadata of edit ffffffffff: needs read on all media of the edit"},
    {"user:own role:access_write", "{'op':'metadata','edit':'ffffffffff','fields':{}}", ""},
    {"user:own role:access_write",
     "{'op':'class','edit':'ffffffffff','classes':['sport']}",
     "class of edit ffffffffff: needs read on all media of the edit"},
    {"user:wri" ALL_ROLES, GRANT OWNED "}",
     "grant of edit aaaaaaaaaa: needs modify_all_access in the edit's list, or its owner"},
    {"user:kee role:access_write", GRANT LISTED "}", ""},
    {"user:wri" ALL_ROLES, GRANT LISTED "}",
     "grant of edit bbbbbbbbbb: needs modify_all_access in the edit's list, or its owner"},
    {"user:own" ALL_ROLES, GRANT "'edit':'dddddddddd'}",
     "grant of edit dddddddddd: needs modify_all_access in the edit's list, or its owner"},
    {"user:own" ALL_ROLES, GRANT "'edit':'zzzzzzzzzz'}",
     "grant of edit zzzzzzzzzz: needs modify_all_access in the edit's list, or its owner"},

    {"user:own role:access_write", "{'op':'revoke','principal':'user:x'," OWNED "}", ""},
    {"user:own role:access_delete", "{'op':'revoke','principal':'user:x'," OWNED "}", ""},
    {"user:own role:asset_write", "{'op':'revoke','principal':'user:x'," OWNED "}",
     "revoke of edit aaaaaaaaaa: needs access_write or access_delete"},
    {"user:wri" ALL_ROLES, "{'op':'revoke','principal':'user:x'," LISTED "}",
     "revoke of edit bbbbbbbbbb: needs modify_all_access in the edit's list, or its owner"},

    {"user:own role:asset_write role:timespan_write", EDIT_BODY "'eeeeeeeeee'}", ""},
    {"user:own role:editor", EDIT_BODY "'eeeeeeeeee'}", ""},
    {"user:own role:timespan_write", EDIT_BODY "'eeeeeeeeee'}",
     "conforming a cut: needs asset_write"},
    {"user:own role:asset_write", EDIT_BODY "'eeeeeeeeee'}",
     "conforming a cut: needs timespan_write"},
    {"user:kee role:editor", EDIT_BODY "'eeeeeeeeee'}",
     "conforming a cut: needs to be the owner that it names"},
    {"user:kee role:editor", "{'op':'edit','edit':'eeeeeeeeee'}", ""},
    {"user:own role:editor", EDIT_BODY "'aaaaaaaaaa'}", ""},
    {"user:wri role:editor", EDIT_BODY "'bbbbbbbbbb'}", ""},
    {"user:kee role:editor", EDIT_BODY "'bbbbbbbbbb'}",
     "conforming a cut: needs write in the edit's list, or its owner"},
    {"user:wri role:editor", EDIT_BODY "'aaaaaaaaaa'}",
     "conforming a cut: needs write in the edit's list, or its owner"},
    {"user:own role:editor", EDIT_BODY "'dddddddddd'}",
     "conforming a cut: needs write in the edit's list, or its owner"},

    {"user:own role:asset_write", "{'op':'disable'," OWNED "}", ""},
    {"user:own role:viewer", "{'op':'disable'," OWNED "}",
     "disable of edit aaaaaaaaaa: needs asset_write"},
    {"user:wri role:asset_write", "{'op':'enable'," LISTED "}", ""},
    {"user:kee role:asset_write", "{'op':'enable'," LISTED "}",
     "enable of edit bbbbbbbbbb: needs write in the edit's list, or its owner"},
    {"user:own role:asset_delete", "{'op':'remove'," OWNED "}", ""},
    {"user:own role:editor", "{'op':'remove'," OWNED "}",
     "remove of edit aaaaaaaaaa: needs asset_delete"},
    {"user:kee role:asset_delete", "{'op':'remove'," LISTED "}", ""},
    {"user:wri role:asset_delete", "{'op':'remove'," LISTED "}",
     "remove of edit bbbbbbbbbb: needs modify_all_access in the edit's list, or its owner"},
    {"user:x role:asset_write", "{'op':'tagged'," OWNED "}", ""},
    {"user:own role:viewer", "{'op':'tagged'," OWNED "}",
     "tagged of edit aaaaaaaaaa: needs asset_write"},
    {"user:x role:storage_file_write", "{'op':'inventory','prefix':''}", ""},
    {"user:x role:asset_write", "{'op':'inventory','prefix':''}",
     "inventory: needs storage_file_write"},
    {"user:x role:storage_file_write", "{'op':'media'}", ""},
    {"user:x role:viewer", "{'op':'media'}", "media: needs storage_file_write"},
};

static const struct row on_places[] = {
    {"user:kee role:access_write", ACL_OF("'path':'show/a/'"), ""},
    {"user:kee role:access_write", ACL_OF("'path':'show/a/one.mov'"), ""},
    {"user:kee role:viewer", ACL_OF("'path':'show/a/'"), "acl of show/a/: needs access_write"},
    {"user:wri" ALL_ROLES, ACL_OF("'path':'show/a/'"),
     "acl of show/a/: needs modify_all_access there"},
    {"user:wri" ALL_ROLES, ACL_OF("'path':'show/a/one.mov'"),
     "acl of show/a/one.mov: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':'show/'"), "acl of show/: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':'/'"), "acl of /: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':'top.mov'"),
     "acl of top.mov: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':'show/a/none.mov'"),
     "acl of show/a/none.mov: needs modify_all_access there"},
    /* a directory's name without its '/' is an object's, which is not there */
    {"user:kee" ALL_ROLES, ACL_OF("'path':'show/a'"),
     "acl of show/a: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':'show/a/one.mov/'"),
     "acl of show/a/one.mov/: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':''"), "acl: needs modify_all_access there"},
    /* the group that guards it does not admit everyone whom a list names */
    {"user:kee" ALL_ROLES, ACL_OF("'path':'show/b/'"),
     "acl of show/b/: needs modify_all_access there"},
    {"user:kee" ALL_ROLES, ACL_OF("'path':'show/b/three.mov'"),
     "acl of show/b/three.mov: needs modify_all_access there"},
    {"user:boss role:access_write", ACL_OF("'path':'show/b/three.mov'"), ""},
    {"user:own role:access_write", ACL_OF(OWNED), ""},
    {"user:own role:viewer", ACL_OF(OWNED), "acl of edit aaaaaaaaaa: needs access_write"},
    {"user:kee role:access_write", ACL_OF(LISTED), ""},
    {"user:wri" ALL_ROLES, ACL_OF(LISTED),
     "acl of edit bbbbbbbbbb: needs modify_all_access in the edit's list, or its owner"},
    /* who owns an edit owns none of its media */
    {"user:own" ALL_ROLES, ACL_OF("'path':'show/a/two.mov'"),
     "acl of show/a/two.mov: needs modify_all_access there"},

    {"user:kee role:access_write", "{'op':'metadata','path':'show/a/','fields':{}}", ""},
    {"user:kee role:viewer", "{'op':'metadata','path':'show/a/','fields':{}}",
     "metadata of show/a/: needs access_write"},
    {"user:wri" ALL_ROLES, "{'op':'metadata','path':'show/a/','fields':{}}",
     "metadata of show/a/: needs modify_all_access there"},
    {"user:own role:access_write", "{'op':'metadata'," OWNED ",'fields':{}}", ""},
    {"user:wri" ALL_ROLES, "{'op':'metadata'," OWNED ",'fields':{}}",
     "metadata of edit aaaaaaaaaa: needs modify_all_access in the edit's list, or its owner"},

    {"user:kee role:access_write", "{'op':'protect','path':'show/a/','group':'g'}", ""},
    {"user:kee role:viewer", "{'op':'protect','path':'show/a/','group':'g'}",
     "protect of show/a/: needs access_write"},
    {"user:wri" ALL_ROLES, "{'op':'protect','path':'show/a/','group':'g'}",
     "protect of show/a/: needs modify_all_access there"},
    {"user:boss role:access_write", "{'op':'protect','path':'show/b/','group':null}", ""},
    {"user:x group:leads role:access_write", "{'op':'protect','path':'show/b/','group':'h'}", ""},
    {"user:boss role:viewer", "{'op':'protect','path':'show/b/','group':null}",
     "protect of show/b/: needs access_write"},
    {"user:kee" ALL_ROLES, "{'op':'protect','path':'show/b/','group':null}",
     "protect of show/b/: needs an admin of the access group that guards it, or superuser"},
    {"user:ann" ALL_ROLES, "{'op':'protect','path':'show/b/','group':'authenticated'}",
     "protect of show/b/: needs an admin of the access group that guards it, or superuser"},
    /* a guard by the name of a directory is no record that one could take away */
    {"user:boss" ALL_ROLES, "{'op':'protect','path':'show/__restricted/g/','group':'h'}",
     "protect of show/__restricted/g/: needs modify_all_access there"},
    {"user:boss" ALL_ROLES, "{'op':'protect','path':'show/c/','group':null}",
     "protect of show/c/: needs an admin of the access group that guards it, or superuser"},
};

static const struct row on_rules[] = {
    {"user:x role:settings_read role:settings_read_all role:settings_write role:settings_write_all",
     "{'op':'ranges','name':'n','ranges':[]}", ""},
    {"user:x role:settings_read_all role:settings_write role:settings_write_all",
     "{'op':'ranges','name':'n','ranges':[]}", "ranges n: needs settings_read"},
    {"user:x role:settings_read role:settings_write role:settings_write_all",
     "{'op':'ranges','name':'n','ranges':[]}", "ranges n: needs settings_read_all"},
    {"user:x role:settings_read role:settings_read_all role:settings_write_all",
     "{'op':'ranges','name':'n','ranges':[]}", "ranges n: needs settings_write"},
    {"user:x role:settings_read role:settings_read_all role:settings_write role:settings_write_net",
     "{'op':'ranges','name':'n','ranges':[]}", "ranges n: needs settings_write_all"},

    {"user:boss role:access_write", "{'op':'access_group','site':'','group':'g','rules':{}}", ""},
    {"user:x group:leads role:access_write",
     "{'op':'access_group','site':'','group':'g','rules':{}}", ""},
    {"user:boss role:viewer", "{'op':'access_group','site':'','group':'g','rules':{}}",
     "access_group #g: needs access_write"},
    {"user:ann" ALL_ROLES, "{'op':'access_group','site':'','group':'g','rules':{}}",
     "access_group #g: needs superuser, or one of the admins where it changes an access group"},
    {"user:boss" ALL_ROLES, "{'op':'access_group','site':'','group':'g','rules':null}",
     "access_group #g: needs superuser, or one of the admins where it changes an access group"},
    {"user:boss" ALL_ROLES, "{'op':'access_group','site':'show','group':'g','rules':{}}",
     "access_group show#g: needs superuser, or one of the admins where it changes an access group"},
    {"user:boss" ALL_ROLES, "{'op':'access_group','site':'','group':'h','rules':{}}",
     "access_group #h: needs superuser, or one of the admins where it changes an access group"},

    {"user:kee" ALL_ROLES,
     "{'op':'policy','principal':'user:kee','class':'news','actions':['read']}",
     "policy of user:kee for class news: needs superuser"},
    {"user:kee" ALL_ROLES, "{'op':'role','role':'lead','gives':['viewer']}",
     "role lead: needs superuser"},
    {"user:kee" ALL_ROLES, "{'op':'settings','set':{'acl.enabled':false}}",
     "settings: needs superuser"},
    {"user:kee" ALL_ROLES, "{'op':'init'}", "init: needs superuser"},
    {"user:kee" ALL_ROLES, "{'op':'futurism'}", "futurism: needs superuser"},
    {"user:kee" ALL_ROLES, "{}", ": needs superuser"},
    {"user:kee" ALL_ROLES, "{'op':'acl','lake':true,'entries':[]}",
     "acl of the lake: needs modify_all_access in the lake's list"},
};

static void check_rows(struct world *w, const struct row *row, size_t n)
{
    for (size_t i = 0; i < n; i++)
        expect(w, row[i].names, NULL, row[i].body, row[i].want);
    for (size_t i = 0; i < n; i++) {
        AUTO(free) char *got = asked(w, "", NULL, row[i].body);
        if (!strstr(got, "needs somebody who has signed in"))
            fail_msg("nobody: %s: '%s'", row[i].body, got);
        expect(w, "user:root role:superuser", NULL, row[i].body, "");
        got = (free(got), asked(w, "user:guest", NULL, row[i].body));
        if (!*got)
            fail_msg("a guest may: %s", row[i].body);
    }
}

static void test_ops(void **state)
{
    struct world *w = *state;
    make_lake(w);
    check_rows(w, on_edits, COUNT(on_edits));
    check_rows(w, on_places, COUNT(on_places));
    check_rows(w, on_rules, COUNT(on_rules));
}

/* A class is set and taken away only by who has a policy with write for it; so is what would be
 * inherited, or no longer. */
static void test_classes(void **state)
{
    struct world *w = *state;
    make_lake(w);
    say(w, CLASS_OF("'path':'show/'", "['sport']"), NULL);
    say(w, CLASS_OF("'path':'show/a/'", "['news']"), NULL);
    say(w, CLASS_OF(LISTED, "['drama']"), NULL);
    say(w, CLASS_OF("'edit':'cccccccccc'", "['weather']"), NULL); /* disabled: gives nothing */
    static const char both[] = "user:kee group:desk role:access_write";
    static const char sport[] = "user:kee role:access_write";
    static const char dir[] = "class of show/a/: needs a policy that gives write for class ";
    static const char object[] =
        "class of show/a/two.mov: needs a policy that gives write for class ";
    static const char *const none = "";
    const struct {
        const char *names, *body, *said, *class;
    } rows[] = {
        {both, CLASS_OF("'path':'show/a/'", "['news','sport']"), none, none},
        {both, CLASS_OF("'path':'show/a/'", "[]"), none, none},
        {both, CLASS_OF("'path':'show/a/'", "null"), none, none}, /* news goes, sport comes back */
        {both, CLASS_OF("'path':'show/a/'", "['news','drama']"), dir, "drama"},
        {sport, CLASS_OF("'path':'show/a/'", "['news']"), none, none}, /* nothing changes */
        {sport, CLASS_OF("'path':'show/a/'", "['news','sport']"), none, none},
        {sport, CLASS_OF("'path':'show/a/'", "['sport']"), dir, "news"},
        {sport, CLASS_OF("'path':'show/a/'", "null"), dir, "news"},
        {both, CLASS_OF("'path':'show/a/two.mov'", "[]"), none, none},
        {sport, CLASS_OF("'path':'show/a/two.mov'", "[]"), object, "news"},
        {sport, CLASS_OF("'path':'show/a/two.mov'", "null"), none, none},
        {sport, CLASS_OF("'path':'show/a/two.mov'", "['sport','news']"), none, none},
        {"user:ned group:desk role:access_write", CLASS_OF("'path':'show/a/two.mov'", "['news']"),
         none, none}, /* sport is further up, and does not reach it */
        {both, CLASS_OF("'path':'show/a/one.mov'", "['news']"),
         "class of show/a/one.mov: needs a policy that gives write for class ", "drama"},
        {both, CLASS_OF("'path':'show/a/one.mov'", "['news','drama']"), none, none},
        {"user:kee group:desk role:editor", CLASS_OF("'path':'show/a/'", "['news']"), none, none},
        {"user:kee group:desk role:viewer", CLASS_OF("'path':'show/a/'", "['news']"),
         "class of show/a/: needs access_write", none},
        {"user:wri group:desk role:access_write", CLASS_OF("'path':'show/a/'", "['news']"),
         "class of show/a/: needs modify_all_access there", none},
        {"user:own role:access_write", CLASS_OF(OWNED, "['sport']"), none, none},
        {"user:own role:access_write", CLASS_OF(OWNED, "['news']"),
         "class of edit aaaaaaaaaa: needs a policy that gives write for class ", "news"},
        {"user:own group:desk role:access_write", CLASS_OF(OWNED, "['news','sport']"), none, none},
        {"user:own role:access_write", CLASS_OF(OWNED, "[]"), none, none},
        {both, CLASS_OF(LISTED, "null"),
         "class of edit bbbbbbbbbb: needs a policy that gives write for class ", "drama"},
        {both, CLASS_OF(LISTED, "['drama','sport']"), none, none},
        {"user:root role:superuser", CLASS_OF(LISTED, "['any']"), none, none},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *want = xasprintf("%s%s", rows[i].said, rows[i].class);
        expect(w, rows[i].names, NULL, rows[i].body, want);
    }
}

/* A token with details holds everybody, superusers too, to what it is about. */
static void test_tokens(void **state)
{
    struct world *w = *state;
    make_lake(w);
    static const char whole[] = "[{'type':'shotlake'}]";
    static const char reads[] = "[{'type':'shotlake','actions':['read']}]";
    static const char one[] = "[{'type':'shotlake','edits':['aaaaaaaaaa']}]";
    static const char dir[] = "[{'type':'shotlake','locations':['show/a/']}]";
    static const char writes[] = "[{'type':'shotlake','actions':['write']}]";
    static const char narrowed[] = "needs a token that is not narrowed to less";
    const struct {
        const char *names, *details, *body, *want; /* a part of it; "": allowed */
    } rows[] = {
        {"user:own role:access_write", whole, GRANT OWNED "}", ""},
        {"user:own role:access_write", one, GRANT OWNED "}", ""},
        {"user:own role:access_write", reads, GRANT OWNED "}", "or its owner"},
        {"user:own role:access_write", writes, GRANT OWNED "}", "or its owner"},
        {"user:own role:access_write", dir, GRANT OWNED "}", "or its owner"},
        {"user:own role:access_write", "[]", GRANT OWNED "}", "or its owner"},
        {"user:kee role:access_write", one, GRANT LISTED "}", "or its owner"},
        {"user:kee role:access_write", dir, ACL_OF("'path':'show/a/'"), ""},
        {"user:kee role:access_write", dir, ACL_OF("'path':'show/a/one.mov'"), ""},
        {"user:kee role:access_write", one, ACL_OF("'path':'show/a/'"), "needs modify_all_access"},
        {"user:kee role:access_write", "[]", ACL_OF("'path':'show/a/'"), "needs modify_all_access"},
        {"user:boss role:access_write", whole, "{'op':'protect','path':'show/b/','group':null}",
         ""},
        {"user:boss role:access_write", dir, "{'op':'protect','path':'show/b/','group':null}",
         narrowed},
        {"user:boss role:access_write", dir,
         "{'op':'access_group','site':'','group':'g','rules':{}}", narrowed},
        {"user:own role:editor", writes, EDIT_BODY "'eeeeeeeeee'}", ""},
        {"user:own role:editor", reads, EDIT_BODY "'eeeeeeeeee'}", narrowed},
        {"user:own role:editor", one, EDIT_BODY "'eeeeeeeeee'}", narrowed},
        {"user:own role:editor", one, EDIT_BODY "'aaaaaaaaaa'}", ""},
        {"user:own" ALL_ROLES, dir, "{'op':'inventory','prefix':''}", narrowed},
        {"user:own" ALL_ROLES, writes, "{'op':'media'}", ""},
        {"user:own" ALL_ROLES, one, "{'op':'tagged'," OWNED "}", narrowed},
        {"user:own" ALL_ROLES, writes, "{'op':'ranges','name':'n','ranges':[]}", narrowed},
        {"user:root role:superuser", whole, "{'op':'settings','set':{}}", ""},
        {"user:root role:superuser", reads, "{'op':'settings','set':{}}", narrowed},
        {"user:root role:superuser", one, "{'op':'policy'}", narrowed},
        {"user:root role:superuser", one, "{'op':'futurism'}", narrowed},
        {"user:root role:superuser", one, GRANT OWNED "}", ""},
        {"user:root role:superuser", one, GRANT LISTED "}", "or its owner"},
        {"user:root role:superuser", dir, ACL_OF("'path':'show/a/'"), ""},
        {"user:root role:superuser", dir, ACL_OF("'path':'show/c/'"), "needs modify_all_access"},
        {"user:root role:superuser", dir, CLASS_OF("'path':'show/a/'", "['any']"), ""},
        {"user:root role:superuser", dir, "{'op':'acl','lake':true,'entries':[]}", narrowed},
        {"user:root role:superuser", "[]", "{'op':'init'}", narrowed},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *got = asked(w, rows[i].names, rows[i].details, rows[i].body);
        if (*rows[i].want ? !strstr(got, rows[i].want) : *got)
            fail_msg("%s, %s, %s: '%s'", rows[i].names, rows[i].details, rows[i].body, got);
    }
}

/* Where the lake has a list of its own, it stands before whatever happens in it. */
static void test_lake_list(void **state)
{
    struct world *w = *state;
    make_lake(w);
    say(w, "{'op':'acl','lake':true,'entries':[" USER("kee") "'accessTypes':['read','modify_all_"
           "access']}," USER("own") WRITER "]}", NULL);
    static const struct row rows[] = {
        {"user:kee role:access_write", GRANT LISTED "}", ""},
        {"user:own role:access_write", GRANT OWNED "}",
         "grant of edit aaaaaaaaaa: needs modify_all_access in the lake's list"},
        {"user:own role:editor", EDIT_BODY "'aaaaaaaaaa'}", ""},
        {"user:own role:editor", EDIT_BODY "'eeeeeeeeee'}", ""},
        {"user:kee role:editor", "{'op':'edit','edit':'eeeeeeeeee'}",
         "conforming a cut: needs write in the lake's list"},
        {"user:own" ALL_ROLES, "{'op':'inventory','prefix':''}", ""},
        {"user:wri" ALL_ROLES, "{'op':'inventory','prefix':''}",
         "inventory: needs write in the lake's list"},
        {"user:wri" ALL_ROLES, "{'op':'tagged'," OWNED "}",
         "tagged of edit aaaaaaaaaa: needs write in the lake's list"},
        {"user:kee role:access_write", ACL_OF("'path':'show/a/'"), ""},
        {"user:kee role:storage_write", "{'op':'acl','lake':true,'entries':[]}", ""},
        {"user:kee role:access_write", "{'op':'acl','lake':true,'entries':[]}",
         "acl of the lake: needs storage_write"},
        {"user:own" ALL_ROLES, "{'op':'acl','lake':true,'entries':[]}",
         "acl of the lake: needs modify_all_access in the lake's list"},
        {"user:root role:superuser", GRANT OWNED "}", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(w, rows[i].names, NULL, rows[i].body, rows[i].want);
}

/* Without ACLs what remains are owners. */
static void test_without_acls(void **state)
{
    struct world *w = *state;
    make_lake(w);
    say(w, "{'op':'settings','set':{'acl.enabled':false}}", NULL);
    expect(w, "user:own role:access_write", NULL, GRANT OWNED "}",
           "grant of edit aaaaaaaaaa: needs read on all media of the edit");
    say(w, "{'op':'grant','principal':'user:own','from':'2020-01-01','until':'2028-01-01'," OWNED "}",
        NULL);
    expect(w, "user:own role:access_write", NULL, GRANT OWNED "}", "");
    expect(w, "user:kee role:access_write", NULL, GRANT LISTED "}",
           "grant of edit bbbbbbbbbb: needs modify_all_access in the edit's list, or its owner");
    expect(w, "user:kee role:access_write", NULL, ACL_OF("'path':'show/a/'"),
           "acl of show/a/: needs modify_all_access there");
}

/* The answer is of one position of the ledger, and is not given at another one. */
static void test_stale(void **state)
{
    struct world *w = *state;
    make_lake(w);
    AUTO(rules) struct rules *rules = NULL;
    AUTO(asker) struct asker *a = NULL;
    AUTO(who) struct who who = {.superuser = true};
    json_auto_t *body = json_of("{'op':'settings','set':{}}");
    who_add(&who, "user:root");
    {
        AUTO(index_read) struct index_read *rd = NULL;
        assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
        assert_int_equal(rules_load(rd, &rules, &w->e), 0);
        assert_int_equal(asker_new(rd, rules, &who, &a, &w->e), 0);
        assert_int_equal(change_allowed(a, rd, body, NOON, &w->e), 0);
    }
    say(w, "{'op':'role','role':'x','gives':['viewer']}", NULL);
    AUTO(index_read) struct index_read *rd = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(change_allowed(a, rd, body, NOON, &w->e), -ESTALE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_ops),       WORLD_TEST(test_classes),      WORLD_TEST(test_tokens),
        WORLD_TEST(test_lake_list), WORLD_TEST(test_without_acls), WORLD_TEST(test_stale),
    };
    return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
