/* tests/unit/test_disk_shared.c - a disk cache between processes that die or stop, and on a full disk. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "fs/cache/disk_impl.h"
#include "tests/unit/disk_world.h"

static int in_child(void (*fn)(struct world *w), struct world *w)
{
    int status;
    pid_t pid = fork();
    if (pid == 0) {
        fn(w);
        _exit(0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static _Atomic int64_t now_ms = 1000;

static int64_t set_clock(void)
{
    return now_ms;
}

/* A limit of the process does what a full disk does. After a failed write nothing is written for a
 * minute: no more fail than were under way. */
static void read_on_a_full_disk(struct world *w)
{
    struct made_up inner;
    clock_set(NULL, set_clock); /* before there are threads */
    made_up_init(&inner, /* later= */ true);
    w->store = disk_store_new(w->dc, &inner.store);
    struct rlimit limit = {.rlim_cur = 2 * M, .rlim_max = 2 * M};
    if (setrlimit(RLIMIT_FSIZE, &limit) < 0)
        abort();
    for (int round = 0; round < 3; round++)
        for (char key[2] = "a"; key[0] < 'i'; key[0]++)
            world_read(w, key, "1", 0, 4 * M);
    uint64_t failed = world_stats(w).write_errors;
    if (failed == 0 || failed > 4)
        abort();
    now_ms += 61000;
    for (char key[2] = "j"; key[0] < 'm'; key[0]++)
        world_read(w, key, "1", 0, 4 * M);
    if (world_stats(w).write_errors == failed)
        abort();
}

static void test_a_full_disk_fails_no_read(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    store_close(w->store);
    w->store = NULL;
    assert_int_equal(in_child(read_on_a_full_disk, w), 0);
    w->store = disk_store_new(w->dc, &w->inner.store);
    for (char key[2] = "a"; key[0] < 'i'; key[0]++)
        world_read(w, key, "1", 0, 4 * M);
    assert_int_equal(world_stats(w).damaged, 0);
}

static void read_at_random(struct world *w, unsigned seed, int n)
{
    for (int i = 0; i < n; i++) {
        char key[2] = {(char)('a' + rand_r(&seed) % 12), 0};
        char etag[2] = {(char)('1' + rand_r(&seed) % 2), 0};
        struct err e;
        if (rand_r(&seed) % 50 == 0 && disk_cache_erase(w->dc, key, NULL, &e) < 0)
            abort();
        world_read(w, key, etag, (uint64_t)rand_r(&seed) % 128 * 64 * K,
                   1 + (size_t)rand_r(&seed) % M);
    }
}

static void child_world(struct world *w, unsigned seed, int n)
{
    struct world mine = {0};
    memcpy(mine.cache, w->cache, sizeof mine.cache);
    memcpy(mine.key, w->key, sizeof mine.key);
    made_up_init(&mine.inner, /* later= */ true);
    world_open(&mine, 0);
    read_at_random(&mine, seed, n);
    if (world_stats(&mine).damaged)
        abort();
    world_close(&mine);
    made_up_done(&mine.inner);
}

/* One ends by itself, others are killed in the middle of what they do; all while another reads. */
static void test_processes_share_it(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    pid_t pid[4];
    int status;
    for (int i = 0; i < 8; i++)
        world_read(w, "a", "1", (uint64_t)i * M, M);
    usleep(200000); /* a child has the locks that threads of a sanitizer hold while they start */
    for (int i = 0; i < 4; i++) {
        pid[i] = fork();
        if (pid[i] == 0) {
            child_world(w, 100u + (unsigned)i, i ? 1000000 : 200);
            _exit(0);
        }
        assert_true(pid[i] > 0);
    }
    for (int i = 3; i > 0; i--) {
        read_at_random(w, (unsigned)i, 50);
        assert_int_equal(kill(pid[i], SIGKILL), 0);
        assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    assert_int_equal(waitpid(pid[0], &status, 0), pid[0]);
    assert_int_equal(status, 0);
    read_at_random(w, 9, 100);
    assert_int_equal(world_stats(w).damaged, 0);
}

/* Another process holds all locks and does not go on: it keeps nobody from reading and erasing. */
static void test_a_stopped_process_holds_up_nothing(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = DISK_HEADER_BYTES};
    char path[128];
    struct err e;
    world_read(w, "a", "1", 0, M);
    world_read(w, "b", "1", 0, M);
    snprintf(path, sizeof path, "%s/table", w->cache);
    AUTO(fd) int fd = open(path, O_RDWR); /* a description of its own is as another process */
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &all), 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
    assert_int_equal(world_read(w, "c", "1", 0, M), M);
    assert_int_equal(world_read(w, "c", "1", 0, M), M); /* not kept */
    assert_int_equal(disk_cache_erase(w->dc, "a", NULL, &e), 0);
    assert_int_equal(world_stats(w).objects, 1);
    assert_int_equal(disk_cache_clear(w->dc, &e), 0);
    assert_int_equal(world_stats(w).objects, 0);
    all.l_type = F_UNLCK;
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &all), 0);
    assert_int_equal(world_read(w, "c", "1", 0, M), M);
    assert_int_equal(world_read(w, "c", "1", 0, M), 0);
    assert_int_equal(world_stats(w).write_errors + world_stats(w).damaged, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_disk_fails_no_read),
        cmocka_unit_test(test_processes_share_it),
        cmocka_unit_test(test_a_stopped_process_holds_up_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
