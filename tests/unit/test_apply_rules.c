/* tests/unit/test_apply_rules.c - replay: what stands on places, rules, guards and classes. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#define E1 "aaaaaaaaa1"
#define E2 "bbbbbbbbb2"
#define ANN READ_FOR("USER", "ann")

static struct index_read *read_of(struct world *w)
{
    struct index_read *rd = NULL;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    return rd;
}

static struct place at_path(struct world *w, const char *path)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    struct place p = {.kind = PLACE_NODE};
    assert_int_equal(index_find(rd, path, &p.node, &w->e), 0);
    return p;
}

static struct place at_edit(const char *id)
{
    struct place p = {.kind = PLACE_EDIT};
    snprintf(p.edit, sizeof p.edit, "%s", id);
    return p;
}

static void assert_json(const json_t *got, const char *want)
{
    json_auto_t *j = json_of(want);
    AUTO(free) char *text = got ? json_dumps(got, JSON_ENCODE_ANY | JSON_COMPACT) : NULL;
    if (!json_equal(got, j) && (got || !json_is_null(j)))
        fail_msg("%s, not %s", text ? text : "nothing", want);
}

/* What stands on a place; "null": nothing. */
static void assert_placed(struct world *w, enum placed_table t, struct place at, const char *want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    json_auto_t *got = NULL;
    uint64_t seq;
    assert_int_equal(index_placed(rd, t, &at, &got, &seq, &w->e), 0);
    assert_json(got, want);
    assert_int_equal(seq > 0, got != NULL);
}

static void assert_rule(struct world *w, enum rule_kind kind, const char *key1, const char *key2,
                        const char *want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    json_auto_t *got = NULL;
    uint64_t seq;
    assert_int_equal(index_rule(rd, kind, key1, key2, &got, &seq, &w->e), 0);
    assert_json(got, want);
    assert_int_equal(seq > 0, got != NULL);
}

static void assert_known(struct world *w, const char *principal, bool want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    bool got;
    assert_int_equal(index_knows(rd, principal, &got, &w->e), 0);
    if (got != want)
        fail_msg("%s is %sknown", principal, got ? "" : "not ");
}

/* The live members of a label, and the directories above. */
static void assert_label(struct world *w, const char *label, const char *want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    roaring_bitmap_t *set = NULL;
    assert_int_equal(index_label(rd, label, &set, &w->e), 0);
    AUTO(free) char *got = paths_of(rd, set);
    roaring_bitmap_free(set);
    if (strcmp(got, want) != 0)
        fail_msg("'%s' has '%s', not '%s'", label, got, want);
}

static void assert_node_label(struct world *w, const char *kind, const char *path, const char *want)
{
    AUTO(free) char *label = xasprintf("%s:%u", kind, at_path(w, path).node);
    assert_label(w, label, want);
}

/* ---- places -------------------------------------------------------------------------------- */

static void test_places(void **state)
{
    struct world *w = *state;
    struct place lake = {.kind = PLACE_LAKE};
    inventory(w, "+a/1 +a/2");
    edit(w, E1, "a/1");
    acl(w, "a/", ANN);
    say(w, "{'op':'acl','edit':'" E1 "','entries':" READ_FOR("GROUP", "g") "}", NULL);
    say(w, "{'op':'acl','lake':true,'entries':" READ_FOR("USER", "bob") "}", NULL);
    say(w, "{'op':'metadata','path':'a/','fields':{'source':'portal'}}", NULL);
    say(w, "{'op':'metadata','edit':'" E1 "','fields':{'x':'1','y':'2'}}", NULL);
    say(w, "{'op':'class','path':'a/1','classes':[]}", NULL);
    assert_placed(w, PLACED_ACL, at_path(w, "a"), ANN);
    assert_placed(w, PLACED_ACL, at_path(w, "a/1"), "null");
    assert_placed(w, PLACED_ACL, at_path(w, "/"), "null");
    assert_placed(w, PLACED_ACL, at_edit(E1), READ_FOR("GROUP", "g"));
    assert_placed(w, PLACED_ACL, at_edit(E2), "null");
    assert_placed(w, PLACED_ACL, lake, READ_FOR("USER", "bob"));
    assert_placed(w, PLACED_METADATA, at_path(w, "a"), "{'source':'portal'}");
    assert_placed(w, PLACED_METADATA, at_edit(E1), "{'x':'1','y':'2'}");
    assert_placed(w, PLACED_CLASSES, at_path(w, "a/1"), "[]");
    assert_placed(w, PLACED_CLASSES, lake, "null");
    assert_known(w, "group:g", true);
    assert_known(w, "user:bob", true);
    assert_known(w, "user:g", false);
    /* and away with it */
    acl(w, "a/", "[]");
    say(w, "{'op':'acl','edit':'" E1 "','entries':[]}", NULL);
    say(w, "{'op':'acl','lake':true,'entries':[]}", NULL);
    say(w, "{'op':'metadata','path':'a/','fields':{}}", NULL);
    say(w, "{'op':'metadata','edit':'" E1 "','fields':{'z':'3'}}", NULL);
    say(w, "{'op':'class','path':'a/1','classes':null}", NULL);
    assert_placed(w, PLACED_ACL, at_path(w, "a"), "null");
    assert_placed(w, PLACED_ACL, at_edit(E1), "null");
    assert_placed(w, PLACED_ACL, lake, "null");
    assert_placed(w, PLACED_METADATA, at_path(w, "a"), "null");
    assert_placed(w, PLACED_METADATA, at_edit(E1), "{'z':'3'}");
    assert_placed(w, PLACED_CLASSES, at_path(w, "a/1"), "null");
}

static int add_place(void *arg, const struct placed *p, struct err *e)
{
    (void)e;
    assert_int_equal(p->time, NOON);
    assert_string_equal(p->actor, "tester@host");
    buf_addf(arg, "%d %u %s %llu|", p->at.kind, p->at.node, p->at.edit, (unsigned long long)p->seq);
    return 0;
}

static void test_each_place(void **state)
{
    struct world *w = *state;
    AUTO(buf) struct buf b = {0};
    edit(w, E1, "a");
    acl(w, "z", ANN);
    say(w, "{'op':'acl','lake':true,'entries':" ANN "}", NULL);
    say(w, "{'op':'acl','edit':'" E1 "','entries':" ANN "}", NULL);
    acl(w, "/", ANN);
    uint64_t seq = head_of(w).seq;
    inventory(w, "+z");
    AUTO(index_read) struct index_read *rd = read_of(w);
    assert_int_equal(index_placed_each(rd, PLACED_ACL, add_place, &b, &w->e), 0);
    AUTO(free) char *want =
        xasprintf("1 0 " E1 " %llu|2 0  %llu|0 1  %llu|0 %u  %llu|", (unsigned long long)seq - 1,
                  (unsigned long long)seq - 2, (unsigned long long)seq, at_path(w, "z").node,
                  (unsigned long long)seq - 3);
    assert_string_equal(b.p, want);
}

/* Nothing waits for an edit to come, and nothing is left of one that went. */
static void test_places_of_edits(void **state)
{
    struct world *w = *state;
    say(w, "{'op':'acl','edit':'" E1 "','entries':" ANN "}", NULL);
    say(w, "{'op':'class','edit':'" E1 "','classes':['sport']}", NULL);
    say(w, "{'op':'metadata','edit':'" E1 "','fields':{'a':'b'}}", NULL);
    inventory(w, "+a");
    edit(w, E1, "a");
    assert_placed(w, PLACED_ACL, at_edit(E1), "null");
    assert_placed(w, PLACED_CLASSES, at_edit(E1), "null");
    assert_placed(w, PLACED_METADATA, at_edit(E1), "null");
    assert_label(w, "class:sport", "");
    say(w, "{'op':'acl','edit':'" E1 "','entries':" ANN "}", NULL);
    say(w, "{'op':'class','edit':'" E1 "','classes':['sport']}", NULL);
    say(w, "{'op':'metadata','edit':'" E1 "','fields':{'a':'b'}}", NULL);
    assert_label(w, "class:sport", "a");
    say(w, "{'op':'remove','edit':'" E1 "'}", NULL);
    assert_placed(w, PLACED_ACL, at_edit(E1), "null");
    assert_placed(w, PLACED_CLASSES, at_edit(E1), "null");
    assert_placed(w, PLACED_METADATA, at_edit(E1), "null");
    assert_label(w, "class:sport", "");
    say(w, "{'op':'class','edit':'" E1 "','classes':['sport']}", NULL);
    assert_placed(w, PLACED_CLASSES, at_edit(E1), "null");
}

/* ---- rules --------------------------------------------------------------------------------- */

static int add_rule(void *arg, const struct rule *r, struct err *e)
{
    (void)e;
    AUTO(free) char *value = json_dumps(r->value, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_int_equal(r->time, NOON);
    assert_string_equal(r->actor, "tester@host");
    buf_addf(arg, "%s,%s=%s|", r->key[0], r->key[1], value);
    return 0;
}

static void assert_rules(struct world *w, enum rule_kind kind, const char *want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    AUTO(buf) struct buf b = {0};
    AUTO(free) char *text = turned(want);
    assert_int_equal(index_rules(rd, kind, add_rule, &b, &w->e), 0);
    assert_string_equal(buf_str(&b), text);
}

static void test_rules(void **state)
{
    struct world *w = *state;
    for (enum rule_kind k = RULE_POLICY; k <= RULE_SETTING; k++)
        assert_rules(w, k, "");
    say(w, "{'op':'policy','principal':'user:b','class':'c','actions':['read']}", NULL);
    say(w, "{'op':'policy','principal':'user:a','class':'d','actions':['read','write']}", NULL);
    say(w, "{'op':'policy','principal':'user:a','class':'c','actions':['x']}", NULL);
    say(w, "{'op':'policy','principal':'user:a','class':'d','actions':['write']}", NULL);
    say(w, "{'op':'access_group','site':'show/a','group':'g','rules':{'users':['u']}}", NULL);
    say(w, "{'op':'access_group','site':'','group':'g','rules':{}}", NULL);
    say(w, "{'op':'ranges','name':'lab','ranges':[{'start':'10.0.0.0','end':'10.0.0.9'}]}", NULL);
    say(w, "{'op':'role','role':'crew','gives':['viewer']}", NULL);
    assert_rules(w, RULE_POLICY, "user:a,c=['x']|user:a,d=['write']|user:b,c=['read']|");
    assert_rules(w, RULE_GROUP, ",g={}|show/a,g={'users':['u']}|");
    assert_rules(w, RULE_RANGES, "lab,=[{'start':'10.0.0.0','end':'10.0.0.9'}]|");
    assert_rules(w, RULE_ROLE, "crew,=['viewer']|");
    assert_rule(w, RULE_POLICY, "user:a", "d", "['write']");
    assert_rule(w, RULE_POLICY, "user:a", "e", "null");
    assert_rule(w, RULE_ROLE, "lab", "", "null"); /* another kind's */
    assert_known(w, "user:b", true);
    say(w, "{'op':'policy','principal':'user:a','class':'d','actions':[]}", NULL);
    say(w, "{'op':'policy','principal':'user:never','class':'d','actions':[]}", NULL);
    say(w, "{'op':'access_group','site':'','group':'g','rules':null}", NULL);
    say(w, "{'op':'ranges','name':'lab','ranges':null}", NULL);
    say(w, "{'op':'role','role':'crew','gives':null}", NULL);
    assert_rules(w, RULE_POLICY, "user:a,c=['x']|user:b,c=['read']|");
    assert_rules(w, RULE_GROUP, "show/a,g={'users':['u']}|");
    assert_rules(w, RULE_RANGES, "");
    assert_rules(w, RULE_ROLE, "");
}

/* Both keys of a rule may be longer than a key of the index. */
static void test_long_keys(void **state)
{
    struct world *w = *state;
    char site[1001], group[129], arn[400];
    memset(site, 's', sizeof site);
    for (size_t i = 200; i < sizeof site; i += 200)
        site[i] = '/';
    site[sizeof site - 1] = '\0';
    memset(group, 'g', sizeof group);
    group[sizeof group - 1] = '\0';
    for (int i = 0; i < 2; i++) { /* two that differ in the last byte only */
        group[127] = (char)('a' + i);
        AUTO(free) char *body = xasprintf("{'op':'access_group','site':'%s','group':'%s',"
                                          "'rules':{'users':['u%d']}}", site, group, i);
        say(w, body, NULL);
    }
    assert_rule(w, RULE_GROUP, site, group, "{'users':['u1']}");
    group[127] = 'a';
    assert_rule(w, RULE_GROUP, site, group, "{'users':['u0']}");
    memset(arn, 'x', sizeof arn);
    memcpy(arn, "arn:aws:iam::111122223333:user/", 31);
    for (size_t i = 90; i < sizeof arn; i += 60)
        arn[i] = '/';
    arn[sizeof arn - 1] = '\0';
    AUTO(free) char *body =
        xasprintf("{'op':'policy','principal':'%s','class':'%s','actions':['read']}", arn, group);
    say(w, body, NULL);
    assert_rule(w, RULE_POLICY, arn, group, "['read']");
}

/* The index has what differs from the default only. */
static void test_settings(void **state)
{
    struct world *w = *state;
    say(w, "{'op':'settings','set':{'acl.enabled':false,'roles.default':['viewer','editor'],"
        "'protect.compose':'all','users.scope':''}}", NULL);
    assert_rules(w, RULE_SETTING, "acl.enabled,=false|roles.default,=['viewer','editor']|");
    say(w, "{'op':'settings','set':{'acl.enabled':null,'roles.default':['viewer'],"
        "'protect.compose':'most_specific'}}", NULL);
    assert_rules(w, RULE_SETTING, "protect.compose,='most_specific'|");
    assert_rule(w, RULE_SETTING, "protect.compose", "", "'most_specific'");
    AUTO(free) char *why = refused(w, "{'op':'settings','set':{'acl.enabled':true,'acl.x':1}}");
    assert_non_null(strstr(why, "acl.x"));
    assert_rules(w, RULE_SETTING, "protect.compose,='most_specific'|");
}

/* ---- grants and edits ---------------------------------------------------------------------- */

static int add_grant(void *arg, const struct grant *g, struct err *e)
{
    (void)e;
    AUTO(free) char *ranges = g->ranges ? json_dumps(g->ranges, JSON_COMPACT) : xstrdup("-");
    buf_addf(arg, "%s %s|", g->principal, ranges);
    return 0;
}

static void test_grant_ranges(void **state)
{
    struct world *w = *state;
    AUTO(buf) struct buf b = {0};
    struct grant g;
    edit(w, E1, "a");
    grant(w, E1, "user:a", "1970-01-01", "2099-01-01");
    say(w, "{'op':'grant','edit':'" E1 "','principal':'user:b','from':'1970-01-01',"
        "'until':'2099-01-01','ranges':['lab','vpn']}", NULL);
    AUTO(index_read) struct index_read *rd = read_of(w);
    assert_int_equal(index_grants(rd, NULL, add_grant, &b, &w->e), 0);
    assert_string_equal(buf_str(&b), "user:a -|user:b [\"lab\",\"vpn\"]|");
    assert_int_equal(index_grant(rd, E1, "user:b", &g, &w->e), 0);
    assert_null(g.ranges);
}

static void edit_of(struct world *w, int version, const char *owner)
{
    AUTO(free) char *body =
        xasprintf("{'op':'edit','edit':'" E1 "','name':'Cut','file':'f','manifest':'m/c','objects':1,"
                  "'bytes':1,'manifest_stat':[1,1,'e'],'version':%d%s}", version, owner);
    say(w, body, "['a']\n");
}

static void assert_owner(struct world *w, const char *want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    AUTO(edit) struct edit ed = {0};
    assert_int_equal(index_edit(rd, E1, &ed, &w->e), 0);
    assert_string_equal(ed.owner, want);
}

/* Who ingested an edit stays its owner: an update takes it from nobody. */
static void test_owner(void **state)
{
    struct world *w = *state;
    edit_of(w, 1, ",'owner':'user:ann'");
    assert_owner(w, "user:ann");
    assert_known(w, "user:ann", true);
    edit_of(w, 2, ",'owner':'user:bob'");
    assert_owner(w, "user:ann");
    edit_of(w, 3, "");
    assert_owner(w, "user:ann");
}

static void test_no_owner(void **state)
{
    struct world *w = *state;
    edit_of(w, 1, "");
    assert_owner(w, "");
    edit_of(w, 2, ",'owner':'user:bob'");
    assert_owner(w, "");
}

/* ---- guards -------------------------------------------------------------------------------- */

struct guards {
    struct index_read *rd;
    struct buf text;
};

static int add_guard(void *arg, const struct guard *g, struct err *e)
{
    struct guards *all = arg;
    AUTO(buf) struct buf key = {0}, site = {0};
    assert_int_equal(index_key(all->rd, g->node, &key, e), 0);
    assert_int_equal(index_key(all->rd, g->site_at, &site, e), 0);
    assert_int_equal(g->by_name, g->seq == 0);
    buf_addf(&all->text, "/%s: %s%s of /%s|", buf_str(&key), g->group, g->by_name ? " (name)" : "",
             buf_str(&site));
    return 0;
}

static void assert_guards(struct world *w, const char *want)
{
    AUTO(index_read) struct index_read *rd = read_of(w);
    struct guards all = {.rd = rd};
    assert_int_equal(index_guards(rd, add_guard, &all, &w->e), 0);
    AUTO(free) char *got = xstrdup(buf_str(&all.text));
    buf_done(&all.text);
    assert_string_equal(got, want);
}

static void test_guards(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/__restricted/g/1 +a/__restricted/2 +a/3 +__restricted/h/4");
    assert_guards(w, "/a/__restricted/g/: g (name) of /a/|/__restricted/h/: h (name) of /|");
    assert_node_label(w, "guard", "a/__restricted/g", "a/ a/__restricted/ a/__restricted/g/ "
                      "a/__restricted/g/1");
    say(w, "{'op':'protect','path':'a/','group':'crew'}", NULL);
    say(w, "{'op':'protect','path':'a/__restricted/g/','group':'x'}", NULL);
    say(w, "{'op':'protect','path':'a/3','group':'y'}", NULL);
    say(w, "{'op':'protect','path':'/','group':'z'}", NULL);
    assert_guards(w, "/: z of /|/a/: crew of /a/|/a/__restricted/g/: g (name) of /a/|"
                  "/a/__restricted/g/: x of /a/__restricted/g/|/a/3: y of /a/|"
                  "/__restricted/h/: h (name) of /|");
    assert_node_label(w, "guard", "a/3", "a/ a/3");
    say(w, "{'op':'protect','path':'a/','group':null}", NULL);
    say(w, "{'op':'protect','path':'a/__restricted/g/','group':null}", NULL);
    say(w, "{'op':'protect','path':'/','group':'other'}", NULL);
    say(w, "{'op':'protect','path':'never/','group':null}", NULL);
    assert_guards(w, "/: other of /|/a/__restricted/g/: g (name) of /a/|/a/3: y of /a/|"
                  "/__restricted/h/: h (name) of /|");
    assert_node_label(w, "guard", "a", "");
    assert_node_label(w, "guard", "a/__restricted/g", "a/ a/__restricted/ a/__restricted/g/ "
                      "a/__restricted/g/1");
}

/* A record about what is below a folder of that name makes that folder a guard, and only that. */
static void test_guard_of_a_path_that_is_not_there(void **state)
{
    struct world *w = *state;
    say(w, "{'op':'protect','path':'__restricted/g/sub/','group':'crew'}", NULL);
    assert_guards(w, "/__restricted/g/: g (name) of /|/__restricted/g/sub/: crew of "
                  "/__restricted/g/sub/|");
    inventory(w, "+__restricted/g/1 +__restricted/g/sub/2");
    assert_node_label(w, "guard", "__restricted/g", "__restricted/ __restricted/g/ "
                      "__restricted/g/1 __restricted/g/sub/ __restricted/g/sub/2");
    assert_node_label(w, "guard", "__restricted/g/sub", "__restricted/ __restricted/g/ "
                      "__restricted/g/sub/ __restricted/g/sub/2");
}

/* ---- classes and the names of edits -------------------------------------------------------- */

static void test_classes(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/1 +a/b/2 +a/b/3 +c");
    say(w, "{'op':'class','path':'a/','classes':['sport','news']}", NULL);
    say(w, "{'op':'class','path':'a/b/3','classes':['drama']}", NULL);
    assert_label(w, "class:sport", "a/ a/1 a/b/ a/b/2");
    assert_label(w, "class:drama", "a/ a/b/ a/b/3");
    edit(w, E1, "a/1 c");
    say(w, "{'op':'class','edit':'" E1 "','classes':['drama']}", NULL);
    assert_label(w, "class:drama", "a/ a/1 a/b/ a/b/3 c");
    say(w, "{'op':'class','path':'a/b/','classes':[]}", NULL);
    assert_label(w, "class:sport", "a/ a/1");
    inventory(w, "+a/4 +a/b/5 -a/1");
    assert_label(w, "class:sport", "a/ a/4");
    assert_label(w, "class:news", "a/ a/4");
    say(w, "{'op':'disable','edit':'" E1 "'}", NULL);
    inventory(w, "+a/1");
    assert_label(w, "class:drama", "a/ a/b/ a/b/3");
    say(w, "{'op':'class','path':'a/','classes':null}", NULL);
    assert_label(w, "class:sport", "");
    assert_label(w, "class:never", "");
}

static int add_class(void *arg, uint32_t label, const char *name, struct err *e)
{
    (void)label, (void)e;
    if (strncmp(name, "class:", 6) == 0)
        buf_addf(arg, "%s|", name);
    return 0;
}

/* A class that nobody has any more keeps its label, and names of 128 bytes are whole ones. */
static void test_class_labels(void **state)
{
    struct world *w = *state;
    char name[129];
    AUTO(buf) struct buf got = {0}, want = {0};
    memset(name, 'n', sizeof name);
    name[128] = '\0';
    inventory(w, "+a");
    AUTO(free) char *body = xasprintf("{'op':'class','path':'a','classes':['x','%s']}", name);
    say(w, body, NULL);
    say(w, "{'op':'class','path':'a','classes':['y']}", NULL);
    AUTO(index_read) struct index_read *rd = read_of(w);
    assert_int_equal(index_labels(rd, add_class, &got, &w->e), 0);
    buf_addf(&want, "class:x|class:%s|class:y|", name);
    assert_string_equal(got.p, want.p);
}

static int add_number(void *arg, uint32_t label, const char *name, struct err *e)
{
    (void)e;
    uint32_t *last = arg;
    assert_true(label > *last && *name);
    *last = label;
    return 0;
}

/* The same label by its number and by its name. */
static void test_numbers(void **state)
{
    struct world *w = *state;
    uint32_t last = 0, have[2];
    size_t n;
    inventory(w, "+a/1 +b");
    acl(w, "a/", ANN);
    say(w, "{'op':'class','path':'a/','classes':['x']}", NULL);
    say(w, "{'op':'protect','path':'a/','group':'g'}", NULL);
    AUTO(index_read) struct index_read *rd = read_of(w);
    assert_int_equal(index_labels(rd, add_number, &last, &w->e), 0);
    assert_int_equal(last, 3);
    assert_int_equal(index_label_numbers(rd, at_path(w, "a/1").node, have, 2, &n, &w->e), 0);
    assert_int_equal(n, 3); /* of which two have room */
    assert_int_equal(have[0], 1);
    assert_int_equal(have[1], 2);
    assert_int_equal(index_label_numbers(rd, at_path(w, "b").node, have, 2, &n, &w->e), 0);
    assert_int_equal(n, 0);
    roaring_bitmap_t *by_name = NULL, *by_number = NULL;
    assert_int_equal(index_label(rd, "class:x", &by_name, &w->e), 0);
    assert_int_equal(index_label_nodes(rd, 2, &by_number, &w->e), 0);
    assert_true(roaring_bitmap_equals(by_name, by_number));
    assert_int_equal(roaring_bitmap_get_cardinality(by_name), 3); /* the root and "a/" */
    roaring_bitmap_free(by_name);
    roaring_bitmap_free(by_number);
}

/* What an edit has below edits/ is told as such, and has no class, no guard and no ACL. */
static void test_edit_names(void **state)
{
    struct world *w = *state;
    roaring_bitmap_t *names = NULL, *set = NULL;
    node_id link;
    inventory(w, "+a/1");
    acl(w, "/", ANN);
    say(w, "{'op':'class','path':'/','classes':['x']}", NULL);
    say(w, "{'op':'protect','path':'/','group':'g'}", NULL);
    say(w, "{'op':'edit','edit':'" E1 "','name':'Cut','file':'f','manifest':'m/c','objects':1,"
        "'bytes':1,'manifest_stat':[1,1,'e']}", "['a/1']\n['sh010','1','a/1']\n");
    say(w, "{'op':'class','edit':'" E1 "','classes':['y']}", NULL);
    AUTO(index_read) struct index_read *rd = read_of(w);
    assert_int_equal(index_edit_names(rd, &names, &w->e), 0);
    assert_int_equal(roaring_bitmap_get_cardinality(names), 2); /* the manifest's, and the link */
    assert_int_equal(index_find_shown(rd, "edits/Cut-" E1 "/sh010/1", &link, &w->e), 0);
    assert_true(roaring_bitmap_contains(names, link));
    static const char *const labels[] = {"acl:1", "guard:1", "class:x", "class:y"};
    for (size_t i = 0; i < COUNT(labels); i++) {
        assert_int_equal(index_label(rd, labels[i], &set, &w->e), 0);
        assert_false(roaring_bitmap_intersect(set, names));
        assert_true(roaring_bitmap_contains(set, at_path(w, "a/1").node));
        roaring_bitmap_free(set);
    }
    roaring_bitmap_free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_places),       WORLD_TEST(test_each_place),
        WORLD_TEST(test_places_of_edits), WORLD_TEST(test_rules),
        WORLD_TEST(test_long_keys),    WORLD_TEST(test_settings),
        WORLD_TEST(test_grant_ranges), WORLD_TEST(test_owner),
        WORLD_TEST(test_no_owner),     WORLD_TEST(test_guards),
        WORLD_TEST(test_guard_of_a_path_that_is_not_there),
        WORLD_TEST(test_classes),      WORLD_TEST(test_class_labels),
        WORLD_TEST(test_numbers),      WORLD_TEST(test_edit_names),
    };
    return cmocka_run_group_tests_name("apply_rules", tests, NULL, NULL);
}
