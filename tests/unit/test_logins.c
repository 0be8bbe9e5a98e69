/* tests/unit/test_logins.c - sessions of a mount and their ends, by made-up clocks. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "fs/fuse/login_message.h"
#include "fs/fuse/logins.h"

#define ACME 61001
#define RIVAL 61002
#define START 1800000000

static int64_t wall, mono_ms;

static int64_t the_wall(void)
{
    return wall;
}

static int64_t the_mono_ms(void)
{
    return mono_ms;
}

static void pass(int64_t s)
{
    wall += s;
    mono_ms += s * 1000;
}

static int begin(void **state)
{
    (void)state;
    wall = START;
    mono_ms = 50000;
    clock_set(the_wall, the_mono_ms);
    return 0;
}

static int end(void **state)
{
    (void)state;
    clock_set(NULL, NULL);
    return 0;
}

static struct logins *some(int64_t idle_s, int64_t max_s)
{
    struct login_limits limits = {idle_s, max_s};
    return logins_new(&limits);
}

static int add_until(struct logins *lg, uid_t uid, const char *name, int64_t expires)
{
    AUTO(who) struct who who = {0};
    struct err e;
    who_add(&who, name);
    who_add(&who, "group:vendors");
    return logins_add(lg, uid, &who, expires, "token", &e);
}

static bool is_in(struct logins *lg, uid_t uid)
{
    AUTO(login) struct login *l = logins_get(lg, uid);
    return l != NULL;
}

static void test_one_uid_one_principal(void **state)
{
    (void)state;
    struct logins *lg = some(0, 0);
    assert_false(is_in(lg, ACME));
    assert_int_equal(add_until(lg, RIVAL, "user:rival", START + 100), 0);
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 100), 0);
    assert_int_equal(add_until(lg, ACME, "user:rival", START + 100), -EBUSY);

    AUTO(login) struct login *first = logins_get(lg, ACME);
    assert_string_equal(first->who.as[0], "user:acme");
    assert_string_equal(first->who.as[1], "group:vendors");
    assert_int_equal(first->until, START + 100);

    /* The same principal again takes the place of the first. */
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 200), 0);
    assert_true(first->over);
    AUTO(login) struct login *second = logins_get(lg, ACME);
    assert_int_equal(second->until, START + 200);
    assert_int_equal(logins_count(lg), 2);

    assert_true(logins_end(lg, ACME));
    assert_true(second->over);
    assert_false(logins_end(lg, ACME));
    assert_false(is_in(lg, ACME));
    assert_true(is_in(lg, RIVAL));
    assert_int_equal(add_until(lg, ACME, "user:rival", START + 100), 0);
    logins_free(lg);
}

static void test_expiry(void **state)
{
    (void)state;
    struct logins *lg = some(0, 50);
    assert_int_equal(add_until(lg, ACME, "user:acme", START), -EACCES);
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 20), 0);
    assert_int_equal(add_until(lg, RIVAL, "user:rival", WHEN_NEVER), 0);
    pass(19);
    assert_true(is_in(lg, ACME));
    pass(1);
    assert_false(is_in(lg, ACME));
    pass(29);
    assert_true(is_in(lg, RIVAL));
    pass(1); /* its credential has no end: the longest session has */
    assert_false(is_in(lg, RIVAL));
    logins_sweep(lg);
    assert_int_equal(logins_count(lg), 0);
    /* Who was signed in until just now is no hindrance. */
    assert_int_equal(add_until(lg, ACME, "user:rival", wall + 20), 0);
    pass(20);
    assert_int_equal(add_until(lg, ACME, "user:acme", wall + 20), 0);
    logins_free(lg);
}

static void test_clocks_that_are_set(void **state)
{
    (void)state;
    struct logins *lg = some(0, 0);
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 100), 0);
    assert_int_equal(add_until(lg, RIVAL, "user:rival", START + 100), 0);
    wall -= 1000000;
    mono_ms += 99999;
    assert_true(is_in(lg, ACME));
    mono_ms += 1; /* a clock set back keeps nobody in */
    assert_false(is_in(lg, ACME));
    logins_free(lg);

    lg = some(0, 0);
    assert_int_equal(add_until(lg, ACME, "user:acme", wall + 100), 0);
    wall += 100; /* set forward it ends the session, and for good */
    assert_false(is_in(lg, ACME));
    wall -= 100;
    assert_false(is_in(lg, ACME));
    logins_touch(lg, ACME);
    assert_false(is_in(lg, ACME));
    logins_free(lg);
}

static void test_idle(void **state)
{
    (void)state;
    struct logins *lg = some(30, 0);
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 100), 0);
    for (int i = 0; i < 3; i++) {
        pass(29);
        logins_touch(lg, ACME);
    }
    AUTO(login) struct login *l = logins_get(lg, ACME);
    assert_non_null(l);
    assert_int_equal(logins_idle_end(lg, l), START + 100); /* its end comes before */
    logins_end(lg, ACME);

    assert_int_equal(add_until(lg, ACME, "user:acme", WHEN_NEVER), 0);
    AUTO(login) struct login *again = logins_get(lg, ACME);
    assert_int_equal(logins_idle_end(lg, again), wall + 30);
    pass(29);
    assert_true(is_in(lg, ACME)); /* being asked about is no request */
    pass(1);
    logins_touch(lg, ACME);
    assert_false(is_in(lg, ACME));
    logins_free(lg);
}

static void test_many(void **state)
{
    (void)state;
    struct logins *lg = some(0, 0);
    for (uid_t uid = LOGINS_MAX; uid > 0; uid--)
        assert_int_equal(add_until(lg, 100000 + uid * 7 % 10007, "user:x", START + 100), 0);
    assert_int_equal(logins_count(lg), LOGINS_MAX);
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 100), -ENOSPC);
    assert_int_equal(add_until(lg, 100007, "user:x", START + 100), 0); /* one that is in already */
    assert_true(logins_end(lg, 100007));
    assert_int_equal(add_until(lg, ACME, "user:acme", START + 100), 0);
    pass(100);
    logins_sweep(lg);
    assert_int_equal(logins_count(lg), 0);
    logins_free(lg);
}

/* ---- messages -------------------------------------------------------------------------------- */

static void test_good_messages(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum login_op op;
        const char *member;
    } table[] = {
        {"{\"op\":\"login\",\"token\":\"a.b.c\"}", LOGIN_IN, "token"},
        {"{\"password\":\"p\",\"user\":\"u\",\"op\":\"login\"}", LOGIN_IN, "password"},
        {"{\"op\":\"logout\"}", LOGIN_OUT, NULL},
        {" {\"op\":\"session\"}\n", LOGIN_TELL, NULL},
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct login_message m;
        struct err e;
        assert_int_equal(login_message_parse(table[i].text, strlen(table[i].text), &m, &e), 0);
        assert_int_equal(m.op, table[i].op);
        if (table[i].member)
            assert_true(json_is_string(json_object_get(m.credential, table[i].member)));
        else
            assert_null(m.credential);
        assert_null(json_object_get(m.credential, "op"));
        login_message_done(&m);
    }
}

static void test_bad_messages(void **state)
{
    (void)state;
    static const char *const table[] = {
        "",
        "[]",
        "\"login\"",
        "{\"op\":1}",
        "{\"op\":\"admin\"}",
        "{\"op\":\"login\"}",
        "{\"op\":\"login\",\"token\":\"\"}",
        "{\"op\":\"login\",\"token\":7}",
        "{\"op\":\"login\",\"token\":\"a\",\"user\":\"b\",\"password\":\"c\"}",
        "{\"op\":\"login\",\"token\":\"a\",\"uid\":1000}",
        "{\"op\":\"login\",\"user\":\"b\"}",
        "{\"op\":\"login\",\"user\":\"\",\"password\":\"c\"}",
        "{\"op\":\"login\",\"token\":\"a\",\"token\":\"b\"}",
        "{\"op\":\"login\",\"token\":\"a\\u0000b\"}",
        "{\"op\":\"logout\",\"uid\":1000}",
        "{\"op\":\"session\"} {}",
        "{\"op\":\"session\"",
    };
    for (size_t i = 0; i < COUNT(table); i++) {
        struct login_message m;
        struct err e;
        if (login_message_parse(table[i], strlen(table[i]), &m, &e) != -EBADMSG)
            fail_msg("accepted: %s", table[i]);
        assert_true(*e.text);
    }
}

static void test_long_messages(void **state)
{
    (void)state;
    static const struct {
        const char *format;
        size_t most; /* bytes of the value */
    } table[] = {
        {"{\"op\":\"login\",\"user\":\"%s\",\"password\":\"p\"}", LOGIN_USER_MAX},
        {"{\"op\":\"login\",\"user\":\"u\",\"password\":\"%s\"}", LOGIN_PASSWORD_MAX},
        {"{\"op\":\"login\",\"token\":\"%s\"}",
         LOGIN_MESSAGE_MAX - strlen("{\"op\":\"login\",\"token\":\"\"}")},
    };
    static char value[LOGIN_MESSAGE_MAX + 1], text[LOGIN_MESSAGE_MAX + 100];
    for (size_t i = 0; i < COUNT(table); i++)
        for (size_t more = 0; more < 2; more++) {
            struct login_message m;
            struct err e;
            const char *at = strstr(table[i].format, "%s");
            memset(value, 'x', table[i].most + more);
            value[table[i].most + more] = '\0';
            snprintf(text, sizeof text, "%.*s%s%s", (int)(at - table[i].format), table[i].format,
                     value, at + 2);
            int r = login_message_parse(text, strlen(text), &m, &e);
            assert_int_equal(r, more ? -EBADMSG : 0);
            if (r == 0)
                login_message_done(&m);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_uid_one_principal, begin, end),
        cmocka_unit_test_setup_teardown(test_expiry, begin, end),
        cmocka_unit_test_setup_teardown(test_clocks_that_are_set, begin, end),
        cmocka_unit_test_setup_teardown(test_idle, begin, end),
        cmocka_unit_test_setup_teardown(test_many, begin, end),
        cmocka_unit_test(test_good_messages),
        cmocka_unit_test(test_bad_messages),
        cmocka_unit_test(test_long_messages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
