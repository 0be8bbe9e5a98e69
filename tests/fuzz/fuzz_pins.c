/* tests/fuzz/fuzz_pins.c - any bytes as a pin file and as sidecar rules: refused, or usable. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "conform/pins.h"
#include "conform/sequence.h"
#include "conform/sidecar.h"
#include "tests/unit/conform_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

/* Every pin answers for its own clip and URL, with a key of its own or of one before it. */
static void check_pins(const char *data, size_t n)
{
    AUTO(pins) struct pins *p = NULL;
    struct err e = {0};
    int r = pins_parse(data, n, &p, &e);
    if (r < 0) {
        must((r == -EBADMSG || r == -EFBIG) && !p && *e.text, "a bad refusal of pins");
        return;
    }
    json_auto_t *root = json_loadb(data, n, 0, NULL);
    size_t i;
    json_t *pin;
    json_array_foreach(json_object_get(root, "pins"), i, pin)
    {
        const char *clip = json_string_value(json_object_get(pin, "clip"));
        const char *url = json_string_value(json_object_get(pin, "url"));
        must(pins_find(p, clip, url) != NULL, "a pin that does not answer");
    }
}

static int count(void *arg, node_id node, const char *rule, struct err *e)
{
    (void)e;
    must(node != NODE_NONE && *rule, "a sidecar without node or rule");
    ++*(size_t *)arg;
    return 0;
}

static void check_rules(const char *data, size_t n)
{
    AUTO(world) struct world *w = world_new(
        &world_s3, "a/b/plate.0001.exr\na/b/plate.cdl\na/lut/x.cube\na/lut/y.cube\nz.cube\n"
                   ".shotlake/x.cdl\nShotLocker/Edits/i/x.cdl\n");
    AUTO(sidecars) struct sidecars *s = NULL;
    struct err e = {0};
    int r = sidecars_parse(data, n, &s, &e);
    if (r < 0) {
        must((r == -EBADMSG || r == -EFBIG) && !s && *e.text, "a bad refusal of rules");
        return;
    }
    struct sequence plate = {.prefix = (char[]){"plate."}, .suffix = (char[]){".exr"}, .pad = 4};
    struct sidecar_media m = {.sequence = &plate, .shot = "sh*"};
    size_t found = 0;
    must(index_find(&w->rd, "a/b/plate.0001.exr", &m.node, &e) == 0, "no plate");
    must(sidecars_find(s, &w->rd, &m, count, &found, &e) == 0, "rules that fail");
    must(found <= SIDECARS_RULES_MAX * 4, "more sidecars than the lake has");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    check_pins((const char *)data, n);
    check_rules((const char *)data, n);
    return 0;
}
