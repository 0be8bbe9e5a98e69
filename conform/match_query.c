/* conform/match_query.c - what a media reference names, in all its readings. */
/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/location.h"
#include "conform/match_impl.h"
#include "conform/otio_read.h"
#include "conform/place.h"
#include "conform/reference.h"

static void add_address(struct query *q, char *key)
{
    q->is_private = q->is_private || !place_is_media(key);
    if (q->n_addresses < QUERY_ADDRESSES)
        q->addresses[q->n_addresses++] = key;
    else
        free(key);
}

/* Bytewise, but for the letter of a drive. NULL: `path` does not begin with whole components of
 * `from`. Else what follows, without a '/' in front. */
static const char *behind(const char *path, const char *from)
{
    size_t n = strlen(from);
    bool drive = n >= 2 && from[1] == ':';
    while (n > 0 && from[n - 1] == '/')
        n--;
    if (n == 0 || (drive ? strncasecmp(path, from, n) : strncmp(path, from, n)) != 0)
        return NULL;
    return path[n] == '/' ? path + n + 1 : path[n] == '\0' ? path + n : NULL;
}

/* The key that one of the roots makes of a path, or NULL. */
static char *rooted(const struct match *m, const char *path)
{
    for (size_t i = 0; path && i < m->opt.n_roots; i++) {
        const struct match_root *root = &m->opt.roots[i];
        struct media_url from;
        struct err ignored;
        const char *rest = NULL;
        if (media_url_parse(root->from, &from, &ignored) == 0 && from.path)
            rest = behind(path, from.path);
        char *key = NULL;
        if (rest) {
            size_t n = strlen(root->to);
            while (n > 0 && root->to[n - 1] == '/')
                n--;
            key = n ? xasprintf("%.*s/%s", (int)n, root->to, rest) : xstrdup(rest);
        }
        media_url_done(&from);
        if (key)
            return key;
    }
    return NULL;
}

static void read_addresses(struct query *q, const struct media_url *u)
{
    const char *path[] = {u->path, u->alt_path};
    const char *key = media_url_key(u, &q->m->lake), *own = location_key(q->in->ref);
    if (key) {
        add_address(q, xstrdup(key));
    } else if (own) { /* of frames the pattern: their folder */
        const char *slash = strrchr(own, '/');
        bool frames = otio_schema_is(q->in->ref, "ImageSequenceReference");
        add_address(q, !frames ? xstrdup(own) : xstrndup(own, slash ? (size_t)(slash + 1 - own) : 0));
    }
    for (size_t i = 0; i < COUNT(path); i++) {
        char *rooted_key = rooted(q->m, path[i]);
        if (rooted_key)
            add_address(q, rooted_key);
    }
}

/* The folder of a path; where one '/' follows another ("/v/show//a") it says no more than one. */
static char *folder_of(const char *path)
{
    AUTO(buf) struct buf b = {0};
    const char *slash = strrchr(path, '/');
    for (const char *p = path; slash && p < slash; p++)
        if (*p != '/' || p[1] != '/')
            buf_addc(&b, *p);
    buf_str(&b);
    return buf_take(&b);
}

/* Takes `sequence` (a sequence that is none: NULL). `path` ends in the name, or where there is no
 * name in a '/'. */
static int add_reading(struct query *q, const char *path, bool has_name, struct sequence *sequence,
                       struct err *e)
{
    struct reading *rd = &q->readings[q->n_readings++];
    const struct conform_item *it = q->it;
    const char *slash = strrchr(path, '/');
    rd->dir = folder_of(path);
    rd->folded = path_fold(rd->dir);
    rd->name = has_name ? xstrdup(slash ? slash + 1 : path) : NULL;
    rd->has_sequence = sequence != NULL;
    if (!sequence)
        return 0;
    rd->sequence = *sequence;
    struct sequence *part =
        it->part && rd->sequence.known
            ? sequence_within(&rd->sequence, it->use_first, it->use_last)
            : NULL;
    q->m->frames += part ? part->n_frames : rd->sequence.n_frames;
    if (q->m->frames <= CONFORM_FRAMES_MAX)
        rd->n_want = sequence_frames(part ? part : &rd->sequence, &rd->want);
    sequence_free(part);
    if (q->m->frames > CONFORM_FRAMES_MAX)
        return err_set(e, -EFBIG, "the timeline uses more than %u frames", CONFORM_FRAMES_MAX);
    return 0;
}

/* One reading of a plain URL. */
static int read_path(struct query *q, const char *path, const char *name, bool first, struct err *e)
{
    struct sequence s;
    struct err bad;
    int has = sequence_parse_name(name, &s, &bad);
    if (has < 0 && first)
        q->problem = xstrdup(bad.text);
    return add_reading(q, path, /* has_name= */ true, has > 0 ? &s : NULL, e);
}

static int refuse(struct query *q, const char *reason)
{
    match_set_missing(q->it, reason);
    return 0;
}

static int read_url(struct query *q, const char *url, struct err *e)
{
    struct media_url u;
    struct err bad;
    int r = 0;
    q->it->url = xstrdup(url);
    if (media_url_parse(url, &u, &bad) < 0) {
        r = refuse(q, bad.text);
    } else if (u.kind == MEDIA_URL_OTHER) {
        r = refuse(q, "it names an entity of another system, not a file");
    } else if (!*u.name) {
        r = refuse(q, "it names a folder, not a file");
    } else {
        read_addresses(q, &u);
        r = read_path(q, u.path, u.name, /* first= */ true, e);
        if (r == 0 && u.alt_path)
            r = read_path(q, u.alt_path, u.alt_name, /* first= */ false, e);
        r = r < 0 ? r : 1;
    }
    media_url_done(&u);
    return r;
}

/* The address of an ImageSequenceReference without its last component, with a '/' at the end; a
 * directory inside name_prefix goes there too (OpenTimelineIO only joins the texts). */
static char *sequence_base(const json_t *ref, struct sequence *s)
{
    AUTO(buf) struct buf base = {0};
    const char *text = otio_string(ref, "target_url_base");
    buf_adds(&base, text ? text : "");
    if (base.len > 0 && base.p[base.len - 1] != '/')
        buf_addc(&base, '/');
    char *slash = strrchr(s->prefix, '/');
    if (slash) {
        buf_add(&base, s->prefix, (size_t)(slash + 1 - s->prefix));
        memmove(s->prefix, slash + 1, strlen(slash + 1) + 1);
    }
    return xstrdup(buf_str(&base));
}

/* What an ImageSequenceReference names, for people. */
static char *sequence_url(const char *base, const struct sequence *s)
{
    AUTO(buf) struct buf b = {0};
    buf_addf(&b, "%s%s", base, s->prefix);
    if (s->known) {
        buf_addc(&b, '[');
        sequence_ranges(s, /* max_runs= */ 20, &b);
        buf_addc(&b, ']');
    } else if (s->pad > 0) {
        buf_addf(&b, "%%0%dd", s->pad);
    } else {
        buf_adds(&b, "%d");
    }
    buf_adds(&b, s->suffix);
    return buf_take(&b);
}

/* The same with percent signs in the names decoded; NULL where that changes nothing. */
static struct sequence *decoded(const struct sequence *s)
{
    char *prefix = media_url_decode(s->prefix), *suffix = media_url_decode(s->suffix);
    if (!prefix && !suffix)
        return NULL;
    struct sequence *d = sequence_copy(s);
    if (prefix) {
        free(d->prefix);
        d->prefix = prefix;
    }
    if (suffix) {
        free(d->suffix);
        d->suffix = suffix;
    }
    return d;
}

/* A sequence in both readings, in the order that suits the kind of URL. Takes `s`. */
static int read_sequence(struct query *q, const struct media_url *u, struct sequence *s,
                         struct err *e)
{
    bool encoded = u->kind == MEDIA_URL_FILE || u->kind == MEDIA_URL_HTTP;
    struct sequence *d = u->kind == MEDIA_URL_S3 ? NULL : decoded(s);
    const char *path = u->path ? u->path : "";
    if (!d && !u->alt_path)
        return add_reading(q, path, /* has_name= */ false, s, e);
    struct sequence *first = sequence_copy(encoded && d ? d : s);
    struct sequence *second = sequence_copy(!encoded && d ? d : s);
    sequence_free(d);
    sequence_done(s);
    int r = add_reading(q, path, /* has_name= */ false, first, e);
    int r2 = add_reading(q, u->alt_path ? u->alt_path : path, /* has_name= */ false, second, e);
    free(first); /* what is in them was taken */
    free(second);
    return r < 0 ? r : r2;
}

static int read_image_sequence(struct query *q, const json_t *ref, struct err *e)
{
    struct sequence s;
    struct err bad;
    struct media_url u = {0};
    int r = sequence_parse_reference(ref, &s, &bad);
    AUTO(free) char *base = sequence_base(ref, &s);
    q->it->url = sequence_url(base, &s);
    if (r == 0 && strchr(s.suffix, '/'))
        r = err_set(&bad, -EINVAL, "its name_suffix holds a '/'");
    if (r == 0)
        r = media_url_parse(base, &u, &bad);
    if (r < 0) {
        r = refuse(q, bad.text);
        sequence_done(&s);
    } else if (u.kind == MEDIA_URL_OTHER) {
        r = refuse(q, "it names an entity of another system, not a file");
        sequence_done(&s);
    } else {
        read_addresses(q, &u);
        r = read_sequence(q, &u, &s, e);
        r = r < 0 ? r : 1;
    }
    media_url_done(&u);
    return r;
}

int match_query_read(struct query *q, struct err *e)
{
    struct reference what = reference_read(q->in->ref);
    int r = 0;
    identity_read(q->in->clip, q->in->ref, q->in->key, &q->identity);
    switch (what.kind) {
    case REFERENCE_OFFLINE:
        q->it->url = xstrdup("");
        return 1;
    case REFERENCE_NONE:
        q->it->status = CONFORM_NO_MEDIA;
        q->it->url = xstrdup("");
        q->it->reason = xstrdup(what.reason);
        return 0;
    case REFERENCE_URL:
        r = read_url(q, what.url, e);
        break;
    case REFERENCE_SEQUENCE:
        r = read_image_sequence(q, what.object, e);
        break;
    }
    if (r > 0 && q->is_private)
        return refuse(q, "it addresses what belongs to shotlake itself");
    return r;
}

void match_query_done(struct query *q)
{
    for (size_t i = 0; i < q->n_readings; i++) {
        struct reading *rd = &q->readings[i];
        free(rd->dir);
        free(rd->folded);
        free(rd->name);
        free(rd->want);
        sequence_done(&rd->sequence);
        finds_done(&q->objects[i]);
        finds_done(&q->frames[i]);
    }
    for (size_t i = 0; i < q->n_addresses; i++)
        free(q->addresses[i]);
    free(q->problem);
}
