/* tests/unit/aaf_world.h - builds small AAF files in memory, through libgsf's writer. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_AAF_WORLD_H
#define TESTS_UNIT_AAF_WORLD_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <gsf/gsf-outfile-msole.h>
#include <gsf/gsf-outfile.h>
#include <gsf/gsf-output-memory.h>
#include <gsf/gsf-output.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* A script is a compound file as a list of steps, which a fuzzer can change without breaking the
 * file around them:
 *   1 n:8 name[n] class[16]          a storage begins
 *   2 n:8 name[n] size:16 data[size] a stream
 *   3                                the storage ends */
enum { SCRIPT_BEGIN = 1, SCRIPT_STREAM = 2, SCRIPT_END = 3 };
#define SCRIPT_NAME_MAX 31
#define SCRIPT_DEPTH_MAX 300
#define SCRIPT_STEPS_MAX 4000

/* The compound file of a script, as far as it goes, in sectors of 512 or 4096 bytes. The caller
 * frees `*ret`. */
static inline void script_build(const unsigned char *p, size_t n, unsigned sector,
                                unsigned char **ret, size_t *ret_n)
{
    GsfOutput *memory = gsf_output_memory_new(), *stack[SCRIPT_DEPTH_MAX];
    GsfOutfile *root = gsf_outfile_msole_new_full(memory, sector, 64);
    size_t depth = 0, at = 0;
    stack[depth++] = GSF_OUTPUT(root);
    for (int steps = 0; at < n && depth > 0 && steps < SCRIPT_STEPS_MAX; steps++) {
        unsigned step = p[at++], name_n = at < n && step != SCRIPT_END ? p[at++] : 0;
        char name[SCRIPT_NAME_MAX + 1] = "";
        if (step == SCRIPT_END && depth > 1) {
            gsf_output_close(stack[--depth]);
            g_object_unref(stack[depth]);
            continue;
        }
        size_t rest = step == SCRIPT_BEGIN ? 16 : 2;
        if ((step != SCRIPT_BEGIN && step != SCRIPT_STREAM) || name_n == 0 ||
            name_n > SCRIPT_NAME_MAX || n - at < name_n + rest)
            break;
        for (size_t i = 0; i < name_n; i++) /* as letters that every writer takes */
            name[i] = p[at + i] > ' ' && p[at + i] < 0x7f ? (char)p[at + i] : '_';
        name[name_n] = '\0';
        for (size_t i = 0; i < name_n; i++)
            name[i] = p[at + i] == ' ' ? ' ' : name[i];
        at += name_n;
        if (step == SCRIPT_BEGIN && depth == SCRIPT_DEPTH_MAX)
            break;
        GsfOutput *child =
            gsf_outfile_new_child(GSF_OUTFILE(stack[depth - 1]), name, step == SCRIPT_BEGIN);
        if (step == SCRIPT_BEGIN) {
            gsf_outfile_msole_set_class_id(GSF_OUTFILE_MSOLE(child), p + at);
            stack[depth++] = child;
            at += 16;
            continue;
        }
        size_t size = p[at] | (size_t)p[at + 1] << 8;
        at += 2;
        size = size < n - at ? size : n - at;
        gsf_output_write(child, size, p + at);
        at += size;
        gsf_output_close(child);
        g_object_unref(child);
    }
    while (depth > 0) {
        gsf_output_close(stack[--depth]);
        g_object_unref(stack[depth]);
    }
    *ret_n = (size_t)gsf_output_size(memory);
    *ret = xcalloc(*ret_n + 1, 1);
    memcpy(*ret, gsf_output_memory_get_bytes(GSF_OUTPUT_MEMORY(memory)), *ret_n);
    g_object_unref(memory);
}

/* Objects: each a storage with its properties. */
struct thing {
    unsigned class;
    struct buf heads, values, kids; /* of "properties"; the script of what is below */
    unsigned count, keys;
};

static inline void le(struct buf *b, uint64_t v, int bytes)
{
    for (int i = 0; i < bytes; i++)
        buf_addc(b, (char)(v >> (8 * i)));
}

static inline struct thing *thing(unsigned class)
{
    struct thing *t = xcalloc(1, sizeof *t);
    t->class = class;
    return t;
}

static inline void put(struct thing *t, unsigned property, unsigned form, const void *p, size_t n)
{
    le(&t->heads, property, 2);
    le(&t->heads, form, 2);
    le(&t->heads, n, 2);
    buf_add(&t->values, p, n);
    t->count++;
}

static inline void put_integer(struct thing *t, unsigned property, int64_t v, int bytes)
{
    struct buf b = {0};
    le(&b, (uint64_t)v, bytes);
    put(t, property, 0x82, buf_str(&b), b.len);
    buf_done(&b);
}

static inline void put_ratio(struct thing *t, unsigned property, int num, int den)
{
    put_integer(t, property, (int64_t)((uint64_t)(uint32_t)den << 32 | (uint32_t)num), 8);
}

static inline void wide(struct buf *b, const char *s)
{
    for (; *s; s++)
        le(b, (unsigned char)*s, 2);
    le(b, 0, 2);
}

static inline void put_text(struct thing *t, unsigned property, unsigned form, const char *s)
{
    struct buf b = {0};
    wide(&b, s);
    put(t, property, form, buf_str(&b), b.len);
    buf_done(&b);
}

/* A value with its type: 0x01100200 text, 0x03010100 a ratio, 0x01010700 an int32. */
static inline void put_typed(struct thing *t, unsigned property, uint32_t type, const void *p,
                             size_t n)
{
    static const unsigned char tail[] = {0, 0, 0, 0, 6, 0x0e, 0x2b, 0x34, 1, 4, 1, 1};
    struct buf b = {0};
    buf_addc(&b, 0x4c);
    le(&b, type, 4);
    buf_add(&b, tail, sizeof tail);
    buf_add(&b, p, n);
    put(t, property, 0x82, buf_str(&b), b.len);
    buf_done(&b);
}

static inline void put_typed_ratio(struct thing *t, unsigned property, int num, int den)
{
    struct buf b = {0};
    le(&b, (uint32_t)num, 4);
    le(&b, (uint32_t)den, 4);
    put_typed(t, property, 0x03010100, buf_str(&b), b.len);
    buf_done(&b);
}

static inline void script_stream(struct buf *b, const char *name, const struct buf *data)
{
    buf_addc(b, SCRIPT_STREAM);
    buf_addc(b, (char)strlen(name));
    buf_adds(b, name);
    le(b, data->len, 2);
    buf_add(b, buf_str(data), data->len);
}

/* Writes `t` as a storage and frees it. */
static inline void script_thing(struct buf *b, const char *name, struct thing *t)
{
    static const unsigned char head[] = {1, 1, 1, 0x0d, 1, 1, 0},
                               tail[] = {6, 0x0e, 0x2b, 0x34, 2, 6, 1, 1};
    struct buf all = {0};
    buf_addc(b, SCRIPT_BEGIN);
    buf_addc(b, (char)strlen(name));
    buf_adds(b, name);
    buf_add(b, head, sizeof head);
    buf_addc(b, (char)t->class);
    buf_add(b, tail, sizeof tail);
    le(&all, 0x204c, 2);
    le(&all, t->count, 2);
    buf_add(&all, buf_str(&t->heads), t->heads.len);
    buf_add(&all, buf_str(&t->values), t->values.len);
    script_stream(b, "properties", &all);
    buf_add(b, buf_str(&t->kids), t->kids.len);
    buf_addc(b, SCRIPT_END);
    buf_done(&all);
    buf_done(&t->heads);
    buf_done(&t->values);
    buf_done(&t->kids);
    free(t);
}

/* `t` owns `child`, which is taken. */
static inline void own(struct thing *t, unsigned property, struct thing *child)
{
    AUTO(free) char *name = xasprintf("o-%x", property);
    put_text(t, property, 0x22, name);
    script_thing(&t->kids, name, child);
}

/* A vector, or where `ids` is there a set, of things up to NULL, which are taken. */
static inline void own_all(struct thing *t, unsigned property, const unsigned char *ids,
                           unsigned id_bytes, struct thing **v)
{
    AUTO(free) char *stem = xasprintf("v-%x", property);
    AUTO(free) char *name = xasprintf("%s index", stem);
    struct buf index = {0};
    unsigned n = 0;
    while (v[n])
        n++;
    le(&index, n, 4);
    le(&index, n, 4);
    le(&index, UINT32_MAX, 4);
    if (ids) {
        le(&index, 0x1b01, 2);
        le(&index, id_bytes, 1);
    }
    for (unsigned i = 0; i < n; i++) {
        AUTO(free) char *storage = xasprintf("%s{%x}", stem, i);
        le(&index, i, 4);
        if (ids) {
            le(&index, 1, 4);
            buf_add(&index, ids + (size_t)i * id_bytes, id_bytes);
        }
        script_thing(&t->kids, storage, v[i]);
    }
    put_text(t, property, ids ? 0x3a : 0x32, stem);
    script_stream(&t->kids, name, &index);
    buf_done(&index);
}

#define ALL(...) ((struct thing *[]){__VA_ARGS__, NULL})

static inline void own_some(struct thing *t, unsigned property, struct thing **v)
{
    own_all(t, property, NULL, 0, v);
}

/* Definitions and mobs by small numbers. */
static inline void name_id(unsigned number, unsigned char *ret, size_t n)
{
    memset(ret, 0, n);
    ret[0] = (unsigned char)number;
    ret[n - 1] = 0x77;
}

static inline void put_definition(struct thing *t, unsigned property, unsigned number, bool weak)
{
    unsigned char b[5 + 16] = {0, 0, 0x1b, 0x01, 16};
    name_id(number, b + 5, 16);
    put(t, property, weak ? 0x02 : 0x82, b + (weak ? 0 : 5), weak ? sizeof b : 16);
}

static inline struct thing *definition(const char *name, int warps)
{
    struct thing *t = thing(0x1c);
    put_text(t, 0x1b02, 0x82, name);
    if (warps)
        put_integer(t, 0x1e02, 1, 1);
    return t;
}

#endif
