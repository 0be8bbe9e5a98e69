/* tests/unit/test_sidecar.c - sidecar rules: what is read, what is refused, what they find. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conform/conform.h"
#include "conform/sequence.h"
#include "conform/sidecar.h"
#include "tests/unit/conform_world.h"

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *why; /* NULL: fine */
    } rows[] = {
        {"[]", NULL},
        {"{}", "at '': not a list"},
        {"[", "line 1"},
        {"[1]", "at '/0': not an object"},
        {"[{\"for\":\"*\",\"path\":\"a\"}]", "at '/0/name'"},
        {"[{\"name\":\"n\",\"for\":\"*\"}]", "at '/0/path': not a text"},
        {"[{\"name\":\"n\",\"for\":\"film\",\"path\":\"a\"}]", "at '/0/for'"},
        {"[{\"name\":\"n\",\"path\":\"a\"}]", "at '/0/for'"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"/a\"}]", "at '/0/path': not a relative"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"a/\"}]", "at '/0/path': not a relative"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"\"}]", "at '/0/path': not a relative"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"..\"}]", "at '/0/path': it has"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"a/../b\"}]", "at '/0/path': it has"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"a//b\"}]", "at '/0/path': it has"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"./b\"}]", "at '/0/path': it has"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"{name}\"}]", "braces"},
        {"[{\"name\":\"n\",\"for\":\"*\",\"path\":\"../../{stem}.{shot}*\"}]", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(sidecars) struct sidecars *s = NULL;
        struct err e = {0};
        int r = sidecars_parse(rows[i].text, strlen(rows[i].text), &s, &e);
        if (r != (rows[i].why ? -EBADMSG : 0) || (rows[i].why && !strstr(e.text, rows[i].why)))
            fail_msg("%s: %d, %s", rows[i].text, r, e.text);
    }
}

static const char lake_keys[] =
    "top.cube\n"
    "show/p/plate.1001.exr\nshow/p/plate.1002.exr\nshow/p/plate.cdl\nshow/p/plate.json\n"
    "show/p/plateau.cdl\nshow/lut/a.cube\nshow/lut/b.cube\nshow/lut/b.cube.txt\n"
    "show/lut/deep/c.cube\nshow/ref/sh010_v1.mov\nshow/ref/sh010_v2.mov\nshow/ref/sh020.mov\n"
    "show/m/take.mov\nshow/m/take.cdl\nshow/m/other.cdl\nshow/d1/g/x.cdl\nshow/d2/g/x.cdl\n"
    "show/star/*.mov\nshow/star/*.cdl\nshow/star/z.cdl\n"
    "ShotLocker/Edits/abc/take.cdl\n.shotlake/take.cdl\n";

#define RULE(what, path) "[{\"name\":\"r\",\"for\":\"" what "\",\"path\":\"" path "\"}]"

struct found {
    struct world *w;
    struct buf keys;
};

static int add(void *arg, node_id node, const char *rule, struct err *e)
{
    struct found *f = arg;
    assert_string_equal(rule, "r");
    int r = index_key(&f->w->rd, node, &f->keys, e);
    buf_addc(&f->keys, ' ');
    return r;
}

static void test_found(void **state)
{
    (void)state;
    static const struct {
        const char *rules, *media;
        bool frames;
        const char *shot, *keys;
    } rows[] = {
        {RULE("plate", "{stem}.cdl"), "show/p/plate.1001.exr", true, "s", "show/p/plate.cdl "},
        {RULE("*", "{stem}.cdl"), "show/m/take.mov", false, "s", "show/m/take.cdl "},
        {RULE("plate", "{stem}.cdl"), "show/m/take.mov", false, "s", ""},
        {RULE("plate", "../lut/*.cube"), "show/p/plate.1001.exr", true, "s",
         "show/lut/a.cube show/lut/b.cube "},
        {RULE("plate", "../../*.cube"), "show/p/plate.1001.exr", true, "s", "top.cube "},
        {RULE("plate", "../../../*.cube"), "show/p/plate.1001.exr", true, "s", ""},
        {RULE("plate", "../ref/{shot}*.mov"), "show/p/plate.1001.exr", true, "sh010",
         "show/ref/sh010_v1.mov show/ref/sh010_v2.mov "},
        /* a name is no pattern */
        {RULE("plate", "../ref/{shot}.mov"), "show/p/plate.1001.exr", true, "*", ""},
        {RULE("movie", "{stem}.cdl"), "show/star/*.mov", false, "s", "show/star/*.cdl "},
        {RULE("plate", "../{shot}/take.cdl"), "show/p/plate.1001.exr", true, "..", ""},
        {RULE("movie", "../d*/g/x.*"), "show/m/take.mov", false, "s",
         "show/d1/g/x.cdl show/d2/g/x.cdl "},
        {RULE("movie", "*ke.c*l"), "show/m/take.mov", false, "s", "show/m/take.cdl "},
        {RULE("movie", "take*"), "show/m/take.mov", false, "s", "show/m/take.cdl "},
        {RULE("*", "../../ShotLocker/Edits/abc/*"), "show/m/take.mov", false, "s", ""},
        {RULE("*", "../../.shotlake/*"), "show/m/take.mov", false, "s", ""},
        {RULE("*", "../lut"), "show/m/take.mov", false, "s", ""},
    };
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    struct sequence plate = {.prefix = (char[]){"plate."}, .suffix = (char[]){".exr"}, .pad = 4};
    for (size_t i = 0; i < COUNT(rows); i++) {
        AUTO(sidecars) struct sidecars *s = NULL;
        struct found f = {.w = w};
        struct err e;
        struct sidecar_media m = {.sequence = rows[i].frames ? &plate : NULL,
                                  .shot = rows[i].shot};
        assert_int_equal(index_find(&w->rd, rows[i].media, &m.node, &e), 0);
        assert_int_equal(sidecars_parse(rows[i].rules, strlen(rows[i].rules), &s, &e), 0);
        assert_int_equal(sidecars_find(s, &w->rd, &m, add, &f, &e), 0);
        if (strcmp(buf_str(&f.keys), rows[i].keys) != 0)
            fail_msg("%s: '%s'", rows[i].rules, buf_str(&f.keys));
        buf_done(&f.keys);
    }
}

/* One rule does not take a whole folder without end. */
static void test_bound(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, "a/x.mov\n");
    AUTO(sidecars) struct sidecars *s = NULL;
    static const char rules[] = RULE("*", "*.txt");
    struct found f = {.w = w};
    struct err e;
    world_add_frames(w, "a/%d.txt", 1, SIDECARS_MATCHES_MAX + 5);
    struct sidecar_media m = {.shot = "s"};
    assert_int_equal(index_find(&w->rd, "a/x.mov", &m.node, &e), 0);
    assert_int_equal(sidecars_parse(rules, strlen(rules), &s, &e), 0);
    assert_int_equal(sidecars_find(s, &w->rd, &m, add, &f, &e), 0);
    size_t n = 0;
    for (const char *p = buf_str(&f.keys); *p; p++)
        n += *p == ' ';
    assert_int_equal(n, SIDECARS_MATCHES_MAX);
    buf_done(&f.keys);
}

/* In a plan: granted with the media, once, and told with the rule and the media. */
static void test_plan(void **state)
{
    (void)state;
    static const char rules[] = RULE("movie", "{stem}.cdl");
    static const char cut[] =
        "{\"OTIO_SCHEMA\":\"Track.1\",\"children\":["
        "{\"OTIO_SCHEMA\":\"Clip.1\",\"media_reference\":{\"OTIO_SCHEMA\":"
        "\"ExternalReference.1\",\"target_url\":\"/x/take.mov\"}},"
        "{\"OTIO_SCHEMA\":\"Clip.1\",\"media_reference\":{\"OTIO_SCHEMA\":"
        "\"ExternalReference.1\",\"target_url\":\"/x/take.mov\"}}]}";
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(sidecars) struct sidecars *s = NULL;
    AUTO(conform_plan) struct conform_plan *p = NULL;
    struct err e;
    assert_int_equal(sidecars_parse(rules, strlen(rules), &s, &e), 0);
    struct conform_options opt = {.sidecars = s};
    assert_int_equal(conform_plan(&w->rd, &w->store, cut, strlen(cut), &opt, &p, &e), 0);
    assert_int_equal(roaring_bitmap_get_cardinality(p->objects), 2);
    json_auto_t *report = conform_report_json(p, &w->rd, NULL, NULL, NULL);
    AUTO(free) char *got = json_dumps(json_object_get(report, "sidecars"), JSON_COMPACT);
    assert_string_equal(
        got, "[{\"key\":\"show/m/take.cdl\",\"rule\":\"r\",\"of\":\"show/m/take.mov\"}]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_found), cmocka_unit_test(test_bound),
        cmocka_unit_test(test_plan),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
