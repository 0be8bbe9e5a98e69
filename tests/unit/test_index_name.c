/* tests/unit/test_index_name.c - objects by name, stem and frame pattern, exact and folded. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/policy_world.h"

typedef int by_fn(struct index_read *rd, const char *text, size_t n, node_id **ret, size_t *ret_n,
                  struct err *e);

/* The keys that a question finds, with a blank between, sorted. */
static char *found(struct world *w, by_fn *by, const char *text)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(free) node_id *ids = NULL;
    size_t n;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    if (by(rd, text, strlen(text), &ids, &n, &w->e) < 0)
        fail_msg("%s", w->e.text);
    roaring_bitmap_t *set = roaring_bitmap_create();
    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || ids[i] > ids[i - 1]);
        roaring_bitmap_add(set, ids[i]);
    }
    char *paths = paths_of(rd, set);
    roaring_bitmap_free(set);
    return paths;
}

#define E_NFC "\xc3\xa9"
#define E_NFD "e\xcc\x81"

static void test_questions(void **state)
{
    struct world *w = *state;
    static const struct {
        by_fn *by;
        const char *text, *want;
    } rows[] = {
        {index_by_name, "plate.1001.exr", "a/plate.1001.exr b/plate.1001.exr"},
        {index_by_name, "plate.1001.EXR", "c/plate.1001.EXR"},
        {index_by_name, "plate.1001.mov", ""},
        {index_by_name, "plate.1001", ""},
        {index_by_name, "clip.mov", "m/clip.mov"},
        {index_by_folded_name, "PLATE.1001.exr",
         "a/plate.1001.exr b/plate.1001.exr c/plate.1001.EXR"},
        {index_by_folded_name, "t" E_NFC ".mov", "m/t" E_NFD ".mov m/t" E_NFC ".mov"},
        {index_by_folded_name, "T" E_NFD ".MOV", "m/t" E_NFD ".mov m/t" E_NFC ".mov"},
        {index_by_name, "t" E_NFD ".mov", "m/t" E_NFD ".mov"},
        {index_by_stem, "CLIP", "m/clip m/clip.mov m/clip.mxf"},
        {index_by_stem, "clip.mov", ""},
        {index_by_stem, "plate.1001", "a/plate.1001.exr b/plate.1001.exr c/plate.1001.EXR"},
        {index_by_stem, ".hidden", "m/.hidden"},
        {index_by_name, ".hidden", "m/.hidden"},
        {index_by_pattern, "plate.#.exr", "a/plate.1001.exr a/plate.1002.exr b/plate.1001.exr"},
        {index_by_pattern, "plate.#.EXR", "c/plate.1001.EXR"},
        {index_by_pattern, "plate.#", ""},
        {index_by_folded_pattern, "Plate.#.exr",
         "a/plate.1001.exr a/plate.1002.exr b/plate.1001.exr c/plate.1001.EXR"},
        {index_by_folded_pattern, "plate.#.dpx", "d/PLATE.0007.dpx"},
        {index_by_stem_pattern, "plate.#", "a/plate.1001.exr a/plate.1002.exr b/plate.1001.exr "
                                           "c/plate.1001.EXR d/PLATE.0007.dpx"},
        {index_by_stem_pattern, "plate.#.exr", ""},
        {index_by_pattern, "#", "m/00123"},
        {index_by_stem_pattern, "#", "m/00123"},
        {index_by_name, "", ""},
        {index_by_stem, "nothing", ""},
    };
    inventory(w, "+a/plate.1001.exr +a/plate.1002.exr +b/plate.1001.exr +c/plate.1001.EXR "
                 "+d/PLATE.0007.dpx +m/clip.mov +m/clip.mxf +m/clip +m/.hidden +m/00123 "
                 "+m/t" E_NFC ".mov +m/t" E_NFD ".mov");
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(free) char *got = found(w, rows[i].by, rows[i].text);
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%zu, %s: '%s', not '%s'", i, rows[i].text, got, rows[i].want);
    }
}

static void test_only_the_live(void **state)
{
    struct world *w = *state;
    inventory(w, "+a/x.1.exr +b/x.1.exr +s");
    inventory(w, "-a/x.1.exr +s/y");
    AUTO(free) char *name = found(w, index_by_folded_name, "X.1.exr");
    AUTO(free) char *pattern = found(w, index_by_stem_pattern, "x.#");
    AUTO(free) char *shadowed = found(w, index_by_name, "s");
    assert_string_equal(name, "b/x.1.exr");
    assert_string_equal(pattern, "b/x.1.exr");
    assert_string_equal(shadowed, "");
}

/* Names that fold to more than a key holds are found all the same, and apart. */
static void test_long_names(void **state)
{
    struct world *w = *state;
    AUTO(buf) struct buf a = {0}, keys = {0};
    for (int i = 0; i < 83; i++)
        buf_adds(&a, "\xe1\xbe\x80"); /* three bytes that fold to five */
    buf_addf(&keys, "+%s1.mov +%s2.mov", a.p, a.p);
    inventory(w, keys.p);
    buf_adds(&a, "2");
    AUTO(free) char *stem = found(w, index_by_stem, a.p);
    buf_adds(&a, ".MOV");
    AUTO(free) char *folded = found(w, index_by_folded_name, a.p);
    AUTO(free) char *want = xasprintf("%.*s.mov", (int)a.len - 4, a.p);
    assert_string_equal(stem, want);
    assert_string_equal(folded, want);
}

static void test_stem(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t want;
    } rows[] = {{"a.mov", 1}, {"a.b.mov", 3}, {"a", 1}, {".a", 2}, {"a.", 1}, {".a.b", 2}, {"", 0}};
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(name_stem(rows[i].name, strlen(rows[i].name)), rows[i].want);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(test_questions),
        WORLD_TEST(test_only_the_live),
        WORLD_TEST(test_long_names),
        cmocka_unit_test(test_stem),
    };
    return cmocka_run_group_tests_name("index_name", tests, NULL, NULL);
}
