/* fs/fuse/held.c - by which grants a caller sees an object. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/held.h"

#include <errno.h>
#include <stdbool.h>

#include <jansson.h>

#include "base/cleanup.h"
#include "policy/access_group.h"
#include "policy/decide.h"
#include "policy/index.h"
#include "policy/principals.h"

struct held {
    struct index_read *rd;
    const struct who *who;
    int64_t now;
    held_fn *fn;
    void *arg;
};

/* 1: the caller's address is in one of the ranges that the grant names, or it names none. */
static int is_in_range(struct held *h, const json_t *names, struct err *e)
{
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        json_auto_t *list = NULL;
        int r = index_rule(h->rd, RULE_RANGES, json_string_value(name), "", &list, NULL, e);
        if (r < 0)
            return r;
        struct ranges *ranges = ranges_new();
        if (list)
            ranges_add(ranges, json_string_value(name), list);
        bool has = ranges_have(ranges, json_string_value(name), &h->who->address);
        ranges_free(ranges);
        if (has)
            return 1;
    }
    return !names;
}

static int add_label(void *arg, const char *label, struct err *e)
{
    struct held *h = arg;
    char edit[EDIT_ID_SIZE];
    int r = index_label_edit(h->rd, label, h->now, edit, e);
    if (r <= 0 || !details_leave_names(h->who->details, edit))
        return r < 0 ? r : 0;
    for (size_t i = 0; i < h->who->n; i++) {
        struct grant g;
        r = index_grant(h->rd, edit, h->who->as[i], &g, e);
        if (r == -ENOENT)
            continue;
        if (r < 0)
            return r;
        if (g.from > h->now || h->now >= g.until)
            continue;
        if ((r = is_in_range(h, g.ranges, e)) < 0 ||
            (r > 0 && (r = h->fn(h->arg, edit, h->who->as[i], e)) < 0))
            return r;
    }
    return 0;
}

int held_each(struct index_read *rd, const struct who *who, node_id id, int64_t now, held_fn *fn,
              void *arg, struct err *e)
{
    struct held h = {.rd = rd, .who = who, .now = now, .fn = fn, .arg = arg};
    return index_labels_of(rd, id, add_label, &h, e);
}
