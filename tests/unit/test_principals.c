/* tests/unit/test_principals.c - names of principals, and the file that says who is what. */
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
#include "policy/principals.h"

static int parse(const char *text, struct principals **ret, struct err *e)
{
    AUTO(free) char *s = xstrdup(text);
    for (char *p = s; *p; p++) /* not strchr(): sanitizers check all of the text at each call */
        *p = *p == '\'' ? '"' : *p;
    return principals_parse(s, strlen(s), ret, e);
}

static void test_names(void **state)
{
    (void)state;
    static const struct {
        const char *text, *canonical; /* NULL: refused */
    } rows[] = {
        {"acme", "user:acme"},
        {"user:acme", "user:acme"},
        {"group:Content viewers", "group:Content viewers"},
        {"role:viewer", "role:viewer"},
        {"müller", "user:müller"},
        {"user:a:b", "user:a:b"},
        {"user:user:x", "user:user:x"},
        {"a:b", NULL}, /* a typo of a kind must not become a user */
        {"gruop:vendors", NULL},
        {"User:acme", NULL},
        {"a b", "user:a b"},
        {".", "user:."},
        {"arn:aws:iam::111122223333:user/x", "arn:aws:iam::111122223333:user/x"},
        {"arn:aws:iam::111122223333:role/a/b/c", "arn:aws:iam::111122223333:role/a/b/c"},
        {"arn:aws-cn:iam::111122223333:role/x", "arn:aws-cn:iam::111122223333:role/x"},
        {"arn:aws-us-gov:iam::111122223333:user/x@y", "arn:aws-us-gov:iam::111122223333:user/x@y"},
        {"", NULL},
        {"user:", NULL},
        {"group:", NULL},
        {"a/b", NULL},
        {"group:a/b", NULL},
        {"a\n", NULL},
        {"a\x7f", NULL},
        {"a\xff", NULL},
        {"arn:", NULL},
        {"arn:aws:s3:::bucket", NULL},
        {"arn:aws:iam::11112222333:user/x", NULL},
        {"arn:aws:iam::1111222233334:user/x", NULL},
        {"arn:aws:iam::111122223333:user/", NULL},
        {"arn:aws:iam::111122223333:user/x/", NULL},
        {"arn:aws:iam::111122223333:user//x", NULL},
        {"arn:aws:iam::111122223333:group/x", NULL},
        {"arn:aws:iam::111122223333:root", NULL},
        {"arn:aws:iam::111122223333:user/x y", NULL},
        {"arn:aws:iam:eu-west-1:111122223333:user/x", NULL},
        {"arn:gcp:iam::111122223333:user/x", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char got[PRINCIPAL_MAX], again[PRINCIPAL_MAX];
        struct err e;
        int r = principal_parse(rows[i].text, got, &e);
        if (r != (rows[i].canonical ? 0 : -EINVAL) ||
            (r == 0 && strcmp(got, rows[i].canonical) != 0))
            fail_msg("'%s': %d '%s'", rows[i].text, r, r == 0 ? got : e.text);
        if (r == 0) { /* canonical means: it is its own canonical form */
            assert_int_equal(principal_parse(got, again, &e), 0);
            assert_string_equal(again, got);
        }
    }
}

static void test_long_names(void **state)
{
    (void)state;
    char text[700], got[PRINCIPAL_MAX];
    struct err e;
    memset(text, 'n', sizeof text);
    text[255] = '\0';
    assert_int_equal(principal_parse(text, got, &e), 0);
    assert_int_equal(strlen(got), 260);
    text[255] = 'n';
    text[256] = '\0';
    assert_int_equal(principal_parse(text, got, &e), -EINVAL);
    for (size_t n = PRINCIPAL_MAX - 2; n < PRINCIPAL_MAX + 2; n++) {
        memset(text, 'n', sizeof text);
        memcpy(text, "arn:aws:iam::111122223333:user/", 31);
        text[n] = '\0';
        assert_int_equal(principal_parse(text, got, &e), n < PRINCIPAL_MAX ? 0 : -EINVAL);
    }
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

static void test_file(void **state)
{
    (void)state;
    AUTO(principals) struct principals *p = NULL;
    struct err e;
    int r = parse("{'users':[{'id':'ann','uid':1001,'groups':['g','h','g'],'roles':['lead']},"
                  "{'id':'bob','uid':[1002,1003],'mail':'x'},{'id':'carl'}],"
                  "'groups':[{'id':'g','name':'The Gs','members':['bob','ann']},{'id':'empty'}],"
                  "'version':3}", &p, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    assert_acts_as(p, "user:ann", "user:ann group:g group:h role:lead");
    assert_acts_as(p, "user:bob", "user:bob group:g");
    assert_acts_as(p, "user:carl", "user:carl");
    assert_acts_as(p, "user:nobody", "user:nobody");
    assert_acts_as(p, "group:g", "group:g");
    assert_acts_as(NULL, "user:ann", "user:ann");
    assert_string_equal(principals_by_uid(p, 1001), "user:ann");
    assert_string_equal(principals_by_uid(p, 1002), "user:bob");
    assert_string_equal(principals_by_uid(p, 1003), "user:bob");
    assert_null(principals_by_uid(p, 0));
    assert_null(principals_by_uid(p, 1004));
    assert_null(principals_by_uid(p, (uid_t)-1));
    assert_null(principals_by_uid(NULL, 1001));
    assert_true(principals_has(p, "user:carl"));
    assert_true(principals_has(p, "group:empty"));
    assert_true(principals_has(p, "group:h"));
    assert_true(principals_has(p, "role:lead"));
    assert_false(principals_has(p, "user:nobody"));
    assert_false(principals_has(p, "group:ann"));
    assert_false(principals_has(NULL, "user:ann"));
}

/* What rules look at besides names comes with the user; a copy stands on its own. */
static void test_attributes(void **state)
{
    (void)state;
    AUTO(principals) struct principals *p = NULL;
    struct err e;
    int r = parse("{'users':[{'id':'ann','uid':7,'roles':['lead'],'affiliation':'staff',"
                  "'entitlements':['urn:a','urn:b']},{'id':'bob','affiliation':null,"
                  "'entitlements':null,'enabled':true},"
                  "{'id':'eve','uid':8,'groups':['g'],'enabled':false}],"
                  "'groups':[{'id':'h','members':['eve']}]}", &p, &e);
    if (r < 0)
        fail_msg("%s", e.text);
    AUTO(who) struct who ann = {0}, copy = {0}, bob = {0}, eve = {0};
    principals_expand(p, "user:ann", &ann);
    ann.address.family = 4;
    ann.superuser = true;
    ann.details = json_pack("[{s:s}]", "type", "x");
    who_copy(&ann, &copy);
    who_add(&ann, "group:late");
    who_add(&ann, "role:lead");
    json_array_clear(ann.details);
    assert_int_equal(ann.n, 3);
    assert_string_equal(ann.as[2], "group:late");
    who_done(&ann);
    assert_int_equal(ann.n + ann.n_entitlements, 0);
    assert_int_equal(copy.n, 2);
    assert_string_equal(copy.as[1], "role:lead");
    assert_string_equal(copy.affiliation, "staff");
    assert_int_equal(copy.n_entitlements, 2);
    assert_string_equal(copy.entitlements[1], "urn:b");
    assert_true(copy.superuser && copy.address.family == 4);
    assert_int_equal(json_array_size(copy.details), 1);
    principals_expand(p, "user:bob", &bob);
    assert_true(bob.n == 1 && !bob.affiliation && bob.n_entitlements == 0);
    /* one who is disabled is nobody at all: not even the name is left, which a grant could name */
    principals_expand(p, "user:eve", &eve);
    assert_int_equal(eve.n, 0);
    assert_string_equal(who_name(&eve), "nobody");
    assert_string_equal(who_name(&bob), "user:bob");
    assert_false(principals_has(p, "user:eve"));
    assert_null(principals_by_uid(p, 8));
}

static void test_empty_files(void **state)
{
    (void)state;
    static const char *const rows[] = {"{}", "{'users':[]}", "{'groups':[],'users':[]}",
                                       "{'other':[1,2]}"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(principals) struct principals *p = NULL;
        struct err e;
        assert_int_equal(parse(rows[i], &p, &e), 0);
        assert_null(principals_by_uid(p, 0));
    }
}

/* Each is refused, with the place in the sentence: a file that is half understood could give
 * somebody another one's view. */
static void test_bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"", "line 1"},
        {"{", "line 1"},
        {"[]", "object"},
        {"null", "line 1"},
        {"{'users':{}}", "users"},
        {"{'groups':7}", "groups"},
        {"{'users':[],'users':[]}", "line 1"},
        {"{'users':[7]}", "/users/0"},
        {"{'users':[{}]}", "/users/0"},
        {"{'users':[{'id':7}]}", "/users/0"},
        {"{'users':[{'id':''}]}", "/users/0"},
        {"{'users':[{'id':'a/b'}]}", "/users/0"},
        {"{'users':[{'id':'a','id':'b'}]}", "line 1"},
        {"{'users':[{'id':'ok'},{'id':'a'},{'id':'a'}]}", "/users/2"},
        {"{'users':[{'id':'a','uid':'1001'}]}", "/users/0"},
        {"{'users':[{'id':'a','uid':-1}]}", "/users/0"},
        {"{'users':[{'id':'a','uid':1.5}]}", "/users/0"},
        {"{'users':[{'id':'a','uid':4294967295}]}", "/users/0"}, /* (uid_t)-1: no user */
        {"{'users':[{'id':'a','uid':4294967297}]}", "/users/0"}, /* cut off it would be 1 */
        {"{'users':[{'id':'a','uid':{}}]}", "/users/0"},
        {"{'users':[{'id':'a','uid':[1,'2']}]}", "/users/0"},
        {"{'users':[{'id':'a','uid':5},{'id':'b','uid':[4,5]}]}", "/users/1"},
        {"{'users':[{'id':'a','groups':'g'}]}", "/users/0"},
        {"{'users':[{'id':'a','groups':[7]}]}", "/users/0"},
        {"{'users':[{'id':'a','roles':{}}]}", "/users/0"},
        {"{'users':[{'id':'a','affiliation':7}]}", "/users/0/affiliation"},
        {"{'users':[{'id':'a','affiliation':''}]}", "/users/0/affiliation"},
        {"{'users':[{'id':'a','entitlements':'urn:a'}]}", "/users/0/entitlements"},
        {"{'users':[{'id':'a','entitlements':['urn:a','']}]}", "/users/0/entitlements/1"},
        {"{'users':[{'id':'a','enabled':'no'}]}", "/users/0/enabled"},
        {"{'users':[{'id':'a'}],'groups':[{'members':['a']}]}", "/groups/0"},
        {"{'users':[{'id':'a'}],'groups':[{'id':'g','members':'a'}]}", "/groups/0"},
        {"{'users':[{'id':'a'}],'groups':[{'id':'g','members':['a','b']}]}", "/groups/0/members/1"},
        {"{'users':[{'id':'a'}],'groups':[{'id':'g','members':[null]}]}", "/groups/0"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(principals) struct principals *p = NULL;
        struct err e = {0};
        int r = parse(rows[i].text, &p, &e);
        if (r != -EBADMSG || p || !strstr(e.text, rows[i].said))
            fail_msg("%s: %d %s", rows[i].text, r, e.text);
    }
}

/* As many users as there may be, all in one group, and each uid and name is found. */
static void test_many(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0}, members = {0};
    AUTO(principals) struct principals *p = NULL, *more = NULL;
    struct err e;
    buf_adds(&b, "{'users':[");
    for (int i = 1; i <= 100000; i++) {
        buf_addf(&b, "%s{'id':'u%d','uid':%d,'roles':['r%d']}", i > 1 ? "," : "", i, i, i % 7);
        buf_addf(&members, "%s'u%d'", i > 1 ? "," : "", i);
    }
    AUTO(free) char *over = xasprintf("%s,{'id':'more'}]}", buf_str(&b));
    buf_addf(&b, "],'groups':[{'id':'all','members':[%s]}]}", buf_str(&members));
    if (parse(buf_str(&b), &p, &e) < 0)
        fail_msg("%s", e.text);
    assert_acts_as(p, "user:u100000", "user:u100000 role:r5 group:all");
    assert_string_equal(principals_by_uid(p, 70001), "user:u70001");
    assert_null(principals_by_uid(p, 100001));
    assert_int_equal(parse(over, &more, &e), -EFBIG);
    buf_clear(&b);
    buf_adds(&b, "{'users':[{'id':'a','roles':['r'");
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, ",'r%d'", i);
    buf_adds(&b, "]}]}");
    assert_int_equal(parse(buf_str(&b), &more, &e), -EFBIG);
    assert_non_null(strstr(e.text, "more than 1000 groups and roles"));
    assert_null(more);
}

static void test_load(void **state)
{
    (void)state;
    char path[] = "/tmp/shotlake-principals-XXXXXX";
    struct err e = {0};
    AUTO(principals) struct principals *p = NULL, *none = NULL;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    static const char text[] = "{\"users\":[{\"id\":\"ann\",\"uid\":7}]}";
    assert_int_equal(write(fd, text, sizeof text - 1), sizeof text - 1);
    close(fd);
    assert_int_equal(principals_load(path, /* may_be_absent= */ false, &p, &e), 0);
    assert_string_equal(principals_by_uid(p, 7), "user:ann");
    unlink(path);
    struct principals *absent = NULL;
    assert_int_equal(principals_load(path, /* may_be_absent= */ false, &absent, &e), -ENOENT);
    assert_non_null(strstr(e.text, path));
    assert_null(absent);
    assert_int_equal(principals_load(path, /* may_be_absent= */ true, &none, &e), 0);
    assert_null(principals_by_uid(none, 7));
    assert_true(principals_load("/tmp", /* may_be_absent= */ true, &absent, &e) < 0);
    assert_null(absent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),       cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_file),        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_empty_files), cmocka_unit_test(test_bad_files),
        cmocka_unit_test(test_many),        cmocka_unit_test(test_load),
    };
    return cmocka_run_group_tests_name("principals", tests, NULL, NULL);
}
