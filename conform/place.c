/* conform/place.c - directories of the lake as matching sees them, each read once. */
/* SPDX-License-Identifier: MIT */
#include "conform/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/lake/lake.h"
#include "policy/fold.h"
#include "policy/index.h"

/* A hash table with open addresses: places are asked for once an object that has a name. */
struct places {
    struct index_read *rd;
    struct media_place **slots;
    size_t n, cap; /* cap is a power of two, and more than n */
};

struct places *places_new(struct index_read *rd)
{
    struct places *p = xcalloc(1, sizeof *p);
    p->rd = rd;
    p->cap = 64;
    p->slots = xcalloc(p->cap, sizeof(struct media_place *));
    return p;
}

void places_free(struct places *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->cap; i++) {
        if (p->slots[i]) {
            free(p->slots[i]->key);
            free(p->slots[i]->folded);
        }
        free(p->slots[i]);
    }
    free(p->slots);
    free(p);
}

static struct media_place **slot_of(struct media_place **slots, size_t cap, node_id dir)
{
    size_t i = (dir * 2654435761u) & (cap - 1);
    while (slots[i] && slots[i]->dir != dir)
        i = (i + 1) & (cap - 1);
    return &slots[i];
}

static void grow(struct places *p)
{
    size_t cap = 2 * p->cap;
    struct media_place **slots = xcalloc(cap, sizeof(struct media_place *));
    for (size_t i = 0; i < p->cap; i++)
        if (p->slots[i])
            *slot_of(slots, cap, p->slots[i]->dir) = p->slots[i];
    free(p->slots);
    p->slots = slots;
    p->cap = cap;
}

static bool is_below(const char *key, const char *prefix)
{
    return strncmp(key, prefix, strlen(prefix)) == 0;
}

bool place_is_media(const char *key)
{
    return !is_below(key, LAKE_PRIVATE_PREFIX) && !is_below(key, LAKE_EDITS_PREFIX);
}

int place_of(struct places *p, node_id dir, const struct media_place **ret, struct err *e)
{
    struct media_place **slot = slot_of(p->slots, p->cap, dir);
    if (!*slot) {
        AUTO(buf) struct buf key = {0};
        int r = index_key(p->rd, dir, &key, e);
        if (r < 0)
            return r;
        struct media_place *new = xcalloc(1, sizeof *new);
        new->dir = dir;
        new->is_media = place_is_media(buf_str(&key));
        if (key.len > 0)
            key.p[--key.len] = '\0'; /* the '/' of a directory's key */
        new->folded = path_fold(buf_str(&key));
        new->key = buf_take(&key);
        *slot = new;
        if (2 * ++p->n > p->cap) {
            grow(p);
            slot = slot_of(p->slots, p->cap, dir);
        }
    }
    *ret = *slot;
    return 0;
}

int path_shared_components(const char *a, const char *b)
{
    size_t i = strlen(a), k = strlen(b);
    for (int n = 0;; n++) {
        size_t end_a = i, end_b = k;
        while (i > 0 && a[i - 1] != '/')
            i--;
        while (k > 0 && b[k - 1] != '/')
            k--;
        size_t len = end_a - i;
        if (len == 0 || len != end_b - k || memcmp(a + i, b + k, len) != 0)
            return n;
        if (i == 0 || k == 0)
            return n + 1;
        i--;
        k--;
    }
}

char *path_fold(const char *path)
{
    AUTO(buf) struct buf b = {0};
    if (fold_name(path, strlen(path), &b) < 0)
        return xstrdup(path);
    return buf_take(&b);
}
