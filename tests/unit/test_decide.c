/* tests/unit/test_decide.c - the decision: each sentence of the rules with its counter-case. */
/* SPDX-License-Identifier: MIT */
#include "base/when.h"
#include "policy/decide.h"
#include "policy/rules.h"
#include "tests/unit/policy_world.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define PAST "1970-01-01"
#define FAR "2100-01-01"
#define FILE1 "ShotLocker/Edits/" E1 "/processed/cut.otio"

/* "user:ann group:g @10.0.0.7 ! {details}": names, an address, superuser, a token's narrowing. */
static void who_of(const char *text, struct who *ret)
{
    AUTO(free) char *copy = xstrdup(text);
    char *save, *details = strchr(copy, '['), *json = details ? turned(details) : NULL;
    if (details)
        *details = '\0';
    for (char *t = strtok_r(copy, " ", &save); t; t = strtok_r(NULL, " ", &save)) {
        if (*t == '@')
            assert_true(address_parse(t + 1, &ret->address));
        else if (*t == '!')
            ret->superuser = true;
        else
            who_add(ret, t);
    }
    if (json)
        ret->details = json_of(json);
    free(json);
}

struct ask {
    struct index_read *rd;
    struct rules *rules;
    struct asker *a;
    struct who who;
};

static void ask_begin(struct world *w, const char *who, struct ask *ret)
{
    *ret = (struct ask){0};
    who_of(who, &ret->who);
    if (index_read_begin(w->ix, &ret->rd, &w->e) < 0 ||
        rules_load(ret->rd, &ret->rules, &w->e) < 0 ||
        asker_new(ret->rd, ret->rules, &ret->who, &ret->a, &w->e) < 0)
        fail_msg("%s", w->e.text);
}

static void ask_end(struct ask *q)
{
    asker_free(q->a);
    rules_unref(q->rules);
    index_read_end(q->rd);
    who_done(&q->who);
}

/* The rules that bear on one object say of it what all the rules say. */
static void assert_about(struct world *w, struct ask *q, node_id id, const char *action, int64_t t,
                         bool want)
{
    AUTO(rules) struct rules *about = NULL;
    AUTO(asker) struct asker *a = NULL;
    bool yes = !want;
    if (rules_load_about(q->rd, id, &about, &w->e) < 0)
        fail_msg("%s", w->e.text);
    if (about && (asker_new(q->rd, about, &q->who, &a, &w->e) < 0 ||
                  decide(a, q->rd, id, action, t, &yes, &w->e) < 0))
        fail_msg("%s", w->e.text);
    if (about)
        assert_int_equal(yes, want);
}

static bool answer(struct world *w, struct ask *q, const char *path, const char *action, int64_t t)
{
    node_id id;
    bool yes = false;
    size_t n = strlen(path);
    if (index_find(q->rd, path, &id, &w->e) < 0 ||
        (path[n - 1] == '/' ? decide_directory(q->a, q->rd, id, action, t, &yes, &w->e)
                            : decide(q->a, q->rd, id, action, t, &yes, &w->e)) < 0)
        fail_msg("%s", w->e.text);
    if (path[n - 1] != '/')
        assert_about(w, q, id, action, t, yes);
    return yes;
}

/* `want`: "lrwmg" for list, read, write, modify_all_access and an access type of one's own. */
static void assert_may(struct world *w, const char *who, const char *path, const char *want)
{
    static const char *const actions[] = {"list", "read", "write", "modify_all_access", "grade"};
    struct ask q;
    char got[COUNT(actions) + 1] = "";
    ask_begin(w, who, &q);
    for (size_t i = 0; i < COUNT(actions); i++)
        if (answer(w, &q, path, actions[i], NOON))
            strncat(got, &actions[i][0], 1);
    if (strcmp(got, want) != 0)
        fail_msg("%s has '%s' of %s, not '%s'", who, got, path, want);
    ask_end(&q);
}

/* Everything that is visible, names of edits too, each after a blank. */
static void assert_sees(struct world *w, const char *who, const char *want)
{
    struct ask q;
    AUTO(visible) struct visible v = {0};
    AUTO(buf) struct buf b = {0};
    struct seen s = {0};
    ask_begin(w, who, &q);
    s.rd = q.rd;
    if (visible_of(q.a, q.rd, NOON, &v, &w->e) < 0 ||
        index_nodes(q.rd, v.nodes, seen_add, &s, &w->e) < 0)
        fail_msg("%s", w->e.text);
    if (s.n)
        qsort(s.key, s.n, sizeof *s.key, by_text);
    for (size_t i = 0; i < s.n; i++) {
        buf_addf(&b, "%s%s", i ? " " : "", s.key[i]);
        free(s.key[i]);
    }
    free(s.key);
    if (strcmp(buf_str(&b), want) != 0)
        fail_msg("%s sees '%s', not '%s'", who, buf_str(&b), want);
    ask_end(&q);
}

static struct world *small(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1.mov +a/2.mov +b/c/3.mov");
    edit(w, E1, "a/1.mov");
    return w;
}

static void set(struct world *w, const char *settings)
{
    AUTO(free) char *body = xasprintf("{'op':'settings','set':{%s}}", settings);
    say(w, body, NULL);
}

static void list_of(struct world *w, const char *at, const char *types)
{
    AUTO(free) char *body =
        xasprintf("{'op':'acl',%s,'entries':[{'principalType':'GROUP','principal':'g',"
                  "'accessTypes':[%s]}]}", at, types);
    say(w, body, NULL);
}

#define ALL "'read','write','modify_all_access','grade'"
#define ANN "user:ann group:g role:administrator role:access_write"

/* ---- roles, lists, the lake ---------------------------------------------------------------- */

static void test_roles_are_a_gate(void **state)
{
    struct world *w = small(state);
    list_of(w, "'path':'a/'", ALL);
    assert_may(w, "user:ann group:g", "a/1.mov", "lrg"); /* viewer, by default */
    assert_may(w, ANN, "a/1.mov", "lrwmg");
    assert_may(w, ANN, "b/c/3.mov", ""); /* a gate, not a way */
    assert_may(w, "user:ann group:g role:store-cleanup-system", "a/1.mov", "g");
    assert_may(w, "user:ann group:g role:asset_read", "a/1.mov", "lg");
    assert_may(w, "user:ann group:g role:file_read", "a/1.mov", "g"); /* to open is to see, too */
    assert_may(w, "group:g", "a/1.mov", "lrg");
    say(w, "{'op':'role','role':'g','gives':['h']}", NULL);
    assert_may(w, "user:ann group:g", "a/1.mov", "g"); /* known now, and gives nothing */
    say(w, "{'op':'role','role':'h','gives':['g','editor']}", NULL); /* round and round */
    assert_may(w, "user:ann group:g", "a/1.mov", "lrwmg");
    say(w, "{'op':'role','role':'g','gives':null}", NULL);
    set(w, "'roles.default':[]");
    assert_may(w, "user:ann group:g", "a/1.mov", "g");
}

static void test_originals_are_closed(void **state)
{
    struct world *w = small(state);
    list_of(w, "'path':'a/'", ALL);
    say(w, "{'op':'class','path':'a/1.mov','classes':['original']}", NULL);
    assert_may(w, "user:ann group:g", "a/1.mov", "lg");
    assert_may(w, "user:ann group:g", "a/2.mov", "lrg");
    assert_may(w, "user:ann group:g role:asset_read role:file_read_original", "a/1.mov", "lrg");
    assert_may(w, "user:ann group:g role:asset_read role:file_read_original", "a/2.mov", "lg");
}

static void test_anonymous_and_superuser(void **state)
{
    struct world *w = small(state);
    say(w, "{'op':'access_group','site':'','group':'crew','rules':{'users':['bob']}}", NULL);
    say(w, "{'op':'protect','path':'/','group':'crew'}", NULL);
    assert_may(w, "", "a/1.mov", "");
    assert_may(w, "!", "a/1.mov", "");
    assert_may(w, "user:root !", "a/1.mov", "lrwmg");
    assert_may(w, "user:root group:superuser", "a/", "lrwmg");
    assert_may(w, "user:ann", "a/1.mov", "");
    inventory(w, "-a/2.mov");
    assert_sees(w, "user:root ! [{'type':'shotlake','locations':['a/']}]", "a/ a/1.mov");
}

static void test_lists(void **state)
{
    struct world *w = small(state);
    list_of(w, "'path':'a/1.mov'", "'write'");
    assert_may(w, ANN, "a/1.mov", "w");
    list_of(w, "'path':'a/'", "'read'"); /* adds up */
    assert_may(w, ANN, "a/1.mov", "lrw");
    assert_may(w, ANN, "a/", "lr");
    assert_may(w, ANN, "/", "");
    set(w, "'acl.enabled':false");
    assert_may(w, ANN, "a/1.mov", "");
    set(w, "'acl.enabled':null");
    assert_may(w, ANN, "a/1.mov", "lrw");
    list_of(w, "'lake':true", "'write'");
    assert_may(w, ANN, "a/1.mov", "w");
    set(w, "'acl.storage.enabled':false");
    assert_may(w, ANN, "a/1.mov", "lrw");
}

static void test_propagation(void **state)
{
    struct world *w = small(state);
    list_of(w, "'path':'/'", ALL);
    assert_may(w, ANN, "b/c/3.mov", "lrwmg");
    set(w, "'acl.propagate.filter':'type:string_in=series\\\\,season'");
    assert_may(w, ANN, "b/c/3.mov", "");
    say(w, "{'op':'metadata','path':'/','fields':{'type':'series'}}", NULL);
    say(w, "{'op':'metadata','path':'b/c/','fields':{'type':'season'}}", NULL);
    assert_may(w, ANN, "b/c/3.mov", ""); /* b/ between them does not hand it down */
    assert_may(w, ANN, "b/", "lrwmg");
    assert_may(w, ANN, "b/c/", "");
    say(w, "{'op':'metadata','path':'b/','fields':{'type':'season'}}", NULL);
    assert_may(w, ANN, "b/c/3.mov", "lrwmg");
    list_of(w, "'path':'a/1.mov'", "'grade'"); /* on the object itself */
    assert_may(w, ANN, "a/1.mov", "g");
}

static void test_lists_of_edits(void **state)
{
    struct world *w = small(state);
    list_of(w, "'edit':'" E1 "'", ALL);
    assert_may(w, ANN, "a/1.mov", "lrg"); /* rights over an edit are none over its media */
    assert_may(w, ANN, "a/2.mov", "");
    say(w, "{'op':'disable','edit':'" E1 "'}", NULL);
    assert_may(w, ANN, "a/1.mov", "");
    struct ask q;
    bool yes;
    ask_begin(w, ANN, &q);
    assert_int_equal(decide_edit(q.a, q.rd, E1, "modify_all_access", NOON, &yes, &w->e), 0);
    assert_true(yes);
    assert_int_equal(decide_edit(q.a, q.rd, E2, "modify_all_access", NOON, &yes, &w->e), 0);
    assert_false(yes);
    ask_end(&q);
    say(w, "{'op':'enable','edit':'" E1 "'}", NULL);
    set(w, "'acl.propagate.filter':'x:str_eq=y'");
    assert_may(w, ANN, "a/1.mov", "");
    say(w, "{'op':'metadata','edit':'" E1 "','fields':{'x':'y'}}", NULL);
    assert_may(w, ANN, "a/1.mov", "lrg");
}

/* ---- classes ------------------------------------------------------------------------------- */

static void test_classes(void **state)
{
    struct world *w = small(state);
    say(w, "{'op':'policy','principal':'group:g','class':'news','actions':['read','write']}", NULL);
    assert_may(w, ANN, "a/1.mov", "");
    say(w, "{'op':'class','path':'a/','classes':['news']}", NULL);
    assert_may(w, ANN, "a/1.mov", "lrw");
    assert_may(w, "user:ann role:administrator", "a/1.mov", "");
    say(w, "{'op':'class','path':'a/1.mov','classes':['sport']}", NULL); /* its own set alone */
    assert_may(w, ANN, "a/1.mov", "");
    say(w, "{'op':'policy','principal':'user:ann','class':'sport','actions':['grade']}", NULL);
    assert_may(w, ANN, "a/1.mov", "g");
    say(w, "{'op':'class','path':'a/1.mov','classes':null}", NULL);
    say(w, "{'op':'class','path':'a/','classes':[]}", NULL);
    say(w, "{'op':'class','edit':'" E1 "','classes':['news']}", NULL);
    assert_may(w, ANN, "a/1.mov", "lrw");
    assert_may(w, ANN, "a/2.mov", "");
    say(w, "{'op':'policy','principal':'group:g','class':'news','actions':[]}", NULL);
    assert_may(w, ANN, "a/1.mov", "");
}

/* The table of two departments: {"resources": {name: classes}, "policies": [[group, actions, class]],
 * "expect": [[group, name, "r" or "w", bool]]}. */
static void check_table(struct world *w, const json_t *table)
{
    const char *name;
    size_t i;
    json_t *row, *classes;
    json_object_foreach(json_object_get(table, "resources"), name, classes) {
        AUTO(free) char *key = xasprintf("+t/%s", name);
        inventory(w, key);
        json_auto_t *body = json_pack("{ss ss sO}", "op", "class", "path", key + 1, "classes",
                                      classes);
        AUTO(free) char *text = json_dumps(body, 0);
        say(w, text, NULL);
    }
    json_array_foreach(json_object_get(table, "policies"), i, row) {
        const char *actions = json_string_value(json_array_get(row, 1));
        AUTO(free) char *text =
            xasprintf("{'op':'policy','principal':'group:%s','class':'%s','actions':['read'%s]}",
                      json_string_value(json_array_get(row, 0)),
                      json_string_value(json_array_get(row, 2)),
                      strstr(actions, "write") ? ",'write'" : "");
        say(w, text, NULL);
    }
    json_array_foreach(json_object_get(table, "expect"), i, row) {
        struct ask q;
        AUTO(free) char *who = xasprintf("user:u group:%s group:editor",
                                         json_string_value(json_array_get(row, 0)));
        AUTO(free) char *path = xasprintf("t/%s", json_string_value(json_array_get(row, 1)));
        bool write = strcmp(json_string_value(json_array_get(row, 2)), "w") == 0;
        ask_begin(w, who, &q);
        if (answer(w, &q, path, write ? "write" : "read", NOON) !=
            json_is_true(json_array_get(row, 3)))
            fail_msg("row %zu: %s %s %s", i, who, path, write ? "write" : "read");
        ask_end(&q);
    }
}

static void test_departments(void **state)
{
    json_auto_t *table = json_of(
        "{'resources':{'grade-1':['colour'],'cut-1':['edit','for_colour'],'cut-2':['edit']},"
        "'policies':[['colour','read,write','colour'],['edit','read,write','edit'],"
        "['colour','read','for_colour']],"
        "'expect':[['colour','grade-1','w',true],['colour','cut-1','r',true],"
        "['colour','cut-1','w',false],['colour','cut-2','r',false],['edit','grade-1','r',false],"
        "['edit','cut-1','w',true],['edit','cut-2','r',true]]}");
    check_table(*state, table);
}

static void test_tams_table(void **state)
{
    const char *source = getenv("SHOTLAKE_SOURCE");
    AUTO(free) char *path =
        xasprintf("%s/../shared/auth-vectors/seeds/tams_classes.json", source ? source : ".");
    json_auto_t *table = json_load_file(path, 0, NULL);
    if (!table) {
        print_message("%s: SKIP, not here\n", path);
        free(TAKE(path)); /* skip() jumps past the end of the scope */
        skip();
    }
    assert_true(json_array_size(json_object_get(table, "expect")) > 0);
    check_table(*state, table);
}

/* ---- guards -------------------------------------------------------------------------------- */

static void test_guard_over_grant(void **state)
{
    struct world *w = small(state);
    grant(w, E1, "user:ann", PAST, FAR);
    assert_may(w, ANN, "a/1.mov", "lr");
    say(w, "{'op':'protect','path':'a/','group':'crew'}", NULL); /* there is no such group */
    assert_may(w, ANN, "a/1.mov", "");
    say(w, "{'op':'access_group','site':'a','group':'crew','rules':{'users':['ann']}}", NULL);
    assert_may(w, ANN, "a/1.mov", "lr");
    assert_may(w, "user:ann", "a/2.mov", ""); /* to pass is not to be given */
    say(w, "{'op':'access_group','site':'a','group':'crew','rules':{'users':['bob']}}", NULL);
    assert_sees(w, ANN, "");
    say(w, "{'op':'protect','path':'a/','group':'authenticated'}", NULL);
    assert_may(w, ANN, "a/1.mov", "lr");
    say(w, "{'op':'access_group','site':'a','group':'authenticated','rules':{}}", NULL);
    assert_may(w, ANN, "a/1.mov", ""); /* a group of that name replaces it */
}

static void test_guards_by_name(void **state)
{
    struct world *w = *state;
    inventory(w, "+s/__restricted/crew/1.mov +s/__restricted/2.mov +s/3.mov");
    list_of(w, "'path':'/'", "'read'");
    assert_sees(w, ANN, "s/ s/3.mov s/__restricted/ s/__restricted/2.mov");
    say(w, "{'op':'access_group','site':'','group':'crew','rules':{'users':['ann']}}", NULL);
    assert_may(w, ANN, "s/__restricted/crew/1.mov", "lr");
    say(w, "{'op':'access_group','site':'s','group':'other','rules':{'users':['ann']}}", NULL);
    assert_may(w, ANN, "s/__restricted/crew/1.mov", ""); /* the nearer site, and only that */
}

static void test_most_specific(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/b/1.mov +a/b/c/2.mov +a/3.mov");
    list_of(w, "'path':'/'", "'read'");
    say(w, "{'op':'access_group','site':'','group':'in','rules':{'users':['ann']}}", NULL);
    say(w, "{'op':'access_group','site':'','group':'out','rules':{'users':['bob']}}", NULL);
    say(w, "{'op':'protect','path':'a/','group':'out'}", NULL);
    say(w, "{'op':'protect','path':'a/b/','group':'in'}", NULL);
    say(w, "{'op':'protect','path':'a/b/c/','group':'out'}", NULL);
    assert_sees(w, ANN, "");
    set(w, "'protect.compose':'most_specific'");
    assert_sees(w, ANN, "a/ a/b/ a/b/1.mov");
    assert_sees(w, "user:bob group:g", "a/ a/3.mov a/b/ a/b/c/ a/b/c/2.mov");
}

/* ---- grants, owners, files, links ---------------------------------------------------------- */

static void test_ranges_of_a_grant(void **state)
{
    struct world *w = small(state);
    say(w, "{'op':'ranges','name':'farm','ranges':[{'start':'10.0.0.0','end':'10.0.0.7'}]}", NULL);
    say(w, "{'v':3,'op':'grant','edit':'" E1 "','principal':'user:ann','from':'" PAST "T00:00:00Z',"
           "'until':'" FAR "T00:00:00Z','ranges':['moon','farm']}", NULL);
    assert_may(w, "user:ann @10.0.0.7", "a/1.mov", "lr");
    assert_may(w, "user:ann @10.0.0.8", "a/1.mov", "");
    assert_may(w, "user:ann", "a/1.mov", "");
    say(w, "{'op':'ranges','name':'farm','ranges':null}", NULL);
    assert_may(w, "user:ann @10.0.0.7", "a/1.mov", "");
}

/* The edit E2 of user:ann with a link to a/1.mov. */
static void make_owned(struct world *w)
{
    say(w, "{'v':3,'op':'edit','edit':'" E2 "','name':'Cut','file':'f','owner':'user:ann',"
           "'manifest':'ShotLocker/Edits/" E2 "/processed/cut.otio','objects':1,'bytes':10,"
           "'manifest_stat':[10,1,'m1']}", "['a/1.mov']\n['sh1','1.mov','a/1.mov']\n");
}

#define FILES2 "ShotLocker/ ShotLocker/Edits/ ShotLocker/Edits/" E2 "/ ShotLocker/Edits/" E2        \
               "/processed/ ShotLocker/Edits/" E2 "/processed/cut.otio"
#define CUT2 "edits/Cut-" E2
#define FOLDER2 "edits/ " CUT2 "/ " CUT2 "/cut.otio " CUT2 "/sh1/ " CUT2 "/sh1/1.mov"

static void test_owner(void **state)
{
    struct world *w = small(state);
    make_owned(w);
    assert_sees(w, "user:ann", FILES2); /* the files, not the media */
    assert_sees(w, "user:bob", "");
    say(w, "{'op':'disable','edit':'" E2 "'}", NULL);
    assert_sees(w, "user:ann", FILES2);
    say(w, "{'op':'remove','edit':'" E2 "'}", NULL);
    assert_sees(w, "user:ann", "");
}

static void test_files_name_media(void **state)
{
    struct world *w = small(state);
    make_owned(w);
    grant(w, E2, "user:ann", PAST, FAR);
    assert_sees(w, "user:ann", FILES2 " a/ a/1.mov " FOLDER2);
    say(w, "{'op':'protect','path':'a/1.mov','group':'none'}", NULL);
    assert_sees(w, "user:ann", ""); /* neither the link nor the manifest, nor its other name */
    list_of(w, "'path':'/'", "'read'");
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.otio", "");
    assert_may(w, "user:bob group:g", "a/2.mov", "lr");
    say(w, "{'op':'protect','path':'a/1.mov','group':null}", NULL);
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.otio", "lr");
    assert_may(w, "user:root ! [{'type':'shotlake','locations':['ShotLocker/']}]",
               "ShotLocker/Edits/" E2 "/processed/cut.otio", "");
    assert_may(w, "user:root !", "ShotLocker/Edits/" E2 "/processed/cut.otio", "lrwmg");
}

/* The files of a version stay below ShotLocker/Edits/, whatever the edit has lost since. */
static void test_files_name_what_was(void **state)
{
    struct world *w = small(state);
    make_owned(w);
    list_of(w, "'path':'/'", "'read'");
    say(w, "{'op':'protect','path':'a/1.mov','group':'none'}", NULL);
    say(w, "{'op':'edit','edit':'" E2 "','name':'Cut','file':'f','version':2,"
           "'manifest':'ShotLocker/Edits/" E2 "/v2/processed/cut.otio','objects':1,'bytes':10,"
           "'manifest_stat':[10,1,'m2']}", "['a/2.mov']\n");
    say(w, "{'op':'tagged','edit':'" E2 "'}", NULL);
    assert_may(w, "user:ann", "ShotLocker/Edits/" E2 "/processed/cut.otio", "");
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.otio", "");
    say(w, "{'op':'remove','edit':'" E2 "'}", NULL);
    say(w, "{'op':'tagged','edit':'" E2 "'}", NULL);
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.otio", "");
    assert_may(w, "user:root ! [{'type':'shotlake','locations':['ShotLocker/']}]",
               "ShotLocker/Edits/" E2 "/processed/cut.otio", "");
    say(w, "{'op':'protect','path':'a/1.mov','group':null}", NULL);
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.otio", "lr");
}

/* What the report alone names hides the report, but not what the edit's holders get. */
static void test_report_names_candidates(void **state)
{
    struct world *w = small(state);
    inventory(w, "+ShotLocker/Edits/" E2 "/processed/cut.results.json");
    say(w, "{'op':'edit','edit':'" E2 "','name':'Cut','file':'f','named':1,"
           "'manifest':'ShotLocker/Edits/" E2 "/processed/cut.otio','objects':1,'bytes':10,"
           "'manifest_stat':[10,1,'m1']}", "['a/1.mov']\n[null,'a/2.mov']\n");
    grant(w, E2, "user:carl", PAST, FAR);
    list_of(w, "'path':'/'", "'read'");
    assert_may(w, "user:carl", "a/2.mov", ""); /* no object of the edit */
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.results.json", "lr");
    say(w, "{'op':'protect','path':'a/2.mov','group':'none'}", NULL);
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.results.json", "");
    assert_may(w, "user:bob group:g", "ShotLocker/Edits/" E2 "/processed/cut.otio", "lr");
    assert_may(w, "user:carl", "ShotLocker/Edits/" E2 "/processed/cut.otio", "lr");
    assert_may(w, "user:carl", "a/1.mov", "lr");
}

static void test_token(void **state)
{
    struct world *w = small(state);
    list_of(w, "'path':'/'", ALL);
#define BY(detail) ANN " [" detail "]"
#define T "{'type':'shotlake'"
    static const struct {
        const char *who, *one, *two, *three, *dir;
    } rows[] = {
        {ANN, "lrwmg", "lrwmg", "lrwmg", "lrwmg"},
        {BY(""), "", "", "", ""},
        {BY(T "}"), "lrwmg", "lrwmg", "lrwmg", "lrwmg"},
        {BY(T ",'actions':['read']}"), "lr", "lr", "lr", "lr"},
        {BY(T ",'actions':['grade','write']}"), "wg", "wg", "wg", "wg"},
        {BY(T ",'edits':['" E1 "']}"), "lrwmg", "", "", ""},
        {BY(T ",'edits':[]}"), "", "", "", ""},
        {BY(T ",'edits':['" E2 "']}"), "", "", "", ""},
        {BY(T ",'locations':['a/']}"), "lrwmg", "lrwmg", "", "lrwmg"},
        {BY(T ",'locations':['a']}"), "", "", "", ""},
        {BY(T ",'locations':['a/2.mov']}"), "", "lrwmg", "", ""},
        {BY(T ",'locations':['a/2']}"), "", "", "", ""},
        {BY(T ",'locations':['/']}"), "lrwmg", "lrwmg", "lrwmg", "lrwmg"},
        {BY(T ",'edits':['" E1 "'],'locations':['b/']}"), "", "", "", ""},
        {BY(T ",'edits':['" E1 "'],'actions':['read']}," T ",'locations':['b/']}"), "lr", "",
         "lrwmg", ""},
        {"user:root ! [" T ",'locations':['b/']}]", "", "", "lrwmg", ""},
        {"user:eve [" T ",'locations':['a/']}]", "", "", "", ""}, /* it gives nothing */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_may(w, rows[i].who, "a/1.mov", rows[i].one);
        assert_may(w, rows[i].who, "a/2.mov", rows[i].two);
        assert_may(w, rows[i].who, "b/c/3.mov", rows[i].three);
        assert_may(w, rows[i].who, "a/", rows[i].dir);
    }
}

/* An asker of one position is not asked about another. */
static void test_stale(void **state)
{
    struct world *w = small(state);
    struct ask q;
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(visible) struct visible v = {0};
    bool yes = true;
    ask_begin(w, "user:root !", &q);
    inventory(w, "+new.mov");
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(decide(q.a, rd, 2, "read", NOON, &yes, &w->e), -ESTALE);
    assert_int_equal(visible_of(q.a, rd, NOON, &v, &w->e), -ESTALE);
    assert_null(v.nodes);
    ask_end(&q);
}

/* What went is decided about as if it had never been. */
static void test_gone(void **state)
{
    struct world *w = small(state);
    struct ask q;
    node_id id;
    bool yes = true;
    list_of(w, "'path':'/'", ALL);
    ask_begin(w, ANN, &q);
    assert_int_equal(index_find(q.rd, "a/2.mov", &id, &w->e), 0);
    ask_end(&q);
    inventory(w, "-a/2.mov");
    ask_begin(w, ANN, &q);
    assert_int_equal(decide(q.a, q.rd, id, "read", NOON, &yes, &w->e), 0);
    assert_false(yes);
    ask_end(&q);
    ask_begin(w, "user:root !", &q);
    assert_int_equal(decide(q.a, q.rd, id, "read", NOON, &yes, &w->e), 0);
    assert_false(yes);
    ask_end(&q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_roles_are_a_gate),  WORLD_TEST(test_originals_are_closed),
        WORLD_TEST(test_anonymous_and_superuser), WORLD_TEST(test_lists),
        WORLD_TEST(test_propagation),       WORLD_TEST(test_lists_of_edits),
        WORLD_TEST(test_classes),           WORLD_TEST(test_departments),
        WORLD_TEST(test_tams_table),        WORLD_TEST(test_guard_over_grant),
        WORLD_TEST(test_guards_by_name),    WORLD_TEST(test_most_specific),
        WORLD_TEST(test_ranges_of_a_grant), WORLD_TEST(test_owner),
        WORLD_TEST(test_files_name_media),
        WORLD_TEST(test_files_name_what_was), WORLD_TEST(test_report_names_candidates),
        WORLD_TEST(test_token),
        WORLD_TEST(test_stale),             WORLD_TEST(test_gone),
    };
    return cmocka_run_group_tests_name("decide", tests, NULL, NULL);
}
