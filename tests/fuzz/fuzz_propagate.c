/* tests/fuzz/fuzz_propagate.c - a propagation filter and fields, a line each: refused, or sound. */
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
#include "policy/propagate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(free) char *text = xstrndup((const char *)data, n);
    char *rest = text, *filter = strsep(&rest, "\n");
    AUTO(propagate) struct propagate *p = NULL, *twice = NULL;
    struct err e = {0};
    if (propagate_parse(filter, &p, &e) < 0) {
        must(e.code == -EBADMSG && *e.text && !p, "a bad refusal");
        return 0;
    }
    must(propagate_passes(p, NULL) == !*filter, "conditions without fields hold");
    json_auto_t *fields = rest ? json_loads(rest, JSON_DECODE_ANY, NULL) : NULL;
    AUTO(free) char *doubled = xasprintf("%s%s%s", filter, *filter ? "," : "", filter);
    bool passes = propagate_passes(p, fields);
    if (propagate_parse(doubled, &twice, &e) == 0)
        must(propagate_passes(twice, fields) == passes, "said twice it is another filter");
    else
        must(strlen(doubled) > 4096, "said twice it is none");
    return 0;
}
