/* tests/fuzz/fuzz_ale.c - any bytes as an Avid log: refused with a sentence, or rows whose facts
 * can be recorded. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/ale.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int on_row(void *arg, const struct ale_row *row, struct err *e)
{
    AUTO(buf) struct buf source = {0};
    struct facts all = {0};
    struct media m;
    char timecode[TIMECODE_TEXT_SIZE];
    size_t *rows = arg;
    ++*rows;
    if (strpbrk(row->source, "/\\\t\r\n") || strpbrk(row->name, "\t\r\n"))
        abort();
    facts_merge(&all, &row->facts, "ale:x", &source);
    facts_media(&all, &source, &m, timecode);
    json_t *j = media_json(&m, e);
    if (!j) {
        fprintf(stderr, "facts that no ledger takes: %s\n", e->text);
        abort();
    }
    json_decref(j);
    return *rows == 1000 ? -ECANCELED : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e = {0};
    size_t rows = 0;
    int r = ale_parse(data, n, on_row, &rows, &e);
    if (r < 0 && r != -ECANCELED && (r != -EBADMSG || !*e.text))
        abort();
    return 0;
}
