/* tests/fuzz/fuzz_bundle.c - any bytes as a zip bundle: refused with a sentence, or a timeline
 * within the limits. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/bundle.h"
#include "conform/conform.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(buf) struct buf got = {0};
    struct err e;
    int r = bundle_read(data, n, &got, &e);
    if (r < 0 && (e.code >= 0 || !*e.text || strchr(e.text, '\n')))
        die("a refusal without a sentence", e.text);
    if (r == 0 && (got.len > CONFORM_FILE_MAX || got.len / (BUNDLE_RATIO_MAX + 1) > n + 1048576))
        die("more came out than may", "");
    return 0;
}
