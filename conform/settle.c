/* conform/settle.c - when is a file that somebody is still writing whole? */
/* SPDX-License-Identifier: MIT */
#include "conform/settle.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define PAUSE_FIRST_MS 1000
#define PAUSE_MAX_MS 60000

struct entry {
    char *name;
    struct settle_look look;
    int64_t since_ms;  /* first seen as it looks now */
    int64_t not_before_ms;
    int64_t pause_ms; /* the last one; 0: the last word on it was no failure */
    bool renamed;
};

struct entries {
    struct entry *v;
    size_t n, cap;
};

struct settle {
    int64_t quiet_ms;
    struct entries all;  /* by name */
    struct entries seen; /* in the look under way, in any order */
    char **renamed;      /* since the last end */
    size_t n_renamed;
};

bool settle_is_cut(const char *name, bool is_dir)
{
    static const char *const of_files[] = {".otio", ".otioz", ".edl", ".xml", ".fcpxml", ".aaf"};
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || name[0] == '.' || name[0] == '~')
        return false;
    if (is_dir)
        return strcasecmp(dot, ".otiod") == 0 || strcasecmp(dot, ".fcpxmld") == 0;
    for (size_t i = 0; i < COUNT(of_files); i++)
        if (strcasecmp(dot, of_files[i]) == 0)
            return true;
    return false;
}

struct settle *settle_new(int64_t quiet_ms)
{
    struct settle *s = xcalloc(1, sizeof *s);
    s->quiet_ms = quiet_ms;
    return s;
}

static void entries_clear(struct entries *es)
{
    for (size_t i = 0; i < es->n; i++)
        free(es->v[i].name);
    es->n = 0;
}

static void forget_renamed(struct settle *s)
{
    for (size_t i = 0; i < s->n_renamed; i++)
        free(s->renamed[i]);
    free(s->renamed);
    s->renamed = NULL;
    s->n_renamed = 0;
}

void settle_free(struct settle *s)
{
    if (!s)
        return;
    entries_clear(&s->all);
    entries_clear(&s->seen);
    forget_renamed(s);
    free(s->all.v);
    free(s->seen.v);
    free(s);
}

void settle_begin(struct settle *s)
{
    entries_clear(&s->seen);
}

void settle_see(struct settle *s, const char *name, const struct settle_look *look)
{
    struct entries *es = &s->seen;
    if (es->n == es->cap)
        es->v = xrealloc(es->v, es->cap = es->cap ? 2 * es->cap : 64, sizeof *es->v);
    es->v[es->n++] = (struct entry){.name = xstrdup(name), .look = *look};
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static struct entry *find(const struct entries *es, const char *name)
{
    const struct entry key = {.name = (char *)name};
    return es->n ? bsearch(&key, es->v, es->n, sizeof *es->v, by_name) : NULL;
}

static bool same_look(const struct settle_look *a, const struct settle_look *b)
{
    return a->size == b->size && a->id == b->id && a->mtime_ns == b->mtime_ns;
}

void settle_end(struct settle *s, int64_t now_ms)
{
    if (s->seen.n > 0)
        qsort(s->seen.v, s->seen.n, sizeof *s->seen.v, by_name);
    for (size_t i = 0; i < s->seen.n; i++) {
        struct entry *e = &s->seen.v[i];
        const struct entry *old = find(&s->all, e->name);
        e->since_ms = now_ms;
        if (old && same_look(&old->look, &e->look)) {
            e->since_ms = old->since_ms;
            e->not_before_ms = old->not_before_ms;
            e->pause_ms = old->pause_ms;
            e->renamed = old->renamed;
        }
    }
    for (size_t i = 0; i < s->n_renamed; i++) {
        struct entry *e = find(&s->seen, s->renamed[i]);
        if (e)
            e->renamed = true;
    }
    forget_renamed(s);
    struct entries old = s->all;
    s->all = s->seen;
    s->seen = old;
    entries_clear(&s->seen);
}

void settle_renamed(struct settle *s, const char *name)
{
    s->renamed = xrealloc(s->renamed, s->n_renamed + 1, sizeof *s->renamed);
    s->renamed[s->n_renamed++] = xstrdup(name);
}

/* When it is whole and may be worked on, should nothing change. */
static int64_t ready_ms(const struct settle *s, const struct entry *e)
{
    int64_t t = e->renamed ? e->since_ms : e->since_ms + s->quiet_ms;
    if (e->look.size == 0)
        return INT64_MAX;
    return t > e->not_before_ms ? t : e->not_before_ms;
}

const char *settle_next(const struct settle *s, int64_t now_ms, struct settle_look *ret)
{
    const struct entry *best = NULL;
    for (size_t i = 0; i < s->all.n; i++) {
        const struct entry *e = &s->all.v[i];
        if (ready_ms(s, e) <= now_ms && (!best || e->since_ms < best->since_ms))
            best = e;
    }
    if (best)
        *ret = best->look;
    return best ? best->name : NULL;
}

void settle_wait(struct settle *s, const char *name, int64_t until_ms)
{
    struct entry *e = find(&s->all, name);
    if (!e)
        return;
    e->not_before_ms = until_ms;
    e->pause_ms = 0;
}

void settle_failed(struct settle *s, const char *name, int64_t now_ms)
{
    struct entry *e = find(&s->all, name);
    if (!e)
        return;
    e->pause_ms = e->pause_ms ? 2 * e->pause_ms : PAUSE_FIRST_MS;
    if (e->pause_ms > PAUSE_MAX_MS)
        e->pause_ms = PAUSE_MAX_MS;
    e->not_before_ms = now_ms + e->pause_ms;
}

void settle_forget(struct settle *s, const char *name)
{
    struct entry *e = find(&s->all, name);
    if (!e)
        return;
    free(e->name);
    memmove(e, e + 1, (size_t)(s->all.v + s->all.n - (e + 1)) * sizeof *e);
    s->all.n--;
}

int64_t settle_when(const struct settle *s)
{
    int64_t first = INT64_MAX;
    for (size_t i = 0; i < s->all.n; i++) {
        int64_t t = ready_ms(s, &s->all.v[i]);
        if (t < first)
            first = t;
    }
    return first;
}

size_t settle_count(const struct settle *s, size_t *ret_failed)
{
    size_t n = 0;
    *ret_failed = 0;
    for (size_t i = 0; i < s->all.n; i++) {
        const struct entry *e = &s->all.v[i];
        bool counts = e->look.size > 0 && e->not_before_ms != SETTLE_NEVER;
        n += counts;
        *ret_failed += counts && e->pause_ms > 0;
    }
    return n;
}
