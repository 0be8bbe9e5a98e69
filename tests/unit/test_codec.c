/* tests/unit/test_codec.c - hex, base64url, percent signs and UTF-8, strictly. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"

static void test_hex(void **state)
{
    (void)state;
    static const uint8_t bytes[] = {0x00, 0x0f, 0xa5, 0xff};
    char text[9];
    uint8_t back[4];
    hex_encode(bytes, sizeof bytes, text);
    assert_string_equal(text, "000fa5ff");
    assert_int_equal(hex_decode("000fa5ff", back, 4), 0);
    assert_memory_equal(back, bytes, 4);
    static const char *const bad[] = {"", "0", "000fa5f", "000fa5ff0", "000fa5ff00", "000FA5FF",
                                      "000fa5fg", "0x0fa5ff", " 00fa5ff", "000fa5f "};
    for (size_t i = 0; i < COUNT(bad); i++)
        if (hex_decode(bad[i], back, 4) != -EINVAL)
            fail_msg("'%s' is taken for hex", bad[i]);
}

static void test_base64url(void **state)
{
    (void)state;
    static const struct {
        const char *text, *bytes;
    } rows[] = {
        {"", ""}, {"Zg", "f"}, {"Zm8", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg", "foob"}, {"-_-_", "\xfb\xff\xbf"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf b = {0};
        assert_int_equal(base64url_decode(&b, rows[i].text, strlen(rows[i].text)), 0);
        assert_string_equal(buf_str(&b), rows[i].bytes);
    }
    /* padding, another alphabet, white space, a length that cannot be, bits left over */
    static const char *const bad[] = {"Zg==", "+/+/", "Zm9v\n", " Zm9v", "Z", "Zm9vZ", "Zh", "Zm9"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        AUTO(buf) struct buf b = {0};
        if (base64url_decode(&b, bad[i], strlen(bad[i])) != -EINVAL)
            fail_msg("'%s' is taken for base64url", bad[i]);
    }
}

static void test_percent_encode(void **state)
{
    (void)state;
    static const struct {
        const char *in, *slash, *no_slash;
    } rows[] = {
        {"", "", ""},
        {"abc-._~XYZ019", "abc-._~XYZ019", "abc-._~XYZ019"},
        {"a/b c+d%e", "a/b%20c%2Bd%25e", "a%2Fb%20c%2Bd%25e"},
        {"é;=&*'", "%C3%A9%3B%3D%26%2A%27", "%C3%A9%3B%3D%26%2A%27"},
        {"\x01\x7f\xff", "%01%7F%FF", "%01%7F%FF"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf a = {0}, b = {0}, back = {0};
        percent_encode(&a, rows[i].in, strlen(rows[i].in), /* keep_slash= */ true);
        percent_encode(&b, rows[i].in, strlen(rows[i].in), /* keep_slash= */ false);
        assert_string_equal(buf_str(&a), rows[i].slash);
        assert_string_equal(buf_str(&b), rows[i].no_slash);
        assert_int_equal(percent_decode(&back, buf_str(&b), b.len), 0);
        assert_string_equal(buf_str(&back), rows[i].in);
    }
}

static void test_percent_decode(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* NULL: refused */
    } rows[] = {
        {"", ""},           {"a+b", "a+b"},   {"%41%4a%4A", "AJJ"}, {"%2520", "%20"},
        {"%c3%A9", "é"},    {"%", NULL},      {"a%4", NULL},        {"%4g", NULL},
        {"%%41", NULL},     {"%00", NULL},    {"x%0", NULL},        {"100% sure", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf b = {0};
        int r = percent_decode(&b, rows[i].in, strlen(rows[i].in));
        if (r != (rows[i].out ? 0 : -EINVAL))
            fail_msg("'%s' gives %d", rows[i].in, r);
        if (rows[i].out)
            assert_string_equal(buf_str(&b), rows[i].out);
    }
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a", "\x7f", "é", "日本", "😀", "\xed\x9f\xbf",
                                       "\xee\x80\x80", "\xf4\x8f\xbf\xbf", "\xc2\x80",
                                       "\xe0\xa0\x80", "\xf0\x90\x80\x80"};
    static const char *const bad[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",     "\xe0\x80\x80",
        "\xe0\x9f\xbf", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff",     "\xfe",         "\xc3",
        "\xe6\x97",     "\xf0\x9f\x98", "\xc3(",            "a\xc3",        "\xe6(\xa5",
    };
    for (size_t i = 0; i < COUNT(good); i++)
        if (!utf8_is_valid(good[i], strlen(good[i])))
            fail_msg("good text %zu is refused", i);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (utf8_is_valid(bad[i], strlen(bad[i])))
            fail_msg("bad text %zu is taken", i);
    assert_false(utf8_is_valid("a\0b", 3));
    assert_true(utf8_is_valid("a\0b", 1));
    assert_false(utf8_is_valid("é", 1)); /* the length counts, not the terminator */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hex), cmocka_unit_test(test_base64url),
        cmocka_unit_test(test_percent_encode),
        cmocka_unit_test(test_percent_decode),
        cmocka_unit_test(test_utf8),
    };
    return cmocka_run_group_tests_name("codec", tests, NULL, NULL);
}
