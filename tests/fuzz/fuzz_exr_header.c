/* tests/fuzz/fuzz_exr_header.c - any bytes as the header of an OpenEXR or DPX frame: what it tells
 * can be recorded. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/dpx_header.h"
#include "fs/lake/exr_header.h"
#include "fs/lake/facts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(const struct facts *f, const char *from)
{
    AUTO(buf) struct buf source = {0};
    struct facts all = {0};
    struct media m;
    struct err e = {0};
    char timecode[TIMECODE_TEXT_SIZE];
    facts_merge(&all, f, from, &source);
    facts_media(&all, &source, &m, timecode);
    json_t *j = media_json(&m, &e);
    if (!j) {
        fprintf(stderr, "facts that no ledger takes: %s\n", e.text);
        abort();
    }
    json_decref(j);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct facts exr = {0}, dpx = {0};
    exr_header_read(data, n, &exr);
    check(&exr, "exr");
    dpx_header_read(data, n, &dpx);
    check(&dpx, "dpx");
    return 0;
}
