/* tests/unit/test_conform_corpus.c - real timelines: read as an independent counter reads them,
 * conformed, and conformed again without a change. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <sys/stat.h>

#include "conform/bundle.h"
#include "conform/conform.h"
#include "conform/media_url.h"
#include "conform/otio_read.h"
#include "conform/reference.h"
#include "conform/sequence.h"
#include "conform/vendor.h"
#include "tests/unit/conform_world.h"

#define SKIPPED 77
#define FRAMES 50 /* of a sequence that are in the lake */

static const char *source(void)
{
    const char *dir = getenv("SHOTLAKE_SOURCE");
    return dir ? dir : ".";
}

/* Real files have licences of their own and are not part of the tree. NULL: none here. */
static char *corpus(void)
{
    struct stat st;
    const char *dir = getenv("SHOTLAKE_CORPUS");
    char *path = dir ? xstrdup(dir) : xasprintf("%s/../shared/edits", source());
    if (stat(path, &st) == 0)
        return path;
    free(path);
    return NULL;
}

static void slurp(const char *path, struct buf *ret)
{
    AUTO(free) char *name = NULL;
    struct err e;
    if (bundle_load(path, ret, &name, &e) < 0)
        fail_msg("%s", e.text);
}

/* The counter's columns, from the reader's own lists. */
static void count(const struct otio_doc *doc, struct buf *ret)
{
    static const char *const kinds[] = {"ExternalReference", "ImageSequenceReference",
                                        "MissingReference", "GeneratorReference"};
    size_t plays = 0, n[COUNT(kinds) + 2] = {0};
    for (size_t i = 0; i < doc->n_clips; i++)
        plays += doc->clips[i].enabled;
    for (size_t i = 0; i < doc->n_refs; i++) {
        size_t k = 0;
        while (k < COUNT(kinds) && !otio_schema_is(doc->refs[i].object, kinds[k]))
            k++;
        n[doc->refs[i].object ? k : COUNT(kinds) + 1]++;
    }
    buf_addf(ret, "%zu\t%zu", doc->n_clips, plays);
    for (size_t k = 0; k < COUNT(n); k++)
        buf_addf(ret, "\t%zu", n[k]);
}

static void add_frame(struct world *w, const struct sequence *s, int64_t number)
{
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    buf_adds(&key, "media/frames/");
    sequence_name(s, number, &key);
    world_add(w, key.p);
}

/* Puts what a reference names into the lake, so that it is found. */
static void add_media(struct world *w, const json_t *object)
{
    struct reference what = reference_read(object);
    struct media_url u;
    struct sequence s;
    struct err e;
    if (what.kind == REFERENCE_URL && media_url_parse(what.url, &u, &e) == 0) {
        AUTO(free) char *key = xasprintf("media/%s", u.name);
        world_add(w, *u.name ? key : "media/other");
        media_url_done(&u);
    } else if (what.kind == REFERENCE_SEQUENCE) {
        if (sequence_parse_reference(what.object, &s, &e) == 0) {
            AUTO(free) int64_t *frames = NULL;
            size_t n = sequence_frames(&s, &frames), step = n / FRAMES + 1;
            for (size_t i = 0; i < n; i += step)
                add_frame(w, &s, frames[i]);
            if (n == 0)
                add_frame(w, &s, s.start);
        }
        sequence_done(&s);
    }
}

/* The holders' manifest is what OpenTimelineIO reads, whatever the file was, and leads to the objects
 * of the edit and to no others. */
static void check_vendor(const char *path, struct world *w, const struct conform_plan *p)
{
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    AUTO(conform_plan) struct conform_plan *q = NULL;
    struct err e;
    const struct conform_options opt = {.handles = CONFORM_HANDLES, .strict = true};
    assert_int_equal(vendor_manifest(p, &w->rd, "abcdefghij", "name", &text, &e), 0);
    if (conform_plan(&w->rd, &w->store, text.p, text.len, &opt, &q, &e) < 0)
        fail_msg("%s: the holders' manifest: %s", path, e.text);
    if (!roaring_bitmap_equals(p->objects, q->objects))
        fail_msg("%s: %llu objects, with the holders' manifest %llu:\n%s", path,
                 (unsigned long long)roaring_bitmap_get_cardinality(p->objects),
                 (unsigned long long)roaring_bitmap_get_cardinality(q->objects), text.p);
    assert_false(conform_has_ambiguous(q));
}

/* Conforms and checks that the manifest is a fixed point; returns what was found. */
static size_t conform_twice(const char *path, struct world *w, const struct buf *file,
                            enum location_urls urls)
{
    const struct conform_options opt = {.handles = CONFORM_HANDLES, .location = {.urls = urls}};
    struct buf once __attribute__((cleanup(auto_buf))) = {0};
    struct buf twice __attribute__((cleanup(auto_buf))) = {0};
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    AUTO(conform_plan) struct conform_plan *p = NULL, *q = NULL;
    struct err e;
    size_t found = 0;
    if (conform_plan(&w->rd, &w->store, buf_str(file), file->len, &opt, &p, &e) < 0)
        fail_msg("%s: %s", path, e.text);
    assert_int_equal(conform_manifest(p, &once, &e), 0);
    if (conform_plan(&w->rd, &w->store, once.p, once.len, &opt, &q, &e) < 0)
        fail_msg("%s: manifest: %s", path, e.text);
    assert_int_equal(conform_manifest(q, &twice, &e), 0);
    if (strcmp(buf_str(&once), buf_str(&twice)) != 0)
        fail_msg("%s: the manifest changes when it is conformed again", path);
    assert_true(roaring_bitmap_equals(p->objects, q->objects));
    /* what OpenTimelineIO reads it reads relinked too */
    if (q->deviations.n > p->deviations.n)
        fail_msg("%s: manifest: at '%s': %s", path, q->deviations.v[0].pointer,
                 q->deviations.v[0].what);

    check_vendor(path, w, p);
    json_auto_t *report = conform_report_json(p, &w->rd, "abcdefghij", "name", "key");
    assert_non_null(report);
    conform_report_text(p, &w->rd, &text);
    for (size_t i = 0; i < p->n_items; i++)
        found += p->items[i].status == CONFORM_FOUND || p->items[i].status == CONFORM_PARTLY;
    return found;
}

static void check_file(const char *path, const char *want)
{
    struct buf file __attribute__((cleanup(auto_buf))) = {0};
    struct buf got __attribute__((cleanup(auto_buf))) = {0};
    AUTO(otio_doc) struct otio_doc *doc = NULL;
    struct err e;
    slurp(path, &file);
    if (otio_read(buf_str(&file), file.len, &doc, &e) < 0) {
        assert_int_equal(e.code, -EBADMSG);
        assert_true(strlen(e.text) > 0 && !strchr(e.text, '\n'));
        print_message("%s: refused: %s\n", path, e.text);
        assert_string_equal("refused", want);
        return;
    }
    count(doc, &got);
    if (strcmp(buf_str(&got), want) != 0)
        fail_msg("%s:\n read    %s\n counted %s", path, buf_str(&got), want);

    AUTO(world) struct world *empty = world_new(&world_s3, "");
    AUTO(world) struct world *full = world_new(&world_file, "");
    assert_int_equal(conform_twice(path, empty, &file, LOCATION_S3), 0);
    for (size_t i = 0; i < doc->n_refs; i++)
        add_media(full, doc->refs[i].object);
    size_t found = conform_twice(path, full, &file, LOCATION_S3);
    for (enum location_urls urls = LOCATION_MOUNT; urls <= LOCATION_RELATIVE; urls++)
        assert_int_equal(conform_twice(path, full, &file, urls), found);
    print_message("%s: %zu clips, %zu of %zu references found\n", path, doc->n_clips, found,
                  doc->n_refs);
}

static void test_corpus(void **state)
{
    AUTO(free)
    char *command =
        xasprintf("python3 '%s/tests/oracle/count_otio.py' '%s'", source(), (char *)*state);
    FILE *table = popen(command, "r");
    char line[4096];
    size_t files = 0;
    assert_non_null(table);
    while (fgets(line, sizeof line, table)) {
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        *tab = '\0';
        check_file(line, tab + 1);
        files++;
    }
    assert_int_equal(pclose(table), 0);
    print_message("%zu files\n", files);
    assert_true(files > 0);
}

int main(void)
{
    AUTO(free) char *dir = corpus();
    const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test_corpus, dir)};
    if (!dir) {
        printf("1..0 # SKIP no timelines: SHOTLAKE_CORPUS names no folder\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
