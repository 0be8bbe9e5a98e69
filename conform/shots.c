/* conform/shots.c - the list of an edit's shots as CSV, and reading it back. */
/* SPDX-License-Identifier: MIT */
#include "conform/shots.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/edit_format.h"
#include "conform/otio_read.h"
#include "conform/rational.h"
#include "conform/vendor.h"
#include "policy/index.h"

#define COLUMNS_MAX 64
#define TIMECODE_RATE_MAX 1000 /* frames a second; above it times are told as frames */

static const char header[] = "shot,clip,plate,first,last,handles,tc_in,tc_out,record_in,"
                             "record_out,speed,status,objects,bytes\r\n";

static void add_cell(const char *s, struct buf *ret)
{
    if (!strpbrk(s, ",\"\r\n")) {
        buf_adds(ret, s);
        return;
    }
    buf_addc(ret, '"');
    for (; *s; s++)
        buf_adds(ret, (char[]){*s, *s == '"' ? '"' : '\0', '\0'});
    buf_addc(ret, '"');
}

/* "01:00:00:00": counted without drop frame, which no timeline file declares. */
static void add_timecode(struct rational_time t, struct buf *ret)
{
    int64_t base = t.rate.num > 0 ? edit_format_timebase((struct edit_ratio){
                                        .num = t.rate.num, .den = t.rate.den})
                                  : 0;
    int64_t frames = t.whole + (t.part > 0.999), n = llabs(frames);
    if (base <= 0 || base > TIMECODE_RATE_MAX) {
        buf_addf(ret, "%" PRId64, frames);
        return;
    }
    int64_t s = n / base;
    buf_addf(ret, "%s%02" PRId64 ":%02" PRId64 ":%02" PRId64 ":%02" PRId64, frames < 0 ? "-" : "",
             s / 3600, s / 60 % 60, s % 60, n % base);
}

static struct rational_time later(struct rational_time t, int64_t frames)
{
    t.whole += frames;
    return t;
}

/* What the clip shows, in its media's time: source_range, or else all of the media. */
static void add_source(const json_t *clip, const json_t *ref, struct buf *ret)
{
    struct rational_time start, duration;
    struct err ignored;
    int r = rational_parse_range(json_object_get(clip, "source_range"), &start, &duration,
                                 &ignored);
    if (r <= 0)
        r = rational_parse_range(json_object_get(ref, "available_range"), &start, &duration,
                                 &ignored);
    buf_addc(ret, ',');
    if (r > 0)
        add_timecode(start, ret);
    buf_addc(ret, ',');
    if (r > 0) {
        struct rational_time d = rational_rescale(duration, start.rate);
        add_timecode(later(start, rational_round(rational_frames(d))), ret);
    }
}

static void add_record(const struct conform_item *it, struct buf *ret)
{
    buf_addc(ret, ',');
    if (!it->record_known) {
        buf_addc(ret, ',');
        return;
    }
    struct rational_time zero = {.rate = it->record_rate};
    add_timecode(later(zero, it->record_in), ret);
    buf_addc(ret, ',');
    add_timecode(later(zero, it->record_out), ret);
}

static int add_plate(const struct conform_item *it, struct index_read *rd, struct buf *ret,
                     struct err *e)
{
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    struct buf plate __attribute__((cleanup(auto_buf))) = {0};
    int r = index_key(rd, it->first, &key, e);
    if (r < 0)
        return r;
    if (it->sequence)
        location_pattern(buf_str(&key), it->sequence, &plate);
    else
        buf_add(&plate, key.p, key.len);
    add_cell(buf_str(&plate), ret);
    return 0;
}

static int add_size(void *arg, const struct node *n, struct err *e)
{
    (void)e;
    *(uint64_t *)arg += n->size;
    return 0;
}

static int add_objects(const struct conform_item *it, struct index_read *rd, struct buf *ret,
                       struct err *e)
{
    uint64_t bytes = 0;
    roaring_bitmap_t *set = roaring_bitmap_create();
    roaring_bitmap_add_many(set, it->n_nodes, it->nodes);
    int r = index_nodes(rd, set, add_size, &bytes, e);
    roaring_bitmap_free(set);
    buf_addf(ret, ",%s,%zu,%" PRIu64 "\r\n", it->status == CONFORM_FOUND ? "found" : "partly",
             it->n_nodes, bytes);
    return r;
}

static int add_row(const struct conform_plan *p, size_t i, struct index_read *rd, struct buf *ret,
                   struct err *e)
{
    const struct conform_item *it = &p->items[i];
    const struct otio_ref *ref = &p->doc->refs[i];
    const json_t *clip = p->doc->clips[ref->clip].object;
    int64_t first, last;
    add_cell(it->shot, ret);
    buf_addc(ret, ',');
    add_cell(it->clip, ret);
    buf_addc(ret, ',');
    int r = add_plate(it, rd, ret, e);
    if (r < 0)
        return r;
    if (vendor_frames(it, &first, &last))
        buf_addf(ret, ",%" PRId64 ",%" PRId64 ",%d", first, last, p->handles);
    else
        buf_adds(ret, ",,,");
    add_source(clip, ref->object, ret);
    add_record(it, ret);
    buf_addc(ret, ',');
    if (it->has_use && isfinite(it->speed))
        buf_addf(ret, "%.6g", it->speed);
    return add_objects(it, rd, ret, e);
}

int shots_write(const struct conform_plan *p, struct index_read *rd, struct buf *ret,
                struct err *e)
{
    int r = 0;
    buf_adds(ret, header);
    for (size_t i = 0; r == 0 && i < p->n_items; i++)
        if (conform_is_found(&p->items[i]))
            r = add_row(p, i, rd, ret, e);
    return r < 0 ? err_wrap(e, "list the shots") : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct csv {
    const char *s, *end;
    size_t line;
};

/* One cell. 1: another one follows in the line; 0: it ended the line. */
static int read_cell(struct csv *c, struct buf *ret, struct err *e)
{
    bool quoted = c->s < c->end && *c->s == '"';
    buf_clear(ret);
    for (c->s += quoted; c->s < c->end; c->s++) {
        if (quoted && *c->s == '"') {
            if (c->s + 1 == c->end || c->s[1] != '"')
                break;
            c->s++;
        } else if (!quoted && strchr(",\r\n\"", *c->s)) {
            break;
        }
        buf_addc(ret, *c->s);
    }
    bool closed = !quoted || c->s < c->end;
    c->s += quoted && closed;
    if (closed && c->s < c->end && *c->s == ',') {
        c->s++;
        return 1;
    }
    if (closed && c->end - c->s >= 2 && memcmp(c->s, "\r\n", 2) == 0) {
        c->s += 2;
        c->line++;
        return 0;
    }
    if (closed && c->s == c->end)
        return 0;
    return err_set(e, -EBADMSG, "line %zu of the list of shots is no CSV", c->line);
}

/* One line of up to COLUMNS_MAX cells. */
static int read_line(struct csv *c, json_t **ret, struct err *e)
{
    struct buf cell __attribute__((cleanup(auto_buf))) = {0};
    json_auto_t *cells = json_array();
    int more;
    do {
        more = read_cell(c, &cell, e);
        if (more < 0)
            return more;
        json_t *text = json_stringn(buf_str(&cell), cell.len);
        if (!text || json_array_size(cells) == COLUMNS_MAX) {
            json_decref(text);
            return err_set(e, -EBADMSG, "line %zu of the list of shots is not UTF-8 or too long",
                           c->line);
        }
        json_array_append_new(cells, text);
    } while (more > 0);
    *ret = json_incref(cells);
    return 0;
}

int shots_read(const char *s, size_t n, json_t **ret, struct err *e)
{
    struct csv c = {.s = s, .end = s + n, .line = 1};
    json_auto_t *names = NULL, *rows = json_array();
    int r = read_line(&c, &names, e);
    while (r == 0 && c.s < c.end) {
        json_auto_t *cells = NULL, *row = json_object();
        size_t i;
        json_t *cell;
        r = read_line(&c, &cells, e);
        if (r == 0 && json_array_size(cells) != json_array_size(names))
            r = err_set(e, -EBADMSG, "line %zu of the list of shots has not as many cells as the "
                        "first", c.line - 1);
        if (r < 0)
            return r;
        json_array_foreach(cells, i, cell)
            json_object_set(row, json_string_value(json_array_get(names, i)), cell);
        json_array_append(rows, row);
    }
    if (r == 0)
        *ret = json_incref(rows);
    return r;
}
