/* conform/match_address.c - rules by key: answers to earlier questions, addresses, templates. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/match_impl.h"
#include "conform/media_class.h"
#include "conform/pins.h"
#include "conform/place.h"
#include "conform/shot.h"

/* The live object or directory at a key: 1, or 0 where there is none. */
static int find_key(struct query *q, const char *key, bool dir, node_id *ret, struct err *e)
{
    struct err why;
    struct node nd;
    size_t len = strlen(key);
    if (*key == '/' || (!dir && (len == 0 || key[len - 1] == '/')))
        return 0;
    int r = index_find(q->m->rd, key, ret, &why);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = index_node(q->m->rd, *ret, &nd, &why);
    return r < 0 ? err_set(e, r, "%s", why.text) : nd.is_dir == dir;
}

/* "show/a" of "show/a/x.exr", "" of "x.exr". */
static char *dir_of(const char *key)
{
    const char *slash = strrchr(key, '/');
    return xstrndup(key, slash ? (size_t)(slash - key) : 0);
}

static int pick_object(struct query *q, node_id node, const struct match_rule *rule, struct err *e)
{
    struct finds f = {0};
    struct find *one = finds_add(&f);
    one->node = node;
    one->score = 1;
    one->same_name = one->same_path = true;
    int r = match_pick(q, &f, rule, e);
    finds_done(&f);
    return r;
}

/* Frames of `s` (taken) in a directory. */
static int pick_frames(struct query *q, struct sequence *s, node_id dir, const int64_t *want,
                       size_t n_want, const struct match_rule *rule, struct err *e)
{
    struct finds f = {0};
    int r = match_find_frames(q, s, NULL, dir, want, n_want, &f, e);
    if (r == 0)
        r = match_pick(q, &f, rule, e);
    finds_done(&f);
    return r;
}

static int by_address(struct query *q, const char *key, struct err *e)
{
    static const struct match_rule rule = {.name = "address",
                                           .is_certain = true,
                                           .what = "folders of the lake have this address"};
    node_id node;
    int r = find_key(q, key, /* dir= */ false, &node, e);
    if (r > 0)
        return pick_object(q, node, &rule, e);
    AUTO(free) char *dir = dir_of(key);
    if (r == 0)
        r = find_key(q, dir, /* dir= */ true, &node, e);
    if (r <= 0)
        return r;
    r = 0;
    for (size_t i = 0; r == 0 && i < q->n_readings; i++) {
        const struct reading *rd = &q->readings[i];
        if (rd->has_sequence)
            r = pick_frames(q, sequence_copy(&rd->sequence), node, rd->want, rd->n_want, &rule, e);
    }
    return r;
}

int match_by_address(struct query *q, struct err *e)
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->n_addresses; i++)
        r = by_address(q, q->addresses[i], e);
    return r;
}

/* ---- pins --------------------------------------------------------------------------------- */

/* The reading that numbers frames, or NULL. */
static const struct reading *numbered(const struct query *q)
{
    for (size_t i = 0; i < q->n_readings; i++)
        if (q->readings[i].has_sequence)
            return &q->readings[i];
    return NULL;
}

/* A key that names frames: "show/p/plate.%04d.exr". The numbers that the cut uses go before those
 * of the key. */
static int named_frames(struct query *q, const char *key, const struct match_rule *rule,
                        struct err *e)
{
    struct sequence s;
    struct err bad;
    const char *slash = strrchr(key, '/');
    AUTO(free) char *dir = dir_of(key);
    AUTO(free) int64_t *want = NULL;
    node_id node;
    int r = sequence_parse_name(slash ? slash + 1 : key, &s, &bad);
    if (r <= 0)
        return 0;
    r = find_key(q, dir, /* dir= */ true, &node, e);
    if (r <= 0) {
        sequence_done(&s);
        return r;
    }
    const struct reading *rd = numbered(q);
    struct sequence *named = sequence_copy(rd ? &rd->sequence : &s);
    free(named->prefix);
    free(named->suffix);
    named->prefix = xstrdup(s.prefix);
    named->suffix = xstrdup(s.suffix);
    named->pad = s.pad;
    size_t n = rd ? rd->n_want : sequence_frames(named, &want);
    sequence_done(&s);
    return pick_frames(q, named, node, rd ? rd->want : want, n, rule, e);
}

/* One object; where frames are wanted the sequence that it is one of. */
static int named_object(struct query *q, node_id node, const struct match_rule *rule,
                        struct err *e)
{
    struct finds f = {0};
    struct node nd;
    int r = index_node(q->m->rd, node, &nd, e);
    if (r < 0)
        return r;
    AUTO(free) char *name = xstrndup(nd.name, nd.name_len);
    bool plate = media_class_of(name) == MEDIA_CLASS_PLATE;
    if (!numbered(q) && (q->n_readings > 0 || !plate))
        return pick_object(q, node, rule, e);
    r = match_find_media(q, node, /* score= */ 1, /* contained= */ false, &f, e);
    if (r == 0)
        r = match_pick(q, &f, rule, e);
    finds_done(&f);
    return r;
}

/* What a key of the lake names, where media may be. */
static int by_key(struct query *q, const char *key, const struct match_rule *rule, struct err *e)
{
    node_id node;
    if (!place_is_media(key))
        return 0;
    int r = find_key(q, key, /* dir= */ false, &node, e);
    if (r > 0)
        return named_object(q, node, rule, e);
    return r < 0 ? r : named_frames(q, key, rule, e);
}

int match_by_pin(struct query *q, struct err *e)
{
    static const struct match_rule rule = {.name = "pin",
                                           .is_certain = true,
                                           .what = "frames of the pinned folder have one number"};
    const char *name = json_string_value(json_object_get(q->in->clip, "name"));
    const char *key = pins_find(q->m->opt.pins, name ? name : q->it->clip, q->it->url);
    if (!key)
        return 0;
    int r = by_key(q, key, &rule, e);
    if (r != 0)
        return r;
    AUTO(free) char *why = xasprintf("its pin names nothing of the lake: %s", key);
    match_set_missing(q->it, why);
    return 1;
}

/* ---- templates ------------------------------------------------------------------------------ */

/* "show/079_HA/079_HA_0010/plate.####.exr" of "show/{seq}/{shot}/plate.####.exr". */
static char *fill_template(const char *template, const char *shot)
{
    struct buf b __attribute__((cleanup(auto_buf))) = {0};
    const char *last = strrchr(shot, '_');
    for (const char *s = template; *s;) {
        if (strncmp(s, "{shot}", 6) == 0) {
            buf_adds(&b, shot);
            s += 6;
        } else if (strncmp(s, "{seq}", 5) == 0) {
            buf_add(&b, shot, last ? (size_t)(last - shot) : strlen(shot));
            s += 5;
        } else {
            buf_addc(&b, *s++);
        }
    }
    return buf_take(&b);
}

/* Sound of a shot is not its plate. */
static bool is_sound(const struct query *q)
{
    for (size_t i = 0; i < q->n_readings; i++)
        if (q->readings[i].name && media_class_of(q->readings[i].name) == MEDIA_CLASS_AUDIO)
            return true;
    return false;
}

int match_by_template(struct query *q, struct err *e)
{
    static const struct match_rule rule = {
        .name = "template",
        .what = "frames of the template's folder have one number",
        .note = "it is named by its shot, not by the edit"};
    int r = 0;
    if (q->m->opt.n_templates == 0 || !q->in->clip || is_sound(q))
        return 0;
    AUTO(free) char *shot = shot_name(q->in->clip);
    for (size_t i = 0; r == 0 && i < q->m->opt.n_templates; i++) {
        AUTO(free) char *key = fill_template(q->m->opt.templates[i], shot);
        r = by_key(q, key, &rule, e);
    }
    return r;
}
