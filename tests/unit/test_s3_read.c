/* tests/unit/test_s3_read.c - reads that are made of several requests, against a server by script.
 */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/s3/s3_store.h"

#define S3_HTTP_WORLD_IMPLEMENTATION
#include "tests/unit/s3_http_world.h"

#define MIB ((size_t)1 << 20)
#define QUICK 32 /* reads that teach what is slow: no fewer do, so none of them is asked twice */
#define STEPS_MAX 120

#define OPEN                                                                                       \
    {                                                                                              \
        "GET /lake/?",                                                                             \
            "HTTP/1.1 200 OK\r\nContent-Length: 37\r\n\r\n"                                        \
            "<ListBucketResult></ListBucketResult>",                                               \
            0, 0, NULL                                                                             \
    }
#define PART(etag, range, length, body)                                                            \
    "HTTP/1.1 206 Partial Content\r\nETag: \"" etag "\"\r\nContent-Range: bytes " range            \
    "\r\nContent-Length: " length "\r\n\r\n" body
#define GOOD PART("e1", "0-9/100", "10", "0123456789")
#define HALF PART("e1", "0-9/100", "10", "0123")
#define REST PART("e1", "4-9/100", "6", "456789")
#define CHUNKED                                                                                    \
    "HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 0-9/100\r\n"                           \
    "Transfer-Encoding: chunked\r\n\r\n"
#define FAILURE(status, code)                                                                      \
    "HTTP/1.1 " status " X\r\nConnection: close\r\n\r\n<Error><Code>" code "</Code></Error>"
#define SLOWLY 30 /* milliseconds a byte, of the last twenty */

struct world {
    struct s3_http_world http;
    struct s3_http_step steps[STEPS_MAX];
    size_t n;
    struct store *s;
};

static void add(struct world *w, struct s3_http_step step, size_t times)
{
    while (times-- > 0)
        w->steps[w->n++] = step;
}

static void begin(struct world *w)
{
    w->n = 0;
    add(w, (struct s3_http_step)OPEN, 1);
}

static void open_far_world(struct world *w, unsigned wait_ms)
{
    struct err e;
    s3_http_world_start(&w->http, w->steps, w->n);
    w->http.wait_ms = wait_ms;
    setenv("AWS_ENDPOINT_URL_S3", w->http.endpoint, 1);
    if (s3_store_open("s3://lake", &w->s, &e) < 0)
        fail_msg("%s", e.text);
}

static void open_world(struct world *w)
{
    open_far_world(w, 0);
}

static void close_world(struct world *w)
{
    store_close(w->s);
    s3_http_world_stop(&w->http);
}

static void read_quickly(struct world *w)
{
    char data[10];
    for (int i = 0; i < QUICK; i++)
        assert_int_equal(store_read_wait(w->s, "obj", "e1", 0, 10, data, NULL), 0);
}

/* Second requests */

static const struct {
    const char *name, *etag;
    int want;
    unsigned hedges, wins;
    struct s3_http_step steps[3];
} seconds[] = {
    {"no answer",
     "e1",
     0,
     1,
     1,
     {{"bytes=0-9", NULL, 0, 0, NULL}, {"Range: bytes=0-9\r\n", GOOD, 0, 0, NULL}}},
    {"half an answer",
     "e1",
     0,
     1,
     1,
     {{"bytes=0-9", HALF, 0, 0, NULL}, {"Range: bytes=4-9\r\n", REST, 0, 0, NULL}}},
    {"of the same version",
     "e1",
     0,
     1,
     1,
     {{"If-Match: \"e1\"\r\n", HALF, 0, 0, NULL}, {"If-Match: \"e1\"\r\n", REST, 0, 0, NULL}}},
    {"the object changed",
     "e1",
     -ESTALE,
     1,
     0,
     {{NULL, HALF, 0, 0, NULL}, {NULL, FAILURE("412", "PreconditionFailed"), 1, 0, NULL}}},
    {"the object changed, at a store that ignores If-Match",
     "e1",
     -ESTALE,
     1,
     0,
     {{NULL, HALF, 0, 0, NULL}, {NULL, PART("e2", "4-9/100", "6", "abcdef"), 0, 0, NULL}}},
    {"the second fails, the first goes on",
     "e1",
     0,
     1,
     0,
     {{NULL, GOOD, 0, SLOWLY, NULL}, {NULL, FAILURE("500", "InternalError"), 1, 0, NULL}}},
    {"the second hangs, the first goes on",
     "e1",
     0,
     1,
     0,
     {{NULL, GOOD, 0, SLOWLY, NULL}, {NULL, NULL, 0, 0, NULL}}},
    {"the second has all but an end, the first breaks",
     "e1",
     0,
     1,
     0,
     {{NULL, PART("e1", "0-9/100", "10", "012345678"), 1, SLOWLY, NULL},
      {NULL, CHUNKED "a\r\n0123456789\r\n", 0, 0, NULL}}},
    {"no version, no second", NULL, 0, 0, 0, {{NULL, GOOD, 0, SLOWLY, NULL}}},
};

static void test_second_requests(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(seconds); i++) {
        struct world *w = xcalloc(1, sizeof *w);
        struct store_stats st;
        char data[10] = "";
        struct err e = {0};
        begin(w);
        add(w, (struct s3_http_step){"bytes=0-9", GOOD, 0, 0, NULL}, QUICK);
        for (size_t k = 0; k < 3 && (seconds[i].steps[k].answer || k < 1); k++)
            add(w, seconds[i].steps[k], 1);
        if (seconds[i].hedges == 1 && !seconds[i].steps[1].answer)
            add(w, seconds[i].steps[1], 1);
        open_world(w);
        read_quickly(w);
        int r = store_read_wait(w->s, "obj", seconds[i].etag, 0, sizeof data, data, &e);
        if (r != seconds[i].want)
            fail_msg("%s: %d %s", seconds[i].name, r, e.text);
        if (r == 0 && memcmp(data, "0123456789", 10) != 0)
            fail_msg("%s: '%.10s'", seconds[i].name, data);
        if (r < 0 && memcmp(data + 4, "\0\0\0\0\0\0", 6) != 0)
            fail_msg("%s: mixed: '%.10s'", seconds[i].name, data);
        store_stats(w->s, &st);
        if (st.hedges != seconds[i].hedges || st.hedge_wins != seconds[i].wins)
            fail_msg("%s: %d second requests, %d were first", seconds[i].name, (int)st.hedges,
                     (int)st.hedge_wins);
        assert_int_equal(st.active, 0);
        close_world(w);
        free(w);
    }
}

static void test_second_requests_are_one_in_twenty(void **state)
{
    (void)state;
    struct world *w = xcalloc(1, sizeof *w);
    struct store_stats st;
    char data[10];
    begin(w);
    add(w, (struct s3_http_step){"bytes=0-9", GOOD, 0, 0, NULL}, QUICK);
    add(w, (struct s3_http_step){"bytes=0-9", NULL, 0, 0, NULL}, 1);
    add(w, (struct s3_http_step){"bytes=0-9", GOOD, 0, 0, NULL}, 1);
    add(w, (struct s3_http_step){"bytes=0-9", GOOD, 0, SLOWLY, NULL}, 3);
    open_world(w);
    read_quickly(w);
    for (int i = 0; i < 4; i++)
        assert_int_equal(store_read_wait(w->s, "obj", "e1", 0, 10, data, NULL), 0);
    store_stats(w->s, &st);
    assert_int_equal(st.hedges, 1);
    assert_int_equal(st.hedge_wins, 1);
    assert_int_equal(st.requests, 1 + QUICK + 4 + 1);
    assert_int_equal(st.bytes, (QUICK + 4) * 10);
    assert_int_equal(st.cancelled, 1);
    assert_true(st.first_byte_us > 0);
    close_world(w);
    free(w);
}

/* Ends */

/* An answer without a length has its bytes before it has its end. */
static const struct {
    const char *name, *answer;
    unsigned byte_every_ms;
    int want;
} ends[] = {
    {"no end", CHUNKED "a\r\n0123456789\r\n", 0, 0},
    {"no end of the last chunk", CHUNKED "a\r\n0123456789", 0, 0},
    {"an end that is none", CHUNKED "a\r\n0123456789\r\nnone\r\n", 0, 0},
    {"more than the range", CHUNKED "a\r\n0123456789\r\n2\r\nxx\r\n0\r\n\r\n", 5, -EBADMSG},
};

static void test_answers_that_end_wrongly(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct world *w = xcalloc(1, sizeof *w);
        char data[10] = "";
        struct err e = {0};
        begin(w);
        add(w, (struct s3_http_step){NULL, ends[i].answer, 1, ends[i].byte_every_ms, NULL}, 1);
        open_world(w);
        int r = store_read_wait(w->s, "obj", "e1", 0, sizeof data, data, &e);
        if (r != ends[i].want || memcmp(data, "0123456789", 10) != 0)
            fail_msg("%s: %d %s '%.10s'", ends[i].name, r, e.text, data);
        close_world(w);
        free(w);
    }
}

/* Pieces */

struct watched {
    struct store_read rd;
    const char *want;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t have;
    unsigned told;
    bool wrong, over;
    int r;
};

static void watched_progress(struct store_read *rd, size_t have)
{
    struct watched *x = (struct watched *)rd;
    if (x->have >= have || have > rd->length ||
        memcmp(rd->data + x->have, x->want + x->have, have - x->have) != 0)
        x->wrong = true;
    x->have = have;
    x->told++;
}

static void watched_done(struct store_read *rd, int r, const struct err *e)
{
    struct watched *x = (struct watched *)rd;
    (void)e;
    LOCKED(&x->lock);
    x->r = r;
    x->over = true;
    pthread_cond_signal(&x->cond);
}

static void watched_start(struct store *s, struct watched *x)
{
    pthread_mutex_init(&x->lock, NULL);
    pthread_cond_init(&x->cond, NULL);
    x->rd.progress = watched_progress;
    x->rd.done = watched_done;
    store_read_start(s, &x->rd);
}

static int watched_wait(struct watched *x)
{
    pthread_mutex_lock(&x->lock);
    while (!x->over)
        pthread_cond_wait(&x->cond, &x->lock);
    pthread_mutex_unlock(&x->lock);
    return x->r;
}

static uint64_t requests_of(struct store *s)
{
    struct store_stats st;
    store_stats(s, &st);
    return st.requests - st.hedges;
}

static char *pattern(size_t n)
{
    char *p = malloc(n);
    for (size_t i = 0; i < n; i++)
        p[i] = (char)(i * 2654435761u >> 13);
    return p;
}

static void test_far_reads_come_in_pieces(void **state)
{
    (void)state;
    struct world *w = xcalloc(1, sizeof *w);
    AUTO(free) char *object = pattern(8 * MIB);
    AUTO(free) char *data = xcalloc(1, 8 * MIB);
    begin(w);
    add(w, (struct s3_http_step){"GET", s3_http_range, 0, 0, NULL}, STEPS_MAX - 1);
    open_far_world(w, 100); /* longer than the bytes take; short answers tell it, too */
    w->http.object = object;
    w->http.object_n = 8 * MIB;
    for (int i = 0; i < 8; i++)
        assert_int_equal(store_read_wait(w->s, "obj", "e1", 0, 8 * MIB, data, NULL), 0);
    memset(data, 0, 8 * MIB);
    uint64_t before = requests_of(w->s);
    struct watched x = {
        .rd = {.key = "obj", .etag = "e1", .length = 8 * MIB, .data = data},
        .want = object,
    };
    watched_start(w->s, &x);
    assert_int_equal(watched_wait(&x), 0);
    assert_false(x.wrong);
    assert_int_equal(x.have, 8 * MIB);
    assert_memory_equal(data, object, 8 * MIB);
    assert_int_equal(requests_of(w->s) - before, 4);

    before = requests_of(w->s); /* pieces of no version could be of several */
    assert_int_equal(store_read_wait(w->s, "obj", NULL, 0, 8 * MIB, data, NULL), 0);
    assert_int_equal(requests_of(w->s) - before, 1);
    store_close(w->s);
    w->http.n = w->http.at;
    s3_http_world_stop(&w->http);
    free(w);
}

/* Lanes, ends and bounds */

static void wait_for_requests(struct world *w, size_t n)
{
    for (;;) {
        pthread_mutex_lock(&w->http.lock);
        bool there = w->http.at >= n;
        pthread_mutex_unlock(&w->http.lock);
        if (there)
            return;
        usleep(1000);
    }
}

static void test_short_reads_pass_long_ones(void **state)
{
    (void)state;
    struct world *w = xcalloc(1, sizeof *w);
    struct watched *bulk = xcalloc(30, sizeof *bulk);
    AUTO(free) char *data = xcalloc(30, MIB);
    char byte[10];
    struct store_stats st;
    begin(w);
    add(w, (struct s3_http_step){"GET", NULL, 0, 0, NULL}, 4);
    add(w, (struct s3_http_step){"bytes=0-9", GOOD, 0, 0, NULL}, 1);
    open_world(w);
    for (size_t i = 0; i < 30; i++) {
        bulk[i].rd =
            (struct store_read){.key = "obj", .etag = "e1", .length = MIB, .data = data + i * MIB};
        watched_start(w->s, &bulk[i]);
    }
    wait_for_requests(w, 5);
    assert_int_equal(store_read_wait(w->s, "obj", "e1", 0, 10, byte, NULL), 0);
    store_stats(w->s, &st);
    assert_int_equal(st.active, 4); /* the store has not shown that it is far */
    for (size_t i = 30; i-- > 0;)   /* the last first, so that nobody's place is taken */
        store_read_cancel(w->s, &bulk[i].rd);
    for (size_t i = 0; i < 30; i++) {
        assert_int_equal(watched_wait(&bulk[i]), -ECANCELED);
        store_read_cancel(w->s, &bulk[i].rd); /* nobody is there any more */
    }
    store_stats(w->s, &st);
    assert_int_equal(st.active, 0);
    assert_int_equal(st.cancelled, 30);
    assert_true(st.connections <= 2);
    close_world(w);
    free(bulk);
    free(w);
}

static void test_connections_are_bounded(void **state)
{
    (void)state;
    struct world *w = xcalloc(1, sizeof *w);
    struct watched *reads = xcalloc(40, sizeof *reads);
    AUTO(free) char *object = pattern(MIB);
    AUTO(free) char *data = xcalloc(40, MIB);
    setenv("SHOTLAKE_CONNECTIONS", "6", 1);
    begin(w);
    add(w, (struct s3_http_step){"GET", s3_http_range, 0, 0, NULL}, 60);
    open_world(w);
    w->http.object = object;
    w->http.object_n = MIB;
    w->http.wait_ms = 10;
    w->http.more_may_come = true;
    for (size_t i = 0; i < 40; i++) {
        reads[i].rd = (struct store_read){
            .key = "obj", .etag = "e1", .length = i % 2 ? MIB : 4096, .data = data + i * MIB};
        reads[i].want = object;
        watched_start(w->s, &reads[i]);
    }
    for (size_t i = 0; i < 40; i++) {
        assert_int_equal(watched_wait(&reads[i]), 0);
        assert_false(reads[i].wrong);
    }
    store_close(w->s);
    assert_in_range(w->http.n_conns, 3, 6);
    w->http.n = w->http.at;
    s3_http_world_stop(&w->http);
    unsetenv("SHOTLAKE_CONNECTIONS");
    free(reads);
    free(w);
}

static void test_bounds_that_make_no_sense(void **state)
{
    static const char *const texts[] = {"0",  "3",  "257",  "-8",
                                        "8x", " 8", "many", "99999999999999999999999"};
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct store *s = NULL;
        struct err e;
        setenv("SHOTLAKE_CONNECTIONS", texts[i], 1);
        assert_int_equal(s3_store_open("s3://lake", &s, &e), -EINVAL);
        assert_non_null(strstr(e.text, "from 4 to 256"));
        assert_null(s);
    }
    unsetenv("SHOTLAKE_CONNECTIONS");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_second_requests),
        cmocka_unit_test(test_second_requests_are_one_in_twenty),
        cmocka_unit_test(test_answers_that_end_wrongly),
        cmocka_unit_test(test_far_reads_come_in_pieces),
        cmocka_unit_test(test_short_reads_pass_long_ones),
        cmocka_unit_test(test_connections_are_bounded),
        cmocka_unit_test(test_bounds_that_make_no_sense),
    };
    static const char *const unset[] = {
        "AWS_PROFILE",        "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE",       "AWS_REGION",
        "AWS_DEFAULT_REGION", "http_proxy",        "SHOTLAKE_CONNECTIONS"};
    for (size_t i = 0; i < COUNT(unset); i++)
        unsetenv(unset[i]);
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMIsecret", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
