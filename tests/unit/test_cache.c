/* tests/unit/test_cache.c - bytes under concurrency, eviction, cancelling, budget, slow stores. */
/* SPDX-License-Identifier: MIT */
#include "tests/unit/cache_world.h"

static void a_stream_is_fetched_once(void **state)
{
    enum answer answer = *(enum answer *)*state;
    struct fake *f = fake_new(answer, 50);
    struct cache *c = cache_of(f, 32 * M, M, 0);
    uint64_t size = 20 * M + 12345;
    struct cache_file *file = cache_file_open(c, "a", "1", size);
    for (uint64_t at = 0; at < size; at += 128 * K)
        assert_int_equal(read_now(file, "a", at, at + 128 * K < size ? 128 * K : size - at), 0);
    for (uint64_t at = 0; at < size; at += 128 * K)
        assert_int_equal(read_now(file, "a", at, at + 128 * K < size ? 128 * K : size - at), 0);
    assert_true(fake_count(f, &f->bytes) == size);
    struct cache_stats st;
    cache_stats(c, &st);
    assert_true(st.fetched_bytes == size && st.served_bytes == 2 * size);
    assert_true(st.held_bytes >= size && st.held_bytes <= st.budget_bytes);
    cache_file_close(file);
    cache_free(c);
    fake_free(f);
}

static void random_reads_are_exact(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_LATER, 20);
    struct cache *c = cache_of(f, 32 * M, 8 * M, 0);
    uint64_t size = 1024 * M;
    struct cache_file *file = cache_file_open(c, "r", "1", size);
    unsigned seed = 3;
    for (int i = 0; i < 200; i++) {
        uint64_t at = ((uint64_t)rand_r(&seed) << 8) % (size - 64 * K) / (16 * M) * (16 * M) +
                      (uint64_t)(i % 7) * 5 * M / 2 + 4096;
        if (at + 4096 <= size)
            assert_int_equal(read_now(file, "r", at, 4096), 0);
    }
    uint64_t reads = fake_count(f, &f->reads), bytes = fake_count(f, &f->bytes);
    print_message("%ju reads, %ju KiB\n", (uintmax_t)reads, (uintmax_t)(bytes / K));
    assert_true(bytes <= 210 * 64 * K + 8 * 8 * M);
    cache_file_close(file);
    cache_free(c);
    fake_free(f);
}

/* What is there, or on its way, is made use of wherever a read overlaps it: nothing of it is thrown
 * away, and only what is missing behind it is fetched. */
static void overlapping_reads_fetch_the_rest(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_NEVER, 0);
    struct cache *c = cache_of(f, 32 * M, 8 * M, 0);
    struct cache_file *file = cache_file_open(c, "o", "1", 1024 * M);
    uint64_t at = 99 * M;
    struct wait a, b;
    begin(&a, file, "o", at, 128 * K);
    begin(&b, file, "o", at + 64 * K, 128 * K); /* while the first is under way */
    assert_true(fake_count(f, &f->bytes) == 192 * K);
    fake_set(f, ANSWER_LATER, 0);
    assert_int_equal(end(&a), 0);
    assert_int_equal(end(&b), 0);
    for (uint64_t i = 1; i <= 20; i++) /* far from there, and from each other */
        assert_int_equal(read_now(file, "o", at + i * 40 * M % (900 * M), 64 * K), 0);
    uint64_t before = fake_count(f, &f->bytes);
    assert_int_equal(read_now(file, "o", at + 32 * K, 160 * K), 0);
    assert_int_equal(read_now(file, "o", at, 192 * K), 0);
    assert_true(fake_count(f, &f->bytes) == before);
    assert_int_equal(read_now(file, "o", at + 128 * K, 128 * K), 0);
    assert_true(fake_count(f, &f->bytes) == before + 64 * K);
    cache_file_close(file);
    cache_free(c);
    fake_free(f);
}

static void one_fetch_for_many_readers(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_NEVER, 0);
    struct cache *c = cache_of(f, 32 * M, M, 0);
    struct cache_file *file[4];
    struct wait w[16];
    for (int i = 0; i < 4; i++)
        file[i] = cache_file_open(c, "s", "1", 3 * M);
    for (int i = 0; i < 16; i++)
        begin(&w[i], file[i % 4], "s", 0, 300 * K);
    while (fake_count(f, &f->reads) < 3) /* the other two blocks are prefetched */
        usleep(100);
    fake_set(f, ANSWER_LATER, 0);
    for (int i = 0; i < 16; i++)
        assert_int_equal(end(&w[i]), 0);
    for (int i = 0; i < 4; i++)
        cache_file_close(file[i]);
    assert_true(fake_count(f, &f->reads) == 3);
    cache_free(c);
    fake_free(f);
}

struct worker {
    struct cache *c;
    unsigned seed;
    int bad;
};

static void *work(void *arg)
{
    static const char *const keys[] = {"u", "v", "w", "x", "y", "z"};
    struct worker *w = arg;
    for (int i = 0; i < 12; i++) {
        const char *key = keys[(size_t)rand_r(&w->seed) % COUNT(keys)];
        uint64_t size = 5 * M + (unsigned char)key[0] * 1001;
        struct cache_file *file = cache_file_open(w->c, key, "1", size);
        bool stream = rand_r(&w->seed) % 2;
        uint64_t at = 0;
        for (int k = 0; k < 30 && at < size; k++) {
            size_t n = 1 + (size_t)rand_r(&w->seed) % (300 * K);
            if (!stream)
                at = (uint64_t)rand_r(&w->seed) % size;
            if (n > size - at)
                n = size - at;
            struct wait one;
            begin(&one, file, key, at, n);
            if (rand_r(&w->seed) % 16 == 0) {
                /* As a front does it: the read is alive until its reply is known. */
                pthread_mutex_lock(&one.lock);
                bool over = one.over;
                pthread_mutex_unlock(&one.lock);
                if (!over)
                    cache_read_cancel(&one.rd, -EINTR);
            }
            int r = end(&one);
            if ((r != 0 && r != -EINTR) || one.replies != 1)
                w->bad++;
            at += n;
        }
        if (rand_r(&w->seed) % 4 == 0)
            cache_drop(w->c, key, NULL);
        cache_file_close(file);
    }
    return NULL;
}

static void many_readers_of_a_small_cache(void **state)
{
    enum answer answer = *(enum answer *)*state;
    struct fake *f = fake_new(answer, 30);
    struct cache *c = cache_of(f, 4 * M, M, 0); /* four blocks for eight readers */
    struct worker w[8];
    pthread_t t[8];
    for (size_t i = 0; i < COUNT(w); i++) {
        w[i] = (struct worker){.c = c, .seed = (unsigned)i + 1};
        pthread_create(&t[i], NULL, work, &w[i]);
    }
    for (size_t i = 0; i < COUNT(w); i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(w[i].bad, 0);
    }
    struct cache_stats st;
    cache_stats(c, &st);
    assert_true(st.held_bytes <= st.budget_bytes && st.budget_bytes == 4 * M);
    cache_free(c);
    fake_free(f);
}

static void a_read_is_given_up(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_NEVER, 0);
    struct cache *c = cache_of(f, 4 * M, M, 0);
    struct cache_file *file = cache_file_open(c, "c", "1", 64 * M);
    struct wait w[8], early = {.rd = {.file = file, .length = 10, .reply = replied},
                               .key = "c",
                               .lock = PTHREAD_MUTEX_INITIALIZER,
                               .cond = PTHREAD_COND_INITIALIZER};
    /* More than there is memory for: the last ones wait for memory, not for bytes. */
    for (uint64_t i = 0; i < COUNT(w); i++)
        begin(&w[i], file, "c", i * 7 * M, 900 * K);
    for (size_t i = 0; i < COUNT(w); i += 2)
        cache_read_cancel(&w[i].rd, -EINTR);
    for (size_t i = 0; i < COUNT(w); i += 2)
        assert_int_equal(end(&w[i]), -EINTR);
    cache_read_cancel(&early.rd, -EACCES);
    cache_read_start(&early.rd);
    assert_int_equal(end(&early), -EACCES);
    fake_set(f, ANSWER_LATER, 0);
    for (size_t i = 1; i < COUNT(w); i += 2)
        assert_int_equal(end(&w[i]), 0);
    cache_file_close(file);
    cache_free(c);
    fake_free(f);
}

static void a_read_never_hangs(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_NEVER, 0);
    struct cache *c = cache_of(f, 4 * M, M, /* deadline_ms= */ 100);
    struct cache_file *file = cache_file_open(c, "d", "1", 64 * M);
    struct wait w[6];
    for (uint64_t i = 0; i < COUNT(w); i++)
        begin(&w[i], file, "d", i * 9 * M, 64 * K);
    for (size_t i = 0; i < COUNT(w); i++)
        assert_int_equal(end(&w[i]), -ETIMEDOUT);
    fake_set(f, ANSWER_LATER, 0);
    cache_file_close(file);
    cache_free(c);
    fake_free(f);
}

static void failures_are_told_and_not_kept(void **state)
{
    (void)state;
    enum answer both[] = {ANSWER_LATER, ANSWER_AT_ONCE};
    for (size_t i = 0; i < COUNT(both); i++) {
        struct fake *f = fake_new(both[i], 10);
        struct cache *c = cache_of(f, 16 * M, M, 0);
        struct cache_file *file = cache_file_open(c, "f", "1", M); /* one block: no prefetch */
        fake_set(f, both[i], -ESTALE);
        assert_int_equal(read_now(file, "f", 100, 1000), -ESTALE);
        assert_int_equal(read_now(file, "f", M - 2000, 1000), -ESTALE);
        fake_set(f, both[i], 0);
        assert_int_equal(read_now(file, "f", M - 2000, 1000), 0);
        cache_file_close(file);
        cache_free(c);
        fake_free(f);
    }
}

static void closing_ends_prefetches(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_NEVER, 0);
    struct cache *c = cache_of(f, 32 * M, M, 0);
    struct cache_file *file = cache_file_open(c, "p", "1", 10 * M);
    struct wait w;
    begin(&w, file, "p", 0, 300 * K);
    while (fake_count(f, &f->reads) < 8)
        usleep(100);
    cache_read_cancel(&w.rd, -EINTR);
    assert_int_equal(end(&w), -EINTR);
    cache_file_close(file);
    while (fake_count(f, &f->cancels) < 8)
        usleep(100);
    fake_set(f, ANSWER_LATER, 0);
    cache_free(c);
    fake_free(f);
}

static void a_dropped_object_is_fetched_again(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_AT_ONCE, 0);
    struct cache *c = cache_of(f, 32 * M, M, 0);
    struct cache_file *a = cache_file_open(c, "a", "1", 100),
                      *b = cache_file_open(c, "b", "1", 100);
    assert_int_equal(read_now(a, "a", 0, 100), 0);
    assert_int_equal(read_now(b, "b", 0, 100), 0);
    cache_drop(c, "a", "2");
    assert_int_equal(read_now(a, "a", 0, 100), 0);
    assert_true(fake_count(f, &f->reads) == 2);
    cache_drop(c, "a", NULL);
    assert_int_equal(read_now(b, "b", 0, 100), 0);
    assert_true(fake_count(f, &f->reads) == 2);
    assert_int_equal(read_now(a, "a", 0, 100), 0);
    assert_true(fake_count(f, &f->reads) == 3);
    cache_file_close(a);
    cache_file_close(b);
    cache_free(c);
    fake_free(f);
}

/* Each reply starts the next read, on a stack that would not hold the whole chain. */
struct chain {
    struct cache_read rd;
    int left;
    pthread_mutex_t lock;
    pthread_cond_t cond;
};

static void next_link(struct cache_read *rd, int r, const struct iovec *iov, int n)
{
    struct chain *ch = (struct chain *)rd;
    (void)iov, (void)n;
    assert_int_equal(r, 0);
    LOCKED(&ch->lock);
    if (--ch->left == 0) {
        pthread_cond_signal(&ch->cond);
        return;
    }
    struct cache_file *file = rd->file;
    memset(rd, 0, sizeof *rd);
    *rd = (struct cache_read){.file = file,
                              .offset = (uint64_t)ch->left * 64 * K % (3 * M),
                              .length = 64 * K,
                              .reply = next_link};
    pthread_mutex_unlock(&ch->lock);
    cache_read_start(rd);
    pthread_mutex_lock(&ch->lock);
}

static void the_stack_stays_flat(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_AT_ONCE, 0);
    struct cache *c = cache_of(f, 4 * M, M, 0);
    struct cache_file *file = cache_file_open(c, "k", "1", 64 * M);
    struct chain ch = {.rd = {.file = file, .length = 64 * K, .reply = next_link},
                       .left = 20000,
                       .lock = PTHREAD_MUTEX_INITIALIZER,
                       .cond = PTHREAD_COND_INITIALIZER};
    cache_read_start(&ch.rd);
    pthread_mutex_lock(&ch.lock);
    while (ch.left)
        pthread_cond_wait(&ch.cond, &ch.lock);
    pthread_mutex_unlock(&ch.lock);
    cache_file_close(file);
    cache_free(c);
    fake_free(f);
}

static void a_tiny_budget_is_refused(void **state)
{
    (void)state;
    struct fake *f = fake_new(ANSWER_LATER, 0);
    struct cache *c = NULL;
    struct err e;
    struct cache_options o = {.budget_bytes = M};
    assert_int_equal(cache_new(&f->store, &o, &c, &e), -EINVAL);
    fake_free(f);
}

int main(void)
{
    static enum answer later = ANSWER_LATER, at_once = ANSWER_AT_ONCE;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(a_stream_is_fetched_once, &later),
        cmocka_unit_test_prestate(a_stream_is_fetched_once, &at_once),
        cmocka_unit_test(random_reads_are_exact),
        cmocka_unit_test(overlapping_reads_fetch_the_rest),
        cmocka_unit_test(one_fetch_for_many_readers),
        cmocka_unit_test_prestate(many_readers_of_a_small_cache, &later),
        cmocka_unit_test_prestate(many_readers_of_a_small_cache, &at_once),
        cmocka_unit_test(a_read_is_given_up),
        cmocka_unit_test(a_read_never_hangs),
        cmocka_unit_test(failures_are_told_and_not_kept),
        cmocka_unit_test(closing_ends_prefetches),
        cmocka_unit_test(a_dropped_object_is_fetched_again),
        cmocka_unit_test(the_stack_stays_flat),
        cmocka_unit_test(a_tiny_budget_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
