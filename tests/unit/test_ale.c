/* tests/unit/test_ale.c - Avid logs: rows as facts, line ends, what is refused; real logs. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/ale.h"
#include "tests/unit/header_text.h"

#define HEAD "Heading\nFIELD_DELIM\tTABS\nFPS\t24\n\nColumn\n"

static int on_row(void *arg, const struct ale_row *row, struct err *e)
{
    char text[512];
    (void)e;
    buf_addf(arg, "[%s|%s|%s]", row->name, row->source, facts_text(&row->facts, text));
    return 0;
}

static int parse(const char *text, size_t n, struct buf *ret, struct err *e)
{
    return ale_parse(text, n, on_row, ret, e);
}

static void test_rows(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } rows[] = {
        {HEAD "Name\tTape\tStart\tEnd\n\nData\nA1\tT1\t01:00:00:00\t01:00:10:00\n",
         "[A1||T1 - 01:00:00:00 24/1 240]"},
        {HEAD "Name\tStart\tDuration\tSource File\tFPS\nData\n"
              "A1\t01:00:00:00\t00:00:01:01\tX:\\d\\A1.R3D\t23.98\n",
         "[A1|A1.R3D|- - 01:00:00:00 24000/1001 25]"},
        {HEAD "Name\tSource File Path\tReel\nData\nA1\t/Volumes/x/A1.mov\tR1\nA2\n",
         "[A1|A1.mov|R1 - - 24/1 0][A2||- - - 24/1 0]"},
        {HEAD "Name\tTape\tCamroll\nData\nA1\t\tC7\n", "[A1||C7 - - 24/1 0]"},
        {HEAD "name\tTAPE\nData\n\tT1\n\n \t \nA2\tT2", "[||T1 - - 24/1 0][A2||T2 - - 24/1 0]"},
        {HEAD "Name\tStart\tEnd\nData\nA1\t01:00:00:00\t00:59:00:00\n",
         "[A1||- - 01:00:00:00 24/1 0]"}, /* ends before it starts */
        {HEAD "Name\tStart\nData\nHeading\tx\nColumn\nData\n",
         "[Heading||- - - 24/1 0][Column||- - - 24/1 0][Data||- - - 24/1 0]"},
        {"\xef\xbb\xbfHeading\n\nColumn\nName\n\nData\nA1\n", "[A1||- - - 0/0 0]"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int ends = 0; ends < 3; ends++) { /* LF, CR, CRLF */
            AUTO(buf) struct buf text = {0}, got = {0};
            struct err e;
            for (const char *p = rows[i].text; *p; p++)
                buf_adds(&text, *p != '\n' ? (char[]){*p, 0}
                                           : ends == 0 ? "\n" : ends == 1 ? "\r" : "\r\n");
            if (parse(text.p, text.len, &got, &e) < 0)
                fail_msg("%zu: %s", i, e.text);
            assert_string_equal(buf_str(&got), rows[i].want);
        }
}

static void test_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } rows[] = {
        {"", "no \"Data\""},
        {"\n\n", "no \"Data\""},
        {"hello\n", "line 1"},
        {"Column\n", "line 1"},
        {"Heading\nColumn\nName\n", "no \"Data\""},
        {"Heading\nColumn\n\nData\nA1\n", "line 5: data before the columns"},
        {"Heading\nColumn\nName\nTape\nData\n", "line 4: a second line"},
        {"Heading\nFIELD_DELIM\tCOMMAS\nColumn\nName\nData\n", "line 2"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(buf) struct buf got = {0};
        struct err e = {0};
        assert_int_equal(parse(rows[i].text, strlen(rows[i].text), &got, &e), -EBADMSG);
        if (!strstr(e.text, rows[i].said))
            fail_msg("%s: %s", rows[i].text, e.text);
    }
    AUTO(buf) struct buf many = {0}, got = {0};
    struct err e;
    static const char nul[] = HEAD "Name\nData\nA\0\n";
    assert_int_equal(parse(nul, sizeof nul - 1, &got, &e), -EBADMSG);
    buf_adds(&many, HEAD "Name");
    for (int i = 0; i < ALE_COLUMNS_MAX; i++)
        buf_adds(&many, "\tx");
    buf_adds(&many, "\nData\n");
    assert_int_equal(parse(many.p, many.len, &got, &e), -EBADMSG);
    many.len -= 8; /* one column less */
    buf_adds(&many, "\nData\nA1\n");
    assert_int_equal(parse(many.p, many.len, &got, &e), 0);
    buf_clear(&many);
    buf_adds(&many, HEAD "Name\nData\n");
    for (int i = 0; i <= ALE_ROWS_MAX; i++)
        buf_adds(&many, "x\n");
    buf_clear(&got);
    assert_int_equal(parse(many.p, many.len, &got, &e), -EBADMSG);
}

/* Real files have licences of their own and are not part of the tree. */
static void test_real_logs(void **state)
{
    (void)state;
    static const struct {
        const char *file, *want; /* its first row */
    } logs[] = {
        {"sample.ale", NULL},
        {"sampleUHD.ale", "[A118_C029_1102JR|A118_C029_1102JR_001.R3D|- - 14:40:02:11 "},
        {"sample_no_blanks.ale", NULL},
        {"sample_blanks.ale", NULL},
    };
    const char *dir = getenv("SHOTLAKE_CORPUS"), *source = getenv("SHOTLAKE_SOURCE");
    for (size_t i = 0; i < COUNT(logs); i++) {
        AUTO(free) char *path =
            dir ? xasprintf("%s/OpenTimelineIO+otio-ale-adapter/%s", dir, logs[i].file)
                : xasprintf("%s/../shared/edits/OpenTimelineIO+otio-ale-adapter/%s",
                            source ? source : ".", logs[i].file);
        AUTO(file) FILE *f = fopen(path, "rb");
        AUTO(buf) struct buf text = {0}, got = {0};
        struct err e;
        if (!f) {
            print_message("no %s here: set SHOTLAKE_CORPUS\n", path);
            skip();
        }
        buf_added(&text, fread(buf_room(&text, 1 << 20), 1, 1 << 20, f));
        if (parse(text.p, text.len, &got, &e) < 0)
            fail_msg("%s: %s", path, e.text);
        print_message("%s: %s\n", logs[i].file, buf_str(&got));
        assert_true(got.len > 0);
        if (logs[i].want)
            assert_memory_equal(got.p, logs[i].want, strlen(logs[i].want));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_real_logs),
    };
    return cmocka_run_group_tests_name("ale", tests, NULL, NULL);
}
