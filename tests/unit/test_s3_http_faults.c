/* tests/unit/test_s3_http_faults.c - the S3 store against a server that errs by script. */
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
#include "base/clock.h"
#include "base/err.h"
#include "fs/s3/s3_store.h"

#define S3_HTTP_WORLD_IMPLEMENTATION
#include "tests/unit/s3_http_world.h"

#define SECRET "wJalrXUtnFEMIsecret"
#define LIST_HEAD "HTTP/1.1 200 OK\r\nContent-Length: "
#define EMPTY_LIST LIST_HEAD "39\r\n\r\n<ListBucketResult></ListBucketResult>\n\n"
#define OPEN                                                                                       \
    {                                                                                              \
        "GET /lake/?encoding-type=url&list-type=2&max-keys=1 ", EMPTY_LIST, 0, 0, NULL             \
    }

/* Answers to a read of ten bytes. */
#define PART(etag, range, length, body)                                                            \
    "HTTP/1.1 206 Partial Content\r\nETag: \"" etag "\"\r\nContent-Range: bytes " range            \
    "\r\nContent-Length: " length "\r\n\r\n" body
#define GOOD PART("e1", "0-9/100", "10", "0123456789")
#define HALF PART("e1", "0-9/100", "10", "0123")
#define REST PART("e1", "4-9/100", "6", "456789")
#define FAILURE(status, code)                                                                      \
    "HTTP/1.1 " status " X\r\nConnection: close\r\n\r\n<Error><Code>" code "</Code></Error>"
#define BAD_LENGTH_ETAG PART("e1", "0-9/100", "11", "0123456789a")

static const struct read_case {
    const char *name, *etag; /* etag: the pinned one */
    int want;
    struct s3_http_step steps[6];
} reads[] = {
    {"good", "e1", 0, {{"Range: bytes=0-9\r\n", GOOD, 0, 0, NULL}}},
    {"if-match is sent", "e1", 0, {{"If-Match: \"e1\"\r\n", GOOD, 0, 0, NULL}}},
    {"and is not", NULL, 0, {{NULL, GOOD, 0, 0, "If-Match"}}},
    {"resumes at the first missing byte",
     "e1",
     0,
     {{"bytes=0-9", HALF, 1, 0, NULL}, {"Range: bytes=4-9\r\n", REST, 0, 0, NULL}}},
    {"resumes the version that it began",
     NULL,
     0,
     {{NULL, HALF, 1, 0, "If-Match"}, {"If-Match: \"e1\"\r\n", REST, 0, 0, NULL}}},
    {"resumed, but changed meanwhile",
     NULL,
     -ESTALE,
     {{NULL, HALF, 1, 0, NULL},
      {"If-Match: \"e1\"", FAILURE("412", "PreconditionFailed"), 1, 0, NULL}}},
    {"resumed by a store that ignores If-Match",
     NULL,
     -ESTALE,
     {{NULL, HALF, 1, 0, NULL}, {NULL, PART("e2", "4-9/100", "6", "456789"), 0, 0, NULL}}},
    {"another version",
     "e1",
     -ESTALE,
     {{NULL, PART("e2", "0-9/100", "10", "0123456789"), 0, 0, NULL}}},
    {"200 with the very bytes",
     "e1",
     0,
     {{NULL, "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 10\r\n\r\n0123456789", 0, 0,
       NULL}}},
    {"200 with the whole object",
     "e1",
     -EBADMSG,
     {{NULL, "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 12\r\n\r\n0123456789ab", 1, 0,
       NULL},
      {NULL, "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 12\r\n\r\n0123456789ab", 1, 0,
       NULL},
      {NULL, "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 12\r\n\r\n0123456789ab", 1, 0,
       NULL},
      {NULL, "HTTP/1.1 200 OK\r\nETag: \"e1\"\r\nContent-Length: 12\r\n\r\n0123456789ab", 1, 0,
       NULL}}},
    {"wrong range, then right",
     "e1",
     0,
     {{NULL, PART("e1", "1-10/100", "10", "123456789a"), 1, 0, NULL}, {NULL, GOOD, 0, 0, NULL}}},
    {"short range, then right",
     "e1",
     0,
     {{NULL, PART("e1", "0-8/9", "9", "012345678"), 1, 0, NULL}, {NULL, GOOD, 0, 0, NULL}}},
    {"no range, then right",
     "e1",
     0,
     {{NULL, "HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Length: 10\r\n\r\n0123456789", 1, 0, NULL},
      {NULL, GOOD, 0, 0, NULL}}},
    {"no ETag, then right",
     "e1",
     0,
     {{NULL,
       "HTTP/1.1 206 P\r\nContent-Range: bytes 0-9/10\r\nContent-Length: 10\r\n\r\n0123456789", 1,
       0, NULL},
      {NULL, GOOD, 0, 0, NULL}}},
    {"longer than its range, then right",
     "e1",
     0,
     {{NULL, BAD_LENGTH_ETAG, 1, 0, NULL}, {NULL, GOOD, 0, 0, NULL}}},
    {"too many bytes in chunks, then right",
     "e1",
     0,
     {{NULL,
       "HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 0-9/10\r\n"
       "Transfer-Encoding: chunked\r\n\r\nc\r\n0123456789ab\r\n0\r\n\r\n",
       1, 0, NULL},
      {NULL, GOOD, 0, 0, NULL}}},
    {"too few bytes in chunks, then the rest",
     "e1",
     0,
     {{NULL,
       "HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes 0-9/10\r\n"
       "Transfer-Encoding: chunked\r\n\r\n4\r\n0123\r\n0\r\n\r\n",
       1, 0, NULL},
      {"bytes=4-9", REST, 0, 0, NULL}}},
    {"hung up", "e1", 0, {{NULL, "", 0, 0, NULL}, {NULL, GOOD, 0, 0, NULL}}},
    {"busy",
     "e1",
     0,
     {{NULL, FAILURE("503", "SlowDown"), 1, 0, NULL},
      {NULL, FAILURE("429", ""), 1, 0, NULL},
      {NULL, FAILURE("500", "InternalError"), 1, 0, NULL},
      {NULL, GOOD, 0, 0, NULL}}},
    {"request timeout",
     "e1",
     0,
     {{NULL, FAILURE("400", "RequestTimeout"), 1, 0, NULL}, {NULL, GOOD, 0, 0, NULL}}},
    {"not there", "e1", -ENOENT, {{NULL, FAILURE("404", "NoSuchKey"), 1, 0, NULL}}},
    {"no bucket", "e1", -ENOTDIR, {{NULL, FAILURE("404", "NoSuchBucket"), 1, 0, NULL}}},
    {"not a store",
     "e1",
     -EBADMSG,
     {{NULL, "HTTP/1.1 404 N\r\nContent-Length: 5\r\n\r\n<html", 1, 0, NULL}}},
    {"changed", "e1", -ESTALE, {{NULL, FAILURE("412", "PreconditionFailed"), 1, 0, NULL}}},
    {"became shorter", "e1", -ESTALE, {{NULL, FAILURE("416", "InvalidRange"), 1, 0, NULL}}},
    {"refused", "e1", -EACCES, {{NULL, FAILURE("403", "AccessDenied"), 1, 0, NULL}}},
    {"session over, keys of the environment",
     "e1",
     -EACCES,
     {{NULL, FAILURE("400", "ExpiredToken"), 1, 0, NULL}}},
    {"redirects are not followed",
     "e1",
     -EIO,
     {{NULL, "HTTP/1.1 302 F\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", 1, 0,
       NULL}}},
    {"bad request", "e1", -EIO, {{NULL, FAILURE("400", "Whatever"), 1, 0, NULL}}},
    {"100 Continue first",
     "e1",
     0,
     {{NULL, "HTTP/1.1 100 Continue\r\nETag: \"x\"\r\n\r\n" GOOD, 0, 0, NULL}}},
};

static size_t count_steps(const struct s3_http_step *s, size_t max)
{
    size_t n = 0;
    while (n < max && (s[n].expect || s[n].answer))
        n++;
    return n;
}

/* A world that first answers the probe of s3_store_open() and then by `steps`. */
static struct store *open_world(struct s3_http_world *w, struct s3_http_step *all,
                                const struct s3_http_step *steps, size_t n)
{
    struct store *s = NULL;
    struct err e;
    all[0] = (struct s3_http_step)OPEN;
    memcpy(all + 1, steps, n * sizeof *steps);
    s3_http_world_start(w, all, n + 1);
    setenv("AWS_ENDPOINT_URL_S3", w->endpoint, 1);
    if (s3_store_open("s3://lake", &s, &e) < 0)
        fail_msg("%s", e.text);
    return s;
}

static void check_sentence(const char *name, const struct err *e)
{
    if (strstr(e->text, SECRET) || strstr(e->text, "Signature") || strstr(e->text, "X-Amz"))
        fail_msg("%s: %s", name, e->text);
}

static void test_reads(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(reads); i++) {
        const struct read_case *c = &reads[i];
        struct s3_http_step all[8];
        struct s3_http_world w;
        struct store *s = open_world(&w, all, c->steps, count_steps(c->steps, COUNT(c->steps)));
        char data[10] = "";
        struct err e;
        int r = store_read_wait(s, "obj", c->etag, 0, sizeof data, data, &e);
        if (r != c->want)
            fail_msg("%s: %d %s", c->name, r, r < 0 ? e.text : "");
        if (r == 0 && memcmp(data, "0123456789", 10) != 0)
            fail_msg("%s: '%.10s'", c->name, data);
        if (r < 0)
            check_sentence(c->name, &e);
        store_close(s);
        s3_http_world_stop(&w);
    }
}

/* Writing */

#define DONE "HTTP/1.1 200 OK\r\nETag: \"e9\"\r\nContent-Length: 0\r\n\r\n"
#define STAT "Last-Modified: Tue, 03 Feb 2026 04:05:06 GMT\r\nContent-Length: 4\r\n\r\n"
#define THERE(body) "HTTP/1.1 200 OK\r\nETag: \"e9\"\r\n" STAT body
#define EXISTS FAILURE("412", "PreconditionFailed")
#define CLAIM "If-None-Match: *\r\n"

static const struct {
    const char *name;
    int want;
    struct s3_http_step steps[6];
} puts_if_absent[] = {
    {"made", 0, {{CLAIM, DONE, 0, 0, NULL}}},
    {"exists", -EEXIST, {{CLAIM, EXISTS, 1, 0, NULL}}},
    {"conflict, then made",
     0,
     {{CLAIM, FAILURE("409", "ConditionalRequestConflict"), 1, 0, NULL},
      {CLAIM, DONE, 0, 0, NULL}}},
    {"conflict, then exists",
     -EEXIST,
     {{CLAIM, FAILURE("409", "OperationAborted"), 1, 0, NULL}, {CLAIM, EXISTS, 1, 0, NULL}}},
    {"unheard, and it was us",
     0,
     {{CLAIM, "", 0, 0, NULL},
      {CLAIM, EXISTS, 1, 0, NULL},
      {"GET /lake/obj ", THERE("mine"), 0, 0, NULL}}},
    {"unheard, and it was another",
     -EEXIST,
     {{CLAIM, "", 0, 0, NULL},
      {CLAIM, EXISTS, 1, 0, NULL},
      {"GET /lake/obj ", THERE("hers"), 0, 0, NULL}}},
    {"unheard, and it was a longer one",
     -EEXIST,
     {{CLAIM, "", 0, 0, NULL},
      {CLAIM, EXISTS, 1, 0, NULL},
      {"GET /lake/obj ", "HTTP/1.1 200 OK\r\nETag: \"e9\"\r\nContent-Length: 5\r\n\r\nmine!", 1, 0,
       NULL}}},
    {"failed inside, and it was us",
     0,
     {{CLAIM, FAILURE("500", "InternalError"), 1, 0, NULL},
      {CLAIM, EXISTS, 1, 0, NULL},
      {"GET /lake/obj ", THERE("mine"), 0, 0, NULL}}},
    {"unheard, exists, and gone",
     -EIO,
     {{CLAIM, "", 0, 0, NULL},
      {CLAIM, EXISTS, 1, 0, NULL},
      {"GET /lake/obj ", FAILURE("404", "NoSuchKey"), 1, 0, NULL}}},
};

static void test_puts_if_absent(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(puts_if_absent); i++) {
        struct s3_http_step all[8];
        struct s3_http_world w;
        struct err e;
        struct store *s =
            open_world(&w, all, puts_if_absent[i].steps, count_steps(puts_if_absent[i].steps, 6));
        int r = store_put(s, "obj", "mine", 4, STORE_PUT_IF_ABSENT, NULL, &e);
        if (r != puts_if_absent[i].want)
            fail_msg("%s: %d %s", puts_if_absent[i].name, r, r < 0 ? e.text : "");
        store_close(s);
        s3_http_world_stop(&w);
    }
}

/* A create-if-absent never goes over a connection that was used before: curl would send it again
 * unasked when that one turns out dead. */
static void test_create_is_sent_once(void **state)
{
    static const struct s3_http_step steps[] = {
        {"PUT /lake/obj ", DONE, 0, 0, NULL},
        {"PUT /lake/obj ", DONE, 0, 0, NULL},
    };
    (void)state;
    struct s3_http_step all[4];
    struct s3_http_world w;
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    assert_int_equal(store_put(s, "obj", "a", 1, STORE_PUT_IF_ABSENT, NULL, NULL), 0);
    assert_int_equal(store_put(s, "obj", "a", 1, STORE_PUT_IF_ABSENT, NULL, NULL), 0);
    store_close(s);
    assert_int_equal(w.n_conns, 3);
    s3_http_world_stop(&w);
}

static void test_put_tells_its_stat(void **state)
{
    static const struct s3_http_step steps[] = {
        {"PUT /lake/obj ", DONE, 0, 0, NULL},
        {"HEAD /lake/obj ", "HTTP/1.1 200 OK\r\nETag: \"e9\"\r\n" STAT, 0, 0, NULL},
    };
    (void)state;
    struct s3_http_step all[4];
    struct s3_http_world w;
    struct store_stat st;
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    assert_int_equal(store_put(s, "obj", "mine", 4, 0, &st, NULL), 0);
    assert_string_equal(st.etag, "e9");
    assert_int_equal(st.size, 4);
    assert_true(st.mtime_ns == INT64_C(1770091506000000000));
    store_close(s);
    s3_http_world_stop(&w);
}

/* Missing what? */

static void test_head_tells_bucket_from_object(void **state)
{
    static const struct s3_http_step steps[] = {
        {"HEAD /lake/obj ", "HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n", 0, 0, NULL},
        {"HEAD /lake/ ", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0, 0, NULL},
        {"HEAD /lake/obj ", "HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n", 0, 0, NULL},
        {"HEAD /lake/ ", "HTTP/1.1 404 N\r\nContent-Length: 0\r\n\r\n", 0, 0, NULL},
    };
    (void)state;
    struct s3_http_step all[8];
    struct s3_http_world w;
    struct store_stat st;
    struct err e;
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    assert_int_equal(store_head(s, "obj", &st, &e), -ENOENT);
    assert_int_equal(store_head(s, "obj", &st, &e), -ENOTDIR);
    store_close(s);
    s3_http_world_stop(&w);
}

#define REFUSED_HEAD "HTTP/1.1 403 F\r\nContent-Length: 0\r\n\r\n"
#define PROBE "GET /lake/?encoding-type=url&list-type=2&max-keys=1 "

static void test_head_tells_why_it_is_refused(void **state)
{
    static const struct s3_http_step steps[] = {
        {"HEAD /lake/obj ", REFUSED_HEAD, 0, 0, NULL},
        {PROBE, FAILURE("400", "ExpiredToken"), 1, 0, NULL},
        {"HEAD /lake/obj ", REFUSED_HEAD, 0, 0, NULL},
        {PROBE, EMPTY_LIST, 0, 0, NULL},
        {"HEAD /lake/obj ", REFUSED_HEAD, 0, 0, NULL},
        {"HEAD /lake/obj ", "HTTP/1.1 400 B\r\nContent-Length: 0\r\n\r\n", 0, 0, NULL},
        {PROBE, EMPTY_LIST, 0, 0, NULL},
        {"HEAD /lake/obj ", "HTTP/1.1 200 OK\r\nETag: \"e9\"\r\n" STAT, 0, 0, NULL},
    };
    (void)state;
    struct s3_http_step all[12];
    struct s3_http_world w;
    struct store_stat st;
    struct err e;
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    assert_int_equal(store_head(s, "obj", &st, &e), -EACCES);
    assert_non_null(strstr(e.text, "has expired"));
    assert_int_equal(store_head(s, "obj", &st, &e), -EACCES);
    assert_non_null(strstr(e.text, "refuses HEAD of object 'obj'"));
    assert_int_equal(store_head(s, "obj", &st, &e), 0);
    store_close(s);
    s3_http_world_stop(&w);
}

/* Listings that cannot be right */

#define ENTRY(key)                                                                                 \
    "<Contents><Key>" key "</Key><Size>1</Size><ETag>e</ETag>"                                     \
    "<LastModified>2026-02-03T04:05:06Z</LastModified></Contents>"
#define LISTING(inner)                                                                             \
    "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n<ListBucketResult>" inner "</ListBucketResult>"
#define MORE "<IsTruncated>true</IsTruncated>"

static int any(void *arg, const char *key, const struct store_stat *st, struct err *e)
{
    (void)key, (void)st, (void)e;
    ++*(int *)arg;
    return 0;
}

static const struct {
    const char *name, *prefix;
    int want, seen;
    struct s3_http_step steps[3];
} lists[] = {
    {"two pages",
     "",
     0,
     3,
     {{"list-type=2&max-keys=1000 ", LISTING(MORE ENTRY("a") ENTRY("b")), 1, 0, NULL},
      {"&start-after=b ", LISTING(ENTRY("c")), 1, 0, NULL}}},
    {"a prefix", "p/", 0, 1, {{"&prefix=p%2F ", LISTING(ENTRY("p/a")), 1, 0, NULL}}},
    {"out of order", "", -EBADMSG, 1, {{NULL, LISTING(ENTRY("b") ENTRY("a")), 1, 0, NULL}}},
    {"the same page for ever",
     "",
     -EBADMSG,
     1,
     {{NULL, LISTING(MORE ENTRY("a")), 1, 0, NULL},
      {NULL, LISTING(MORE ENTRY("a")), 1, 0, NULL},
      {NULL, NULL, 0, 0, NULL}}},
    {"foreign keys", "p/", -EBADMSG, 0, {{NULL, LISTING(ENTRY("q/a")), 1, 0, NULL}}},
    {"more after nothing", "", -EBADMSG, 0, {{NULL, LISTING(MORE), 1, 0, NULL}}},
    {"no document",
     "",
     -EBADMSG,
     0,
     {{NULL, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK", 0, 0, NULL}}},
};

static void test_lists(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lists); i++) {
        struct s3_http_step all[8];
        struct s3_http_world w;
        int seen = 0;
        size_t n = count_steps(lists[i].steps, 3);
        struct err e = {0};
        struct store *s = open_world(&w, all, lists[i].steps, n);
        w.more_may_come = true; /* the page after the one that ends the listing */
        int r = store_list(s, lists[i].prefix, "", any, &seen, &e);
        if (r != lists[i].want || seen != lists[i].seen)
            fail_msg("%s: %d after %d, %s", lists[i].name, r, seen, e.text);
        store_close(s);
        s3_http_world_stop(&w);
    }
}

/* Time */

struct timed {
    struct store_read rd;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool over;
    int r, told;
    struct err e;
};

static void timed_progress(struct store_read *rd, size_t have)
{
    (void)have;
    ((struct timed *)rd)->told++;
}

static void timed_done(struct store_read *rd, int r, const struct err *e)
{
    struct timed *t = (struct timed *)rd;
    LOCKED(&t->lock);
    t->r = r;
    if (r < 0)
        t->e = *e;
    t->over = true;
    pthread_cond_signal(&t->cond);
}

static int timed_read(struct store *s, struct timed *t)
{
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->cond, NULL);
    t->rd.done = timed_done;
    t->rd.progress = timed_progress;
    store_read_start(s, &t->rd);
    pthread_mutex_lock(&t->lock);
    while (!t->over)
        pthread_cond_wait(&t->cond, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return t->r;
}

static void test_deadline_ends_a_silent_store(void **state)
{
    static const struct s3_http_step steps[] = {{"GET", NULL, 0, 0, NULL}};
    (void)state;
    struct s3_http_step all[4];
    struct s3_http_world w;
    char byte;
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    int64_t start = clock_mono_ms();
    struct timed t = {.rd = {.key = "obj", .length = 1, .data = &byte, .deadline_ms = start + 300}};
    assert_int_equal(timed_read(s, &t), -ETIMEDOUT);
    assert_true(clock_mono_ms() - start >= 300 && clock_mono_ms() - start < 2000);
    check_sentence("deadline", &t.e);
    store_close(s);
    s3_http_world_stop(&w);
}

static void test_slow_bytes_are_told(void **state)
{
    static const struct s3_http_step steps[] = {
        {"GET", PART("e1", "0-19/20", "20", "01234567890123456789"), 0, 30, NULL}};
    (void)state;
    struct s3_http_step all[4];
    struct s3_http_world w;
    char data[20];
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    struct timed t = {.rd = {.key = "obj", .length = 20, .data = data}};
    assert_int_equal(timed_read(s, &t), 0);
    assert_in_range(t.told, 10, 20);
    store_close(s);
    s3_http_world_stop(&w);
}

/* Credentials that change under way */

static void write_keys(const char *path, const char *id)
{
    AUTO(file) FILE *f = fopen(path, "we");
    fprintf(f, "[default]\naws_access_key_id = %s\naws_secret_access_key = s\n", id);
}

static void test_new_keys_in_the_file(void **state)
{
    static const struct s3_http_step steps[] = {
        {"Credential=OLDKEY/", FAILURE("403", "InvalidAccessKeyId"), 1, 0, NULL},
        {"Credential=NEWKEY/", "HTTP/1.1 204 N\r\n\r\n", 1, 0, NULL},
        {"Credential=NEWKEY/", FAILURE("403", "InvalidAccessKeyId"), 1, 0, NULL},
    };
    (void)state;
    char path[] = "/tmp/test_s3_http.XXXXXX";
    int fd = mkstemp(path);
    struct s3_http_step all[4];
    struct s3_http_world w;
    struct err e;
    close(fd);
    write_keys(path, "OLDKEY");
    unsetenv("AWS_ACCESS_KEY_ID");
    unsetenv("AWS_SECRET_ACCESS_KEY");
    setenv("AWS_SHARED_CREDENTIALS_FILE", path, 1);
    struct store *s = open_world(&w, all, steps, COUNT(steps));
    write_keys(path, "NEWKEY");
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1); /* read at opening only */
    setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    assert_int_equal(store_remove(s, "obj", NULL), 0);
    assert_int_equal(store_remove(s, "obj", &e), -EACCES); /* the same keys again: once */
    assert_non_null(strstr(e.text, "…KEY"));
    store_close(s);
    s3_http_world_stop(&w);
    unlink(path);
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
}

/* Opening */

static const struct {
    const char *answer;
    int want;
    const char *says;
} opens[] = {
    {FAILURE("403", "InvalidAccessKeyId"), -EACCES, "does not know the access key …MPLE"},
    {FAILURE("403", "SignatureDoesNotMatch"), -EACCES, "rejects the secret"},
    {FAILURE("400", "InvalidToken"), -EACCES, "rejects the session token"},
    {FAILURE("403", "AccessDenied"), -EACCES, "its policy must allow it"},
    {FAILURE("404", "NoSuchBucket"), -ENOTDIR, "has no bucket 'lake'"},
    {"HTTP/1.1 301 M\r\nConnection: close\r\n\r\n<Error><Code>PermanentRedirect</Code>"
     "<Region>eu-west-1</Region></Error>",
     -EIO, "set AWS_REGION to 'eu-west-1'"},
    {"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>", -EBADMSG, "cannot be read"},
    {"HTTP/1.1 404 N\r\nContent-Length: 6\r\n\r\n<html>", -EBADMSG, "check the endpoint"},
};

static void test_opens(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(opens); i++) {
        struct s3_http_step step = {"GET /lake/?", opens[i].answer, true, 0, NULL};
        struct s3_http_world w;
        struct store *s = NULL;
        struct err e;
        s3_http_world_start(&w, &step, 1);
        setenv("AWS_ENDPOINT_URL_S3", w.endpoint, 1);
        int r = s3_store_open("s3://lake", &s, &e);
        if (r != opens[i].want || !strstr(e.text, opens[i].says))
            fail_msg("wanted %d '%s', got %d '%s'", opens[i].want, opens[i].says, r, e.text);
        check_sentence("open", &e);
        s3_http_world_stop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_puts_if_absent),
        cmocka_unit_test(test_create_is_sent_once),
        cmocka_unit_test(test_put_tells_its_stat),
        cmocka_unit_test(test_head_tells_bucket_from_object),
        cmocka_unit_test(test_head_tells_why_it_is_refused),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_deadline_ends_a_silent_store),
        cmocka_unit_test(test_slow_bytes_are_told),
        cmocka_unit_test(test_new_keys_in_the_file),
        cmocka_unit_test(test_opens),
    };
    static const char *const unset[] = {"AWS_PROFILE", "AWS_SESSION_TOKEN",  "AWS_CA_BUNDLE",
                                        "AWS_REGION",  "AWS_DEFAULT_REGION", "http_proxy"};
    for (size_t i = 0; i < COUNT(unset); i++)
        unsetenv(unset[i]);
    setenv("AWS_CONFIG_FILE", "/nonexistent", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent", 1);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE", 1);
    setenv("AWS_SECRET_ACCESS_KEY", SECRET, 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
