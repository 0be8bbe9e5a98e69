/* tests/fuzz/fuzz_disk_table.c - any bytes as the table of a disk cache: thrown away or made use of,
 * and every read gets the right bytes. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_impl.h"
#include "tests/unit/disk_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define TABLE_MAX (64u << 10)
#define A_BYTES (130 * K) /* two units and a short one: few bytes, to be quick */

enum how {
    HOW_RAW = 1,  /* the rest of the input is the table; else it changes a good one */
    HOW_SUM = 2,  /* then the header's checksum is put right */
    HOW_CHECK = 4 /* and what is derived from the key */
};

static struct world *w;
static unsigned char good[TABLE_MAX];
static size_t n_good;

static void must(int holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static int open_table(void)
{
    char path[128];
    snprintf(path, sizeof path, "%s/table", w->cache);
    return open(path, O_RDWR);
}

static void end(void)
{
    world_free(w);
}

/* A good table with some objects, one of them short. */
static void begin(void)
{
    w = world_new(/* later= */ false);
    world_read(w, "a", "1", 0, A_BYTES);
    world_read(w, "a", "2", 0, 100);
    world_read(w, "b", "1", 960 * K, 128 * K);
    world_close(w);
    AUTO(fd) int fd = open_table();
    ssize_t got = read(fd, good, sizeof good);
    must(got > (ssize_t)DISK_HEADER_BYTES && got < (ssize_t)sizeof good, "no table");
    n_good = (size_t)got;
    world_open(w, SIZE);
    atexit(end);
}

/* Pieces of [offset, 2 bytes][length, 1 byte][bytes] over the good table. */
static size_t change(const uint8_t *data, size_t n, unsigned char *table)
{
    memcpy(table, good, n_good);
    while (n > 3) {
        size_t at = (data[0] | (size_t)data[1] << 8) % n_good, len = data[2];
        data += 3;
        n -= 3;
        len = len < n ? len : n;
        len = len < n_good - at ? len : n_good - at;
        memcpy(table + at, data, len);
        data += len;
        n -= len;
    }
    return n_good;
}

static void put_right(unsigned char *table, size_t n, unsigned how)
{
    struct disk_header h;
    if (n < sizeof h)
        return;
    memcpy(&h, table, sizeof h);
    if (how & HOW_CHECK)
        must(disk_keys_derive(w->dc->keys, h.salt, h.check) == 0, "no check");
    if (how & HOW_SUM)
        disk_header_sum(&h, h.sum);
    memcpy(table, &h, sizeof h);
}

static void use(void)
{
    struct err e;
    struct disk_cache_stats s = world_stats(w);
    must(s.held_bytes <= s.size_bytes, "more than there is room for");
    disk_cache_has_all(w->dc, "a", "1", A_BYTES);
    world_read(w, "a", "1", 0, A_BYTES);
    world_read(w, "a", "2", 0, 100);
    world_read(w, "b", "1", 1000 * K, 70 * K);
    must(disk_cache_erase_soon(w->dc, "a", NULL, &e) == 0, "not erased");
    must(!disk_cache_has_all(w->dc, "a", "1", 64 * K), "erased and there");
    world_read(w, "a", "1", 64 * K, 64 * K);
    must(world_read(w, "a", "1", 64 * K, 64 * K) == 0, "not kept");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static unsigned char table[TABLE_MAX];
    if (!w)
        begin();
    if (n < 1)
        return 0;
    unsigned how = data[0];
    size_t n_table = n - 1 < sizeof table ? n - 1 : sizeof table;
    if (how & HOW_RAW)
        memcpy(table, data + 1, n_table);
    else
        n_table = change(data + 1, n - 1, table);
    put_right(table, n_table, how);
    world_close(w);
    AUTO(fd) int fd = open_table();
    must(ftruncate(fd, 0) == 0 && write(fd, table, n_table) == (ssize_t)n_table, "no room");
    world_open(w, SIZE);
    use();
    return 0;
}
