/* tests/unit/test_match.c - which objects a media reference finds, and by which rule. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>

#include "conform/conform.h"
#include "conform/match.h"
#include "tests/unit/conform_world.h"

static const char lake_keys[] =
    "show/a/one.mov\n"
    "show/a/twin.mov\nshow/b/twin.mov\n"
    "show/a/take+1.exr\nshow/a/my clip.mov\nshow/a/pct%20name.mov\n"
    "show/a/take[1-3].mov\nshow/a/take1.mov\nshow/a/take2.mov\n"
    "show/[2020-2021]/p/plate.1001.exr\nshow/[2020-2021]/p/plate.1002.exr\n"
    "show/[2020-2021]/p/plate.1003.exr\nshow/[2020-2021]/p/plate.1005.exr\n"
    "show/d1/dup.0001.exr\nshow/d1/dup.0002.exr\nshow/d2/dup.0002.exr\nshow/d2/dup.0003.exr\n"
    "show/w/wide.001.exr\nshow/w/wide.0001.exr\nshow/w/wide.01.exr\n"
    "show/n/neg.-0002.exr\nshow/n/neg.-0001.exr\nshow/n/neg.0000.exr\nshow/n/neg.0001.exr\n"
    "show/v/cam2_0001.exr\nshow/v/cam20001.exr\nshow/v/cam20002.exr\nshow/v/cam30001.exr\n"
    "show/x/shot.1001.v2.exr\nshow/x/shot.1002.v2.exr\n"
    "show/s/sp ace.01.dpx\nshow/s/sp ace.02.dpx\n"
    "show/m/mix.08.exr\nshow/m/mix.009.exr\nshow/m/nat.9.exr\nshow/m/nat.10.exr\n"
    "root.0001.exr\n"
    ".shotlake/secret.mov\n.shotlake/sec.0001.exr\n"
    "ShotLocker/Edits/abc/edit.mov\nShotLocker/Edits/abc/e.0001.exr\n"
    "ShotLocker/Edits/abc/one.mov\n";

#define EXT(url) "{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"" url "\"}"
#define SEQ(base, prefix, suffix, start, pad, n)                                                   \
    "{\"OTIO_SCHEMA\":\"ImageSequenceReference.1\",\"target_url_base\":\"" base                    \
    "\",\"name_prefix\":\"" prefix "\",\"name_suffix\":\"" suffix "\",\"start_frame\":" #start     \
    ",\"frame_step\":1,\"rate\":24,\"frame_zero_padding\":" #pad                                   \
    ",\"available_range\":{\"duration\":{\"value\":" #n ",\"rate\":24}}}"
#define SEQ_ALL(prefix, suffix, pad)                                                               \
    "{\"OTIO_SCHEMA\":\"ImageSequenceReference.1\",\"target_url_base\":\"/"                        \
    "x\",\"name_prefix\":\"" prefix "\",\"name_suffix\":\"" suffix                                 \
    "\",\"frame_zero_padding\":" #pad ",\"available_range\":null}"
#define P "show/[2020-2021]/p/plate."

/* `keys`: of the objects found, or of the candidates; "-N" at its end: N missing frames. */
static const struct {
    const char *ref;
    enum conform_status status;
    const char *rule, *keys;
} cases[] = {
    /* one object */
    {EXT("s3://lake/show/a/one.mov"), CONFORM_FOUND, "address", "show/a/one.mov "},
    {EXT("s3://lake/show/b/twin.mov"), CONFORM_FOUND, "address", "show/b/twin.mov "},
    {EXT("s3://lake/gone/one.mov"), CONFORM_FOUND, "name", "show/a/one.mov "},
    {EXT("s3://other/one.mov"), CONFORM_FOUND, "name", "show/a/one.mov "},
    {EXT("C:\\\\x\\\\one.mov"), CONFORM_FOUND, "name", "show/a/one.mov "},
    {EXT("/x/twin.mov"), CONFORM_AMBIGUOUS, NULL, "show/a/twin.mov show/b/twin.mov "},
    {EXT("/x/ONE.mov"), CONFORM_FOUND, "name", "show/a/one.mov "},
    {EXT("/x/none.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("file:///x/take+1.exr"), CONFORM_FOUND, "name", "show/a/take+1.exr "},
    {EXT("file:///x/my%20clip.mov"), CONFORM_FOUND, "name", "show/a/my clip.mov "},
    {EXT("/x/my%20clip.mov"), CONFORM_FOUND, "name", "show/a/my clip.mov "},
    {EXT("/x/pct%20name.mov"), CONFORM_FOUND, "name", "show/a/pct%20name.mov "},
    {EXT("file:///x/pct%20name.mov"), CONFORM_FOUND, "name", "show/a/pct%20name.mov "},
    {EXT("s3://other/my%20clip.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("/x/take[1-3].mov"), CONFORM_FOUND, "name", "show/a/take[1-3].mov "},
    {EXT("/x/take[1-2].mov"), CONFORM_FOUND, "sequence", "show/a/take1.mov show/a/take2.mov "},
    {EXT("/x/plate.1001.exr"), CONFORM_FOUND, "name", P "1001.exr "},
    {EXT("/x/dir/"), CONFORM_MISSING, NULL, ""},
    {EXT("bal:///one.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("file:///x/%00one.mov"), CONFORM_MISSING, NULL, ""},
    /* not media */
    {EXT("s3://lake/.shotlake/secret.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("/x/secret.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("/x/sec.0001.exr"), CONFORM_MISSING, NULL, ""},
    {EXT("/x/sec.%04d.exr"), CONFORM_MISSING, NULL, ""},
    {EXT("s3://lake/.shotlake/sec.%04d.exr"), CONFORM_MISSING, NULL, ""},
    {EXT("/x/edit.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("/x/e.%04d.exr"), CONFORM_MISSING, NULL, ""},
    {EXT("s3://lake/ShotLocker/Edits/abc/edit.mov"), CONFORM_MISSING, NULL, ""},
    {EXT("s3://lake/ShotLocker/Edits/abc/e.%04d.exr"), CONFORM_MISSING, NULL, ""},
    {EXT("s3://lake/ShotLocker%2FEdits/abc/edit.mov"), CONFORM_MISSING, NULL, ""},
    {"{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":\"/m/ShotLocker/Edits/abc/edit.mov\","
     "\"metadata\":{\"shotlake\":{\"key\":\"ShotLocker/Edits/abc/edit.mov\"}}}",
     CONFORM_MISSING, NULL, ""},
    /* sequences */
    {SEQ("/x", "plate.", ".exr", 1001, 4, 3), CONFORM_FOUND, "sequence",
     P "1001.exr " P "1002.exr " P "1003.exr "},
    {SEQ("C:\\\\x", "plate.", ".exr", 1001, 4, 6), CONFORM_PARTLY, "sequence",
     P "1001.exr " P "1002.exr " P "1003.exr " P "1005.exr -2"},
    {SEQ("/x", "plate.", ".exr", 2001, 4, 3), CONFORM_MISSING, NULL, ""},
    {SEQ("/x", "plate.", ".exr", 1001, 5, 3), CONFORM_MISSING, NULL, ""},
    {SEQ_ALL("plate.", ".exr", 4), CONFORM_FOUND, "sequence",
     P "1001.exr " P "1002.exr " P "1003.exr " P "1005.exr "},
    {EXT("/x/plate.[1001-1002].exr"), CONFORM_FOUND, "sequence", P "1001.exr " P "1002.exr "},
    {EXT("/[1-2]/plate.[1001-1002,1005].exr"), CONFORM_FOUND, "sequence",
     P "1001.exr " P "1002.exr " P "1005.exr "},
    {EXT("/x/plate.%04d.exr 1001-1002"), CONFORM_FOUND, "sequence", P "1001.exr " P "1002.exr "},
    {EXT("file:///x/plate.%04d.exr"), CONFORM_FOUND, "sequence",
     P "1001.exr " P "1002.exr " P "1003.exr " P "1005.exr "},
    {EXT("s3://lake/show/d1/dup.%04d.exr"), CONFORM_FOUND, "address",
     "show/d1/dup.0001.exr show/d1/dup.0002.exr "},
    {SEQ("s3://lake/show/d1", "dup.", ".exr", 1, 4, 3), CONFORM_PARTLY, "address",
     "show/d1/dup.0001.exr show/d1/dup.0002.exr -1"},
    {SEQ("s3://lake/", "show/d2/dup.", ".exr", 2, 4, 2), CONFORM_FOUND, "address",
     "show/d2/dup.0002.exr show/d2/dup.0003.exr "},
    {SEQ("s3://lake", "root.", ".exr", 1, 4, 1), CONFORM_FOUND, "address", "root.0001.exr "},
    {SEQ("s3://lake/", "root.", ".exr", 1, 4, 1), CONFORM_FOUND, "address", "root.0001.exr "},
    {SEQ("/x", "dup.", ".exr", 1, 4, 3), CONFORM_AMBIGUOUS, NULL,
     "show/d1/dup.0001.exr show/d2/dup.0002.exr "},
    {SEQ("/x", "dup.", ".exr", 1, 4, 1), CONFORM_FOUND, "sequence", "show/d1/dup.0001.exr "},
    {SEQ_ALL("wide.", ".exr", 4), CONFORM_FOUND, "sequence", "show/w/wide.0001.exr "},
    {SEQ_ALL("wide.", ".exr", 3), CONFORM_FOUND, "sequence", "show/w/wide.001.exr "},
    {EXT("/x/wide.#.exr"), CONFORM_AMBIGUOUS, NULL,
     "show/w/wide.001.exr show/w/wide.0001.exr "
     "show/w/wide.01.exr "},
    {EXT("/x/mix.#.exr"), CONFORM_AMBIGUOUS, NULL, "show/m/mix.08.exr "},
    {EXT("/x/nat.#.exr"), CONFORM_FOUND, "sequence", "show/m/nat.9.exr show/m/nat.10.exr "},
    {SEQ("/x", "neg.", ".exr", -2, 4, 4), CONFORM_FOUND, "sequence",
     "show/n/neg.-0002.exr show/n/neg.-0001.exr show/n/neg.0000.exr show/n/neg.0001.exr "},
    {SEQ_ALL("neg.", ".exr", 4), CONFORM_FOUND, "sequence",
     "show/n/neg.0000.exr show/n/neg.0001.exr "},
    {SEQ("/x", "cam2", ".exr", 1, 4, 2), CONFORM_FOUND, "sequence",
     "show/v/cam20001.exr show/v/cam20002.exr "},
    {SEQ("/x", "shot.", ".v2.exr", 1001, 4, 2), CONFORM_FOUND, "path",
     "show/x/shot.1001.v2.exr show/x/shot.1002.v2.exr "},
    {SEQ("file:///x", "sp%20ace.", ".dpx", 1, 2, 2), CONFORM_FOUND, "sequence",
     "show/s/sp ace.01.dpx show/s/sp ace.02.dpx "},
    {SEQ("/x", "e.", ".exr", 1, 4, 1), CONFORM_MISSING, NULL, ""},
    {SEQ("s3://lake/.shotlake", "sec.", ".exr", 1, 4, 1), CONFORM_MISSING, NULL, ""},
    {SEQ("s3://lake/ShotLocker/Edits/abc", "e.", ".exr", 1, 4, 1), CONFORM_MISSING, NULL, ""},
    {SEQ("s3://lake/ShotLocker", "Edits/abc/e.", ".exr", 1, 4, 1), CONFORM_MISSING, NULL, ""},
    {SEQ("/x", "plate.", ".exr/x", 1001, 4, 3), CONFORM_MISSING, NULL, ""},
    {SEQ("/x", "plate.", ".exr", 1001, 4, 0), CONFORM_MISSING, NULL, ""},
    {SEQ("/x", "plate.", ".exr", 1001, 4, 1000001), CONFORM_MISSING, NULL, ""},
    /* other kinds */
    {"{\"OTIO_SCHEMA\":\"GeneratorReference.1\"}", CONFORM_NO_MEDIA, NULL, ""},
    {"{\"OTIO_SCHEMA\":\"MissingReference.1\"}", CONFORM_NO_MEDIA, NULL, ""},
    {"{\"OTIO_SCHEMA\":\"ExternalReference.1\",\"target_url\":null}", CONFORM_NO_MEDIA, NULL, ""},
    {"{\"OTIO_SCHEMA\":\"Studio.1\"}", CONFORM_NO_MEDIA, NULL, ""},
    {"{\"OTIO_SCHEMA\":\"MissingReference.1\",\"metadata\":{\"Resolve_OTIO\":{\"Media Url\":"
     "\"/x/one.mov\"}}}",
     CONFORM_FOUND, "name", "show/a/one.mov "},
    {"{\"OTIO_SCHEMA\":\"MissingReference.1\",\"metadata\":{\"Resolve_OTIO\":{\"Media Url\":"
     "\"C:\\\\x\\\\plate.[1001-1003].exr\"}}}",
     CONFORM_FOUND, "sequence", P "1001.exr " P "1002.exr " P "1003.exr "},
    {"{\"OTIO_SCHEMA\":\"MissingReference.1\",\"metadata\":{\"original_target_url\":"
     "\"media/one.mov\"}}",
     CONFORM_FOUND, "name", "show/a/one.mov "},
    {"{\"OTIO_SCHEMA\":\"MissingReference.1\",\"metadata\":{\"shotlake\":{\"original\":" EXT(
         "/x/one.mov") "}}}",
     CONFORM_FOUND, "name", "show/a/one.mov "},
};

static void item_free(struct conform_item *it)
{
    /* conform_plan_free() knows how; it takes a plan of one item */
    struct conform_plan *p = xcalloc(1, sizeof *p);
    p->items = it;
    p->n_items = 1;
    conform_plan_free(p);
}

static char *keys_of(struct world *w, const struct conform_item *it)
{
    struct buf b = {0};
    struct err e;
    bool many = it->status == CONFORM_AMBIGUOUS;
    for (size_t i = 0; i < (many ? it->n_candidates : it->n_nodes); i++) {
        if (many && it->candidates[i].rejected)
            continue;
        index_key(&w->rd, many ? it->candidates[i].node : it->nodes[i], &b, &e);
        buf_addc(&b, ' ');
    }
    if (it->n_missing_frames > 0)
        buf_addf(&b, "-%zu", it->n_missing_frames);
    return buf_take(&b);
}

static void test_cases(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, lake_keys);
    AUTO(match) struct match *m = NULL;
    struct err e;
    assert_int_equal(match_new(&w->rd, &w->store, NULL, &m, &e), 0);
    for (size_t i = 0; i < COUNT(cases); i++) {
        json_auto_t *ref = json_loads(cases[i].ref, 0, NULL);
        struct conform_item *it = xcalloc(1, sizeof *it);
        assert_non_null(ref);
        struct match_input in = {.ref = ref};
        assert_int_equal(match_reference(m, &in, it, &e), 0);
        AUTO(free) char *keys = keys_of(w, it);
        if (it->status != cases[i].status || strcmp(keys, cases[i].keys) != 0)
            fail_msg("%s: status %d, keys '%s', %s", cases[i].ref, it->status, keys,
                     it->reason ? it->reason : "");
        if (cases[i].rule && (!it->rule || strcmp(it->rule, cases[i].rule) != 0))
            fail_msg("%s: rule %s", cases[i].ref, it->rule ? it->rule : "none");
        assert_int_equal(it->reason != NULL, it->status != CONFORM_FOUND);
        item_free(it);
    }
}

/* Hidden from the tables above: what a bare path means where the lake is a directory. */
static void test_directory_lake(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_file, "a/t.mov\nb/t.mov\nb/p%20q.1.exr\n");
    AUTO(match) struct match *m = NULL;
    struct err e;
    static const struct {
        const char *ref, *key;
    } rows[] = {
        {EXT("/srv/my lake/b/t.mov"), "b/t.mov "},
        {EXT("file:///srv/my%20lake/a/t.mov"), "a/t.mov "},
        {SEQ("file:///srv/my%20lake/b/", "p%2520q.", ".exr", 1, 1, 1), "b/p%20q.1.exr "},
    };
    assert_int_equal(match_new(&w->rd, &w->store, NULL, &m, &e), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        json_auto_t *ref = json_loads(rows[i].ref, 0, NULL);
        struct conform_item *it = xcalloc(1, sizeof *it);
        struct match_input in = {.ref = ref};
        assert_int_equal(match_reference(m, &in, it, &e), 0);
        AUTO(free) char *keys = keys_of(w, it);
        assert_string_equal(keys, rows[i].key);
        assert_string_equal(it->rule, "address");
        item_free(it);
    }
}

/* Many holes: all are counted, the first are listed; the index is asked once for a pattern. */
static void test_long_sequence(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, "p/x.00001.exr\np/x.20000.exr\n");
    AUTO(match) struct match *m = NULL;
    struct err e;
    assert_int_equal(match_new(&w->rd, &w->store, NULL, &m, &e), 0);
    for (int i = 0; i < 3; i++) {
        json_auto_t *ref = json_loads(EXT("/x.[00001-100000].exr"), 0, NULL);
        struct conform_item *it = xcalloc(1, sizeof *it);
        struct match_input in = {.ref = ref};
        assert_int_equal(match_reference(m, &in, it, &e), 0);
        assert_int_equal(it->status, CONFORM_PARTLY);
        assert_int_equal(it->n_missing_frames, 99998);
        assert_int_equal(conform_missing_kept(it), CONFORM_FRAMES_KEPT);
        assert_int_equal(it->missing_frames[CONFORM_FRAMES_KEPT - 1], 1001);
        assert_string_equal(it->frames, "00001,20000");
        item_free(it);
    }
    assert_int_equal(w->rd.asked, 1);
}

/* A file cannot keep the program busy with frames that it only names. */
static void test_frame_budget(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(&world_s3, "");
    AUTO(match) struct match *m = NULL;
    struct err e;
    json_auto_t *ref = json_loads(EXT("/x.[1-1000000].exr"), 0, NULL);
    assert_int_equal(match_new(&w->rd, &w->store, NULL, &m, &e), 0);
    int r = 0, n = 0;
    for (; r == 0 && n < 60; n++) {
        struct conform_item *it = xcalloc(1, sizeof *it);
        struct match_input in = {.ref = ref};
        r = match_reference(m, &in, it, &e);
        item_free(it);
    }
    assert_int_equal(r, -EFBIG);
    assert_int_equal(n, 53);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_directory_lake),
        cmocka_unit_test(test_long_sequence),
        cmocka_unit_test(test_frame_budget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
