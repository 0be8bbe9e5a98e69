/* tests/unit/test_fold.c - folding: what counts as one name, and keys that fit a table. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

#include "policy/fold.h"

static void test_pairs(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same;
    } rows[] = {
        {"Plate.1001.EXR", "plate.1001.exr", true},
        {"plate.1001.exr", "plate.1002.exr", false},
        {"r\xc3\xa9sum\xc3\xa9.mov", "re\xcc\x81sume\xcc\x81.mov", true}, /* NFC, NFD */
        {"\xc3\x89t\xc3\xa9", "e\xcc\x81te\xcc\x81", true},               /* and case */
        {"\xc3\xa9", "e", false},
        {"stra\xc3\x9f" "e", "STRASSE", true},
        {"\xce\xa3", "\xcf\x82", true}, /* the two small sigmas */
        {"\xef\xac\x81le", "file", true}, /* a ligature unfolds */
        {"a\xcc\x82\xcc\xa3", "a\xcc\xa3\xcc\x82", true}, /* the order of marks */
        {"\xff\x41", "\xff\x61", false}, /* not UTF-8: bytes */
        {"\xff\x41", "\xff\x41", true},
        {"", "", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf a = {0}, b = {0};
        assert_int_equal(fold_name(rows[i].a, strlen(rows[i].a), &a), 0);
        assert_int_equal(fold_name(rows[i].b, strlen(rows[i].b), &b), 0);
        if ((strcmp(buf_str(&a), buf_str(&b)) == 0) != rows[i].same)
            fail_msg("%s | %s: '%s' '%s'", rows[i].a, rows[i].b, buf_str(&a), buf_str(&b));
    }
}

/* Folded once more, a text stays as it is. */
static void test_stable(void **state)
{
    (void)state;
    static const char *const rows[] = {"AbC", "\xc3\x89T\xc3\x89", "\xe1\xbe\x80\xce\x90", "\xe1\xba\x9e",
                                       "\xc4\xb0", "\xed\x95\x9c\xea\xb8\x80"};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf once = {0}, twice = {0};
        fold_name(rows[i], strlen(rows[i]), &once);
        fold_name(once.p, once.len, &twice);
        assert_string_equal(twice.p, once.p);
    }
}

static void test_key_fits(void **state)
{
    (void)state;
    AUTO(buf) struct buf name = {0}, a = {0}, b = {0}, full = {0};
    for (int i = 0; i < 120; i++)
        buf_adds(&name, "\xe1\xbe\x80"); /* three bytes that fold to five */
    assert_int_equal(fold_name(name.p, name.len, &full), 0);
    assert_true(full.len > FOLD_KEY_BYTES);
    assert_int_equal(fold_key(name.p, name.len, &a), 0);
    assert_int_equal(a.len, FOLD_KEY_BYTES);
    buf_adds(&name, "x"); /* they differ behind what is kept */
    assert_int_equal(fold_key(name.p, name.len, &b), 0);
    assert_int_equal(b.len, FOLD_KEY_BYTES);
    assert_memory_equal(a.p, b.p, 400);
    assert_memory_not_equal(a.p, b.p, FOLD_KEY_BYTES);
}

static void test_limit(void **state)
{
    (void)state;
    AUTO(buf) struct buf name = {0}, ret = {0};
    memset(buf_room(&name, FOLD_MAX_BYTES + 1), 'A', FOLD_MAX_BYTES + 1);
    buf_added(&name, FOLD_MAX_BYTES + 1);
    assert_int_equal(fold_name(name.p, FOLD_MAX_BYTES + 1, &ret), -E2BIG);
    assert_int_equal(ret.len, 0);
    assert_int_equal(fold_name(name.p, FOLD_MAX_BYTES, &ret), 0);
    assert_int_equal(ret.len, FOLD_MAX_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_stable),
        cmocka_unit_test(test_key_fits),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests_name("fold", tests, NULL, NULL);
}
