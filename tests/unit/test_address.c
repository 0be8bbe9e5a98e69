/* tests/unit/test_address.c - IP addresses: what is one, what is none, what lies between two. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/address.h"
#include "base/cleanup.h"

static const struct {
    const char *text, *canonical;
    int family;
} good[] = {
    {"0.0.0.0", "0.0.0.0", 4},
    {"10.0.0.30", "10.0.0.30", 4},
    {"255.255.255.255", "255.255.255.255", 4},
    {"::", "::", 6},
    {"::1", "::1", 6},
    {"2001:DB8:0:0::1", "2001:db8::1", 6},
    {"64:ff9b::10.0.0.1", "64:ff9b::a00:1", 6},
    {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 6},
};

static void test_good(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(good); i++) {
        struct address a = {0}, again;
        char text[ADDRESS_TEXT_SIZE];
        if (!address_parse(good[i].text, &a) || a.family != good[i].family)
            fail_msg("'%s': family %d", good[i].text, a.family);
        assert_string_equal(address_format(&a, text), good[i].canonical);
        assert_true(address_parse(text, &again));
        assert_memory_equal(&a, &again, sizeof a);
    }
    char text[ADDRESS_TEXT_SIZE] = "old";
    assert_string_equal(address_format(&(struct address){0}, text), "");
}

/* Half of these are taken for addresses by readers that go through numbers. */
static void test_bad(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "", " ", "10", "10.0.0", "10.0.0.", ".10.0.0.1", "10.0.0.256", "10.0.0.1.1", "-1.0.0.1",
        "0x0a.0.0.30", "010.0.0.30", "1e1.0.0.30", "10.0.0.030", "10.0.0.30 ", " 10.0.0.30",
        "10.0.0.30\n", "10.0.0.30, 8.8.8.8", "10.0.0.30:443", "10.0.0.0/8", "167772190",
        "localhost", ":", ":::", "1::2::3", "12345::", "fe80::1%eth0", "[::1]", "::1/64", "g::",
        "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::ffff:10.0.0.30", "::FFFF:a00:1e",
        "0:0:0:0:0:ffff:10.0.0.30",
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct address a, before;
        memset(&a, 0x5a, sizeof a);
        before = a;
        if (address_parse(bad[i], &a))
            fail_msg("'%s' is taken for an address", bad[i]);
        assert_memory_equal(&a, &before, sizeof a);
    }
}

static const struct {
    const char *a, *start, *end;
    bool in;
} spans[] = {
    {"10.0.0.0", "10.0.0.0", "10.0.0.255", true},
    {"10.0.0.255", "10.0.0.0", "10.0.0.255", true},
    {"10.0.1.0", "10.0.0.0", "10.0.0.255", false},
    {"9.255.255.255", "10.0.0.0", "10.0.0.255", false},
    {"10.0.0.7", "10.0.0.7", "10.0.0.7", true},
    {"10.0.0.200", "10.0.0.0", "10.0.1.3", true}, /* by its value, not byte by byte */
    {"10.0.0.7", "10.0.0.9", "10.0.0.5", false},
    {"200.0.0.1", "0.0.0.0", "255.255.255.255", true},
    {"2001:db8::ffff", "2001:db8::", "2001:db8::1:0", true},
    {"2001:db8::2", "2001:db8::3", "2001:db8::9", false},
    {"2001:db8::a", "2001:db8::3", "2001:db8::9", false},
    {"2001:db9::", "2001:db8::", "2001:db8:ffff::", false},
    {"::a00:1", "10.0.0.0", "10.0.0.255", false},
    {"10.0.0.1", "::", "ffff::", false},
    {"10.0.0.1", "::", "10.0.0.255", false},
    {"", "0.0.0.0", "255.255.255.255", false}, /* no address is in no range */
    {"", "::", "ffff::", false},
    {"", "", "", false},
};

static void test_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(spans); i++) {
        struct address a = {0}, start = {0}, end = {0};
        assert_true(!*spans[i].a || address_parse(spans[i].a, &a));
        assert_true(!*spans[i].start || address_parse(spans[i].start, &start));
        assert_true(!*spans[i].end || address_parse(spans[i].end, &end));
        if (address_in(&a, &start, &end) != spans[i].in)
            fail_msg("'%s' in %s - %s", spans[i].a, spans[i].start, spans[i].end);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_in),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
