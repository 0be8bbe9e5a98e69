/* fs/cache/disk_block.c - blocks of objects in the slots of a disk cache: found, read, written. */
/* SPDX-License-Identifier: MIT */
#include "fs/cache/disk_impl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"

#define BLOCK DISK_CACHE_BLOCK_BYTES
#define UNIT DISK_CACHE_UNIT_BYTES
#define RUN_UNITS 4u    /* read at once, and decrypted while they are in the processor's cache */
#define TOUCH_MS 10000u /* how exactly it is known when a block was used */
#define SET_BYTES (DISK_SLOT_WAYS * sizeof(struct disk_slot))

struct place { /* of a slot */
    uint64_t set;
    unsigned way;
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* ---- slots --------------------------------------------------------------------------------- */

size_t disk_unit_bytes(const struct disk_slot *s, unsigned unit)
{
    if (!(s->bits >> unit & 1))
        return 0;
    return s->short_unit == unit ? least(s->short_bytes, UNIT) : UNIT;
}

static int read_set(struct disk_cache *dc, uint64_t set, struct disk_slot *ret)
{
    return disk_read_at(dc->table.fd, ret, SET_BYTES, disk_slot_at(&dc->table, set, 0));
}

static int read_slot(struct disk_cache *dc, struct place p, struct disk_slot *ret)
{
    return disk_read_at(dc->table.fd, ret, sizeof *ret, disk_slot_at(&dc->table, p.set, p.way));
}

static int write_slot(struct disk_cache *dc, struct place p, const struct disk_slot *s)
{
    return disk_write_at(dc->table.fd, s, sizeof *s, disk_slot_at(&dc->table, p.set, p.way));
}

static bool is_it(const struct disk_slot *s, uint64_t serial, uint32_t block)
{
    return s->serial == serial && s->block == block;
}

int disk_block_find(struct disk_cache *dc, uint64_t serial, uint32_t block, struct disk_slot *ret,
                    uint64_t *ret_set, unsigned *ret_way)
{
    struct disk_slot set[DISK_SLOT_WAYS];
    for (int choice = 0; choice < 2; choice++) {
        uint64_t at = disk_slot_set(&dc->table, serial, block, choice);
        int r = read_set(dc, at, set);
        if (r < 0)
            return r;
        for (unsigned i = 0; i < DISK_SLOT_WAYS; i++) {
            if (!is_it(&set[i], serial, block))
                continue;
            *ret = set[i];
            *ret_set = at;
            *ret_way = i;
            return 0;
        }
    }
    return -ENOENT;
}

/* Without a lock: should another take the slot meanwhile, its stamp is a moment off. */
static void touch(struct disk_cache *dc, struct place p, uint64_t stamp)
{
    uint64_t now = disk_now();
    if (stamp > now || now - stamp >= TOUCH_MS)
        disk_write_at(dc->table.fd, &now, sizeof now,
                      disk_slot_at(&dc->table, p.set, p.way) + offsetof(struct disk_slot, stamp));
}

/* When a slot was used; 0: it is free. A stamp of the future is damage, or a clock set back. */
static uint64_t age_of(const struct disk_slot *s, uint64_t now)
{
    if (s->serial == 0)
        return 0;
    return s->stamp > now ? 1 : s->stamp + 1;
}

static unsigned victim(const struct disk_slot *set, uint64_t *ret_age)
{
    uint64_t now = disk_now();
    unsigned way = 0;
    for (unsigned i = 1; i < DISK_SLOT_WAYS; i++)
        if (age_of(&set[i], now) < age_of(&set[way], now))
            way = i;
    *ret_age = age_of(&set[way], now);
    return way;
}

static unsigned free_ways(const struct disk_slot *set)
{
    unsigned n = 0;
    for (unsigned i = 0; i < DISK_SLOT_WAYS; i++)
        n += set[i].serial == 0;
    return n;
}

/* The set for a new block: of its two the one with more room, or with what was not used for longer. */
static int choose_set(struct disk_cache *dc, uint64_t serial, uint32_t block, uint64_t *ret)
{
    unsigned most_free = 0;
    uint64_t oldest = UINT64_MAX;
    for (int choice = 0; choice < 2; choice++) {
        struct disk_slot set[DISK_SLOT_WAYS];
        uint64_t age, at = disk_slot_set(&dc->table, serial, block, choice);
        int r = read_set(dc, at, set);
        if (r < 0)
            return r;
        unsigned n = free_ways(set);
        victim(set, &age);
        if (choice > 0 && (n < most_free || (n == most_free && age >= oldest)))
            continue;
        *ret = at;
        most_free = n;
        oldest = age;
    }
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------- */

/* A unit is not what its tag says. Where its slot is what it was, it is damage, and not that somebody
 * has taken the slot meanwhile: then it is missing from now on, and written again. */
static void unit_failed(struct disk_cache *dc, struct disk_work *w, struct place p,
                        const struct disk_slot *was, unsigned unit)
{
    struct disk_slot now;
    w->failed = true;
    uint64_t start = disk_slot_at(&dc->table, p.set, 0);
    if (disk_lock(&dc->table, start, SET_BYTES, /* wait_ms= */ 0) < 0)
        return;
    if (read_slot(dc, p, &now) == 0 && is_it(&now, was->serial, was->block) &&
        (now.bits >> unit & 1) && memcmp(now.tag[unit], was->tag[unit], DISK_TAG_BYTES) == 0) {
        now.bits &= (uint16_t)~(1u << unit);
        write_slot(dc, p, &now);
        atomic_fetch_add(&dc->damaged, 1);
    }
    disk_unlock(&dc->table, start, SET_BYTES);
}

static bool open_unit(struct disk_cache *dc, struct disk_work *w, struct place p,
                      const struct disk_slot *s, unsigned unit, size_t n, void *data)
{
    struct disk_place at = {
        .serial = s->serial, .block = s->block, .unit = unit, .length = (uint32_t)n};
    if (disk_cipher_open(w->cipher, &at, s->tag[unit], data, data) == 0)
        return true;
    unit_failed(dc, w, p, s, unit);
    return false;
}

/* Whole units are read to where they are wanted, and decrypted there. */
static size_t read_run(struct disk_cache *dc, struct disk_work *w, struct place p,
                       const struct disk_slot *s, unsigned unit, unsigned n, char *data)
{
    uint64_t at = disk_data_at(p.set, p.way) + unit * UNIT;
    if (disk_read_at(dc->table.data_fd, data, n * UNIT, at) < 0) {
        unit_failed(dc, w, p, s, unit);
        return 0;
    }
    for (unsigned i = 0; i < n; i++)
        if (!open_unit(dc, w, p, s, unit + i, UNIT, data + i * UNIT))
            return i * UNIT;
    return n * UNIT;
}

/* A part of a unit, or one that is shorter. */
static size_t read_part(struct disk_cache *dc, struct disk_work *w, struct place p,
                        const struct disk_slot *s, size_t from, size_t to, char *data)
{
    unsigned unit = (unsigned)(from / UNIT);
    size_t start = unit * UNIT, held = disk_unit_bytes(s, unit);
    if (to - start > held)
        return 0;
    if (disk_read_at(dc->table.data_fd, w->room, held, disk_data_at(p.set, p.way) + start) < 0) {
        unit_failed(dc, w, p, s, unit);
        return 0;
    }
    if (!open_unit(dc, w, p, s, unit, held, w->room))
        return 0;
    memcpy(data, w->room + (from - start), to - from);
    return to - from;
}

/* The next bytes of [from, to) of the block: as many as go at once, 0 where they are not there. */
static size_t read_some(struct disk_cache *dc, struct disk_work *w, struct place p,
                        const struct disk_slot *s, size_t from, size_t to, char *data)
{
    unsigned unit = (unsigned)(from / UNIT), n = 0;
    if (from % UNIT == 0)
        while (n < RUN_UNITS && (unit + n + 1) * UNIT <= to && disk_unit_bytes(s, unit + n) == UNIT)
            n++;
    if (n > 0)
        return read_run(dc, w, p, s, unit, n, data);
    return read_part(dc, w, p, s, from, least(to, (unit + 1) * UNIT), data);
}

size_t disk_block_read(struct disk_cache *dc, struct disk_work *w, const struct disk_name *name,
                       uint64_t offset, size_t n, char *data, disk_tell_fn *tell, void *arg)
{
    struct disk_slot s;
    struct place p;
    uint64_t serial;
    size_t have = 0, got = 1;
    bool go_on = disk_object_find(dc, w, name, &serial) == 0;
    w->failed = false;

    while (go_on && have < n && got > 0) {
        uint64_t at = offset + have;
        size_t from = (size_t)(at % BLOCK), to = least(BLOCK, from + (n - have));
        if (disk_block_find(dc, serial, (uint32_t)(at / BLOCK), &s, &p.set, &p.way) < 0)
            break;
        touch(dc, p, s.stamp);
        while (go_on && from < to && (got = read_some(dc, w, p, &s, from, to, data + have)) > 0) {
            from += got;
            have += got;
            go_on = tell(arg, have);
        }
    }
    disk_cipher_forget(w->cipher);
    atomic_fetch_add(&dc->hits_bytes, have);
    atomic_fetch_add(&dc->misses_bytes, n - have);
    return have;
}

/* ---- writing ------------------------------------------------------------------------------- */

bool disk_is_quiet(const struct disk_cache *dc)
{
    return atomic_load(&dc->quiet_until_ms) > clock_mono_ms();
}

/* A full disk is full for all: nothing more is tried for a while, and one line says so. */
static void write_failed(struct disk_cache *dc, int r)
{
    int64_t now = clock_mono_ms(), warn = atomic_load(&dc->warn_after_ms);
    atomic_fetch_add(&dc->write_errors, 1);
    atomic_store(&dc->quiet_until_ms, now + DISK_QUIET_MS);
    if (warn <= now &&
        atomic_compare_exchange_strong(&dc->warn_after_ms, &warn, now + DISK_WARN_MS))
        log_warn("cache", "cannot write to the cache in '%s', so what is read is not kept: %s",
                 dc->dir, strerror(-r));
}

/* Encrypts what of [from, to) of the block `had` has not, each unit at its place in the worker's
 * room; its tags and lengths go to `ret`. */
static int seal_units(struct disk_work *w, const struct disk_slot *had, size_t from, size_t to,
                      const char *data, struct disk_slot *ret)
{
    for (unsigned unit = (unsigned)((from + UNIT - 1) / UNIT); unit * UNIT < to; unit++) {
        size_t start = unit * UNIT, n = least(UNIT, to - start);
        struct disk_place at = {
            .serial = ret->serial, .block = ret->block, .unit = unit, .length = (uint32_t)n};
        if (disk_unit_bytes(had, unit) >= n)
            continue;
        int r = disk_cipher_seal(w->cipher, &at, data + (start - from), w->room + start,
                                 ret->tag[unit]);
        if (r < 0)
            return r;
        ret->bits |= (uint16_t)(1u << unit);
        if (n < UNIT) {
            ret->short_unit = (uint16_t)unit;
            ret->short_bytes = (uint32_t)n;
        }
    }
    return 0;
}

static int write_data(struct disk_cache *dc, struct disk_work *w, struct place p,
                      const struct disk_slot *new)
{
    int r = 0;
    for (unsigned unit = 0; r == 0 && unit < DISK_UNITS;) {
        size_t start = unit * UNIT, n = 0;
        for (; unit < DISK_UNITS && disk_unit_bytes(new, unit) > 0; unit++)
            n += disk_unit_bytes(new, unit);
        if (n > 0)
            r = disk_write_at(dc->table.data_fd, w->room + start, n,
                              disk_data_at(p.set, p.way) + start);
        else
            unit++;
    }
    return r;
}

/* Adds what `new` has to the slot. It can name one short unit only: another one goes. */
static void merge(struct disk_slot *s, const struct disk_slot *new)
{
    if (s->short_unit < DISK_UNITS && (new->bits >> s->short_unit & 1))
        s->short_unit = DISK_UNITS;
    if (new->short_unit < DISK_UNITS) {
        if (s->short_unit < DISK_UNITS)
            s->bits &= (uint16_t)~(1u << s->short_unit);
        s->short_unit = new->short_unit;
        s->short_bytes = new->short_bytes;
    }
    for (unsigned unit = 0; unit < DISK_UNITS; unit++)
        if (new->bits >> unit & 1)
            memcpy(s->tag[unit], new->tag[unit], DISK_TAG_BYTES);
    s->bits |= new->bits;
    s->stamp = disk_now();
}

/* In this order: the slot is the block's, without the units; the data; the units. Whoever is killed
 * between, or loses power, leaves units that are missing or fail their tags. The set is locked. */
static int put_units(struct disk_cache *dc, struct disk_work *w, uint64_t at_set,
                     const struct disk_slot *new)
{
    struct disk_slot set[DISK_SLOT_WAYS], *s;
    struct place p = {.set = at_set};
    uint64_t age;
    int r = read_set(dc, at_set, set);
    if (r < 0)
        return r;
    while (p.way < DISK_SLOT_WAYS && !is_it(&set[p.way], new->serial, new->block))
        p.way++;
    if (p.way == DISK_SLOT_WAYS) {
        p.way = victim(set, &age);
        s = &set[p.way];
        *s = (struct disk_slot){.serial = new->serial,
                                .stamp = disk_now(),
                                .block = new->block,
                                .short_unit = DISK_UNITS};
        r = write_slot(dc, p, s);
        if (r < 0)
            return r;
    }
    s = &set[p.way];
    r = write_data(dc, w, p, new);
    if (r < 0)
        return r;
    merge(s, new);
    return write_slot(dc, p, s);
}

/* The block at offset `at` of the object, as far as the fill has it. */
static int write_block(struct disk_cache *dc, struct disk_work *w, const struct disk_fill *f,
                       uint64_t serial, uint64_t at)
{
    size_t from = (size_t)(at % BLOCK), left = f->n - (size_t)(at - f->offset);
    struct disk_slot had = {0};
    struct disk_slot new = {
        .serial = serial, .block = (uint32_t)(at / BLOCK), .short_unit = DISK_UNITS};
    uint64_t set;
    unsigned way;
    int r = disk_block_find(dc, serial, new.block, &had, &set, &way);
    if (r == -ENOENT)
        r = choose_set(dc, serial, new.block, &set);
    if (f->anew)
        had.bits = 0;
    if (r == 0)
        r = seal_units(w, &had, from, least(BLOCK, from + left), f->data + (at - f->offset), &new);
    if (r < 0 || new.bits == 0)
        return r;
    uint64_t start = disk_slot_at(&dc->table, set, 0);
    r = disk_lock(&dc->table, start, SET_BYTES, /* wait_ms= */ 0);
    if (r < 0)
        return r;
    r = put_units(dc, w, set, &new);
    disk_unlock(&dc->table, start, SET_BYTES);
    return r;
}

void disk_block_write(struct disk_cache *dc, struct disk_work *w, const struct disk_fill *f)
{
    uint64_t serial = 0, end = f->offset + f->n;
    if (end > DISK_OBJECT_MAX_BYTES || disk_is_quiet(dc))
        return;
    int r = disk_object_get(dc, w, f->name, f->erased, &serial);
    for (uint64_t at = f->offset; r == 0 && at < end; at = (at / BLOCK + 1) * BLOCK) {
        r = write_block(dc, w, f, serial, at);
        if (r == -EBUSY)
            r = 0; /* another process is at this set: that block is not kept */
    }
    disk_cipher_forget(w->cipher);
    if (r < 0 && r != -EBUSY && r != -ECANCELED)
        write_failed(dc, r);
}

/* ---- workers ------------------------------------------------------------------------------- */

int disk_work_init(struct disk_work *w)
{
    w->room = aligned_alloc(4096, BLOCK);
    w->cipher = disk_cipher_new();
    w->failed = false;
    if (w->room && w->cipher)
        return 0;
    disk_work_done(w);
    return -ENOMEM;
}

void disk_work_done(struct disk_work *w)
{
    disk_cipher_free(w->cipher);
    if (w->room)
        explicit_bzero(w->room, BLOCK);
    free(w->room);
    w->cipher = NULL;
    w->room = NULL;
}
