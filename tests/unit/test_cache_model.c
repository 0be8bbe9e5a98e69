/* tests/unit/test_cache_model.c - many threads use a small cache in every way at once, over a store
 * that changes, fails and hesitates: each reply comes once, and its bytes are those of its version.
 *
 * $SHOTLAKE_SOAK multiplies the length, $SHOTLAKE_SEED is another draw. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>

#include "base/clock.h"
#include "fs/cache/cache.h"
#include "fs/cache/disk_cache.h"
#include "tests/unit/model_world.h"

#define THREADS 6
#define ROUNDS 40
#define BURST 24
#define OUTSTANDING 6
#define DEADLINE_MS 30000 /* no read of these comes near it: one that does has hung */

static unsigned env_number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);
    return text && atoi(text) > 0 ? (unsigned)atoi(text) : otherwise;
}

/* ---- one front ------------------------------------------------------------------------------- */

struct request {
    struct cache_read rd; /* first: the cache hands it back */
    struct front *front;
    struct request *next, *prev;
    uint64_t seed;
    bool cancelled;
    unsigned object;
};

struct front {
    struct world *world;
    struct cache *cache;
    unsigned seed;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    struct request *live;
    unsigned n_live;
    uint64_t started, good, stale, failed, cancelled, replies;
    char wrong[160]; /* the first thing that was not right */
};

static unsigned draw(struct front *f, unsigned below)
{
    return (unsigned)rand_r(&f->seed) % below;
}

static void complain(struct front *f, const struct request *q, const char *what, uint64_t at)
{
    if (!f->wrong[0])
        snprintf(f->wrong, sizeof f->wrong, "object %u, read of [%ju, +%zu): %s at %ju", q->object,
                 (uintmax_t)q->rd.offset, q->rd.length, what, (uintmax_t)at);
}

/* Lock held. */
static void judge(struct front *f, const struct request *q, int r, const struct iovec *iov, int n)
{
    uint64_t at = q->rd.offset;
    for (int i = 0; i < n; at += iov[i++].iov_len) {
        size_t wrong = world_wrong(q->seed, iov[i].iov_base, at, iov[i].iov_len);
        if (wrong < iov[i].iov_len)
            complain(f, q, "wrong byte", at + wrong);
    }
    if (r == 0 && at != q->rd.offset + q->rd.length)
        complain(f, q, "bytes end", at);
    else if (r == -EIO && f->world->fail_one_in == 0)
        complain(f, q, "no store failed, and yet EIO", 0);
    else if (r == -EINTR && !q->cancelled)
        complain(f, q, "EINTR that nobody asked for", 0);
    else if (r != 0 && r != -EIO && r != -EINTR && r != -ESTALE)
        complain(f, q, strerrorname_np(-r), 0);
    f->good += r == 0;
    f->stale += r == -ESTALE;
    f->failed += r == -EIO;
    f->cancelled += r == -EINTR;
}

/* As a front of the mount does it: the request goes with its reply. */
static void replied(struct cache_read *rd, int r, const struct iovec *iov, int n)
{
    struct request *q = (struct request *)rd;
    struct front *f = q->front;
    LOCKED(&f->lock);
    judge(f, q, r, iov, n);
    if (q->next)
        q->next->prev = q->prev;
    if (q->prev)
        q->prev->next = q->next;
    else
        f->live = q->next;
    f->n_live--;
    f->replies++;
    free(q);
    pthread_cond_signal(&f->cond);
}

static void ask(struct front *f, struct cache_file *file, const struct world_name *name,
                unsigned object, uint64_t offset, size_t n)
{
    struct request *q = calloc(1, sizeof *q);
    *q = (struct request){
        .rd = {.file = file, .offset = offset, .length = n, .reply = replied},
        .front = f,
        .seed = world_seed(name->key, name->etag),
        .object = object,
    };
    pthread_mutex_lock(&f->lock);
    while (f->n_live >= OUTSTANDING)
        pthread_cond_wait(&f->cond, &f->lock);
    q->next = f->live;
    if (q->next)
        q->next->prev = q;
    f->live = q;
    f->n_live++;
    f->started++;
    pthread_mutex_unlock(&f->lock);
    cache_read_start(&q->rd);
}

static void cancel_one(struct front *f)
{
    LOCKED(&f->lock);
    struct request *q = f->live;
    for (unsigned skip = draw(f, OUTSTANDING); q && skip && q->next; skip--)
        q = q->next;
    if (!q)
        return;
    q->cancelled = true;
    cache_read_cancel(&q->rd, -EINTR);
}

static void drain(struct front *f)
{
    LOCKED(&f->lock);
    while (f->n_live > 0)
        pthread_cond_wait(&f->cond, &f->lock);
}

enum way { WAY_STREAM, WAY_RANDOM, WAY_PAGES, WAY_BACKWARDS, WAY_TWO_STREAMS, WAY_COUNT };

static uint64_t next_offset(struct front *f, enum way way, unsigned i, uint64_t at, uint64_t size)
{
    switch (way) {
    case WAY_RANDOM:
        return (uint64_t)rand_r(&f->seed) % size;
    case WAY_PAGES:
        return (uint64_t)rand_r(&f->seed) % size / 4096 * 4096;
    case WAY_BACKWARDS:
        return at > 400 * K ? at - 400 * K : 0;
    case WAY_TWO_STREAMS:
        return (i & 1 ? size / 2 + i * 64 * K : i * 64 * K) % size;
    default:
        return at % size;
    }
}

/* One handle from open to close, which may come while reads are under way. */
static void use_file(struct front *f, unsigned object, unsigned version)
{
    struct world_name name = world_name(object, version);
    struct cache_file *file = cache_file_open(f->cache, name.key, name.etag, name.size);
    enum way way = (enum way)draw(f, WAY_COUNT);
    uint64_t at = way == WAY_BACKWARDS ? name.size - 1 : 0;
    for (unsigned i = 0, n = 1 + draw(f, BURST); i < n; i++) {
        size_t length = draw(f, 4) ? 1 + draw(f, 200 * K) : 1 + draw(f, CACHE_READ_BYTES);
        at = next_offset(f, way, i, at, name.size);
        if (length > name.size - at)
            length = (size_t)(name.size - at);
        ask(f, file, &name, object, at, length);
        at += way == WAY_BACKWARDS ? 0 : length;
        if (draw(f, 12) == 0)
            cancel_one(f);
        if (draw(f, 8) == 0)
            drain(f);
    }
    if (draw(f, 2))
        drain(f);
    cache_file_close(file);
}

static void disturb(struct front *f)
{
    unsigned object = draw(f, WORLD_OBJECTS), kind = draw(f, 16);
    unsigned version = atomic_load(&f->world->version[object]);
    struct world_name name = world_name(object, version);
    struct cache_stats st;
    if (kind == 0)
        atomic_fetch_add(&f->world->version[object], 1); /* replaced */
    else if (kind < 3)
        cache_drop(f->cache, name.key, kind == 1 ? NULL : name.etag);
    else if (kind < 8)
        cache_prefetch(f->cache, name.key, name.etag, 1 + (uint64_t)rand_r(&f->seed) % name.size);
    cache_stats(f->cache, &st);
    if (st.held_bytes > st.budget_bytes && !f->wrong[0])
        snprintf(f->wrong, sizeof f->wrong, "%ju bytes held", (uintmax_t)st.held_bytes);
}

static void *run_front(void *arg)
{
    struct front *f = arg;
    unsigned rounds = ROUNDS * env_number("SHOTLAKE_SOAK", 1);
    for (unsigned i = 0; i < rounds && !f->wrong[0]; i++) {
        /* Few objects at a time, so that threads meet. */
        unsigned object = (i / 4 + draw(f, 4)) % WORLD_OBJECTS;
        unsigned version = atomic_load(&f->world->version[object]);
        if (version > 0 && draw(f, 10) == 0)
            version--;
        use_file(f, object, version);
        disturb(f);
    }
    drain(f);
    return NULL;
}

/* ---- the tests ------------------------------------------------------------------------------- */

struct setting {
    uint64_t budget, block;
    bool at_once;
    unsigned fail_one_in, delay_us;
    bool disk, damage;
};

/* What one daemon has: a memory, and the disk that it shares with the others. */
struct stack {
    struct disk_cache *disk;
    struct store *store; /* over the disk */
    struct cache *cache;
};

#define STACKS 2

/* Breaks the disk cache's files, erases from it and clears it, while it is in use. */
struct vandal {
    const char *dir;
    struct disk_cache *disk;
    pthread_t thread;
    bool damage;
    _Atomic bool stop;
};

static void damage(const char *dir, const char *name, unsigned *seed)
{
    char path[128];
    unsigned char noise[64];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    AUTO(fd) int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0)
        return; /* nothing there yet, or no more */
    for (size_t i = 0; i < sizeof noise; i++)
        noise[i] = (unsigned char)rand_r(seed);
    off_t at = (off_t)(((uint64_t)rand_r(seed) << 20 ^ (uint64_t)rand_r(seed)) % (uint64_t)size);
    /* Never longer: nobody else's file grows. */
    size_t n = (size_t)(size - at) < sizeof noise ? (size_t)(size - at) : sizeof noise;
    (void)!pwrite(fd, noise, n, at);
}

static void *vandalise(void *arg)
{
    struct vandal *v = arg;
    unsigned seed = 11;
    for (unsigned i = 0; !atomic_load(&v->stop); i++) {
        struct world_name name = world_name((unsigned)rand_r(&seed) % WORLD_OBJECTS, i % 3);
        struct disk_cache_stats st;
        struct err e;
        usleep(2000);
        if (v->damage) {
            damage(v->dir, "data", &seed);
            damage(v->dir, "table", &seed);
        }
        (void)disk_cache_has_all(v->disk, name.key, name.etag, name.size);
        if (i % 16 == 0)
            (void)disk_cache_erase(v->disk, name.key, i % 32 ? NULL : name.etag, &e);
        if (i % 64 == 9)
            (void)disk_cache_clear(v->disk, &e);
        if (i % 64 == 17)
            (void)disk_cache_stats(v->disk, &st, &e);
    }
    return NULL;
}

static void open_stack(struct stack *k, const struct setting *s, struct world *w, const char *dir)
{
    struct cache_options o = {
        .budget_bytes = s->budget, .block_bytes = s->block, .deadline_ms = DEADLINE_MS};
    struct err e;
    char path[64], key[64];
    *k = (struct stack){.store = &w->store};
    if (s->disk) {
        snprintf(path, sizeof path, "%s/cache", dir);
        snprintf(key, sizeof key, "%s/key", dir);
        struct disk_cache_options d = {
            .dir = path, .size_bytes = DISK_CACHE_SIZE_MIN_BYTES, .key_path = key};
        if (disk_cache_open(&d, &k->disk, &e) < 0)
            fail_msg("%s", e.text);
        k->store = disk_store_new(k->disk, &w->store);
    }
    assert_int_equal(cache_new(k->store, &o, &k->cache, &e), 0);
}

static void close_stack(struct stack *k)
{
    cache_free(k->cache);
    if (k->disk)
        store_close(k->store);
    disk_cache_close(k->disk);
}

static void start_fronts(struct front *f, pthread_t *t, struct world *w, struct stack *k)
{
    unsigned seed = env_number("SHOTLAKE_SEED", 1) * 1000;
    for (unsigned i = 0; i < THREADS; i++) {
        f[i] = (struct front){.world = w, .cache = k[i % STACKS].cache, .seed = seed + i};
        pthread_mutex_init(&f[i].lock, NULL);
        pthread_cond_init(&f[i].cond, NULL);
        assert_int_equal(pthread_create(&t[i], NULL, run_front, &f[i]), 0);
    }
}

static void add_up(struct front *f, pthread_t *t, struct front *sum)
{
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(t[i], NULL);
        if (f[i].wrong[0])
            fail_msg("thread %u: %s", i, f[i].wrong);
        assert_int_equal(f[i].started, f[i].replies);
        sum->good += f[i].good;
        sum->stale += f[i].stale;
        sum->failed += f[i].failed;
        sum->cancelled += f[i].cancelled;
    }
    assert_true(sum->good > 0);
}

static void remove_folder(const char *dir)
{
    char command[96];
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void every_way_at_once(void **state)
{
    const struct setting *s = *state;
    struct world *w = world_new(s->at_once, s->fail_one_in, s->delay_us, 7);
    char dir[] = "/tmp/shotlake-cache-model-XXXXXX", path[64];
    struct stack k[STACKS];
    struct front f[THREADS], sum = {0};
    struct disk_cache_stats st = {0};
    pthread_t t[THREADS];
    struct err e;
    assert_non_null(mkdtemp(dir));
    for (unsigned i = 0; i < STACKS; i++)
        open_stack(&k[i], s, w, dir);
    snprintf(path, sizeof path, "%s/cache", dir);
    struct vandal v = {.dir = path, .disk = k[0].disk, .damage = s->damage};

    int64_t began = clock_mono_ms();
    if (s->disk)
        assert_int_equal(pthread_create(&v.thread, NULL, vandalise, &v), 0);
    start_fronts(f, t, w, k);
    add_up(f, t, &sum);
    atomic_store(&v.stop, true);
    if (s->disk) {
        pthread_join(v.thread, NULL);
        assert_int_equal(disk_cache_stats(k[0].disk, &st, &e), 0);
    }
    for (unsigned i = 0; i < STACKS; i++)
        close_stack(&k[i]);
    print_message("%ju reads right, %ju stale, %ju failed, %ju cancelled; %ju asked of the store, "
                  "%ju KiB from disk, %ju units damaged, %jd ms\n", (uintmax_t)sum.good,
                  (uintmax_t)sum.stale, (uintmax_t)sum.failed, (uintmax_t)sum.cancelled,
                  (uintmax_t)w->reads, (uintmax_t)(st.hits_bytes / K), (uintmax_t)st.damaged,
                  (intmax_t)(clock_mono_ms() - began));
    assert_true(!s->disk || s->damage || st.hits_bytes > 0);
    assert_int_equal(world_free(w), 0);
    remove_folder(dir);
}

/* Each through a handle of its own, so that it belongs to no stream. */
static struct cache_file *read_anew(struct front *f, const struct world_name *name,
                                    uint64_t offset, size_t n)
{
    uint64_t good = f->good;
    struct cache_file *file = cache_file_open(f->cache, name->key, name->etag, name->size);
    ask(f, file, name, 0, offset, n);
    drain(f);
    if (f->wrong[0])
        fail_msg("%s", f->wrong);
    assert_int_equal(f->good, good + 1);
    return file;
}

/* A read that overlaps what lies in every block of the memory, and a gap: it holds all memory there
 * is, so the room for the gap must come from what it holds. */
static void pieces_in_all_of_the_memory(void **state)
{
    (void)state;
    struct world *w = world_new(/* at_once= */ false, 0, 0, 7);
    struct cache_options o = {.budget_bytes = 4 * M, .block_bytes = M, .deadline_ms = 3000};
    struct cache *c = NULL;
    struct cache_file *files[4 * 16 + 1];
    size_t n = 0;
    struct err e;
    assert_int_equal(cache_new(&w->store, &o, &c, &e), 0);
    struct front f = {.world = w, .cache = c, .lock = PTHREAD_MUTEX_INITIALIZER,
                      .cond = PTHREAD_COND_INITIALIZER};
    struct world_name a = world_name(9, 0), b = world_name(19, 0);
    assert_true(a.size > 9 * M && b.size > 9 * M);
    for (uint64_t i = 0; i < 4; i++) {
        files[n++] = read_anew(&f, &a, 4 * M + i * 64 * K, 1000);
        for (uint64_t k = i * 15; k < i * 15 + 15; k++) /* the rest of that block of memory */
            files[n++] = read_anew(&f, &b, (1 + k % 8) * M + k / 8 * 64 * K, 1000);
    }
    files[n++] = read_anew(&f, &a, 4 * M + 1000, 512 * K);
    while (n > 0)
        cache_file_close(files[--n]);
    cache_free(c);
    assert_int_equal(world_free(w), 0);
}

/* With many streams each fetches less at a time; a read that begins with small pieces is still put
 * together from no more of them than it has room for. */
static void small_pieces_and_many_streams(void **state)
{
    (void)state;
    struct world *w = world_new(/* at_once= */ false, 0, 0, 7);
    struct cache_options o = {.budget_bytes = 4 * M, .block_bytes = M, .deadline_ms = DEADLINE_MS};
    struct cache *c = NULL;
    struct cache_file *files[12 + 8];
    size_t n = 0;
    struct err e;
    assert_int_equal(cache_new(&w->store, &o, &c, &e), 0);
    struct front f = {.world = w, .cache = c, .lock = PTHREAD_MUTEX_INITIALIZER,
                      .cond = PTHREAD_COND_INITIALIZER};
    struct world_name small = world_name(4, 0), large = world_name(8, 0);
    assert_true(small.size >= 300 * K && large.size >= 5 * M);
    for (int i = 0; i < 12; i++)
        files[n++] = read_anew(&f, &small, 0, 1000);
    for (uint64_t i = 0; i < 7; i++)
        files[n++] = read_anew(&f, &large, i * 64 * K + 100, 1000);
    files[n++] = read_anew(&f, &large, 0, M);
    while (n > 0)
        cache_file_close(files[--n]);
    cache_free(c);
    assert_int_equal(world_free(w), 0);
}

int main(void)
{
    static struct setting small = {.budget = 4 * M, .block = M, .delay_us = 300},
                          failing = {.budget = 8 * M, .fail_one_in = 9, .delay_us = 100},
                          at_once = {.budget = 4 * M, .block = M, .at_once = true,
                                     .fail_one_in = 15},
                          roomy = {.budget = 64 * M, .block = 8 * M, .delay_us = 50},
                          disk = {.budget = 4 * M, .block = M, .delay_us = 50, .disk = true,
                                  .fail_one_in = 15},
                          broken = {.budget = 4 * M, .block = M, .delay_us = 50, .disk = true,
                                    .damage = true};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_in_all_of_the_memory),
        cmocka_unit_test(small_pieces_and_many_streams),
        cmocka_unit_test_prestate(every_way_at_once, &small),
        cmocka_unit_test_prestate(every_way_at_once, &failing),
        cmocka_unit_test_prestate(every_way_at_once, &at_once),
        cmocka_unit_test_prestate(every_way_at_once, &roomy),
        cmocka_unit_test_prestate(every_way_at_once, &disk),
        cmocka_unit_test_prestate(every_way_at_once, &broken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
