/* tests/unit/test_splice.c - changes go into the text; every other byte stays. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/json_text.h"
#include "conform/splice.h"

#define RAW "\"k\" :\t0.1,\r\n \"big\": 123456789012345678, \"e\":1e3,\"u\": \"\\u00e9\\/\""

/* `was` is found at /0 or /a of the text and becomes `now`. "@" in `now` is the old object. */
static const struct {
    const char *text, *now, *want;
} cases[] = {
    /* nothing changed, though parsed and put back */
    {"[ {" RAW "} , 24.0 ]\n\n", "{" RAW "}", "[ {" RAW "} , 24.0 ]\n\n"},
    /* a scalar; its neighbours keep their spelling */
    {"[{" RAW ", \"x\" : 1.50 ,\"y\":24.0}]", "{" RAW ",\"x\":\"new\",\"y\":24.0}",
     "[{" RAW ", \"x\" : \"new\" ,\"y\":24.0}]"},
    {"[{\"x\":[1,2],\"y\":{}}]", "{\"x\":[1,3],\"y\":null}", "[{\"x\":[1, 3],\"y\":null}]"},
    /* first, middle, last and all members go */
    {"[{\"a\":1, \"b\":2, \"c\":3}]", "{\"b\":2,\"c\":3}", "[{ \"b\":2, \"c\":3}]"},
    {"[{\"a\":1, \"b\":2, \"c\":3}]", "{\"a\":1,\"c\":3}", "[{\"a\":1, \"c\":3}]"},
    {"[{\"a\":1, \"b\":{\"x\":\"}\"}}]", "{\"a\":1}", "[{\"a\":1}]"},
    {"[{ \"a\":1 }]", "{}", "[{ }]"},
    {"[{ \"a\":1 }]", "{\"b\":2}", "[{ \"b\":2 }]"},
    /* added, in the layout of its neighbours */
    {"{\"a\":{\"x\":1}}", "{\"x\":1,\"y\":{\"z\":[1.0,true]}}",
     "{\"a\":{\"x\":1, \"y\":{\"z\":[1.0, true]}}}"},
    {"{\"a\":{\"x\":1},\"b\":0}", "{\"x\":1,\"y\":[1,2]}", "{\"a\":{\"x\":1,\"y\":[1,2]},\"b\":0}"},
    {"{\n  \"a\": {\n    \"x\": 1\n  },\n  \"n\": NULL\n}", "{\"x\":1,\"y\":{\"z\":2}}",
     "{\n  \"a\": {\n    \"x\": 1,\n    \"y\": {\n      \"z\": 2\n    }\n  },\n  \"n\": NULL\n}"},
    {"{\r\n\t\"a\" : {\r\n\t\t\"x\" : {}\r\n\t}\r\n}", "{\"x\":{\"y\":1}}",
     "{\r\n\t\"a\" : {\r\n\t\t\"x\" : {\r\n\t\t\t\"y\" : 1\r\n\t\t}\r\n\t}\r\n}"},
    {"{\n  \"a\": {\"x\": 1}\n}", "{\"x\":1,\"y\":{\"z\":2}}",
     "{\n  \"a\": {\"x\": 1, \"y\": {\"z\": 2}}\n}"},
    /* what it was, verbatim, inside what it becomes */
    {"[ { \"x\": 1e0 ,\"m\":{} } ]", "{\"x\":2,\"m\":{\"original\":\"@\"}}",
     "[ { \"x\": 2 ,\"m\":{\"original\": { \"x\": 1e0 ,\"m\":{} }} } ]"},
    /* keys that look alike, and strings that look like structure */
    {"[{\"\\u0061\":1,\"]}\":[\"{\\\"\",\"\\\\\"],\"x\":2}]",
     "{\"a\":1,\"]}\":[\"{\\\"\",\"\\\\\"],\"x\":3}",
     "[{\"\\u0061\":1,\"]}\":[\"{\\\"\",\"\\\\\"],\"x\":3}]"},
};

/* "@" becomes the very object `was`. */
static void put_original(json_t *now, json_t *was)
{
    const char *key;
    json_t *v;
    json_object_foreach(now, key, v)
    {
        if (json_is_object(v))
            put_original(v, was);
        else if (json_is_string(v) && strcmp(json_string_value(v), "@") == 0)
            json_object_set(now, key, was);
    }
}

static json_t *parse(const char *text)
{
    json_error_t je;
    json_t *v = json_loads(text, JSON_REJECT_DUPLICATES, &je);
    if (!v)
        fail_msg("%s: %s", text, je.text);
    return v;
}

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct buf out __attribute__((cleanup(auto_buf))) = {0};
        struct err e;
        AUTO(free) char *strict = xstrdup(cases[i].text);
        char *at = strstr(strict, "NULL");
        if (at) /* a token that the tree cannot hold stands for itself */
            memcpy(at, "null", 4);
        json_auto_t *root = parse(strict);
        json_auto_t *was = json_incref(json_is_array(root) ? json_array_get(root, 0)
                                                           : json_object_get(root, "a"));
        json_t *now = parse(cases[i].now);
        put_original(now, was);
        if (json_is_array(root))
            json_array_set_new(root, 0, now);
        else
            json_object_set_new(root, "a", now);
        struct splice_change change = {was, now};
        if (splice(cases[i].text, strlen(cases[i].text), root, &change, 1, "M:", &out, &e) < 0)
            fail_msg("case %zu: %s", i, e.text);
        if (strcmp(buf_str(&out), cases[i].want) != 0)
            fail_msg("case %zu:\n got  %s\n want %s", i, buf_str(&out), cases[i].want);
    }
}

/* Several changes, in whatever order they are told. */
static void test_many(void **state)
{
    (void)state;
    static const char text[] = "[{\"x\": 1}, {\"x\": 1}, [{\"x\": 1}], {\"x\": 1}]";
    json_auto_t *root = parse(text);
    json_t *inner = json_array_get(root, 2);
    json_auto_t *first = json_incref(json_array_get(root, 0));
    json_auto_t *last = json_incref(json_array_get(root, 3));
    json_auto_t *nested = json_incref(json_array_get(inner, 0));
    json_t *now[] = {parse("{\"x\": 7}"), parse("{\"x\": 8}"), parse("{\"x\": 9}")};
    json_array_set_new(root, 3, now[0]);
    json_array_set_new(root, 0, now[1]);
    json_array_set_new(inner, 0, now[2]);
    struct splice_change changes[] = {{last, now[0]}, {first, now[1]}, {nested, now[2]}};
    struct buf out __attribute__((cleanup(auto_buf))) = {0};
    struct err e;
    assert_int_equal(splice(text, sizeof text - 1, root, changes, 3, NULL, &out, &e), 0);
    assert_string_equal(buf_str(&out), "[{\"x\": 8}, {\"x\": 1}, [{\"x\": 9}], {\"x\": 7}]");
}

/* A tree of another text is an error, never a wrong manifest or a read past the end. */
static void test_strangers(void **state)
{
    (void)state;
    static const char *const texts[] = {"",         "[",        "[{",         "[{\"x\"",
                                        "[{\"x\":", "[{\"x\":1", "[1]",       "{\"x\":1}",
                                        "[{}]",     "[[{\"x\":1}]]", "[{\"x\":1,}]", "[{x:1}]"};
    for (size_t i = 0; i < COUNT(texts); i++) {
        json_auto_t *root = parse("[{\"x\":1}]");
        json_auto_t *was = json_incref(json_array_get(root, 0));
        json_array_set_new(root, 0, parse("{\"y\":{\"z\":1}}"));
        struct splice_change change = {was, json_array_get(root, 0)};
        struct buf out __attribute__((cleanup(auto_buf))) = {0};
        AUTO(free) char *exact = xstrdup(texts[i]);
        struct err e;
        int r = splice(exact, strlen(exact), root, &change, 1, NULL, &out, &e);
        if (r == 0 && strcmp(texts[i], "[{}]") != 0)
            fail_msg("'%s' was taken: %s", texts[i], buf_str(&out));
    }
}

/* Numbers as short as they can be; tokens that JSON has not. */
static void test_text(void **state)
{
    (void)state;
    struct json_text_style style = JSON_TEXT_STYLE;
    struct buf out __attribute__((cleanup(auto_buf))) = {0};
    json_auto_t *v = json_pack("[f, f, f, f, f, i, s, s, {}, [], n]", 0.1, 24.0, 23.976023976023978,
                               1e300, -0.0, -5, "M:NaN", "a\"\\\n\x01\xc3\xbc");
    style.mark = "M:";
    json_text_write(v, &style, "", &out);
    assert_string_equal(buf_str(&out), "[0.1, 24.0, 23.976023976023978, 1e+300, -0.0, -5, NaN, "
                                       "\"a\\\"\\\\\\n\\u0001\xc3\xbc\", {}, [], null]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
