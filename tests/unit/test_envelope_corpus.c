/* tests/unit/test_envelope_corpus.c - the frames that clips of real timelines use: against what a
 * published suite expects, and against playing every frame. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/envelope.h"
#include "conform/otio_read.h"

#define SKIPPED 77
#define EXPECTED "ynput+ayon-core/EXPECTED_media_range.json"

static char *corpus(void)
{
    struct stat st;
    const char *dir = getenv("SHOTLAKE_CORPUS"), *source = getenv("SHOTLAKE_SOURCE");
    char *path = dir ? xstrdup(dir) : xasprintf("%s/../shared/edits", source ? source : ".");
    if (stat(path, &st) == 0)
        return path;
    free(path);
    return NULL;
}

static struct otio_doc *read_file(const char *path)
{
    struct buf file __attribute__((cleanup(auto_buf))) = {0};
    AUTO(file) FILE *f = fopen(path, "rb");
    struct otio_doc *doc = NULL;
    struct err e;
    size_t n;
    if (!f)
        fail_msg("%s: cannot be opened", path);
    while ((n = fread(buf_room(&file, 65536), 1, 65536, f)) > 0)
        buf_added(&file, n);
    return otio_read(buf_str(&file), file.len, &doc, &e) == 0 ? doc : NULL;
}

static int keep(void *arg, const struct envelope *env, struct err *e)
{
    (void)e;
    *(struct envelope *)arg = *env;
    return 0;
}

static struct envelope envelope_of(const struct otio_doc *doc, int handles)
{
    struct envelope env = {0};
    struct err e;
    if (envelope_of_timeline(doc->root, handles, keep, &env, &e) < 0)
        fail_msg("%s", e.text);
    return env;
}

static double number(const json_t *o, const char *key)
{
    const json_t *v = json_object_get(o, key);
    assert_true(json_is_number(v));
    return json_number_value(v);
}

/* The frame that a position lies in. */
static int64_t frame(double x)
{
    return (int64_t)floor(x + 1e-3);
}

/* One expected range covered, and by at most one frame more at either end. */
static bool covers(int64_t lo, int64_t hi, int64_t want_lo, int64_t want_hi)
{
    return lo <= want_lo && lo >= want_lo - 1 && hi >= want_hi && hi <= want_hi + 1;
}

/* A row counts the frames of a sequence by their numbers, those of a movie from its first. The
 * suite asks for a number of handles at either end, and expects what the media has of them. */
static void check_row(const char *file, const struct otio_doc *doc, const json_t *row)
{
    const json_t *want = json_object_get(row, "expect"), *ask = json_object_get(row, "handles");
    struct envelope head = envelope_of(doc, (int)json_integer_value(json_array_get(ask, 0)));
    struct envelope tail = envelope_of(doc, (int)json_integer_value(json_array_get(ask, 1)));
    int64_t lo = frame(number(want, "mediaIn")), hi = frame(number(want, "mediaOut"));
    int64_t more_lo = lo - (int64_t)number(want, "handleStart");
    int64_t more_hi = hi + (int64_t)number(want, "handleEnd");
    print_message("%s: %lld-%lld with %lld-%lld, expected %lld-%lld with %lld-%lld\n", file,
                  (long long)head.cut_lo, (long long)head.cut_hi, (long long)head.lo,
                  (long long)tail.hi, (long long)lo, (long long)hi, (long long)more_lo,
                  (long long)more_hi);
    assert_true(head.used && head.known);
    assert_true(covers(head.cut_lo, head.cut_hi, lo, hi));
    assert_true(covers(head.lo, tail.hi, more_lo, more_hi));
    assert_true(fabs(head.speed - number(want, "speed")) < 1e-9);
}

static void test_expected(void **state)
{
    AUTO(free) char *path = xasprintf("%s/%s", (char *)*state, EXPECTED);
    json_auto_t *expected = json_load_file(path, 0, NULL);
    const char *file;
    json_t *rows, *row;
    size_t i, n = 0;
    assert_non_null(expected);
    json_object_foreach(expected, file, rows)
    {
        AUTO(free) char *timeline = xasprintf("%s/ynput+ayon-core/%s", (char *)*state, file);
        AUTO(otio_doc) struct otio_doc *doc = read_file(timeline);
        assert_non_null(doc);
        json_array_foreach(rows, i, row)
        {
            check_row(file, doc, row);
            n++;
        }
    }
    print_message("%zu rows\n", n);
    assert_true(n >= 12);
}

/* ---- every clip that plays forwards, frame by frame ----------------------------------------- */

struct playing {
    const char *path;
    const struct otio_doc *doc;
    size_t refs, known, played, warned;
};

static double value_at(const json_t *range, const char *which, const char *key)
{
    return json_number_value(json_object_get(json_object_get(range, which), key));
}

/* The product of the clip's speeds; NaN where it has a retime of another kind. */
static double speed_of(const json_t *clip)
{
    double s = 1;
    size_t i;
    const json_t *effect;
    json_array_foreach(json_object_get(clip, "effects"), i, effect)
    {
        if (otio_schema_is(effect, "LinearTimeWarp"))
            s *= json_number_value(json_object_get(effect, "time_scalar"));
        else if (!otio_schema_is(effect, "Effect"))
            return NAN;
    }
    return s;
}

/* Frame i of a clip shows frame floor(off + i * s) of its media, the last one where there are no
 * more: that is what its player does. Clips in the transitions and trims of others are left to the
 * tables of test_envelope.c. */
static int play(void *arg, const struct envelope *env, struct err *e)
{
    struct playing *p = arg;
    const json_t *range = json_object_get(env->clip, "source_range");
    const json_t *has = json_object_get(env->ref, "available_range");
    double s = speed_of(env->clip), rate = value_at(range, "duration", "rate");
    double first = value_at(has, "start_time", "value"), n = value_at(has, "duration", "value");
    double off = value_at(range, "start_time", "value") - first;
    (void)e;
    assert_ptr_equal(env->ref, p->doc->refs[p->refs].object);
    p->refs++;
    p->known += env->known;
    p->warned += env->warnings != 0;
    if (!env->known || !range || env->numbered || env->warnings || !(s > 0) || n < 2 ||
        fabs(value_at(has, "duration", "rate") - rate) > 1e-9 ||
        fabs(value_at(has, "start_time", "rate") - rate) > 1e-9 ||
        fabs(value_at(range, "start_time", "rate") - rate) > 1e-9)
        return 0;
    int64_t lo = frame(off), hi = lo, length = llround(n);
    for (int64_t i = 0; i < llround(value_at(range, "duration", "value")); i++)
        hi = frame(off + (double)i * s);
    hi = hi < length ? hi : length - 1;
    if (env->cut_lo > lo || env->cut_hi < hi)
        fail_msg("%s: %s: %lld-%lld, played %lld-%lld", p->path, otio_string(env->clip, "name"),
                 (long long)env->cut_lo, (long long)env->cut_hi, (long long)lo, (long long)hi);
    /* more only in a transition beside it */
    p->played += env->cut_lo == lo && (double)(env->cut_hi - hi) <= fmax(1, s);
    return 0;
}

static void test_playing(void **state)
{
    AUTO(free)
    char *command = xasprintf("find '%s' -name '*.otio' -o -name '*.json' | sort", (char *)*state);
    FILE *list = popen(command, "r");
    char path[4096];
    size_t files = 0, played = 0;
    assert_non_null(list);
    while (fgets(path, sizeof path, list)) {
        path[strcspn(path, "\n")] = '\0';
        AUTO(otio_doc) struct otio_doc *doc = read_file(path);
        struct playing p = {.path = path, .doc = doc};
        struct err e;
        if (!doc)
            continue;
        if (envelope_of_timeline(doc->root, 8, play, &p, &e) < 0)
            fail_msg("%s: %s", path, e.text);
        assert_int_equal(p.refs, doc->n_refs);
        print_message("%s: %zu references, %zu known, %zu with warnings, %zu played\n", path,
                      p.refs, p.known, p.warned, p.played);
        files++;
        played += p.played;
    }
    assert_int_equal(pclose(list), 0);
    print_message("%zu files, %zu clips played\n", files, played);
    assert_true(files > 0 && played > 0);
}

int main(void)
{
    AUTO(free) char *dir = corpus();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_expected, dir),
        cmocka_unit_test_prestate(test_playing, dir),
    };
    if (!dir) {
        printf("1..0 # SKIP no timelines: SHOTLAKE_CORPUS names no folder\n");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
