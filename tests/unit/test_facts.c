/* tests/unit/test_facts.c - facts of media from EXR and DPX headers, metadata, and together. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/cleanup.h"
#include "fs/lake/dpx_header.h"
#include "fs/lake/exr_header.h"
#include "fs/store/store.h"
#include "tests/unit/header_text.h"

#define UMID "060a2b340101010501010d4313000000"

static void assert_exr(const struct buf *b, const char *want)
{
    struct facts f = {0};
    char text[512];
    /* in a block of its own length, so that a sanitizer sees a byte too far */
    AUTO(free) char *copy = xcalloc(1, b->len);
    memcpy(copy, b->p, b->len);
    assert_true(exr_header_read(copy, b->len, &f));
    assert_string_equal(facts_text(&f, text), want);
}

static void test_exr(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0};
    exr_start(&b);
    exr_add(&b, "channels", "chlist", "\0", 1);
    exr_timecode(&b, 0x14400211);
    exr_pair(&b, "framesPerSecond", "rational", 24000, 1001);
    exr_text(&b, "owner", "B002");
    exr_text(&b, "reelName", "A118_C029");
    exr_text(&b, "UMID", "urn:smpte:umid:060A2B34.01010105.01010D43.13000000");
    buf_addc(&b, '\0');
    assert_exr(&b, "A118_C029 " UMID " 14:40:02:11 24000/1001 0");
}

static void test_exr_variants(void **state)
{
    (void)state;
    static const struct {
        uint32_t bcd, num, den;
        const char *name, *text, *want;
    } rows[] = {
        {0x01020344, 30000, 1001, "owner", "C272C010_240530HO", "C272C010_240530HO - 01:02:03;04 "
                                                               "30000/1001 0"},
        {0x010203C4, 24, 1, "x", "y", "- - 01:02:03;04 24/1 0"}, /* the colour frame bit */
        {0x8102B304, 24, 1, "x", "y", "- - 01:02:33:04 24/1 0"}, /* field and binary group bits */
        {0x01020304, 50, 1, "x", "y", "- - 01:02:03:08 50/1 0"}, /* pairs of frames */
        {0x01028304, 50, 1, "x", "y", "- - 01:02:03:09 50/1 0"},
        {0x29020304, 24, 1, "x", "y", "- - - 24/1 0"}, /* 29 hours */
        {0x0102030A, 24, 1, "x", "y", "- - - 24/1 0"}, /* no decimal digit */
        {0x01027904, 24, 1, "x", "y", "- - - 24/1 0"}, /* 79 seconds */
        {0x01020304, 0, 0, "x", "y", "- - 01:02:03:04 0/0 0"},
        {0x01020304, 0x80000000u, 1, "x", "y", "- - 01:02:03:04 0/0 0"},
        {0x01020304, 24, 1, "reelName", " A1 ", "A1 - 01:02:03:04 24/1 0"},
        {0x01020304, 24, 1, "reelName", "A\n1", "- - 01:02:03:04 24/1 0"},
        {0x01020304, 24, 1, "reelName", "\xff", "- - 01:02:03:04 24/1 0"},
        {0x01020304, 24, 1, "UMID", "00000000000000000000000000000000", "- - 01:02:03:04 24/1 0"},
        {0x01020304, 24, 1, "UMID", "0x" UMID, "- " UMID " 01:02:03:04 24/1 0"},
        {0x01020304, 24, 1, "UMID", UMID "0", "- - 01:02:03:04 24/1 0"},
        {0x01020304, 24, 1, "UMID", "abcd", "- - 01:02:03:04 24/1 0"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf b = {0};
        exr_start(&b);
        exr_timecode(&b, rows[i].bcd);
        exr_pair(&b, "framesPerSecond", "rational", rows[i].num, rows[i].den);
        exr_text(&b, rows[i].name, rows[i].text);
        buf_addc(&b, '\0');
        assert_exr(&b, rows[i].want);
    }
}

/* Cut anywhere, a header tells what stands before; attributes of another type tell nothing. */
static void test_exr_damaged(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0};
    exr_start(&b);
    exr_text(&b, "reelName", "A1");
    size_t reel_end = b.len;
    exr_timecode(&b, 0x01020304);
    size_t all = b.len;
    for (size_t n = 8; n <= all; n++) {
        struct buf cut = {.p = b.p, .len = n};
        assert_exr(&cut, n < reel_end ? "- - - 0/0 0" : n < all ? "A1 - - 0/0 0"
                                                                : "A1 - 01:02:03:04 0/0 0");
    }
    AUTO(buf) struct buf odd = {0};
    exr_start(&odd);
    exr_add(&odd, "timeCode", "timecode", "\1\2\3\4", 4);
    exr_pair(&odd, "timeCode", "rational", 1, 1);
    exr_pair(&odd, "reelName", "v2i", 0x41414141, 0x41414141);
    exr_add(&odd, "framesPerSecond", "rational", "", 0);
    exr_pair(&odd, "huge", "string", 1, 1);
    odd.p[odd.len - 9] = '\x7f'; /* its size is beyond everything */
    exr_text(&odd, "reelName", "late");
    assert_exr(&odd, "- - - 0/0 0");
    struct facts f = {0};
    assert_false(exr_header_read("\x76\x2f\x31\x01\x02\0\0", 7, &f));
    assert_false(exr_header_read("\x76\x2f\x31\x02\x02\0\0\0", 8, &f));
}

static void put_be(struct buf *b, size_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        b->p[at + (size_t)i] = (char)(v >> (24 - 8 * i));
}

static void test_dpx(void **state)
{
    (void)state;
    AUTO(buf) struct buf b = {0};
    struct facts f = {0}, little = {0}, none = {0}, cut = {0};
    char text[512];
    memset(buf_room(&b, DPX_HEADER_BYTES), 0xff, DPX_HEADER_BYTES);
    buf_added(&b, DPX_HEADER_BYTES);
    memcpy(b.p, "SDPX", 4);
    assert_true(dpx_header_read(b.p, b.len, &none)); /* all "not known" */
    assert_string_equal(facts_text(&none, text), "- - - 0/0 0");
    memcpy(b.p + 1556, "A118_C029", 10);
    put_be(&b, 1920, 0x14400211);
    put_be(&b, 1940, 0x41bfced9); /* 23.976f */
    assert_true(dpx_header_read(b.p, b.len, &f));
    assert_string_equal(facts_text(&f, text), "A118_C029 - 14:40:02:11 24000/1001 0");
    memcpy(b.p, "XPDS", 4);
    put_be(&b, 1920, 0x11024014);
    put_be(&b, 1940, 0x0000c841); /* 25.0f */
    assert_true(dpx_header_read(b.p, b.len, &little));
    assert_string_equal(facts_text(&little, text), "A118_C029 - 14:40:02:11 25/1 0");
    assert_true(dpx_header_read(b.p, 1943, &cut));
    assert_string_equal(facts_text(&cut, text), "- - - 0/0 0");
    assert_false(dpx_header_read("DPXS", 4, &cut));
}

static void test_meta(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value;
    } pairs[] = {{"tape", "other"}, {"shotlake-reel", "A1"}, {"shotlake-timecode", "01:00:00;00"},
                 {"shotlake-rate", "29.97"}, {"shotlake-frames", "240"},
                 {"umid", UMID}, {"colour", "red"}};
    AUTO(free) struct store_meta *m = xcalloc(1, sizeof *m);
    struct facts f = {0};
    char text[512];
    for (size_t i = 0; i < COUNT(pairs); i++)
        store_meta_add(m, pairs[i].key, strlen(pairs[i].key), pairs[i].value,
                       strlen(pairs[i].value));
    facts_of_meta(m, &f);
    assert_string_equal(facts_text(&f, text), "A1 " UMID " 01:00:00;00 30000/1001 240");
    char longest[STORE_META_VALUE_MAX + 1] = {0};
    store_meta_add(m, "long", 4, longest, sizeof longest);
    assert_null(store_meta_get(m, "long"));
    for (int i = 0; i < STORE_META_MAX + 3; i++)
        store_meta_add(m, "k", 1, "", 0);
    assert_int_equal(m->n, STORE_META_MAX);
}

static void test_merge(void **state)
{
    (void)state;
    AUTO(buf) struct buf from = {0};
    struct facts f = {0}, meta = {0}, exr = {0}, ale = {0};
    struct media m;
    char tc[TIMECODE_TEXT_SIZE];
    facts_media(&f, &from, &m, tc);
    assert_string_equal(m.from, "none");
    assert_false(media_is_known(&m));
    facts_reel(&meta, "A1", 2);
    facts_reel(&exr, "B2", 2);
    facts_timecode(&exr, "01:00:00;00", 11);
    facts_frames(&ale, "7", 1);
    facts_merge(&f, &meta, "metadata", &from);
    facts_merge(&f, &exr, "exr", &from);
    facts_merge(&f, &meta, "never", &from); /* tells nothing new */
    facts_media(&f, &from, &m, tc);
    assert_string_equal(m.timecode, "01:00:00;00"); /* no rate to count it at */
    assert_true(m.start == -1);
    facts_rate(&ale, "29.97", 5);
    facts_merge(&f, &ale, "ale:x", &from);
    facts_media(&f, &from, &m, tc);
    assert_string_equal(m.from, "metadata+exr+ale:x");
    assert_string_equal(m.reel, "A1");
    assert_null(m.timecode);
    assert_true(m.start == 107892 && m.drop && m.frames == 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exr),  cmocka_unit_test(test_exr_variants),
        cmocka_unit_test(test_exr_damaged), cmocka_unit_test(test_dpx),
        cmocka_unit_test(test_meta), cmocka_unit_test(test_merge),
    };
    return cmocka_run_group_tests_name("facts", tests, NULL, NULL);
}
