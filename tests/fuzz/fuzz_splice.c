/* tests/fuzz/fuzz_splice.c - any JSON, changed at places that its bytes decide: the spliced text
 * reads as the changed tree, and without a change it is the text itself. */
/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/otio_text.h"
#include "conform/splice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define CHANGES_MAX 8

struct fuzz {
    uint64_t state;
    struct splice_change changes[CHANGES_MAX];
    size_t n;
};

static unsigned draw(struct fuzz *f, unsigned below)
{
    f->state = f->state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(f->state >> 33) % below;
}

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

static json_t *parse(const struct otio_text *t)
{
    return json_loadb(t->json, t->len, JSON_REJECT_DUPLICATES, NULL);
}

static void mutate(struct fuzz *f, json_t *now, json_t *was, int depth)
{
    const char *key;
    json_t *value;
    void *next;
    json_object_foreach_safe(now, next, key, value)
    {
        switch (draw(f, 6)) {
        case 0:
            json_object_del(now, key);
            break;
        case 1:
            json_object_set_new(now, key, json_pack("{s[fs]}", "a\"", 0.1, "\n"));
            break;
        case 2:
            if (json_is_object(value) && depth < 4)
                mutate(f, value, was, depth + 1);
            break;
        default:
            break;
        }
    }
    if (draw(f, 2))
        json_object_set_new(now, "added", json_pack("{sO s{}}", "original", was, "empty"));
}

/* Changes objects that are not inside one another. */
static json_t *change(struct fuzz *f, json_t *v)
{
    if (json_is_object(v) && f->n < CHANGES_MAX && draw(f, 4) == 0) {
        json_t *now = json_deep_copy(v);
        mutate(f, now, v, 0);
        f->changes[f->n++] = (struct splice_change){json_incref(v), now};
        return now;
    }
    const char *key;
    json_t *child;
    size_t i;
    json_object_foreach(v, key, child)
    {
        json_t *now = change(f, child);
        if (now)
            json_object_set_new(v, key, now);
    }
    json_array_foreach(v, i, child)
    {
        json_t *now = change(f, child);
        if (now)
            json_array_set_new(v, i, now);
    }
    return NULL;
}

/* Equal but for the marks of foreign tokens, which are drawn anew for each text. */
static bool same(const json_t *a, const char *mark_a, const json_t *b, const char *mark_b)
{
    size_t i, n = strlen(mark_a);
    const char *key;
    json_t *v;
    if (json_is_string(a) && json_is_string(b) && !strncmp(json_string_value(a), mark_a, n))
        return !strncmp(json_string_value(b), mark_b, n) &&
               !strcmp(json_string_value(a) + n, json_string_value(b) + n);
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        json_array_foreach(a, i, v) if (!same(v, mark_a, json_array_get(b, i), mark_b)) return false;
        return true;
    }
    if (!json_is_object(a) || !json_is_object(b))
        return json_equal(a, b);
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_object_foreach((json_t *)a, key, v) if (!same(v, mark_a, json_object_get(b, key), mark_b))
        return false;
    return true;
}

static void check(const struct otio_text *t, const json_t *root, struct fuzz *f)
{
    struct buf out __attribute__((cleanup(auto_buf))) = {0};
    struct otio_text again;
    struct err e;
    if (splice(t->source, t->source_len, root, f->changes, f->n, t->mark, &out, &e) < 0)
        die("not spliced", e.text);
    if (f->n == 0 && (out.len != t->source_len || memcmp(out.p, t->source, out.len) != 0))
        die("changed without a change", buf_str(&out));
    /* what it was is nested deeper now: that may be too deep, and is refused with these words */
    if (otio_text_open(buf_str(&out), out.len, &again, &e) == 0) {
        json_auto_t *tree = parse(&again);
        if (!tree || !same(root, t->mark, tree, again.mark))
            die("the text is another one", buf_str(&out));
    } else if (!strstr(e.text, "nested deeper")) {
        die("refused", e.text);
    }
    otio_text_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct fuzz f = {.state = 1469598103934665603u};
    struct otio_text t;
    struct err e;
    for (size_t i = 0; i < n; i++)
        f.state = (f.state ^ data[i]) * 1099511628211u;
    json_t *root = otio_text_open((const char *)data, n, &t, &e) == 0 ? parse(&t) : NULL;
    if (root) {
        check(&t, root, &f);
        json_t *now = change(&f, root);
        check(&t, now ? now : root, &f);
        json_decref(now);
    }
    json_decref(root);
    for (size_t i = 0; i < f.n; i++)
        json_decref((json_t *)f.changes[i].was);
    otio_text_done(&t);
    return 0;
}
