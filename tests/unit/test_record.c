/* tests/unit/test_record.c - records: what is read, what is refused, what is written. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#define Z64 "0000000000000000000000000000000000000000000000000000000000000000"
#define HEAD "'v':1,'seq':7,'prev':'" Z64 "','id':'" ID32 "','time':'2027-01-15T08:00:00Z'," \
             "'actor':'a@h',"
#define EDIT "'op':'edit','edit':'abcdefghi0','name':'n','file':'f','manifest':'m'," \
             "'payload':'" Z64 "','objects':0,'bytes':0,"
#define GRANT "'op':'grant','edit':'abcdefghi0','principal':'user:acme',"

static int parse(const char *text, struct record *rec, struct err *e)
{
    AUTO(free) char *s = turned(text);
    *rec = (struct record){0};
    return record_parse(s, strlen(s), rec, e);
}

static void test_good(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum record_op op;
    } rows[] = {
        {"{" HEAD "'op':'init','lake':'" ID32 "','node_key':'" ID32 "'}", RECORD_INIT},
        {"{" HEAD "'op':'inventory','prefix':'','payload':'" Z64 "'}", RECORD_INVENTORY},
        {"{" HEAD "'op':'media','payload':'" Z64 "','rows':3}", RECORD_MEDIA},
        {"{" HEAD EDIT "'manifest_stat':[1,2,'e']}", RECORD_EDIT},
        {"{" HEAD EDIT "'manifest_stat':[1,2,'e'],'source':'" Z64 "'}", RECORD_EDIT},
        {"{" HEAD EDIT "'manifest_stat':[1,2,'e'],'studio':'s','results':'r','shots':'c',"
         "'shots_stat':[1,2,'e']}", RECORD_EDIT},
        {"{" HEAD "'op':'tagged','edit':'abcdefghi0'}", RECORD_TAGGED},
        {"{" HEAD GRANT "'from':'1970-01-01','until':'2027-01-15T08:00:00Z'}", RECORD_GRANT},
        {"{" HEAD "'op':'revoke','edit':'abcdefghi0','principal':'group:x y'}", RECORD_REVOKE},
        {"{" HEAD "'op':'acl','path':'/','entries':[]}", RECORD_ACL},
        {"{" HEAD "'op':'disable','edit':'abcdefghi0'}", RECORD_DISABLE},
        {"{" HEAD "'op':'enable','edit':'abcdefghi0'}", RECORD_ENABLE},
        {"{" HEAD "'op':'remove','edit':'abcdefghi0'}", RECORD_REMOVE},
        {"{" HEAD "'op':'tagged','edit':'abcdefghi0','from the future':{'a':[1]}}", RECORD_TAGGED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e;
        AUTO(record) struct record rec = {0};
        if (parse(rows[i].text, &rec, &e) != 0)
            fail_msg("%s: %s", rows[i].text, e.text);
        assert_int_equal(rec.op, rows[i].op);
        assert_int_equal(rec.seq, 7);
        assert_int_equal(rec.time, NOON);
        assert_string_equal(rec.actor, "a@h");
        assert_string_equal(rec.id, ID32);
    }
}

static void test_grant_fields(void **state)
{
    (void)state;
    struct err e;
    AUTO(record) struct record rec = {0};
    assert_int_equal(parse("{" HEAD GRANT "'from':'2027-01-15T08:00:00Z',"
                           "'until':'2027-01-15T10:00:01+02:00'}", &rec, &e), 0);
    assert_string_equal(rec.edit, "abcdefghi0");
    assert_string_equal(rec.principal, "user:acme");
    assert_int_equal(rec.from, NOON);
    assert_int_equal(rec.until, NOON + 1);
}

/* Each is refused with -EBADMSG and a sentence. */
static const char *const bad[] = {
    "{" HEAD "'op':'media'}", "{" HEAD "'op':'media','payload':'00'}",
    "", " ", "{", "[]", "7", "null", "'x'", "{}", "{} {}", "{" HEAD "'op':'tagged'",
    "{" HEAD "'op':'tagged','edit':'abcdefghi0'} x",
    "{" HEAD "'op':'tagged','op':'tagged','edit':'abcdefghi0'}", /* a key twice */
    "{" HEAD "'op':'tagged','edit':'abcdefghi0','x':{'a':1,'a':2}}",
    "{" HEAD "'op':7,'edit':'abcdefghi0'}",
    "{" HEAD "'edit':'abcdefghi0'}",
    "{'v':'1','seq':7}",
    "{'v':0,'seq':7}",
    "{'v':1.0,'seq':7}",
    "{'v':1}",
    "{'v':1,'seq':0}",
    "{'v':1,'seq':-1}",
    "{'v':1,'seq':'7'}",
    "{'v':1,'seq':7.5}",
    "{'v':1,'seq':99999999999999999999}",
    "{'v':1,'seq':7,'prev':'00','id':'" ID32 "','time':'2027-01-15','actor':'a','op':'tagged',"
    "'edit':'abcdefghi0'}",
    "{'v':1,'seq':7,'prev':'" Z64 "','id':'xyz','time':'2027-01-15','actor':'a','op':'tagged',"
    "'edit':'abcdefghi0'}",
    "{'v':1,'seq':7,'prev':'" Z64 "','id':'" ID32 "','time':'noon','actor':'a','op':'tagged',"
    "'edit':'abcdefghi0'}",
    "{'v':1,'seq':7,'prev':'" Z64 "','id':'" ID32 "','time':'2027-01-15','op':'tagged',"
    "'edit':'abcdefghi0'}",
    "{" HEAD "'op':'init','lake':'" ID32 "'}",
    "{" HEAD "'op':'init','lake':'" ID32 "','node_key':'" ID32 "0'}",
    "{" HEAD "'op':'init','lake':'0123456789ABCDEF0123456789ABCDEF','node_key':'" ID32 "'}",
    "{" HEAD "'op':'inventory','prefix':''}",
    "{" HEAD "'op':'inventory','payload':'../../../etc/passwd'}",
    "{" HEAD EDIT "'manifest_stat':[1,2]}",
    "{" HEAD EDIT "'manifest_stat':[1,2,3]}",
    "{" HEAD EDIT "'manifest_stat':{}}",
    "{" HEAD EDIT "'x':1}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'version':0}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'version':-1}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'version':'2'}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'version':1000001}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'retire_until':7}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'retire_until':'soon'}",
    "{" HEAD "'op':'tagged','edit':'abcdefghi0','at':1}",
    "{" HEAD "'op':'disable'}",
    "{" HEAD "'op':'enable','edit':'x'}",
    "{" HEAD "'op':'remove','edit':7}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'source':'" ID32 "'}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'source':7}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'source':null}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'studio':7}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'results':null}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'shots':[],'shots_stat':[1,2,'e']}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'shots':'c'}",
    "{" HEAD EDIT "'manifest_stat':[1,2,'e'],'shots':'c','shots_stat':[1,2]}",
    "{" HEAD "'op':'edit','edit':'abcdefghi0','name':7,'file':'f','manifest':'m','payload':'" Z64
    "','manifest_stat':[1,2,'e']}",
    "{" HEAD "'op':'tagged','edit':'abcdefghi'}",
    "{" HEAD "'op':'tagged','edit':'abcdefghi01'}",
    "{" HEAD "'op':'tagged','edit':'ABCDEFGHI0'}",
    "{" HEAD "'op':'tagged','edit':'abcdefgh/0'}",
    "{" HEAD "'op':'tagged','edit':null}",
    "{" HEAD GRANT "'from':'2027-01-15'}",
    "{" HEAD GRANT "'until':'2027-01-15'}",
    "{" HEAD GRANT "'from':0,'until':1}",
    "{" HEAD GRANT "'from':'2027-01-15','until':'2027-01-15'}",
    "{" HEAD GRANT "'from':'2027-01-16','until':'2027-01-15'}",
    "{" HEAD "'op':'grant','edit':'abcdefghi0','principal':'acme','from':'2027-01-15',"
    "'until':'2027-01-16'}", /* not canonical */
    "{" HEAD "'op':'revoke','edit':'abcdefghi0'}",
    "{" HEAD "'op':'revoke','edit':'abcdefghi0','principal':''}",
    "{" HEAD "'op':'revoke','edit':'abcdefghi0','principal':'user:'}",
    "{" HEAD "'op':'revoke','edit':'abcdefghi0','principal':'user:a/b'}",
    "{" HEAD "'op':'revoke','edit':'abcdefghi0','principal':'arn:aws:s3:::x'}",
    "{" HEAD "'op':'acl','entries':[]}",
    "{" HEAD "'op':'acl','path':'/'}",
    "{" HEAD "'op':'acl','path':'/','entries':{}}",
    "{" HEAD "'op':'acl','path':'/','entries':[{}]}",
    "{" HEAD "'op':'acl','path':7,'entries':[]}",
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct err e = {0};
        struct record rec;
        int r = parse(bad[i], &rec, &e);
        if (r != -EBADMSG || e.code != r || !*e.text)
            fail_msg("%s: %d %s", bad[i], r, e.text);
    }
    struct err e;
    struct record rec;
    assert_int_equal(record_parse("{}\0", 3, &rec, &e), -EBADMSG);
    assert_int_equal(record_parse("\xff{}", 3, &rec, &e), -EBADMSG);
    AUTO(free) char *huge = xcalloc(RECORD_MAX_BYTES + 1, 1);
    memset(huge, ' ', RECORD_MAX_BYTES + 1);
    assert_int_equal(record_parse(huge, RECORD_MAX_BYTES + 1, &rec, &e), -EBADMSG);
}

/* A record of a newer program is told apart: it must stop the replay, not look like damage. */
static void test_future(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "{'v':4}",
        "{'v':4,'seq':'anything','op':{}}",
        "{'v':9223372036854775807,'seq':7}",
        "{" HEAD "'op':'rule'}",
        "{" HEAD "'op':''}",
        "{" HEAD "'op':'Grant'}",
        "{" HEAD "'op':'grants'}",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        struct record rec;
        int r = parse(rows[i], &rec, &e);
        if (r != -EPROTONOSUPPORT || !strstr(e.text, "too old"))
            fail_msg("%s: %d %s", rows[i], r, e.text);
    }
}

static void test_edit_fields(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        uint64_t version;
        int64_t until;
    } rows[] = {{"}", 1, 0},
                {",'version':1}", 1, 0},
                {",'version':7}", 7, 0},
                {",'version':7,'retire_until':'2027-01-15T08:00:00Z'}", 7, NOON}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(record) struct record rec = {0};
        struct err e;
        AUTO(free) char *text =
            xasprintf("{%s%s'manifest_stat':[1,2,'e']%s", HEAD, EDIT, rows[i].more);
        if (parse(text, &rec, &e) < 0)
            fail_msg("%s: %s", text, e.text);
        assert_int_equal(rec.version, rows[i].version);
        assert_int_equal(rec.retire_until, rows[i].until);
    }
    struct err e;
    AUTO(record) struct record rec = {0};
    assert_int_equal(parse("{" HEAD "'op':'tagged','edit':'abcdefghi0'}", &rec, &e), 0);
    assert_int_equal(rec.at, NOON); /* the record's own time */
}

/* What a program without versions would overlook, and go on to show what was lost, it must refuse. */
static void test_format_of_a_later_version(void **state)
{
    (void)state;
    static const struct {
        const char *more;
        int v;
    } rows[] = {{"", 1}, {",'version':1", 1}, {",'version':2", 2}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf bytes = {0};
        uint8_t prev[SHA256_SIZE] = {0};
        struct err e;
        AUTO(free) char *text = xasprintf("{%s'manifest_stat':[1,2,'e']%s}", EDIT, rows[i].more);
        json_auto_t *body = json_of(text);
        if (record_format(body, 7, prev, ID32, NOON, "a@h", &bytes, &e) < 0)
            fail_msg("%s", e.text);
        json_auto_t *back = json_loads(bytes.p, 0, NULL);
        assert_int_equal(json_integer_value(json_object_get(back, "v")), rows[i].v);
    }
}

static void test_format(void **state)
{
    (void)state;
    uint8_t prev[SHA256_SIZE];
    struct err e;
    AUTO(buf) struct buf b = {0}, again = {0};
    AUTO(record) struct record rec = {0};
    char hash[SHA256_HEX_SIZE];
    uint8_t raw[SHA256_SIZE];
    memset(prev, 0xab, sizeof prev);
    json_auto_t *body = json_of("{'op':'grant','edit':'abcdefghi0','principal':'role:é',"
                                "'from':'1970-01-01T00:00:00Z','until':'2027-06-15T12:00:00Z'}");
    assert_int_equal(record_format(body, 12, prev, ID32, NOON, "me@here", &b, &e), 0);
    assert_int_equal(record_parse(b.p, b.len, &rec, &e), 0);
    assert_int_equal(b.p[b.len - 1], '\n');
    assert_null(memchr(b.p, '\n', b.len - 1));
    assert_int_equal(rec.seq, 12);
    assert_memory_equal(rec.prev, prev, sizeof prev);
    assert_string_equal(rec.principal, "role:é");
    assert_string_equal(rec.op_name, "grant");
    hash_sha256(b.p, b.len, raw);
    assert_memory_equal(rec.hash, raw, sizeof raw);
    hash_sha256_hex(b.p, b.len, hash);
    assert_int_equal(record_format(body, 12, prev, ID32, NOON, "me@here", &again, &e), 0);
    assert_string_equal(b.p, again.p); /* the same input, the same bytes */
}

/* A body cannot forge what the writer sets, and a bad one is never written. */
static void test_format_refuses(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "{}", "{'op':'rule'}", "{'op':'tagged'}", "{'op':'tagged','edit':'short'}",
        "{'op':'grant','edit':'abcdefghi0','principal':'user:a','from':'2027-01-02',"
        "'until':'2027-01-01'}",
    };
    static const uint8_t prev[SHA256_SIZE];
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct err e = {0};
        AUTO(buf) struct buf b = {0};
        json_auto_t *body = json_of(bodies[i]);
        int r = record_format(body, 1, prev, ID32, NOON, "me@here", &b, &e);
        if (r != -EINVAL || !*e.text)
            fail_msg("%s: %d %s", bodies[i], r, e.text);
    }
    struct err e;
    AUTO(buf) struct buf b = {0};
    AUTO(record) struct record rec = {0};
    json_auto_t *body = json_of("{'op':'tagged','edit':'abcdefghi0','seq':99,'actor':'root',"
                                "'time':'1999-01-01','v':7}");
    assert_int_equal(record_format(body, 3, prev, ID32, NOON, "me@here", &b, &e), 0);
    assert_int_equal(record_parse(b.p, b.len, &rec, &e), 0);
    assert_int_equal(rec.seq, 3);
    assert_string_equal(rec.actor, "me@here");
    assert_int_equal(rec.time, NOON);
}

static void test_acl(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int r;
        const char *said; /* in the sentence */
    } rows[] = {
        {"[]", 0, NULL},
        {READ_FOR("USER", "morten"), 0, NULL},
        {READ_FOR("GROUP", "Content viewers"), 0, NULL},
        {"[{'principalType':'USER','principal':'a','accessTypes':[]}]", 0, NULL},
        {"[{'principalType':'USER','principal':'a','accessTypes':['read','from_the_future']}]", 0,
         NULL},
        {"{}", -EBADMSG, "list"},
        {"null", -EBADMSG, "list"},
        {"[7]", -EBADMSG, "/0/principalType"},
        {"[{'principal':'a','accessTypes':[]}]", -EBADMSG, "/0/principalType"},
        {"[{'principalType':'ROLE','principal':'a','accessTypes':[]}]", -EBADMSG,
         "/0/principalType"},
        {"[{'principalType':'user','principal':'a','accessTypes':[]}]", -EBADMSG,
         "/0/principalType"},
        {"[{'principalType':'USER','accessTypes':[]}]", -EBADMSG, "/0/principal"},
        {"[{'principalType':'USER','principal':'','accessTypes':[]}]", -EBADMSG, "/0/principal"},
        {"[{'principalType':'USER','principal':'a/b','accessTypes':[]}]", -EBADMSG,
         "/0/principal"},
        {"[{'principalType':'USER','principal':'a\\n','accessTypes':[]}]", -EBADMSG,
         "/0/principal"},
        {"[{'principalType':'USER','principal':7,'accessTypes':[]}]", -EBADMSG, "/0/principal"},
        {"[{'principalType':'USER','principal':'a'}]", -EBADMSG, "/0/accessTypes"},
        {"[{'principalType':'USER','principal':'a','accessTypes':'read'}]", -EBADMSG,
         "/0/accessTypes"},
        {"[{'principalType':'USER','principal':'a','accessTypes':[1]}]", -EBADMSG,
         "/0/accessTypes/0"},
        {"[{'principalType':'USER','principal':'a','accessTypes':['']}]", -EBADMSG,
         "/0/accessTypes/0"},
        {"[{'principalType':'USER','principal':'a','accessTypes':['read'],'deny':true}]", -EBADMSG,
         "deny"},
        {"[{'principalType':'USER','principal':'a','accessTypes':['read']},{}]", -EBADMSG, "/1/"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err e = {0};
        json_auto_t *j = json_of(rows[i].text);
        int r = acl_check(j, &e);
        if (r != rows[i].r || (r < 0 && !strstr(e.text, rows[i].said)))
            fail_msg("%s: %d %s", rows[i].text, r, e.text);
    }
    struct err e;
    json_auto_t *many = json_array();
    json_auto_t *one = json_of(READ_FOR("USER", "a"));
    for (int i = 0; i <= RECORD_ACL_MAX; i++)
        json_array_append(many, json_array_get(one, 0));
    assert_int_equal(acl_check(many, &e), -EFBIG);
}

static void test_acl_access(void **state)
{
    (void)state;
    json_auto_t *j = json_of("[{'principalType':'GROUP','principal':'x','accessTypes':['write',"
                             "'modify_acl_access']}," "{'principalType':'USER','principal':'y',"
                             "'accessTypes':['reader','modify_all_access','read']}]");
    const json_t *a = json_array_get(j, 0), *b = json_array_get(j, 1);
    char name[PRINCIPAL_MAX];
    acl_principal(a, name);
    assert_string_equal(name, "group:x");
    acl_principal(b, name);
    assert_string_equal(name, "user:y");
    assert_false(acl_gives(a, "read"));
    assert_true(acl_gives(a, "write"));
    assert_true(acl_gives(a, "modify_all_access")); /* two names of one right */
    assert_true(acl_gives(b, "read"));
    assert_true(acl_gives(b, "modify_all_access"));
    assert_false(acl_gives(b, "modify_acl_access"));
}

static void test_key(void **state)
{
    (void)state;
    char key[RECORD_KEY_SIZE];
    record_key(7, key);
    assert_string_equal(key, ".shotlake/ledger/00000000000000000007.json");
    record_key(UINT64_MAX, key);
    assert_string_equal(key, ".shotlake/ledger/18446744073709551615.json");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),          cmocka_unit_test(test_grant_fields),
        cmocka_unit_test(test_bad),           cmocka_unit_test(test_future),
        cmocka_unit_test(test_format),        cmocka_unit_test(test_format_refuses),
        cmocka_unit_test(test_acl),           cmocka_unit_test(test_acl_access),
        cmocka_unit_test(test_key),           cmocka_unit_test(test_edit_fields),
        cmocka_unit_test(test_format_of_a_later_version),
    };
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
