/* conform/link_rows.c - the links that an edit's holders find in a folder a shot. */
/* SPDX-License-Identifier: MIT */
#include "conform/link_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "policy/index.h"

struct rows {
    struct index_read *rd;
    const char *manifest;
    json_t *shots; /* shot -> {"names": {name: how many so far}, "keys": {key: true}} */
    struct buf *ret;
};

/* The object `o[name]`, made where it is not there. */
static json_t *inner(json_t *o, const char *name)
{
    json_t *v = json_object_get(o, name);
    if (!v && json_object_set_new(o, name, json_object()) == 0)
        v = json_object_get(o, name);
    return v;
}

/* "plate.mov" is "plate-2.mov" the second time, a folder "plate" is "plate-2". */
static char *numbered(const char *name, bool is_dir, uint64_t number)
{
    char tail[32];
    size_t n = strlen(name);
    const char *dot = is_dir ? NULL : strrchr(name, '.');
    size_t stem = dot && dot != name ? (size_t)(dot - name) : n;
    size_t room = NAME_LIMIT - (size_t)snprintf(tail, sizeof tail, "-%" PRIu64, number);
    if (n - stem > room / 2) /* no extension, but a name full of dots */
        stem = n;
    size_t keep = n > room ? room - (n - stem) : stem;
    while (keep > 0 && keep < stem && ((unsigned char)name[keep] & 0xc0) == 0x80)
        keep--;
    return xasprintf("%.*s%s%s", (int)keep, name, tail, name + stem);
}

/* What the link is called: the last part of the key, as a file's name. */
static char *base_name(const char *key, bool is_dir)
{
    size_t n = strlen(key) - is_dir, start = n;
    while (start > 0 && key[start - 1] != '/')
        start--;
    char *name = xstrndup(key + start, n - start);
    for (char *s = name; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '_';
    return name;
}

/* A name that no other link of the shot has. */
static char *free_name(json_t *names, const char *key, bool is_dir)
{
    AUTO(free) char *base = base_name(key, is_dir);
    char *name = xstrdup(base);
    json_int_t number = json_integer_value(json_object_get(names, base));
    while (json_object_get(names, name)) {
        free(name);
        name = numbered(base, is_dir, (uint64_t)++number);
    }
    json_object_set_new(names, base, json_integer(number > 0 ? number : 1));
    if (strcmp(name, base) != 0)
        json_object_set_new(names, name, json_integer(1));
    return name;
}

static int add_row(struct rows *rows, const char *shot, const char *key, struct err *e)
{
    bool beside = strcmp(shot, LINK_ROWS_SHOTS) == 0 || strcmp(shot, rows->manifest) == 0;
    AUTO(free) char *folder = xasprintf("%s%s", shot, beside ? "-2" : "");
    json_t *of_shot = inner(rows->shots, folder);
    json_t *keys = inner(of_shot, "keys"), *names = inner(of_shot, "names");
    if (json_object_get(keys, key))
        return 0; /* another clip, or another reference, of the same media */
    AUTO(free) char *name = free_name(names, key, key[strlen(key) - 1] == '/');
    json_auto_t *row = json_pack("[sss]", folder, name, key);
    char *text = row ? json_dumps(row, JSON_COMPACT) : NULL;
    if (!text || json_object_set_new(keys, key, json_true()) < 0) {
        free(text);
        return err_set(e, -EBADMSG, "shot '%s' or key '%s' is not UTF-8", folder, key);
    }
    buf_addf(rows->ret, "%s\n", text);
    free(text);
    return 0;
}

static int add_object(struct rows *rows, const char *shot, node_id id, struct err *e)
{
    AUTO(buf) struct buf key = {0};
    int r = index_key(rows->rd, id, &key, e);
    return r < 0 ? r : add_row(rows, shot, buf_str(&key), e);
}

static int add_item(struct rows *rows, const struct conform_item *it, struct err *e)
{
    struct node first;
    int r;
    if (it->n_nodes == 0)
        return 0;
    if ((r = index_node(rows->rd, it->first, &first, e)) < 0)
        return r;
    /* the frames of a sequence are in one folder; that of frames in the lake's root is all the lake */
    if (it->sequence && first.parent != NODE_ROOT)
        return add_object(rows, it->shot, first.parent, e);
    for (size_t i = 0; r == 0 && i < it->n_nodes; i++)
        r = add_object(rows, it->shot, it->nodes[i], e);
    return r;
}

int link_rows(const struct conform_plan *p, struct index_read *rd, const char *manifest,
              struct buf *ret, struct err *e)
{
    json_auto_t *shots = json_object();
    struct rows rows = {.rd = rd, .manifest = manifest, .shots = shots, .ret = ret};
    int r = 0;
    for (size_t i = 0; r == 0 && i < p->n_items; i++)
        r = add_item(&rows, &p->items[i], e);
    return r < 0 ? err_wrap(e, "the shots' links") : 0;
}
