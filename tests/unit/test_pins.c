/* tests/unit/test_pins.c - pin files: what is read, what is refused, which pin answers. */
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
#include "base/err.h"
#include "conform/pins.h"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int code;
        const char *why; /* a part of the sentence */
    } rows[] = {
        {"{\"pins\":[]}", 0, NULL},
        {"", -EBADMSG, "line 1"},
        {"[]", -EBADMSG, "at '/pins': not a list"},
        {"{\"pins\":{}}", -EBADMSG, "at '/pins': not a list"},
        {"{\"pins\":[1]}", -EBADMSG, "at '/pins/0': not an object"},
        {"{\"pins\":[{\"clip\":\"a\",\"key\":\"k\"},{\"key\":\"k\"}]}", -EBADMSG,
         "at '/pins/1': it has neither"},
        {"{\"pins\":[{\"clip\":\"a\"}]}", -EBADMSG, "at '/pins/0': it has no \"key\""},
        {"{\"pins\":[{\"clip\":\"a\",\"key\":7}]}", -EBADMSG, "at '/pins/0/key': not a text"},
        {"{\"pins\":[{\"url\":\"\",\"key\":\"k\"}]}", -EBADMSG, "at '/pins/0/url': not a text"},
        {"{\"pins\":[{\"clip\":\"a\",\"clip\":\"b\",\"key\":\"k\"}]}", -EBADMSG, "line 1"},
        {"{\"pins\":[{\"clip\":\"a\",\"url\":null,\"key\":\"k\",\"reason\":3}]}", 0, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(pins) struct pins *p = NULL;
        struct err e = {0};
        int r = pins_parse(rows[i].text, strlen(rows[i].text), &p, &e);
        if (r != rows[i].code || (rows[i].why && !strstr(e.text, rows[i].why)))
            fail_msg("%s: %d, %s", rows[i].text, r, e.text);
        assert_int_equal(p != NULL, r == 0);
    }
}

static void test_limits(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0};
    AUTO(pins) struct pins *p = NULL;
    struct err e;
    buf_adds(&b, "{\"pins\":[{\"clip\":\"a\",\"key\":\"");
    for (int i = 0; i <= PINS_TEXT_MAX; i++)
        buf_addc(&b, 'k');
    buf_adds(&b, "\"}]}");
    assert_int_equal(pins_parse(b.p, b.len, &p, &e), -EBADMSG);
    buf_clear(&b);
    buf_adds(&b, "{\"pins\":[0");
    for (int i = 0; i < PINS_MAX; i++)
        buf_adds(&b, ",0");
    buf_adds(&b, "]}");
    assert_int_equal(pins_parse(b.p, b.len, &p, &e), -EFBIG);
    assert_int_equal(pins_parse(b.p, PINS_BYTES_MAX + 1, &p, &e), -EFBIG);
}

static void test_first_that_fits(void **state)
{
    (void)state;
    static const char text[] = "{\"pins\":[{\"clip\":\"a\",\"url\":\"/u\",\"key\":\"1\"},"
                               "{\"url\":\"/u\",\"key\":\"2\"},{\"clip\":\"a\",\"key\":\"3\"},"
                               "{\"clip\":\"a\",\"url\":\"/v\",\"key\":\"4\"},"
                               "{\"url\":\"/w\",\"key\":\"5\"}]}";
    static const struct {
        const char *clip, *url, *key;
    } rows[] = {
        {"a", "/u", "1"}, {"b", "/u", "2"}, {"a", "/v", "3"}, {"a", "/w", "3"},
        {"b", "/w", "5"}, {"b", "/x", NULL}, {NULL, "/u", "2"}, {"b", NULL, NULL},
    };
    AUTO(pins) struct pins *p = NULL;
    struct err e;
    assert_int_equal(pins_parse(text, strlen(text), &p, &e), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *key = pins_find(p, rows[i].clip, rows[i].url);
        assert_int_equal(key != NULL, rows[i].key != NULL);
        if (key)
            assert_string_equal(key, rows[i].key);
    }
    assert_null(pins_find(NULL, "a", "/u"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_first_that_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
