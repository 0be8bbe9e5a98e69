/* tests/unit/test_s3_http.c - the S3 store against a real server (SHOTLAKE_TEST_S3=1). */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/s3/s3_store.h"

/* Environment: that of the AWS tools, and SHOTLAKE_LAKE, a bucket or s3:// address that may be
 * written to. Everything happens below a prefix of our own. */

static char *lake_url, *bucket_url;

#define CHECK_OK(call)                                                                             \
    do {                                                                                           \
        struct err check_e = {0};                                                                  \
        struct err *e = &check_e;                                                                  \
        int check_r = (call);                                                                      \
        if (check_r < 0)                                                                           \
            fail_msg("%s: %d %s", #call, check_r, check_e.text);                                   \
    } while (0)

static struct store *open_lake(void)
{
    struct store *s = NULL;
    CHECK_OK(s3_store_open(lake_url, &s, e));
    return s;
}

/* Keys */

static const char *const weird[] = {
    "plain",
    "with space",
    "a+b",
    "percent%20encoded",
    "per%cent",
    "semi;colon",
    "amp&ersand=x",
    "quote\"'`",
    "<angle>",
    "que?stion#hash",
    "back\\slash",
    "umlaut-ü-日本-😀",
    "e\xcc\x81",
    "double//slash",
    "trailing/",
    "./dot",
    "../dotdot",
    "a/./b",
    "a/../b",
    "..",
    ".",
    "~tilde",
    "*star*",
    "@at:colon",
    "{brace}|pipe^",
    "\x01"
    "control",
    "tab\tnew\nline\r",
    "\x7f"
    "del",
    "_underscore",
    "__two",
    "!(x)$,[]",
};

static void test_weird_keys(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    char longest[STORE_KEY_MAX + 1];
    const char *prefix = strchr(lake_url + strlen("s3://"), '/') + 1;
    size_t room = STORE_KEY_MAX - strlen(prefix) - 1;
    memset(longest, 'k', sizeof longest);
    longest[room] = '\0';

    for (size_t i = 0; i <= COUNT(weird); i++) {
        const char *key = i < COUNT(weird) ? weird[i] : longest;
        AUTO(buf) struct buf back = {0};
        AUTO(free) char *text = xasprintf("bytes of %s", key);
        struct store_stat put, head, got;
        char byte[4];
        CHECK_OK(store_put(s, key, text, strlen(text), STORE_PUT_IF_ABSENT, &put, e));
        CHECK_OK(store_head(s, key, &head, e));
        CHECK_OK(store_get(s, key, 4096, &back, &got, e));
        assert_string_equal(buf_str(&back), text);
        assert_memory_equal(&put, &head, sizeof put.size + sizeof put.mtime_ns);
        assert_string_equal(put.etag, head.etag);
        assert_string_equal(put.etag, got.etag);
        assert_int_equal(got.size, strlen(text));
        CHECK_OK(store_read_wait(s, key, put.etag, 2, sizeof byte, byte, e));
        assert_memory_equal(byte, text + 2, sizeof byte);
    }
    longest[room] = 'k';
    longest[room + 1] = '\0';
    assert_int_equal(store_put(s, longest, "", 0, 0, NULL, NULL), -EINVAL);
}

struct seen {
    char *key[4096];
    size_t n, stop_at;
};

static int collect(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    struct seen *seen = arg;
    assert_true(st->etag[0] && st->mtime_ns > 0);
    seen->key[seen->n++] = xstrdup(key);
    return seen->n == seen->stop_at ? err_set(e, -ECANCELED, "enough") : 0;
}

static void seen_clear(struct seen *seen)
{
    while (seen->n > 0)
        free(seen->key[--seen->n]);
}

static void test_weird_keys_are_listed(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    struct seen seen = {0};
    CHECK_OK(store_list(s, "", "", collect, &seen, e));
    for (size_t i = 0; i < COUNT(weird); i++) {
        bool found = false;
        for (size_t k = 0; k < seen.n; k++)
            found |= strcmp(seen.key[k], weird[i]) == 0;
        if (!found)
            fail_msg("'%s' is not listed", weird[i]);
    }
    assert_int_equal(seen.n, COUNT(weird) + 1);
    /* Every key can be the one after which a listing begins. */
    for (size_t i = 0; i < seen.n; i++) {
        struct seen rest = {.stop_at = 1};
        int r = store_list(s, "", seen.key[i], collect, &rest, NULL);
        assert_int_equal(r, i + 1 < seen.n ? -ECANCELED : 0);
        if (r < 0)
            assert_string_equal(rest.key[0], seen.key[i + 1]);
        seen_clear(&rest);
    }
    for (size_t i = 0; i < seen.n; i++)
        CHECK_OK(store_remove(s, seen.key[i], e));
    seen_clear(&seen);
    CHECK_OK(store_list(s, "", "", collect, &seen, e));
    assert_int_equal(seen.n, 0);
}

struct filler {
    struct store *s;
    pthread_mutex_t lock;
    int next, end;
    const char *form;
};

static void *fill(void *arg)
{
    struct filler *f = arg;
    for (;;) {
        pthread_mutex_lock(&f->lock);
        int i = f->next < f->end ? f->next++ : -1;
        pthread_mutex_unlock(&f->lock);
        if (i < 0)
            return NULL;
        AUTO(free) char *key = xasprintf("many/%05d é\x01", i);
        if (f->form)
            CHECK_OK(store_put(f->s, key, key, strlen(key), 0, NULL, e));
        else
            CHECK_OK(store_remove(f->s, key, e));
    }
}

static void fill_with(struct store *s, int n, const char *form)
{
    struct filler f = {s, PTHREAD_MUTEX_INITIALIZER, 0, n, form};
    pthread_t t[12];
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_create(&t[i], NULL, fill, &f);
    for (size_t i = 0; i < COUNT(t); i++)
        pthread_join(t[i], NULL);
}

static void test_list_pages(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    struct seen seen = {0};
    fill_with(s, 2500, "put");
    CHECK_OK(store_put(s, "other", "", 0, 0, NULL, e));

    CHECK_OK(store_list(s, "many/", "", collect, &seen, e));
    assert_int_equal(seen.n, 2500);
    for (int i = 0; i < 2500; i++) {
        AUTO(free) char *key = xasprintf("many/%05d é\x01", i);
        assert_string_equal(seen.key[i], key);
    }
    seen_clear(&seen);
    CHECK_OK(store_list(s, "many/", "many/01499", collect, &seen, e));
    assert_int_equal(seen.n, 1001);
    seen_clear(&seen);
    CHECK_OK(store_list(s, "many/0249", "many/02499 é", collect, &seen, e));
    assert_int_equal(seen.n, 1);
    seen_clear(&seen);
    CHECK_OK(store_list(s, "", "many/02499 é\x01", collect, &seen, e));
    assert_int_equal(seen.n, 1);
    seen_clear(&seen);
    CHECK_OK(store_list(s, "none/", "", collect, &seen, e));
    assert_int_equal(seen.n, 0);
    seen.stop_at = 1000; /* while the next page is under way */
    assert_int_equal(store_list(s, "", "", collect, &seen, NULL), -ECANCELED);
    seen_clear(&seen);
    fill_with(s, 2500, NULL);
    CHECK_OK(store_remove(s, "other", e));
}

/* Writing */

struct racer {
    struct store *s;
    pthread_barrier_t *start;
    int i, r;
};

static void *race(void *arg)
{
    struct racer *me = arg;
    char text[32] = {0};
    snprintf(text, sizeof text, "writer %d", me->i);
    pthread_barrier_wait(me->start);
    me->r = store_put(me->s, "race", text, strlen(text), STORE_PUT_IF_ABSENT, NULL, NULL);
    return NULL;
}

static void test_if_absent_has_one_winner(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    for (int round = 0; round < 20; round++) {
        pthread_barrier_t start;
        struct racer r[16];
        pthread_t t[16];
        int winner = -1;
        AUTO(buf) struct buf back = {0};
        char want[32];
        pthread_barrier_init(&start, NULL, 16);
        for (int i = 0; i < 16; i++) {
            r[i] = (struct racer){s, &start, i, 0};
            pthread_create(&t[i], NULL, race, &r[i]);
        }
        for (int i = 0; i < 16; i++) {
            pthread_join(t[i], NULL);
            assert_true(r[i].r == 0 || r[i].r == -EEXIST);
            if (r[i].r == 0) {
                assert_int_equal(winner, -1);
                winner = i;
            }
        }
        pthread_barrier_destroy(&start);
        assert_true(winner >= 0);
        snprintf(want, sizeof want, "writer %d", winner);
        CHECK_OK(store_get(s, "race", 100, &back, NULL, e));
        assert_string_equal(buf_str(&back), want);
        CHECK_OK(store_remove(s, "race", e));
    }
}

static void test_whole_objects(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    AUTO(buf) struct buf back = {0}, big = {0};
    struct store_stat st, again;
    for (int i = 0; i < 3000000; i++)
        buf_addc(&big, (char)(i * 7 >> 3));

    assert_int_equal(store_head(s, "absent", &st, NULL), -ENOENT);
    assert_int_equal(store_get(s, "absent", 10, &back, &st, NULL), -ENOENT);
    CHECK_OK(store_remove(s, "absent", e));
    CHECK_OK(store_put(s, "empty", NULL, 0, 0, &st, e));
    assert_int_equal(st.size, 0);
    CHECK_OK(store_get(s, "empty", 0, &back, &again, e));
    assert_string_equal(st.etag, again.etag);

    CHECK_OK(store_put(s, "big", big.p, big.len, 0, &st, e));
    buf_adds(&back, "kept");
    assert_int_equal(store_get(s, "big", big.len - 1, &back, NULL, NULL), -EFBIG);
    assert_string_equal(buf_str(&back), "kept");
    CHECK_OK(store_get(s, "big", big.len, &back, &again, e));
    assert_int_equal(back.len, 4 + big.len);
    assert_memory_equal(back.p + 4, big.p, big.len);
    assert_int_equal(again.size, big.len);
    assert_int_equal(store_put(s, "big", "x", 1, STORE_PUT_IF_ABSENT, &again, NULL), -EEXIST);
    CHECK_OK(store_head(s, "big", &again, e));
    assert_string_equal(st.etag, again.etag);
    CHECK_OK(store_remove(s, "big", e));
    CHECK_OK(store_remove(s, "empty", e));
}

static void test_tags(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    struct store_tags got,
        none = {0},
        tags = {2, {{"ShotLockerAccess", "ab12cd34ef:zz99yy88xx"}, {"a b+c", "ü=/:@ _.-"}}};
    CHECK_OK(store_put(s, "tagged", "x", 1, 0, NULL, e));
    CHECK_OK(store_get_tags(s, "tagged", &got, e));
    assert_int_equal(got.n, 0);
    CHECK_OK(store_put_tags(s, "tagged", &tags, e));
    CHECK_OK(store_get_tags(s, "tagged", &got, e));
    assert_int_equal(got.n, 2);
    for (size_t i = 0; i < 2; i++) {
        size_t k = strcmp(got.tag[i].key, tags.tag[0].key) == 0 ? 0 : 1;
        assert_string_equal(got.tag[i].key, tags.tag[k].key);
        assert_string_equal(got.tag[i].value, tags.tag[k].value);
    }
    CHECK_OK(store_put_tags(s, "tagged", &none, e));
    CHECK_OK(store_get_tags(s, "tagged", &got, e));
    assert_int_equal(got.n, 0);
    assert_int_equal(store_get_tags(s, "absent", &got, NULL), -ENOENT);
    assert_int_equal(store_put_tags(s, "absent", &tags, NULL), -ENOENT);
    tags = (struct store_tags){1, {{"k", "1"}}};
    memset(tags.tag[0].key, 'k', STORE_TAG_KEY_MAX);
    memset(tags.tag[0].value, 'v', STORE_TAG_VALUE_MAX);
    CHECK_OK(store_put_tags(s, "tagged", &tags, e));
    CHECK_OK(store_get_tags(s, "tagged", &got, e));
    assert_string_equal(got.tag[0].value, tags.tag[0].value);
    CHECK_OK(store_remove(s, "tagged", e));
}

/* Reading */

struct reading {
    struct store_read rd;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    size_t told;
    bool over, backwards;
    int r;
    struct store *cancel_with; /* cancel at the first progress */
};

static void on_progress(struct store_read *rd, size_t have)
{
    struct reading *g = (struct reading *)rd;
    g->backwards |= have <= g->told || have > rd->length;
    g->told = have;
    if (g->cancel_with)
        store_read_cancel(g->cancel_with, rd);
}

static void on_done(struct store_read *rd, int r, const struct err *e)
{
    struct reading *g = (struct reading *)rd;
    LOCKED(&g->lock);
    assert_true(!g->over && (r == 0 || e));
    g->r = r;
    g->over = true;
    pthread_cond_signal(&g->cond);
}

static void reading_start(struct store *s, struct reading *g, const char *key, const char *etag,
                          uint64_t offset, size_t length)
{
    *g = (struct reading){
        .rd = {.key = key,
               .etag = etag,
               .offset = offset,
               .length = length,
               .data = xcalloc(length, 1),
               .progress = on_progress,
               .done = on_done},
        .lock = PTHREAD_MUTEX_INITIALIZER,
        .cond = PTHREAD_COND_INITIALIZER,
        .cancel_with = g->cancel_with,
    };
    store_read_start(s, &g->rd);
}

static int reading_wait(struct reading *g)
{
    pthread_mutex_lock(&g->lock);
    while (!g->over)
        pthread_cond_wait(&g->cond, &g->lock);
    pthread_mutex_unlock(&g->lock);
    assert_false(g->backwards);
    return g->r;
}

#define BIG (24u << 20)

static char *big_object(struct store *s, struct store_stat *ret)
{
    char *big = xcalloc(BIG, 1);
    uint32_t x = 1;
    for (size_t i = 0; i < BIG; i++)
        big[i] = (char)((x = x * 1664525 + 1013904223) >> 24);
    CHECK_OK(store_put(s, "big", big, BIG, 0, ret, e));
    return big;
}

static void test_ranged_reads(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    struct store_stat st;
    AUTO(free) char *big = big_object(s, &st);
    struct reading g[48] = {0};
    size_t length[] = {1, 4096, 131072, 1u << 20, 3u << 20};
    for (size_t i = 0; i < COUNT(g); i++) {
        size_t n = length[i % COUNT(length)];
        uint64_t offset = i * 7919 * 64 % (BIG - n + 1);
        reading_start(s, &g[i], "big", i % 2 ? st.etag : NULL, offset, n);
    }
    for (size_t i = 0; i < COUNT(g); i++) {
        assert_int_equal(reading_wait(&g[i]), 0);
        assert_int_equal(g[i].told, g[i].rd.length);
        assert_memory_equal(g[i].rd.data, big + g[i].rd.offset, g[i].rd.length);
        free(g[i].rd.data);
    }
    struct reading whole = {0}, tail = {0}, beyond = {0};
    reading_start(s, &whole, "big", st.etag, 0, BIG);
    reading_start(s, &tail, "big", st.etag, BIG - 1, 1);
    reading_start(s, &beyond, "big", st.etag, BIG - 1, 2); /* asks for a byte that is not there */
    assert_int_equal(reading_wait(&whole), 0);
    assert_memory_equal(whole.rd.data, big, BIG);
    assert_int_equal(reading_wait(&tail), 0);
    assert_int_equal(tail.rd.data[0], big[BIG - 1]);
    assert_int_equal(reading_wait(&beyond), -EBADMSG);
    free(whole.rd.data);
    free(tail.rd.data);
    free(beyond.rd.data);

    /* Another version: never its bytes. */
    CHECK_OK(store_put(s, "big", "new", 3, 0, NULL, e));
    char byte = '?';
    assert_int_equal(store_read_wait(s, "big", st.etag, 0, 1, &byte, NULL), -ESTALE);
    assert_int_equal(byte, '?');
    assert_int_equal(store_read_wait(s, "big", st.etag, BIG - 1, 1, &byte, NULL), -ESTALE);
    assert_int_equal(store_read_wait(s, "big", NULL, 0, 1, &byte, NULL), 0);
    assert_int_equal(byte, 'n');
    CHECK_OK(store_remove(s, "big", e));
    assert_int_equal(store_read_wait(s, "big", st.etag, 0, 1, &byte, NULL), -ENOENT);
}

static void test_cancel(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    struct store_stat st;
    AUTO(free) char *big = big_object(s, &st);
    for (int round = 0; round < 10; round++) {
        struct reading g[24] = {0};
        for (size_t i = 0; i < COUNT(g); i++) {
            g[i].cancel_with = i % 3 == 0 ? s : NULL; /* from within the engine's thread */
            reading_start(s, &g[i], "big", st.etag, i << 18, 16u << 20);
        }
        int64_t start = clock_mono_ms();
        for (size_t i = 0; i < COUNT(g); i++)
            if (i % 3 != 0)
                store_read_cancel(s, &g[i].rd);
        for (size_t i = 0; i < COUNT(g); i++)
            if (i % 3 != 0)
                reading_wait(&g[i]);
        assert_true(clock_mono_ms() - start < 5000); /* whatever the server does meanwhile */
        for (size_t i = 0; i < COUNT(g); i++) {
            int r = reading_wait(&g[i]);
            assert_true(r == -ECANCELED || r == 0);
            store_read_cancel(s, &g[i].rd); /* too late, and harmless */
            free(g[i].rd.data);
        }
    }
    char byte;
    CHECK_OK(store_read_wait(s, "big", st.etag, 5, 1, &byte, e));
    assert_int_equal(byte, big[5]);
    CHECK_OK(store_remove(s, "big", e));
}

static void test_deadline(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    CHECK_OK(store_put(s, "late", "x", 1, 0, NULL, e));
    char byte;
    struct reading late = {.rd = {.key = "late",
                                  .length = 1,
                                  .data = &byte,
                                  .done = on_done,
                                  .deadline_ms = clock_mono_ms() - 1},
                           .lock = PTHREAD_MUTEX_INITIALIZER,
                           .cond = PTHREAD_COND_INITIALIZER};
    store_read_start(s, &late.rd);
    assert_int_equal(reading_wait(&late), -ETIMEDOUT);
    CHECK_OK(store_remove(s, "late", e));
}

/* Presigned */

static size_t to_buf(char *data, size_t size, size_t n, void *arg)
{
    buf_add(arg, data, size * n);
    return size * n;
}

static void test_presigned(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    AUTO(buf) struct buf url = {0}, body = {0};
    const char *key = "a b/../ü+%20;'.mov";
    long status = 0;
    CHECK_OK(store_put(s, key, "for a vendor", 12, 0, NULL, e));
    CHECK_OK(s3_presign_get(s, key, 60, &url, e));
    CURL *c = curl_easy_init();
    curl_easy_setopt(c, CURLOPT_URL, buf_str(&url));
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, to_buf);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &body);
    assert_int_equal(curl_easy_perform(c), CURLE_OK);
    curl_easy_getinfo(c, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(c);
    assert_int_equal(status, 200);
    assert_string_equal(buf_str(&body), "for a vendor");
    assert_int_equal(s3_presign_get(s, key, 0, &url, NULL), -EINVAL);
    assert_int_equal(s3_presign_get(s, key, S3_PRESIGN_MAX_S + 1, &url, NULL), -EINVAL);
    CHECK_OK(store_remove(s, key, e));
}

/* What an operator is told */

static void expect_open(const char *url, const char *variable, const char *value, int want,
                        const char *text)
{
    AUTO(free) char *saved = variable ? xstrdup(getenv(variable)) : NULL;
    AUTO(store) struct store *s = NULL;
    struct err e = {0};
    if (variable)
        setenv(variable, value, 1);
    int r = s3_store_open(url, &s, &e);
    if (variable)
        setenv(variable, saved, 1);
    print_message("%s\n", e.text);
    if (r != want || !strstr(e.text, text))
        fail_msg("wanted %d '%s', got %d '%s'", want, text, r, e.text);
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
    assert_null(strstr(e.text, secret));
}

static void test_open_errors(void **state)
{
    (void)state;
    expect_open(lake_url, "AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE", -EACCES,
                "does not know the access key …MPLE");
    expect_open(lake_url, "AWS_SECRET_ACCESS_KEY", "wrong", -EACCES, "rejects the secret");
    expect_open("s3://no-such-bucket-here", NULL, NULL, -ENOTDIR,
                "has no bucket 'no-such-bucket-here'");
    expect_open(lake_url, "AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9", -EIO, "cannot connect");
    expect_open(lake_url, "AWS_ENDPOINT_URL_S3", "ftp://x", -EINVAL, "endpoint 'ftp://x'");
    AUTO(free) char *tls = xasprintf("https%s", strchr(getenv("AWS_ENDPOINT_URL_S3"), ':'));
    expect_open(lake_url, "AWS_ENDPOINT_URL_S3", tls, -EIO, "no TLS connection");
    expect_open(lake_url, "AWS_ENDPOINT_URL_S3", "http://no-such-host.invalid", -EIO,
                "cannot be resolved");
    expect_open("s3://Bad!Bucket", NULL, NULL, -EINVAL, "is not a bucket name");
}

static int64_t wrong_wall(void)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec - 3600;
}

static int64_t real_mono(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void test_wrong_clock_is_corrected(void **state)
{
    (void)state;
    clock_set(wrong_wall, real_mono);
    struct store *s = open_lake();
    struct store_stat st;
    int r = store_head(s, "absent", &st, NULL);
    store_close(s);
    clock_set(NULL, NULL);
    assert_int_equal(r, -ENOENT);
}

static void test_address(void **state)
{
    (void)state;
    AUTO(store) struct store *s = open_lake();
    AUTO(buf) struct buf got = {0};
    AUTO(free) char *want = xasprintf("%s/a b%%20ü", lake_url);
    store_address(s, "a b%20ü", &got);
    assert_string_equal(buf_str(&got), want);
    assert_string_equal(s->url, lake_url);
    assert_int_equal(store_parallel(s), 12);
}

int main(void)
{
    const char *lake = getenv("SHOTLAKE_LAKE");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weird_keys),    cmocka_unit_test(test_weird_keys_are_listed),
        cmocka_unit_test(test_list_pages),    cmocka_unit_test(test_if_absent_has_one_winner),
        cmocka_unit_test(test_whole_objects), cmocka_unit_test(test_tags),
        cmocka_unit_test(test_ranged_reads),  cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_deadline),      cmocka_unit_test(test_presigned),
        cmocka_unit_test(test_open_errors),   cmocka_unit_test(test_wrong_clock_is_corrected),
        cmocka_unit_test(test_address),
    };
    if (!getenv("SHOTLAKE_TEST_S3") || !lake) {
        fprintf(stderr, "skipped: set SHOTLAKE_TEST_S3 and SHOTLAKE_LAKE\n");
        return 77;
    }
    bucket_url = strncmp(lake, "s3://", 5) == 0 ? xstrdup(lake) : xasprintf("s3://%s", lake);
    lake_url = xasprintf("%s/test-s3-http %d+ü", bucket_url, (int)getpid());
    int r = cmocka_run_group_tests(tests, NULL, NULL);
    free(lake_url);
    free(bucket_url);
    return r;
}
