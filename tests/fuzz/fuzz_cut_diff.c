/* tests/fuzz/fuzz_cut_diff.c - any two timelines compared: nothing changed from one to itself, and
 * what is new one way is omitted the other. The second begins behind a line "====". */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/cut_diff.h"
#include "conform/otio_read.h"

#define BETWEEN "\n====\n"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static long long count(const json_t *diff, const char *change)
{
    return json_integer_value(json_object_get(json_object_get(diff, "counts"), change));
}

/* NULL: a time in one of them cannot be read. */
static json_t *compare(const struct otio_doc *a, const struct otio_doc *b)
{
    struct cut_diff_options opt = {.handles = 8};
    AUTO(buf) struct buf text = {0};
    json_t *diff = NULL;
    struct err e = {0};
    if (cut_diff(a->root, b->root, &opt, &diff, &e) < 0) {
        must(e.code < 0 && *e.text && !strchr(e.text, '\n'), "a refusal without a sentence");
        return NULL;
    }
    cut_diff_text(diff, &text);
    size_t i;
    json_t *shot;
    json_array_foreach(json_object_get(diff, "shots"), i, shot) {
        const char *name = json_string_value(json_object_get(shot, "shot"));
        must(name && *name && strlen(name) <= 200 && !strchr(name, '/'), "a bad name of a shot");
    }
    return diff;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(otio_doc) struct otio_doc *a = NULL, *b = NULL;
    struct err e;
    const uint8_t *at = memmem(data, n, BETWEEN, strlen(BETWEEN));
    size_t first = at ? (size_t)(at - data) : n;
    if (otio_read((const char *)data, first, &a, &e) < 0)
        return 0;
    json_auto_t *same = compare(a, a);
    must(!same || count(same, "UNCHANGED") ==
                      (long long)json_array_size(json_object_get(same, "shots")),
         "a cut differs from itself");
    if (!at || otio_read((const char *)at + strlen(BETWEEN), n - first - strlen(BETWEEN), &b, &e) < 0)
        return 0;
    json_auto_t *there = compare(a, b), *back = compare(b, a);
    must(!there == !back, "refused one way only");
    must(!there || (count(there, "NEW") == count(back, "OMITTED") &&
                    count(there, "OMITTED") == count(back, "NEW")),
         "new one way is not omitted the other");
    return 0;
}
