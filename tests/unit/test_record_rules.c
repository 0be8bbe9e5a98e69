/* tests/unit/test_record_rules.c - records of places and rules: what is read, and what is refused. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#define Z64 "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD "'v':1,'seq':7,'prev':'" Z64 "','id':'" ID32 "','time':'2027-01-15T08:00:00Z'," \
             "'actor':'a@h',"
#define ED "'edit':'abcdefghi0'"
#define N16 "0123456789abcdef"
#define N128 N16 N16 N16 N16 N16 N16 N16 N16

static int parse(const char *body, struct record *rec, struct err *e)
{
    AUTO(free) char *text = xasprintf("{" HEAD "%s}", body);
    AUTO(free) char *s = turned(text);
    *rec = (struct record){0};
    return record_parse(s, strlen(s), rec, e);
}

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum record_op op;
        bool sets; /* and does not take away */
    } rows[] = {
        {"'op':'acl','path':'/','entries':[]", RECORD_ACL, false},
        {"'op':'acl','path':'a/b','entries':" READ_FOR("USER", "a"), RECORD_ACL, true},
        {"'op':'acl'," ED ",'entries':" READ_FOR("GROUP", "a"), RECORD_ACL, true},
        {"'op':'acl','lake':true,'entries':" READ_FOR("USER", "a"), RECORD_ACL, true},
        {"'op':'class','path':'show/','classes':['sport','news']", RECORD_CLASS, true},
        {"'op':'class','path':'show/','classes':[]", RECORD_CLASS, true}, /* none, and for good */
        {"'op':'class','path':'show/','classes':null", RECORD_CLASS, false},
        {"'op':'class'," ED ",'classes':['" N128 "']", RECORD_CLASS, true},
        {"'op':'metadata','path':'a/','fields':{'source':'portal','x':''}", RECORD_METADATA, true},
        {"'op':'metadata'," ED ",'fields':{}", RECORD_METADATA, false},
        {"'op':'protect','path':'show/secret/','group':'crew'", RECORD_PROTECT, true},
        {"'op':'protect','path':'/','group':null", RECORD_PROTECT, false},
        {"'op':'protect','path':'a','group':'a group: ünïcode'", RECORD_PROTECT, true},
        {"'op':'policy','principal':'group:x','class':'c','actions':['read','weird/#one']",
         RECORD_POLICY, true},
        {"'op':'policy','principal':'arn:aws:iam::111122223333:user/x','class':'c','actions':[]",
         RECORD_POLICY, false},
        {"'op':'access_group','site':'','group':'g','rules':{}", RECORD_ACCESS_GROUP, true},
        {"'op':'access_group','site':'show/a','group':'g','rules':{'users':['a'],'states':null,"
         "'satisfy_all':true,'ranges':['lab'],'entitlements':['urn:x'],'admins':['b']}",
         RECORD_ACCESS_GROUP, true},
        {"'op':'access_group','site':'','group':'g','rules':null", RECORD_ACCESS_GROUP, false},
        {"'op':'ranges','name':'lab','ranges':[{'start':'10.0.0.0','end':'10.0.0.9'}]",
         RECORD_RANGES, true},
        {"'op':'ranges','name':'lab','ranges':null", RECORD_RANGES, false},
        {"'op':'role','role':'crew','gives':['viewer','read','asset_read']", RECORD_ROLE, true},
        {"'op':'role','role':'crew','gives':null", RECORD_ROLE, false},
        {"'op':'settings','set':{'acl.enabled':false,'acl.storage.enabled':true,"
         "'protect.compose':'most_specific','roles.default':[],'users.scope':'bu.example'}",
         RECORD_SETTINGS, true},
        {"'op':'settings','set':{'acl.propagate.filter':'source:str_eq=portal','acl.enabled':null}",
         RECORD_SETTINGS, true},
        {"'op':'settings','set':{'users.scope':'','roles.default':['a'],'protect.compose':'all'}",
         RECORD_SETTINGS, true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e;
        AUTO(record) struct record rec = {0};
        if (parse(rows[i].body, &rec, &e) != 0)
            fail_msg("%s: %s", rows[i].body, e.text);
        assert_int_equal(rec.op, rows[i].op);
        if (!!rec.value != rows[i].sets)
            fail_msg("%s: %s a value", rows[i].body, rec.value ? "has" : "has not");
    }
}

static void test_keys(void **state)
{
    (void)state;
    static const struct {
        const char *body, *key[2];
    } rows[] = {
        {"'op':'policy','principal':'user:a','class':'c','actions':['read']", {"user:a", "c"}},
        {"'op':'access_group','site':'s/t','group':'g','rules':{}", {"s/t", "g"}},
        {"'op':'ranges','name':'lab','ranges':null", {"lab", ""}},
        {"'op':'role','role':'crew','gives':[]", {"crew", ""}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e;
        AUTO(record) struct record rec = {0};
        assert_int_equal(parse(rows[i].body, &rec, &e), 0);
        assert_string_equal(rec.key[0], rows[i].key[0]);
        assert_string_equal(rec.key[1], rows[i].key[1]);
    }
}

/* Each with a piece of the sentence that says where. */
static const struct {
    const char *body, *said;
} bad[] = {
    {"'op':'acl','path':'/','lake':true,'entries':[]", "exactly one place"},
    {"'op':'acl'," ED ",'lake':true,'entries':[]", "exactly one place"},
    {"'op':'acl','path':'/'," ED ",'entries':[]", "exactly one place"},
    {"'op':'acl','lake':false,'entries':[]", "\"lake\""},
    {"'op':'acl','lake':1,'entries':[]", "\"lake\""},
    {"'op':'acl','edit':'short','entries':[]", "\"edit\""},
    {"'op':'acl','path':'','entries':[]", "\"path\""},
    {"'op':'acl','path':'" N128 N128 "/" N128 N128 "/" N128 N128 "/" N128 N128 "/x','entries':[]",
     "\"path\""},
    {"'op':'class','classes':[]", "exactly one place"},
    {"'op':'class','lake':true,'classes':[]", "exactly one place"},
    {"'op':'class','path':7,'classes':[]", "\"path\""},
    {"'op':'class','path':'../x','classes':[]", "\"path\""},
    {"'op':'class','path':'a'", "\"classes\""},
    {"'op':'class','path':'a','classes':'sport'", "\"classes\""},
    {"'op':'class','path':'a','classes':['ok','']", "\"classes\"/1"},
    {"'op':'class','path':'a','classes':['a/b']", "\"classes\"/0"},
    {"'op':'class','path':'a','classes':['a#b']", "\"classes\"/0"},
    {"'op':'class','path':'a','classes':['a\\u0007']", "\"classes\"/0"},
    {"'op':'class','path':'a','classes':['a\\u007f']", "\"classes\"/0"},
    {"'op':'class','path':'a','classes':['" N128 "x']", "\"classes\"/0"},
    {"'op':'class','path':'a','classes':[null]", "\"classes\"/0"},
    {"'op':'metadata','path':'a'", "\"fields\""},
    {"'op':'metadata','path':'a','fields':null", "\"fields\""},
    {"'op':'metadata','path':'a','fields':[]", "\"fields\""},
    {"'op':'metadata','path':'a','fields':{'x':7}", "\"fields\"/x"},
    {"'op':'metadata','path':'a','fields':{'x#':'y'}", "\"fields\""},
    {"'op':'metadata','path':'a','fields':{'':'y'}", "\"fields\""},
    {"'op':'metadata','lake':true,'fields':{}", "exactly one place"},
    {"'op':'protect'," ED ",'group':'g'", "exactly one place"},
    {"'op':'protect','path':'a'", "\"group\""},
    {"'op':'protect','path':'a','group':''", "\"group\""},
    {"'op':'protect','path':'a','group':['g']", "\"group\""},
    {"'op':'protect','path':'a','group':'g/h'", "\"group\""},
    {"'op':'policy','class':'c','actions':[]", "\"principal\""},
    {"'op':'policy','principal':'a','class':'c','actions':[]", "\"principal\""},
    {"'op':'policy','principal':'user:a','actions':[]", "\"class\""},
    {"'op':'policy','principal':'user:a','class':'c'", "\"actions\""},
    {"'op':'policy','principal':'user:a','class':'c','actions':null", "\"actions\""},
    {"'op':'policy','principal':'user:a','class':'c','actions':['read',7]", "\"actions\"/1"},
    {"'op':'policy','principal':'user:a','class':'c','actions':['']", "\"actions\"/0"},
    {"'op':'access_group','group':'g','rules':{}", "\"site\""},
    {"'op':'access_group','site':'a/','group':'g','rules':{}", "\"site\""},
    {"'op':'access_group','site':'/','group':'g','rules':{}", "\"site\""},
    {"'op':'access_group','site':'a/../b','group':'g','rules':{}", "\"site\""},
    {"'op':'access_group','site':null,'group':'g','rules':{}", "\"site\""},
    {"'op':'access_group','site':'','group':'g#h','rules':{}", "\"group\""},
    {"'op':'access_group','site':'','group':'g'", "\"rules\""},
    {"'op':'access_group','site':'','group':'g','rules':[]", "\"rules\""},
    {"'op':'access_group','site':'','group':'g','rules':{'user':['a']}", "\"rules\""},
    {"'op':'access_group','site':'','group':'g','rules':{'users':'a'}", "\"rules\""},
    {"'op':'access_group','site':'','group':'g','rules':{'users':['']}", "\"rules\""},
    {"'op':'access_group','site':'','group':'g','rules':{'satisfy_all':1}", "\"rules\""},
    {"'op':'ranges','ranges':null", "\"name\""},
    {"'op':'ranges','name':'a/b','ranges':null", "\"name\""},
    {"'op':'ranges','name':'lab'", "\"ranges\""},
    {"'op':'ranges','name':'lab','ranges':{}", "\"ranges\""},
    {"'op':'ranges','name':'lab','ranges':[{'start':'10.0.0.9','end':'10.0.0.1'}]", "/0/end"},
    {"'op':'ranges','name':'lab','ranges':[{'start':'10.0.0.256','end':'10.0.0.1'}]", "/0/start"},
    {"'op':'ranges','name':'lab','ranges':[{'start':'10.0.0.1'}]", "/0/end"},
    {"'op':'role','gives':null", "\"role\""},
    {"'op':'role','role':'a'", "\"gives\""},
    {"'op':'role','role':'a','gives':'viewer'", "\"gives\""},
    {"'op':'role','role':'a','gives':['viewer','a/b']", "\"gives\"/1"},
    {"'op':'settings'", "\"set\""},
    {"'op':'settings','set':{}", "\"set\""},
    {"'op':'settings','set':null", "\"set\""},
    {"'op':'settings','set':{'acl.enable':true}", "no setting 'acl.enable'"},
    {"'op':'settings','set':{'acl.enabled':'true'}", "'acl.enabled'"},
    {"'op':'settings','set':{'acl.storage.enabled':1}", "'acl.storage.enabled'"},
    {"'op':'settings','set':{'protect.compose':'some'}", "'protect.compose'"},
    {"'op':'settings','set':{'protect.compose':true}", "'protect.compose'"},
    {"'op':'settings','set':{'roles.default':'viewer'}", "'roles.default'"},
    {"'op':'settings','set':{'roles.default':['a','b/c']}", "/1"},
    {"'op':'settings','set':{'users.scope':'@bu.example'}", "'users.scope'"},
    {"'op':'settings','set':{'users.scope':'a b'}", "'users.scope'"},
    {"'op':'settings','set':{'acl.enabled':true,'acl.propagate.filter':'source'}",
     "'acl.propagate.filter'"},
    {"'op':'settings','set':{'acl.propagate.filter':7}", "'acl.propagate.filter'"},
    {"'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01','ranges':[]",
     "\"ranges\""},
    {"'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01',"
     "'ranges':'lab'", "\"ranges\""},
    {"'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01',"
     "'ranges':null", "\"ranges\""},
    {"'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01',"
     "'ranges':['a','']", "\"ranges\"/1"},
    {"'op':'edit'," ED ",'name':'n','file':'f','manifest':'m','payload':'" Z64 "','objects':0,"
     "'bytes':0,'manifest_stat':[1,2,'e'],'owner':'acme'", "\"owner\""},
    {"'op':'edit'," ED ",'name':'n','file':'f','manifest':'m','payload':'" Z64 "','objects':0,"
     "'bytes':0,'manifest_stat':[1,2,'e'],'owner':7", "\"owner\""},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err e = {0};
        struct record rec;
        int r = parse(bad[i].body, &rec, &e);
        if (r != -EBADMSG || e.code != r || !strstr(e.text, bad[i].said))
            fail_msg("%s: %d %s", bad[i].body, r, e.text);
    }
}

/* A list of `n` names, or an object that has them all: `each` is what follows a name. */
static char *many(const char *before, const char *each, size_t n, const char *after)
{
    struct buf b = {0};
    buf_adds(&b, before);
    for (size_t i = 0; i < n; i++) {
        buf_addf(&b, "%s'c%zu'%s", i ? "," : "", i, each);
    }
    buf_adds(&b, after);
    return buf_take(&b);
}

/* As many as may be are taken, and one more is not. */
static void test_limits(void **state)
{
    (void)state;
    static const struct {
        const char *before, *each, *after;
        size_t most;
    } rows[] = {
        {"'op':'class','path':'a','classes':[", "", "]", RECORD_LIST_MAX},
        {"'op':'role','role':'a','gives':[", "", "]", RECORD_LIST_MAX},
        {"'op':'policy','principal':'user:a','class':'c','actions':[", "", "]",
         RECORD_LIST_MAX},
        {"'op':'metadata','path':'a','fields':{", ":''", "}", RECORD_LIST_MAX},
        {"'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01',"
         "'ranges':[", "", "]", RECORD_GRANT_RANGES},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (size_t more = 0; more < 2; more++) {
            struct err e;
            AUTO(record) struct record rec = {0};
            AUTO(free) char *body =
                many(rows[i].before, rows[i].each, rows[i].most + more, rows[i].after);
            if (parse(body, &rec, &e) != (more ? -EBADMSG : 0))
                fail_msg("%zu of %s", rows[i].most + more, rows[i].before);
        }
    for (size_t more = 0; more < 2; more++) {
        struct err e;
        AUTO(record) struct record rec = {0};
        AUTO(free) char *text = xcalloc(RECORD_TEXT_MAX + 2, 1);
        memset(text, 'x', RECORD_TEXT_MAX + more);
        AUTO(free) char *body = xasprintf("'op':'metadata','path':'a','fields':{'f':'%s'}", text);
        assert_int_equal(parse(body, &rec, &e), more ? -EBADMSG : 0);
    }
}

/* What an older program would overlook must stop it: a grant that it would give to everywhere. */
static void test_version(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        int v;
    } rows[] = {
        {"{'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01'}", 1},
        {"{'op':'grant'," ED ",'principal':'user:a','from':'2027-01-01','until':'2028-01-01',"
         "'ranges':['lab']}", 3},
        {"{'op':'edit'," ED ",'name':'n','file':'f','manifest':'m','payload':'" Z64 "','objects':0,"
         "'bytes':0,'manifest_stat':[1,2,'e'],'owner':'user:a'}", 3},
        {"{'op':'edit'," ED ",'name':'n','file':'f','manifest':'m','payload':'" Z64 "','objects':0,"
         "'bytes':0,'manifest_stat':[1,2,'e'],'owner':'user:a','version':2}", 3},
        {"{'op':'ranges','name':'lab','ranges':[]}", 1},
        {"{'op':'class','path':'/','classes':['owner']}", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf bytes = {0};
        uint8_t prev[SHA256_SIZE] = {0};
        struct err e;
        json_auto_t *body = json_of(rows[i].body);
        if (record_format(body, 7, prev, ID32, NOON, "a@h", &bytes, &e) < 0)
            fail_msg("%s: %s", rows[i].body, e.text);
        json_auto_t *back = json_loads(bytes.p, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(back, "v")), rows[i].v);
    }
}

static void test_setting_default(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } rows[] = {
        {"acl.enabled", "true"},  {"acl.storage.enabled", "true"}, {"acl.propagate.filter", "''"},
        {"protect.compose", "'all'"}, {"roles.default", "['viewer']"}, {"users.scope", "''"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_auto_t *want = json_of(rows[i].value), *got = setting_default(rows[i].key);
        if (!got || !json_equal(want, got))
            fail_msg("the default of %s", rows[i].key);
    }
    assert_null(setting_default("acl"));
    assert_null(setting_default(""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_keys),
        cmocka_unit_test(test_bad),     cmocka_unit_test(test_limits),
        cmocka_unit_test(test_version), cmocka_unit_test(test_setting_default),
    };
    return cmocka_run_group_tests_name("record_rules", tests, NULL, NULL);
}
