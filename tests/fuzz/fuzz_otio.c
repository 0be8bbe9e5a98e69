/* tests/fuzz/fuzz_otio.c - any bytes as a timeline: read or refused, and its manifest is stable. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conform/conform.h"
#include "conform/shots.h"
#include "conform/vendor.h"
#include "tests/unit/conform_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define FACTS "{\"from\":\"ale:k\",\"reel\":\"A001C001_X\",\"start\":100,\"rate\":[24,1]"

static struct world *lake(void)
{
    static struct world *w;
    if (!w)
        w = world_new(&world_s3, "a/one.mov\na/twin.mov\nb/twin.mov\np/x.0001.exr\np/x.0002.exr\n"
                                 "p/x.0004.exr\nq/y 1.exr\n[1]/z[1-2].mov\n.shotlake/s.mov\n"
                                 "c/Two.MXF\t7\nd/Two.MXF\t7\np/X.0001.DPX\nd/two.cdl\n"
                                 "r/m.mov\t1\t" FACTS ",\"frames\":100}\n"
                                 "r/f.0001.exr\t2\t" FACTS "}\nr/f.0002.exr\nr/f.0004.exr\n");
    return w;
}

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

/* The holders' manifest leads to objects of the edit only. */
static void check_vendor(struct world *w, const struct conform_plan *p)
{
    AUTO(conform_plan) struct conform_plan *q = NULL;
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    struct err e;
    if (vendor_manifest(p, &w->rd, "abcdefghij", "n", &text, &e) < 0)
        die("no manifest for the holders", e.text);
    if (conform_plan(&w->rd, &w->store, text.p, text.len, NULL, &q, &e) < 0) {
        if (!strstr(e.text, "levels"))
            die("the holders' manifest is refused", e.text);
    } else if (!roaring_bitmap_is_subset(q->objects, p->objects)) {
        die("the holders' manifest leads elsewhere", buf_str(&text));
    }
    buf_clear(&text);
    if (shots_write(p, &w->rd, &text, &e) < 0)
        die("no list of shots", e.text);
    json_t *rows = NULL;
    if (shots_read(buf_str(&text), text.len, &rows, &e) < 0)
        die("the list of shots cannot be read", e.text);
    json_decref(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct world *w = lake();
    const struct conform_options opt = { /* every form of address has its turn */
        .handles = CONFORM_HANDLES, .location = {.urls = n % 4}};
    AUTO(conform_plan) struct conform_plan *p = NULL, *q = NULL;
    struct buf once __attribute__((cleanup(auto_buf))) = {0};
    struct buf twice __attribute__((cleanup(auto_buf))) = {0};
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    struct err e;
    if (conform_plan(&w->rd, &w->store, (const char *)data, n, &opt, &p, &e) < 0) {
        if (e.code >= 0 || !*e.text || strchr(e.text, '\n'))
            die("a refusal without a sentence", e.text);
        return 0;
    }
    if (conform_manifest(p, &once, &e) < 0)
        die("no manifest", e.text);
    json_decref(conform_report_json(p, &w->rd, NULL, NULL, NULL));
    conform_report_text(p, &w->rd, &text);
    if (conform_plan(&w->rd, &w->store, once.p, once.len, &opt, &q, &e) < 0) {
        if (strstr(e.text, "levels") || e.code == -EFBIG) /* the original lies a little deeper */
            return 0;
        die("the manifest is refused", e.text);
    }
    if (conform_manifest(q, &twice, &e) < 0 || strcmp(buf_str(&once), buf_str(&twice)) != 0)
        die("the manifest is not stable", buf_str(&twice));
    if (p->deviations.n == 0 && q->deviations.n > 0)
        die("OpenTimelineIO reads the file, but not its manifest", q->deviations.v[0].what);
    if (!roaring_bitmap_equals(p->objects, q->objects))
        die("the manifest names other objects", buf_str(&once));
    check_vendor(w, p);
    return 0;
}
