/* conform/pins.c - answers to what was ambiguous: which media a clip or a URL means. */
/* SPDX-License-Identifier: MIT */
#include "conform/pins.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

struct pin {
    const char *clip, *url, *key; /* `clip` or `url` may be NULL; borrowed from the tree */
    size_t next;                  /* the next pin of this clip, or of this URL, + 1; 0: none */
};

struct pins {
    json_t *root;
    struct pin *v;
    size_t n;
    json_t *by_clip, *by_url; /* name -> the first pin; a pin with a clip is in the first only */
};

void pins_free(struct pins *p)
{
    if (!p)
        return;
    json_decref(p->by_clip);
    json_decref(p->by_url);
    json_decref(p->root);
    free(p->v);
    free(p);
}

static int read_text(const json_t *o, size_t i, const char *member, const char **ret, struct err *e)
{
    const json_t *v = json_object_get(o, member);
    *ret = json_string_value(v);
    if (v && !json_is_null(v) && (!*ret || !**ret || strlen(*ret) > PINS_TEXT_MAX))
        return err_set(e, -EBADMSG, "at '/pins/%zu/%s': not a text of 1 to %d bytes", i, member,
                       PINS_TEXT_MAX);
    return 0;
}

static int read_pin(const json_t *o, size_t i, struct pin *ret, struct err *e)
{
    int r;
    if (!json_is_object(o))
        return err_set(e, -EBADMSG, "at '/pins/%zu': not an object", i);
    if ((r = read_text(o, i, "clip", &ret->clip, e)) < 0 ||
        (r = read_text(o, i, "url", &ret->url, e)) < 0 ||
        (r = read_text(o, i, "key", &ret->key, e)) < 0)
        return r;
    if (!ret->key)
        return err_set(e, -EBADMSG, "at '/pins/%zu': it has no \"key\"", i);
    if (!ret->clip && !ret->url)
        return err_set(e, -EBADMSG, "at '/pins/%zu': it has neither \"clip\" nor \"url\"", i);
    return 0;
}

/* From the last to the first, so that chains are in the file's order. */
static void chain(struct pins *p)
{
    for (size_t i = p->n; i > 0; i--) {
        struct pin *pin = &p->v[i - 1];
        json_t *map = pin->clip ? p->by_clip : p->by_url;
        const char *name = pin->clip ? pin->clip : pin->url;
        pin->next = (size_t)json_integer_value(json_object_get(map, name));
        json_object_set_new(map, name, json_integer((json_int_t)i));
    }
}

int pins_parse(const char *s, size_t n, struct pins **ret, struct err *e)
{
    AUTO(pins) struct pins *p = xcalloc(1, sizeof *p);
    json_error_t bad;
    if (n > PINS_BYTES_MAX)
        return err_set(e, -EFBIG, "pins have more than %u bytes", PINS_BYTES_MAX);
    p->root = json_loadb(s, n, JSON_REJECT_DUPLICATES, &bad);
    if (!p->root)
        return err_set(e, -EBADMSG, "line %d: %s", bad.line, bad.text);
    const json_t *list = json_object_get(p->root, "pins"), *o;
    if (!json_is_array(list))
        return err_set(e, -EBADMSG, "at '/pins': not a list");
    if (json_array_size(list) > PINS_MAX)
        return err_set(e, -EFBIG, "more than %d pins", PINS_MAX);
    p->n = json_array_size(list);
    p->v = xcalloc(p->n + 1, sizeof *p->v);
    p->by_clip = json_object();
    p->by_url = json_object();
    size_t i;
    json_array_foreach(list, i, o)
    {
        int r = read_pin(o, i, &p->v[i], e);
        if (r < 0)
            return r;
    }
    chain(p);
    *ret = TAKE(p);
    return 0;
}

/* The first of a chain that fits, counted from 1; 0: none. */
static size_t first_fit(const struct pins *p, const json_t *map, const char *name, const char *url)
{
    size_t i = name ? (size_t)json_integer_value(json_object_get(map, name)) : 0;
    while (i && p->v[i - 1].url && (!url || strcmp(p->v[i - 1].url, url) != 0))
        i = p->v[i - 1].next;
    return i;
}

const char *pins_find(const struct pins *p, const char *clip, const char *url)
{
    if (!p)
        return NULL;
    size_t a = first_fit(p, p->by_clip, clip, url), b = first_fit(p, p->by_url, url, url);
    size_t i = a == 0 ? b : b == 0 || a < b ? a : b;
    return i ? p->v[i - 1].key : NULL;
}
