/* tests/unit/policy_world.h - an index in a temporary folder, fed with records one by one. JSON is
 * written with ' for ", and turned. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_POLICY_WORLD_H
#define TESTS_UNIT_POLICY_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "policy/apply.h"
#include "policy/hash.h"
#include "policy/index.h"
#include "policy/principals.h"
#include "policy/record.h"
#include "policy/visible.h"

#define ID32 "0123456789abcdef0123456789abcdef"
#define NOON 1800000000 /* 2027-01-15T08:00:00Z: when every record of these tests was written */

struct world {
    char dir[64];
    struct index *ix;
    struct buf payload; /* what the next record's payload is */
    struct buf last;    /* the bytes of the record that was made last */
    struct err e;
};

static inline int remove_entry(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

/* ' becomes " */
static inline char *turned(const char *text)
{
    char *s = xstrdup(text);
    for (char *p = s; *p; p++) /* not strchr(): sanitizers check all of the text at each call */
        *p = *p == '\'' ? '"' : *p;
    return s;
}

static inline json_t *json_of(const char *text)
{
    AUTO(free) char *s = turned(text);
    json_error_t je;
    json_t *j = json_loads(s, JSON_DECODE_ANY, &je);
    if (!j)
        fail_msg("%s: %s", s, je.text);
    return j;
}

static inline int world_payload(void *arg, const char *hash, struct buf *ret, struct err *e)
{
    struct world *w = arg;
    (void)hash;
    if (!w->payload.p)
        return err_set(e, -EIO, "no payload");
    buf_add(ret, w->payload.p, w->payload.len);
    return 0;
}

static inline struct index_head head_of(struct world *w)
{
    AUTO(index_read) struct index_read *rd = NULL;
    struct index_head head;
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    assert_int_equal(index_head(rd, &head, &w->e), 0);
    return head;
}

/* The record that would follow now, into w->last. Takes `body`. */
static inline void make_record(struct world *w, json_t *body)
{
    struct index_head head = head_of(w);
    buf_clear(&w->last);
    int r = record_format(body, head.seq + 1, head.hash, ID32, NOON, "tester@host", &w->last,
                          &w->e);
    json_decref(body);
    if (r < 0)
        fail_msg("format: %s", w->e.text);
}

static inline int apply_last(struct world *w)
{
    return apply_record(w->ix, w->last.p, w->last.len, world_payload, w, &w->e);
}

/* Applies a record; `rows` (may be NULL) is its payload. The result of apply_record(). */
static inline int try_say(struct world *w, const char *body, const char *rows)
{
    json_t *j = json_of(body);
    buf_clear(&w->payload);
    if (rows) {
        AUTO(free) char *text = turned(rows);
        char hash[SHA256_HEX_SIZE];
        buf_adds(&w->payload, text);
        hash_sha256_hex(w->payload.p, w->payload.len, hash);
        json_object_set_new(j, "payload", json_string(hash));
    }
    make_record(w, j);
    return apply_last(w);
}

static inline void say(struct world *w, const char *body, const char *rows)
{
    int r = try_say(w, body, rows);
    if (r != 0)
        fail_msg("%s: %d %s", body, r, w->e.text);
}

/* Why no such record can be written; free(). */
static inline char *refused(struct world *w, const char *body)
{
    json_auto_t *j = json_of(body);
    AUTO(buf) struct buf b = {0};
    struct index_head head = head_of(w);
    int r = record_format(j, head.seq + 1, head.hash, ID32, NOON, "tester@host", &b, &w->e);
    if (r != -EINVAL || w->e.code != r)
        fail_msg("%s: %d, and not refused", body, r);
    return xstrdup(w->e.text);
}

/* "+a/b.mov -c.mov": objects that came and went, 10 bytes each. */
static inline void inventory(struct world *w, const char *keys)
{
    AUTO(free) char *copy = xstrdup(keys);
    struct buf rows = {0};
    char *save;
    for (char *k = strtok_r(copy, " ", &save); k; k = strtok_r(NULL, " ", &save))
        if (*k == '+')
            buf_addf(&rows, "['+','%s',10,1000000000,'e1']\n", k + 1);
        else
            buf_addf(&rows, "['-','%s']\n", k + 1);
    say(w, "{'op':'inventory','prefix':''}", buf_str(&rows));
    buf_done(&rows);
}

/* An edit of the keys, with the manifest "ShotLocker/Edits/ID/processed/cut.otio". */
static inline void edit(struct world *w, const char *id, const char *keys)
{
    AUTO(free) char *copy = xstrdup(keys);
    AUTO(free) char *body =
        xasprintf("{'op':'edit','edit':'%s','name':'Cut %s','file':'ShotLocker/Edits/%s/cut.otio',"
                  "'manifest':'ShotLocker/Edits/%s/processed/cut.otio','objects':1,'bytes':10,"
                  "'manifest_stat':[10,1,'m1']}",
                  id, id, id, id);
    struct buf rows = {0};
    char *save;
    for (char *k = strtok_r(copy, " ", &save); k; k = strtok_r(NULL, " ", &save))
        buf_addf(&rows, "['%s']\n", k);
    say(w, body, buf_str(&rows));
    buf_done(&rows);
}

static inline void grant(struct world *w, const char *id, const char *principal, const char *from,
                         const char *until)
{
    AUTO(free) char *body = xasprintf("{'op':'grant','edit':'%s','principal':'%s','from':'%s',"
                                      "'until':'%s'}", id, principal, from, until);
    say(w, body, NULL);
}

static inline void take_back(struct world *w, const char *id, const char *principal)
{
    AUTO(free) char *body =
        xasprintf("{'op':'revoke','edit':'%s','principal':'%s'}", id, principal);
    say(w, body, NULL);
}

/* `entries` as "[{'principalType':…}]" */
static inline void acl(struct world *w, const char *path, const char *entries)
{
    AUTO(free) char *body = xasprintf("{'op':'acl','path':'%s','entries':%s}", path, entries);
    say(w, body, NULL);
}

#define READ_FOR(kind, name)                                                                       \
    "[{'principalType':'" kind "','principal':'" name "','accessTypes':['read']}]"

/* ---- what is seen ------------------------------------------------------------------------- */

struct seen {
    struct index_read *rd;
    char **key;
    size_t n;
};

static inline int seen_add(void *arg, const struct node *n, struct err *e)
{
    struct seen *s = arg;
    struct buf key = {0};
    int r = index_key(s->rd, n->id, &key, e);
    if (r < 0 || n->id == NODE_ROOT) {
        buf_done(&key);
        return r;
    }
    s->key = xrealloc(s->key, s->n + 1, sizeof *s->key);
    s->key[s->n++] = buf_take(&key);
    return 0;
}

static inline int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The paths of a set of nodes, sorted, with a blank between; without what every edit has of its
 * own below "ShotLocker/" and "edits/". */
static inline char *paths_of(struct index_read *rd, const roaring_bitmap_t *set)
{
    struct seen s = {.rd = rd};
    struct err e;
    struct buf b = {0};
    if (index_nodes(rd, set, seen_add, &s, &e) < 0)
        fail_msg("%s", e.text);
    if (s.n)
        qsort(s.key, s.n, sizeof *s.key, by_text);
    for (size_t i = 0; i < s.n; i++) {
        if (strncmp(s.key[i], "ShotLocker/", 11) != 0 && strncmp(s.key[i], "edits/", 6) != 0)
            buf_addf(&b, "%s%s", b.len ? " " : "", s.key[i]);
        free(s.key[i]);
    }
    free(s.key);
    buf_str(&b);
    return buf_take(&b);
}

/* What somebody sees at a moment; `next` (may be NULL) gets the next change. `people` is the
 * principals file, or NULL. */
static inline char *view_at(struct world *w, const char *principal, int64_t t, const char *people,
                            int64_t *next)
{
    AUTO(index_read) struct index_read *rd = NULL;
    AUTO(visible) struct visible v = {0};
    AUTO(principals) struct principals *p = NULL;
    AUTO(who) struct who who = {0};
    if (people) {
        AUTO(free) char *text = turned(people);
        if (principals_parse(text, strlen(text), &p, &w->e) < 0)
            fail_msg("%s", w->e.text);
    }
    principals_expand(p, principal, &who);
    assert_int_equal(index_read_begin(w->ix, &rd, &w->e), 0);
    if (visible_compute(rd, &who, t, &v, &w->e) < 0)
        fail_msg("%s", w->e.text);
    if (next)
        *next = v.next_change;
    return paths_of(rd, v.nodes);
}

static inline void assert_view(struct world *w, const char *principal, int64_t t, const char *want)
{
    AUTO(free) char *got = view_at(w, principal, t, NULL, NULL);
    if (strcmp(got, want) != 0)
        fail_msg("%s at %lld sees '%s', not '%s'", principal, (long long)t, got, want);
}

/* ---- life --------------------------------------------------------------------------------- */

/* `init`: with the first record. */
static inline struct world *world_open(int init)
{
    struct world *w = xcalloc(1, sizeof *w);
    const char *tmp = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    snprintf(w->dir, sizeof w->dir, "%s/shotlake-policy-XXXXXX", tmp);
    assert_non_null(mkdtemp(w->dir));
    if (index_open(w->dir, &w->ix, &w->e) < 0)
        fail_msg("%s", w->e.text);
    if (init)
        say(w, "{'op':'init','lake':'" ID32 "','node_key':'" ID32 "'}", NULL);
    return w;
}

static inline void world_close(struct world *w)
{
    index_close(w->ix);
    nftw(w->dir, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
    buf_done(&w->payload);
    buf_done(&w->last);
    free(w);
}

static inline int world_setup(void **state)
{
    *state = world_open(1);
    return 0;
}

static inline int world_teardown(void **state)
{
    world_close(*state);
    return 0;
}

#define WORLD_TEST(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

#endif
