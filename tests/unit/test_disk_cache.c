/* tests/unit/test_disk_cache.c - what a disk cache keeps, and what becomes of it. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/cache/disk_impl.h"
#include "tests/unit/disk_world.h"

/* ---- keeping --------------------------------------------------------------------------------- */

static void test_what_was_read_is_kept(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(/* later= */ false);
    size_t n = 3 * M + 1000; /* the object ends there */
    assert_int_equal(world_read(w, "a", "1", 0, n), n);
    assert_int_equal(world_read(w, "a", "1", 0, n), 0);
    assert_int_equal(world_read(w, "a", "1", 17, 100), 0);
    assert_int_equal(world_read(w, "a", "1", 65000, 2 * M), 0);
    assert_int_equal(world_read(w, "a", "1", n - 10, 10), 0);
    assert_int_equal(world_read(w, "a", "2", 0, n), n); /* another version */
    assert_int_equal(world_read(w, "b", "1", 0, n), n);
    assert_int_equal(world_read(w, "a", "1", 0, n), 0);
    struct disk_cache_stats s = world_stats(w);
    assert_int_equal(s.size_bytes, SIZE);
    assert_int_equal(s.objects, 3);
    assert_int_equal(s.held_bytes, 3 * n);
    assert_int_equal(s.misses_bytes, 3 * n);
    assert_int_equal(s.hits_bytes, 2 * n + 100 + 2 * M + 10);
    assert_int_equal(s.damaged + s.write_errors, 0);
}

static void test_it_is_there_after_a_restart(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    world_read(w, "a", "1", 0, 5 * M);
    world_reopen(w, /* size= */ 0);
    assert_int_equal(world_stats(w).size_bytes, SIZE);
    assert_int_equal(world_read(w, "a", "1", 0, 5 * M), 0);
    world_reopen(w, SIZE);
    assert_int_equal(world_read(w, "a", "1", 0, 5 * M), 0);
}

static void test_only_the_rest_is_fetched(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    world_read(w, "a", "1", 0, 320 * K);
    assert_int_equal(world_read(w, "a", "1", 100, 2 * M), 2 * M + 100 - 320 * K);
    assert_int_equal(world_read(w, "a", "1", 4 * M, 64 * K), 64 * K);
    /* One range from the first unit that is missing. */
    assert_int_equal(world_read(w, "a", "1", 3 * M, 2 * M), 2 * M);
    assert_int_equal(world_read(w, "a", "1", 0, 320 * K), 0);
}

static void test_parts_of_units_are_not_kept(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    world_read(w, "a", "1", 1000, 64 * K); /* the rest of one unit, and the start of the next */
    assert_int_equal(world_read(w, "a", "1", 1000, 63 * K), 63 * K);
    assert_int_equal(world_read(w, "a", "1", 64 * K, 1000), 0);
    assert_int_equal(world_read(w, "a", "1", 64 * K, 1001), 1001); /* longer than what is there */
    assert_int_equal(world_read(w, "a", "1", 64 * K, 1001), 0);
    assert_int_equal(world_read(w, "a", "1", 64 * K, 64 * K), 64 * K);
    assert_int_equal(world_read(w, "a", "1", 64 * K, 64 * K), 0);
    world_read(w, "a", "1", 128 * K, 10);
    world_read(w, "a", "1", 256 * K, 10);
    assert_int_equal(world_read(w, "a", "1", 256 * K, 10), 0);
    assert_int_equal(world_read(w, "a", "1", 128 * K, 10), 10); /* a block has one end only */
}

static void test_has_all(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    size_t n = 2 * M + 70 * K;
    assert_false(disk_cache_has_all(w->dc, "a", "1", n));
    world_read(w, "a", "1", 0, 2 * M + 64 * K);
    assert_true(disk_cache_has_all(w->dc, "a", "1", 2 * M));
    assert_false(disk_cache_has_all(w->dc, "a", "1", n));
    world_read(w, "a", "1", 2 * M + 64 * K, 6 * K);
    assert_true(disk_cache_has_all(w->dc, "a", "1", n));
    assert_false(disk_cache_has_all(w->dc, "a", "1", n + 1));
    assert_false(disk_cache_has_all(w->dc, "a", "2", n));
    world_reopen(w, 0);
    assert_true(disk_cache_has_all(w->dc, "a", "1", n));
}

static void test_what_has_no_version_is_not_kept(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    assert_int_equal(world_read(w, "a", NULL, 0, M), M);
    assert_int_equal(world_read(w, "a", NULL, 0, M), M);
    assert_int_equal(world_stats(w).objects, 0);
}

static void test_lakes_are_apart(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    world_read(w, "a", "1", 0, M);
    w->inner.store.place = (char *)"s3://made-up at another endpoint";
    world_reopen(w, 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    w->inner.store.place = NULL;
    world_reopen(w, 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void test_old_blocks_give_way(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    char key[2] = "A", path[128];
    struct stat st;
    for (int i = 0; i < 24; i++, key[0]++)
        world_read(w, key, "1", 0, 8 * M);
    assert_true(world_stats(w).held_bytes <= SIZE);
    assert_true(world_stats(w).held_bytes >= SIZE * 3 / 4);
    snprintf(path, sizeof path, "%s/data", w->cache);
    assert_int_equal(stat(path, &st), 0);
    assert_true((uint64_t)st.st_blocks * 512 <= SIZE + M);
    key[0]--;
    assert_int_equal(world_read(w, key, "1", 0, 8 * M), 0); /* the youngest */
    assert_int_equal(world_read(w, "A", "1", 0, 8 * M), 8 * M);
    assert_int_equal(world_stats(w).damaged, 0);
}

static void test_it_is_nearly_full_before_anything_gives_way(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    char key[16];
    for (int i = 0; i < 14; i++) {
        snprintf(key, sizeof key, "%c", 'A' + i);
        world_read(w, key, "1", 0, 4 * M);
    }
    assert_int_equal(world_stats(w).held_bytes, 14 * 4 * M); /* 7/8 of it */
    world_reopen(w, 4 * SIZE);
    for (int i = 0; i < 208; i++) { /* a slot each, in sets that chance chooses: 13/16 */
        snprintf(key, sizeof key, "%d", i);
        world_read(w, key, "1", 0, 64 * K);
    }
    assert_int_equal(world_stats(w).held_bytes, 208 * 64 * K);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void test_damaged_data_is_fetched_again(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    char path[128];
    struct stat st;
    world_read(w, "a", "1", 0, M);
    snprintf(path, sizeof path, "%s/data", w->cache);
    assert_int_equal(stat(path, &st), 0);
    uint64_t start = (uint64_t)st.st_size - M; /* the only block ends the file */
    world_damage(w, "data", start + 5 * 64 * K + 12345, 1);
    assert_int_equal(world_read(w, "a", "1", 0, M), 11 * 64 * K);
    assert_int_equal(world_stats(w).damaged, 1);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
    assert_int_equal(truncate(path, (off_t)start + 1000), 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
}

static void test_a_damaged_table_never_gives_wrong_bytes(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    unsigned seed = 7;
    uint64_t end = w->dc->table.end;
    for (int i = 0; i < 300; i++) {
        char key[2] = {(char)('a' + rand_r(&seed) % 6), 0};
        uint64_t at = DISK_HEADER_BYTES + (uint64_t)rand_r(&seed) % (end - DISK_HEADER_BYTES);
        world_damage(w, "table", at, 1 + (size_t)rand_r(&seed) % 64);
        world_read(w, key, "1", (uint64_t)rand_r(&seed) % (4 * M), 1 + (size_t)rand_r(&seed) % M);
        disk_cache_has_all(w->dc, key, "1", 5 * M);
    }
    world_stats(w);
    struct err e;
    assert_int_equal(disk_cache_erase(w->dc, "a", NULL, &e), 0);
}

static void test_blocks_cannot_be_swapped(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    char path[128];
    AUTO(free) char *data = malloc(2 * M);
    for (int i = 0; i < 64; i++)
        world_read(w, i < 32 ? "a" : "b", "1", (uint64_t)(i % 32) * M, M);
    uint64_t held = world_stats(w).held_bytes / M;
    snprintf(path, sizeof path, "%s/data", w->cache);
    AUTO(fd) int fd = open(path, O_RDWR);
    for (int i = 0; i < 64; i += 2) {
        assert_true(pread(fd, data, 2 * M, (off_t)((uint64_t)i * M)) >= 0);
        assert_true(pwrite(fd, data + M, M, (off_t)((uint64_t)i * M)) > 0);
        assert_true(pwrite(fd, data, M, (off_t)((uint64_t)(i + 1) * M)) > 0);
    }
    uint64_t fetched = 0;
    for (int i = 0; i < 64; i++)
        fetched += world_read(w, i < 32 ? "a" : "b", "1", (uint64_t)(i % 32) * M, M);
    assert_int_equal(fetched, 64 * M);
    assert_true(world_stats(w).damaged >= held / 2);
}

/* Who can write to the table says of a block that it is another one of the same object. */
static void test_a_block_cannot_be_said_to_be_another(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    uint64_t end = w->dc->table.end, start = w->dc->table.slot_start;
    int n = 0;
    for (uint64_t at = 0; at < 8; at++)
        world_read(w, "a", "1", at * M, M);
    for (uint64_t at = start; at < end; at += sizeof(struct disk_slot)) {
        struct disk_slot s;
        assert_int_equal(disk_read_at(w->dc->table.fd, &s, sizeof s, at), 0);
        if (!s.serial)
            continue;
        n++;
        s.block ^= 4; /* of 4 sets: it is looked for in the same ones */
        assert_int_equal(disk_write_at(w->dc->table.fd, &s, sizeof s, at), 0);
    }
    assert_int_equal(n, 8);
    uint64_t fetched = 0;
    for (uint64_t at = 0; at < 8; at++)
        fetched += world_read(w, "a", "1", at * M, M);
    assert_int_equal(fetched, 8 * M);
    assert_int_equal(world_stats(w).damaged, 8);
}

static void test_every_byte_of_the_header_counts(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    for (unsigned i = 0; i < sizeof(struct disk_header); i += 3) {
        world_read(w, "a", "1", 0, M);
        world_close(w);
        world_damage(w, "table", i, 1);
        world_open(w, SIZE);
        assert_int_equal(world_read(w, "a", "1", 0, M), M);
    }
}

/* ---- who may have it, and with which key ------------------------------------------------------ */

static int open_code(struct world *w, uint64_t size, const char *key, struct err *e)
{
    struct disk_cache *dc;
    struct disk_cache_options o = {.dir = w->cache, .size_bytes = size, .key_path = key};
    int r = disk_cache_open(&o, &dc, e);
    if (r == 0)
        disk_cache_close(dc);
    return r;
}

static void test_folder_and_key_are_ours_alone(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    struct stat st;
    struct err e;
    assert_int_equal(stat(w->cache, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(w->key, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(st.st_size, 32);
    chmod(w->cache, 0750);
    assert_int_equal(open_code(w, 0, w->key, &e), -EACCES);
    assert_non_null(strstr(e.text, "chmod 700"));
    chmod(w->cache, 0700);
    chmod(w->key, 0640);
    assert_int_equal(open_code(w, 0, w->key, &e), -EACCES);
    assert_non_null(strstr(e.text, "chmod 600"));
    chmod(w->key, 0600);
    assert_int_equal(truncate(w->key, 31), 0);
    assert_int_equal(open_code(w, 0, w->key, &e), -EBADMSG);
    assert_int_equal(open_code(w, 0, w->cache, &e), -EBADMSG); /* a folder */
    assert_int_equal(open_code(w, 0, "/proc/self/exe", &e), -EBADMSG); /* a link */
    assert_int_equal(open_code(w, 0, NULL, &e), -EINVAL);
    assert_int_equal(open_code(w, 1 * M, w->key, &e), -EINVAL);
    assert_int_equal(open_code(w, UINT64_MAX, w->key, &e), -EINVAL);
    if (geteuid() == 0) {
        assert_int_equal(chown(w->cache, 12345, 12345), 0);
        assert_int_equal(open_code(w, 0, w->key, &e), -EACCES);
        assert_int_equal(chown(w->cache, 0, 0), 0);
    }
}

static void test_files_of_others_are_left_alone(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    char table[128], data[128], text[16] = "";
    struct err e;
    snprintf(data, sizeof data, "%s/data", w->cache);
    snprintf(table, sizeof table, "%s/table", w->cache);
    world_close(w);
    assert_int_equal(unlink(table), 0);
    FILE *f = fopen(data, "w");
    assert_non_null(f);
    fputs("my measurements", f);
    fclose(f);
    assert_int_equal(open_code(w, 0, w->key, &e), -EEXIST);
    assert_non_null(strstr(e.text, "/data' is not of a cache"));
    assert_int_equal(access(table, F_OK), -1);
    f = fopen(data, "r");
    assert_non_null(f);
    assert_non_null(fgets(text, sizeof text, f));
    fclose(f);
    assert_string_equal(text, "my measurements");
    unlink(data);
    world_open(w, SIZE);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
}

static void test_another_key_or_size_starts_anew(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    struct err e;
    world_read(w, "a", "1", 0, M);
    /* Not while somebody has it. */
    assert_int_equal(open_code(w, 2 * SIZE, w->key, &e), -EBUSY);
    assert_non_null(strstr(e.text, "another size"));
    assert_int_equal(open_code(w, SIZE, w->key, &e), 0);
    world_reopen(w, 2 * SIZE);
    assert_int_equal(world_stats(w).size_bytes, 2 * SIZE);
    assert_int_equal(world_stats(w).objects, 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    unlink(w->key);
    assert_int_equal(open_code(w, 0, w->key, &e), -EBUSY);
    assert_non_null(strstr(e.text, "another key"));
    world_reopen(w, 2 * SIZE);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
}

static void test_who_only_looks_makes_nothing(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    char path[128];
    struct disk_cache *dc;
    struct disk_cache_options o = {.dir = w->cache, .key_path = path, .only_existing = true};
    struct stat st;
    struct err e;
    world_read(w, "a", "1", 0, M);
    world_close(w);
    snprintf(path, sizeof path, "%s/another", w->dir);
    assert_int_equal(disk_cache_open(&o, &dc, &e), -ENOENT);
    assert_int_equal(stat(path, &st), -1);
    AUTO(fd) int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, "another key of thirty-two bytes.", 32), 32);
    assert_int_equal(disk_cache_open(&o, &dc, &e), -ENOENT);
    assert_non_null(strstr(e.text, "another key"));
    unlink(path);
    o.key_path = w->key;
    o.size_bytes = 2 * SIZE;
    assert_int_equal(disk_cache_open(&o, &dc, &e), -ENOENT);
    o.size_bytes = 0;
    o.dir = path;
    assert_int_equal(disk_cache_open(&o, &dc, &e), -ENOENT);
    assert_int_equal(stat(path, &st), -1);
    o.dir = w->cache;
    assert_int_equal(disk_cache_open(&o, &dc, &e), 0);
    assert_int_equal(disk_cache_erase(dc, "a", NULL, &e), -EINVAL); /* of which lake? */
    disk_cache_close(dc);
    world_open(w, SIZE);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
}

/* Whether the bytes occur in a file of the cache. */
static bool occurs(struct world *w, const char *file, const void *what, size_t n)
{
    char path[128];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", w->cache, file);
    AUTO(fd) int fd = open(path, O_RDONLY);
    assert_int_equal(fstat(fd, &st), 0);
    AUTO(free) char *all = malloc((size_t)st.st_size);
    assert_int_equal(pread(fd, all, (size_t)st.st_size, 0), st.st_size);
    return memmem(all, (size_t)st.st_size, what, n) != NULL;
}

static void test_nothing_can_be_read_on_the_disk(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    const char *key = "shots/secret-film/0001.exr";
    char content[32], master[32];
    world_read(w, key, "etag-of-the-film", 0, 3 * M + 77);
    AUTO(fd) int fd = open(w->key, O_RDONLY);
    assert_int_equal(read(fd, master, sizeof master), sizeof master);
    for (int file = 0; file < 2; file++) {
        const char *name = file ? "data" : "table";
        assert_false(occurs(w, name, "secret", 6));
        assert_false(occurs(w, name, "etag-of", 7));
        assert_false(occurs(w, name, "made-up", 7));
        assert_false(occurs(w, name, master, sizeof master));
        for (uint64_t at = 0; at < 3 * M; at += 64 * K) {
            make_up(key, "etag-of-the-film", at + 100, sizeof content, content);
            assert_false(occurs(w, name, content, sizeof content));
        }
    }
}

/* ---- erasing --------------------------------------------------------------------------------- */

static void test_erased_objects_are_gone(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    AUTO(free) char *table = malloc(w->dc->table.end);
    struct disk_object was = {0};
    struct err e;
    world_read(w, "a", "1", 0, M);
    assert_int_equal(pread(w->dc->table.fd, table, w->dc->table.end, 0), w->dc->table.end);
    for (uint64_t at = DISK_HEADER_BYTES; at < w->dc->table.slot_start; at += sizeof was)
        if (((struct disk_object *)(table + at))->serial)
            was = *(struct disk_object *)(table + at);
    assert_true(was.serial != 0);
    assert_true(occurs(w, "table", was.wrapped.key, sizeof was.wrapped.key));
    world_read(w, "a", "2", 0, M);
    world_read(w, "b", "1", 0, M);

    assert_int_equal(disk_cache_erase(w->dc, "a", "1", &e), 0);
    assert_false(occurs(w, "table", was.wrapped.key, sizeof was.wrapped.key));
    assert_int_equal(world_read(w, "a", "2", 0, M), 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(disk_cache_erase(w->dc, "a", NULL, &e), 0);
    assert_int_equal(world_stats(w).objects, 1);
    assert_int_equal(world_stats(w).held_bytes, M);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(world_read(w, "a", "2", 0, M), M);
    assert_int_equal(world_read(w, "b", "1", 0, M), 0);
    assert_int_equal(disk_cache_erase(w->dc, "never", NULL, &e), 0);
    assert_int_equal(disk_cache_erase_soon(w->dc, "b", NULL, &e), 0);
    assert_int_equal(disk_cache_sync(w->dc, &e), 0);
    assert_int_equal(world_read(w, "b", "1", 0, M), M);
}

/* What cannot be read may be the key: it is overwritten, and nobody is told that it is still there. */
static void test_what_cannot_be_read_is_erased(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    struct disk_object o;
    struct err e;
    uint64_t end = w->dc->table.end;
    world_read(w, "a", "1", 0, M);
    struct disk_name name = disk_name_of(w->dc, "a", "1");
    uint64_t at = disk_object_at(&w->dc->table, disk_object_set(&w->dc->table, name.name), 0);
    for (unsigned way = 0; way < DISK_OBJECT_WAYS; way++) /* its set ends too early */
        if (pread(w->dc->table.fd, &o, sizeof o, (off_t)(at + way * sizeof o)) == sizeof o &&
            o.serial != 0)
            assert_int_equal(ftruncate(w->dc->table.fd, (off_t)(at + (way + 1) * sizeof o)), 0);
    assert_int_equal(disk_cache_erase(w->dc, "a", NULL, &e), 0);
    assert_int_equal(ftruncate(w->dc->table.fd, (off_t)end), 0);
    assert_int_equal(world_stats(w).objects, 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
}

static void test_clear_is_for_all_handles(void **state)
{
    (void)state;
    AUTO(world) struct world *w = world_new(false);
    struct disk_cache *other;
    struct disk_cache_options o = {.dir = w->cache, .key_path = w->key};
    struct err e;
    char path[128];
    struct stat st;
    for (char key[2] = "a"; key[0] < 'i'; key[0]++)
        world_read(w, key, "1", 0, 2 * M);
    assert_int_equal(disk_cache_open(&o, &other, &e), 0);
    assert_int_equal(disk_cache_clear(other, &e), 0);
    disk_cache_close(other);
    assert_int_equal(world_stats(w).held_bytes, 0);
    snprintf(path, sizeof path, "%s/data", w->cache);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_blocks, 0);
    assert_int_equal(world_read(w, "a", "1", 0, M), M);
    assert_int_equal(world_read(w, "a", "1", 0, M), 0);
    assert_int_equal(world_stats(w).damaged, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_read_is_kept),
        cmocka_unit_test(test_it_is_there_after_a_restart),
        cmocka_unit_test(test_only_the_rest_is_fetched),
        cmocka_unit_test(test_parts_of_units_are_not_kept),
        cmocka_unit_test(test_has_all),
        cmocka_unit_test(test_what_has_no_version_is_not_kept),
        cmocka_unit_test(test_lakes_are_apart),
        cmocka_unit_test(test_old_blocks_give_way),
        cmocka_unit_test(test_it_is_nearly_full_before_anything_gives_way),
        cmocka_unit_test(test_damaged_data_is_fetched_again),
        cmocka_unit_test(test_a_damaged_table_never_gives_wrong_bytes),
        cmocka_unit_test(test_blocks_cannot_be_swapped),
        cmocka_unit_test(test_a_block_cannot_be_said_to_be_another),
        cmocka_unit_test(test_every_byte_of_the_header_counts),
        cmocka_unit_test(test_folder_and_key_are_ours_alone),
        cmocka_unit_test(test_files_of_others_are_left_alone),
        cmocka_unit_test(test_another_key_or_size_starts_anew),
        cmocka_unit_test(test_who_only_looks_makes_nothing),
        cmocka_unit_test(test_nothing_can_be_read_on_the_disk),
        cmocka_unit_test(test_erased_objects_are_gone),
        cmocka_unit_test(test_what_cannot_be_read_is_erased),
        cmocka_unit_test(test_clear_is_for_all_handles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
