/* tests/unit/test_xml_tree.c - what is in the tree, and what no document may do. */
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
#include "conform/xml_tree.h"

static struct xml_tree *parse(const char *s)
{
    struct xml_tree *t = NULL;
    struct err e;
    if (xml_tree_parse(s, strlen(s), &t, &e) < 0)
        fail_msg("%s: %s", s, e.text);
    return t;
}

static void test_tree(void **state)
{
    (void)state;
    AUTO(xml_tree)
    struct xml_tree *t = parse("<?xml version='1.0'?>\n<!DOCTYPE a>\n<a x='1' y=''>\n"
                               "<b>  one &amp; <![CDATA[<two>]]>\n</b><c/><b id='z'><d>3</d></b>\n"
                               "<!-- no --><b>last</b></a>");
    const struct xml_node *a = xml_tree_root(t), *b = xml_tree_child(a, "b");
    assert_string_equal(a->name, "a");
    assert_string_equal(a->text, "");
    assert_int_equal(a->line, 3);
    assert_int_equal(a->size, 6);
    assert_int_equal(a->n_attr, 2);
    assert_string_equal(xml_tree_attr(a, "x"), "1");
    assert_string_equal(xml_tree_attr(a, "y"), "");
    assert_null(xml_tree_attr(a, "z"));
    assert_null(xml_tree_attr(NULL, "x"));
    assert_string_equal(b->text, "one & <two>");
    assert_ptr_equal(b->parent, a);
    b = xml_tree_next(b, "b");
    assert_string_equal(xml_tree_text(b, "d"), "3");
    assert_string_equal(xml_tree_next(b, "b")->text, "last");
    assert_null(xml_tree_next(xml_tree_next(b, "b"), "b"));
    assert_null(xml_tree_text(a, "c"));
    assert_null(xml_tree_find(a, "b/d"));
    assert_ptr_equal(xml_tree_find(a, "b"), xml_tree_child(a, "b"));
    assert_null(xml_tree_child(NULL, "b"));
}

static void test_ids(void **state)
{
    (void)state;
    AUTO(xml_tree)
    struct xml_tree *t = parse("<a><f id='1'/><f id='1'><n>x</n></f><f id='1'><n>y</n></f>"
                               "<g id='1'/><f id='2'/></a>");
    assert_string_equal(xml_tree_text(xml_tree_by_id(t, "f", "1"), "n"), "x");
    assert_string_equal(xml_tree_by_id(t, "g", "1")->name, "g");
    assert_null(xml_tree_by_id(t, "f", "2")->child);
    assert_null(xml_tree_by_id(t, "g", "2"));
    assert_null(xml_tree_by_id(t, "h", "1"));
}

static const struct {
    const char *xml, *why;
} bad[] = {
    {"", "line 1: no element found"},
    {"<a>\n<b></a>", "line 2: mismatched tag"},
    {"<a x='1' x='2'/>", "line 1: duplicate attribute"},
    {"<!DOCTYPE a [<!ENTITY e 'x'>]><a>&e;</a>", "line 1: a document type with declarations"},
    {"<!DOCTYPE a [\n]><a/>", "line 1: a document type with declarations"},
    {"<!DOCTYPE a SYSTEM 'http://x/y.dtd'><a>&e;</a>", "line 1: a reference to an entity"},
    {"<a>&e;</a>", "line 1: undefined entity"},
    {"<a>\xff</a>", "line 1: not well-formed"},
    {"<a>&#0;</a>", "line 1: reference to invalid character number"},
    {"<a/><b/>", "line 1: junk after document element"},
    {"<?xml version='1.0' encoding='x-none'?><a/>", "line 1: unknown encoding"},
};

static void test_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct xml_tree *t = NULL;
        struct err e;
        assert_int_equal(xml_tree_parse(bad[i].xml, strlen(bad[i].xml), &t, &e), -EBADMSG);
        assert_null(t);
        if (strncmp(e.text, bad[i].why, strlen(bad[i].why)) != 0)
            fail_msg("%s: %s", bad[i].xml, e.text);
    }
}

/* `head`, then `n` times `piece`, then `tail`. */
static int parse_many(const char *head, const char *piece, size_t n, const char *tail,
                      struct err *e)
{
    struct buf b = {0};
    struct xml_tree *t = NULL;
    buf_adds(&b, head);
    while (n-- > 0)
        buf_adds(&b, piece);
    buf_adds(&b, tail);
    int r = xml_tree_parse(b.p, b.len, &t, e);
    xml_tree_free(t);
    buf_done(&b);
    return r;
}

static void test_limits(void **state)
{
    (void)state;
    struct err e;
    assert_int_equal(parse_many("", "<a>", XML_TREE_DEPTH_MAX + 1, "", &e), -EBADMSG);
    assert_string_equal(e.text, "line 1: elements nested deeper than 256 levels");
    assert_int_equal(parse_many("<a>", "0123456789abcdef", XML_TREE_TEXT_MAX / 16, "</a>", &e), 0);
    assert_int_equal(parse_many("<a>\n", "0123456789abcdef", XML_TREE_TEXT_MAX / 16, "</a>", &e),
                     -EBADMSG);
    assert_true(strstr(e.text, "a text longer than 4 MiB") != NULL);
    assert_int_equal(
        parse_many("<a b='", "0123456789abcdef", XML_TREE_VALUE_MAX / 16 + 1, "'/>", &e), -EBADMSG);
    struct buf many = {0};
    buf_adds(&many, "<a");
    for (int i = 0; i <= XML_TREE_ATTRS_MAX; i++)
        buf_addf(&many, " a%d=''", i);
    assert_int_equal(parse_many(many.p, "", 0, "/>", &e), -EBADMSG);
    assert_string_equal(e.text,
                        "line 1: an element with too many attributes, or one that is too long");
    buf_done(&many);
    struct xml_tree *t = NULL;
    assert_int_equal(xml_tree_parse("", (size_t)XML_TREE_BYTES_MAX + 1, &t, &e), -EFBIG);
}

/* Text between child elements is no one's, and UTF-16 is read as what it is. */
static void test_encodings(void **state)
{
    (void)state;
    static const char utf16[] = "\xff\xfe<\0a\0>\0\xe9\0<\0/\0a\0>\0";
    struct xml_tree *t = NULL;
    struct err e;
    assert_int_equal(xml_tree_parse(utf16, sizeof utf16 - 1, &t, &e), 0);
    assert_string_equal(xml_tree_root(t)->text, "\xc3\xa9");
    xml_tree_free(t);
    t = parse("<?xml version='1.0' encoding='ISO-8859-1'?><a>\xe9<b/></a>");
    assert_string_equal(xml_tree_root(t)->text, "");
    xml_tree_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tree),   cmocka_unit_test(test_ids),       cmocka_unit_test(test_bad),
        cmocka_unit_test(test_limits), cmocka_unit_test(test_encodings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
