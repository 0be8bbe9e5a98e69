/* tests/unit/test_compound.c - directories of compound files: chains, circles and limits. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/compound.h"
#include "conform/edit_format.h"

#define SECTOR 512u
#define PER_TABLE (SECTOR / 4)
#define PER_SECTOR (SECTOR / 128)
#define NONE 0xffffffffu

/* A file of a table of sectors and a directory of `entries`: the root, and streams with no links.
 */
struct file {
    unsigned char *p;
    size_t n;
    unsigned tables;
};

static void set(unsigned char *p, uint32_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static unsigned char *entry_of(const struct file *f, unsigned i)
{
    return f->p + SECTOR * (1 + f->tables) + 128 * (size_t)i;
}

static void link_to(const struct file *f, unsigned i, unsigned left, unsigned right, unsigned child)
{
    set(entry_of(f, i) + 0x44, left, 4);
    set(entry_of(f, i) + 0x48, right, 4);
    set(entry_of(f, i) + 0x4c, child, 4);
}

static struct file make(unsigned entries)
{
    static const unsigned char magic[] = {0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1};
    unsigned directory = (entries + PER_SECTOR - 1) / PER_SECTOR;
    struct file f = {.tables = 1};
    while (f.tables * PER_TABLE < f.tables + directory)
        f.tables++;
    assert_true(f.tables <= 109);
    f.n = SECTOR * (size_t)(1 + f.tables + directory);
    f.p = xcalloc(f.n, 1);
    memcpy(f.p, magic, sizeof magic);
    set(f.p + 0x18, 0x3e, 2);
    set(f.p + 0x1a, 3, 2);
    set(f.p + 0x1c, 0xfffe, 2);
    set(f.p + 0x1e, 9, 2);
    set(f.p + 0x20, 6, 2);
    set(f.p + 0x2c, f.tables, 4);
    set(f.p + 0x30, f.tables, 4);
    set(f.p + 0x38, 4096, 4);
    set(f.p + 0x3c, 0xfffffffe, 4);
    set(f.p + 0x44, 0xfffffffe, 4);
    for (unsigned i = 0; i < 109; i++)
        set(f.p + 0x4c + 4 * i, i < f.tables ? i : NONE, 4);
    for (unsigned i = 0; i < f.tables * PER_TABLE; i++) {
        unsigned last = f.tables + directory - 1;
        uint32_t next = i < f.tables ? 0xfffffffd
                        : i < last   ? i + 1
                        : i == last  ? 0xfffffffe
                                     : NONE;
        set(f.p + SECTOR + 4 * (size_t)i, next, 4);
    }
    for (unsigned i = 0; i < directory * PER_SECTOR; i++) {
        unsigned char *p = entry_of(&f, i);
        char name[16];
        int n = snprintf(name, sizeof name, "n%07u", i);
        for (int k = 0; k < n; k++)
            p[2 * k] = (unsigned char)name[k];
        set(p + 0x40, 2 * (uint32_t)n + 2, 2);
        p[0x42] = i == 0 ? 5 : 2;
        set(p + 0x74, 0xfffffffe, 4);
        link_to(&f, i, NONE, NONE, NONE);
    }
    return f;
}

/* Names that the links are in order for: a chain to the right. */
static struct file make_chain(unsigned entries)
{
    struct file f = make(entries);
    link_to(&f, 0, NONE, NONE, entries > 1 ? 1 : NONE);
    for (unsigned i = 1; i + 1 < entries; i++)
        link_to(&f, i, NONE, i + 1, NONE);
    return f;
}

static void expect(struct file *f, int code, const char *text)
{
    struct err e = {0};
    assert_int_equal(compound_check(f->p, f->n, &e), code);
    if (code < 0 && !strstr(e.text, text))
        fail_msg("'%s' is not in '%s'", text, e.text);
    free(f->p);
}

static void test_links(void **state)
{
    (void)state;
    struct file f = make_chain(10);
    expect(&f, 0, NULL);
    f = make_chain(10);
    link_to(&f, 9, NONE, 1, NONE);
    expect(&f, -EBADMSG, "its directory has a circle");
    f = make_chain(10);
    link_to(&f, 4, 4, 5, NONE);
    expect(&f, -EBADMSG, "its directory has a circle");
    f = make_chain(10);
    link_to(&f, 9, NONE, 4000, NONE);
    expect(&f, -EBADMSG, "a link out of its directory");
    f = make_chain(10);
    entry_of(&f, 3)[0x42] = 9;
    expect(&f, -EBADMSG, "no known kind");
}

static void test_sectors(void **state)
{
    (void)state;
    struct file f = make_chain(10);
    set(f.p + SECTOR + 4 * 2, 1, 4); /* the directory's second sector leads to its first */
    expect(&f, -EBADMSG, "goes in a circle");
    f = make_chain(10);
    set(f.p + SECTOR + 4 * 2, 77, 4);
    expect(&f, -EBADMSG, "its directory ends early");
    f = make_chain(10);
    f.n -= 100;
    expect(&f, -EBADMSG, "its directory ends early");
    f = make_chain(10);
    set(f.p + 0x2c, 0x10000000, 4);
    expect(&f, -EBADMSG, "tables longer than the file");
    f = make_chain(10);
    set(f.p + 0x1e, 30, 2);
    expect(&f, -EBADMSG, "neither 512 nor 4096");
    f = make_chain(10);
    set(f.p + 0x38, 0x7fffffff, 4);
    expect(&f, -EBADMSG, "a header with values of its own");
    f = make_chain(10);
    f.n = 100;
    expect(&f, -EBADMSG, "not a compound file");
}

static void test_limits(void **state)
{
    (void)state;
    struct file f = make_chain(COMPOUND_DEPTH_MAX + 2);
    expect(&f, -EFBIG, "a chain of more than");
    /* a tree of so many children: entry i has 2i and 2i + 1 */
    f = make(COMPOUND_CHILDREN_MAX + 2);
    link_to(&f, 0, NONE, NONE, 1);
    for (unsigned i = 1; i < COMPOUND_CHILDREN_MAX + 2; i++)
        link_to(&f, i, 2 * i < COMPOUND_CHILDREN_MAX + 2 ? 2 * i : NONE,
                2 * i + 1 < COMPOUND_CHILDREN_MAX + 2 ? 2 * i + 1 : NONE, NONE);
    expect(&f, -EFBIG, "objects in one");
}

/* libgsf reads what is beside the root, and never frees it. */
static void test_root_stands_alone(void **state)
{
    (void)state;
    struct file f = make(4);
    link_to(&f, 0, NONE, 2, 1);
    expect(&f, -EBADMSG, "beside its root");
    f = make(4);
    link_to(&f, 0, 2, NONE, 1);
    expect(&f, -EBADMSG, "beside its root");
}

/* libgsf follows links by recursion. */
static void test_longest_chain(void **state)
{
    (void)state;
    struct file f = make_chain(COMPOUND_DEPTH_MAX);
    struct err e = {0};
    json_t *root = NULL;
    assert_int_equal(compound_check(f.p, f.n, &e), 0);
    assert_int_equal(edit_format_convert(EDIT_FORMAT_AAF, f.p, f.n, NULL, &root, &e), -EBADMSG);
    assert_null(root);
    free(f.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_sectors),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_root_stands_alone),
        cmocka_unit_test(test_longest_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
