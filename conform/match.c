/* conform/match.c - from a media reference to objects of the lake, each with the rule it met. */
/* SPDX-License-Identifier: MIT */
#include "conform/match.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/listing.h"
#include "conform/media_url.h"
#include "conform/otio_read.h"
#include "conform/reference.h"
#include "conform/sequence.h"
#include "fs/lake/lake.h"
#include "policy/index.h"

struct match {
    struct index_read *rd;
    struct media_url lake; /* what every address of the lake starts with */
    struct listing *listing;
    uint64_t frames; /* named so far, of CONFORM_FRAMES_MAX */
};

/* Where a reference is looked for. */
struct scope {
    node_id dir;     /* the directory of this lake that it addresses, or NODE_NONE */
    bool is_private; /* it addresses what belongs to shotlake alone */
};

int match_new(struct index_read *rd, struct store *store, struct match **ret, struct err *e)
{
    AUTO(match) struct match *m = xcalloc(1, sizeof *m);
    m->rd = rd;
    m->listing = listing_new(rd);
    int r = media_url_of_lake(store, &m->lake, e);
    if (r < 0)
        return r;
    *ret = TAKE(m);
    return 0;
}

void match_free(struct match *m)
{
    if (!m)
        return;
    media_url_done(&m->lake);
    listing_free(m->listing);
    free(m);
}

static bool starts_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* True for an object or directory that a name may lead to. Manifests and uploaded edits are no
 * media, though they may be called like some. */
static int is_media(struct match *m, node_id id, bool *ret, struct err *e)
{
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    int r = index_key(m->rd, id, &key, e);
    *ret = r == 0 && !starts_with(buf_str(&key), LAKE_PRIVATE_PREFIX) &&
           !starts_with(buf_str(&key), LAKE_EDITS_PREFIX);
    return r;
}

static void set_missing(struct conform_item *it, const char *reason)
{
    it->status = CONFORM_MISSING;
    free(it->reason);
    it->reason = xstrdup(reason);
}

static void add_candidate(struct conform_item *it, node_id id)
{
    if (it->n_candidates == CONFORM_CANDIDATES_KEPT)
        return;
    it->candidates = xrealloc(it->candidates, it->n_candidates + 1, sizeof *it->candidates);
    it->candidates[it->n_candidates++] = id;
}

static void set_ambiguous(struct conform_item *it, size_t places, const char *what)
{
    it->status = CONFORM_AMBIGUOUS;
    it->reason = xasprintf("%zu %s", places, what);
}

static void set_object(struct conform_item *it, node_id id, const char *rule)
{
    it->status = CONFORM_FOUND;
    it->rule = rule;
    it->nodes = xcalloc(1, sizeof *it->nodes);
    it->nodes[0] = it->first = id;
    it->n_nodes = 1;
}

/* The objects called `name`: none (0), one, or an ambiguity (1 in both cases), or an error. */
static int match_name(struct match *m, const char *name, struct conform_item *it, struct err *e)
{
    AUTO(free) node_id *nodes = NULL;
    size_t n = 0, kept = 0;
    if (!name || *name == '\0')
        return 0;
    int r = index_by_name(m->rd, name, strlen(name), &nodes, &n, e);
    for (size_t i = 0; r == 0 && i < n; i++) {
        bool media = false;
        r = is_media(m, nodes[i], &media, e);
        if (media)
            nodes[kept++] = nodes[i];
    }
    if (r < 0 || kept == 0)
        return r;
    if (kept == 1) {
        set_object(it, nodes[0], "name");
        return 1;
    }
    for (size_t i = 0; i < kept; i++)
        add_candidate(it, nodes[i]);
    set_ambiguous(it, kept, "objects of the lake have this name");
    return 1;
}

/* The object at a key of the lake: 1 found, 0 none. */
static int match_key(struct match *m, const char *key, struct conform_item *it, struct err *e)
{
    struct err ignored;
    struct node nd;
    node_id id;
    if (*key == '\0' || *key == '/' || key[strlen(key) - 1] == '/')
        return 0;
    int r = index_find(m->rd, key, &id, &ignored);
    if (r == -ENOENT)
        return 0;
    if (r == 0)
        r = index_node(m->rd, id, &nd, &ignored);
    if (r < 0)
        return err_set(e, r, "%s", ignored.text);
    if (nd.is_dir)
        return 0;
    set_object(it, id, "address");
    return 1;
}

/* The directory of the lake that the path of `u` (without its last component) addresses. */
static int find_scope(struct match *m, const struct media_url *u, struct scope *ret, struct err *e)
{
    *ret = (struct scope){.dir = NODE_NONE};
    const char *key = media_url_key(u, &m->lake);
    if (!key)
        return 0;
    ret->is_private = starts_with(key, LAKE_PRIVATE_PREFIX);
    struct err ignored;
    const char *slash = strrchr(key, '/');
    AUTO(free) char *dir = xstrndup(key, slash ? (size_t)(slash - key) : 0);
    int r = *dir == '/' ? -ENOENT : index_find(m->rd, dir, &ret->dir, &ignored);
    if (r == -ENOENT)
        ret->dir = NODE_NONE;
    return r < 0 && r != -ENOENT ? err_set(e, r, "%s", ignored.text) : 0;
}

/* Keeps the frames of one directory, or of all where media may be. */
static int filter_frames(struct match *m, struct frames *f, node_id scope, struct err *e)
{
    size_t kept = 0;
    node_id dir = NODE_NONE;
    bool media = false;
    for (size_t i = 0; i < f->n; i++) {
        struct frame frame = f->v[i];
        if (scope != NODE_NONE) {
            media = frame.parent == scope;
        } else if (frame.parent != dir) { /* asked once a directory */
            int r = is_media(m, frame.parent, &media, e);
            if (r < 0)
                return r;
        }
        dir = frame.parent;
        if (media)
            f->v[kept++] = frame;
    }
    f->n = kept;
    return 0;
}

static int by_node(const void *a, const void *b)
{
    node_id x = *(const node_id *)a, y = *(const node_id *)b;
    return (x > y) - (x < y);
}

/* The wanted numbers that are not there. Both lists rise. */
static void set_missing_frames(struct conform_item *it, const int64_t *want, size_t n_want,
                               const int64_t *have, size_t n_have)
{
    for (size_t i = 0, k = 0; i < n_want; i++) {
        while (k < n_have && have[k] < want[i])
            k++;
        if (k < n_have && have[k] == want[i])
            continue;
        if (!it->missing_frames)
            it->missing_frames = xcalloc(CONFORM_FRAMES_KEPT, sizeof *it->missing_frames);
        if (it->n_missing_frames < CONFORM_FRAMES_KEPT)
            it->missing_frames[it->n_missing_frames] = want[i];
        it->n_missing_frames++;
    }
}

/* The padding that makes the names of all frames, or SEQUENCE_PAD_ANY where there is none. */
static int common_pad(const struct frames *f)
{
    int pad = f->v[0].width;
    for (size_t i = 1; i < f->n; i++)
        pad = f->v[i].width < pad ? f->v[i].width : pad;
    struct sequence s = {.pad = pad};
    for (size_t i = 0; i < f->n; i++)
        if (!sequence_width(&s, f->v[i].number, f->v[i].width))
            return SEQUENCE_PAD_ANY;
    return pad;
}

/* All frames are of one directory, no number is there twice, and `pad` makes all their names. */
static void set_frames(struct conform_item *it, const struct sequence *s, const struct frames *f,
                       int pad, const int64_t *want, size_t n_want, const char *rule)
{
    AUTO(free) int64_t *have = xcalloc(f->n, sizeof *have);
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    it->nodes = xcalloc(f->n, sizeof *it->nodes);
    it->n_nodes = f->n;
    it->first = f->v[0].node;
    for (size_t i = 0; i < f->n; i++) {
        it->nodes[i] = f->v[i].node;
        have[i] = f->v[i].number;
    }
    qsort(it->nodes, it->n_nodes, sizeof *it->nodes, by_node);
    sequence_runs(have, f->n, pad, SEQUENCE_FRAMES_MAX, &text);
    it->frames = buf_take(&text);
    it->sequence = sequence_copy(s);
    it->sequence->pad = pad;
    it->sequence->start = s->known ? s->start : have[0];
    it->rule = rule;
    it->status = CONFORM_FOUND;
    set_missing_frames(it, want, n_want, have, f->n);
    if (it->n_missing_frames > 0) {
        it->status = CONFORM_PARTLY;
        it->reason =
            xasprintf("%zu of %zu frames are not in the lake", it->n_missing_frames, n_want);
    }
}

/* Decides over the frames that were found: 1, or 0 where there are none. */
static int judge_frames(struct conform_item *it, const struct sequence *s, const struct frames *f,
                        const int64_t *want, size_t n_want, const char *rule)
{
    size_t places = 0, twice = 0;
    int pad = s->pad;
    for (size_t i = 0; i < f->n; i++) {
        places += i == 0 || f->v[i].parent != f->v[i - 1].parent;
        twice +=
            i > 0 && f->v[i].parent == f->v[i - 1].parent && f->v[i].number == f->v[i - 1].number;
    }
    if (places == 0)
        return 0;
    if (places == 1 && twice == 0 && pad == SEQUENCE_PAD_ANY)
        pad = common_pad(f);
    if (places == 1 && twice == 0 && pad != SEQUENCE_PAD_ANY) {
        set_frames(it, s, f, pad, want, n_want, rule);
        return 1;
    }
    for (size_t i = 0; i < f->n; i++) {
        bool is_place = i == 0 || f->v[i].parent != f->v[i - 1].parent;
        bool is_twin = !is_place && f->v[i].number == f->v[i - 1].number;
        if (is_place || (places == 1 && is_twin))
            add_candidate(it, f->v[i].node);
    }
    if (places > 1)
        set_ambiguous(it, places, "folders of the lake hold frames of this sequence");
    else if (twice > 0)
        set_ambiguous(it, twice + 1, "objects have the number of one frame");
    else
        set_ambiguous(it, f->n, "frames of one folder are numbered in different widths");
    return 1;
}

/* Looks for the frames of `s`: in the addressed directory only, or (`dir` NODE_NONE) anywhere.
 * 1 decided, 0 nothing found. */
static int match_sequence(struct match *m, const struct sequence *s, node_id dir,
                          struct conform_item *it, struct err *e)
{
    AUTO(free) int64_t *want = NULL;
    struct frames f = {0};
    struct sequence *part =
        it->part && s->known ? sequence_within(s, it->use_first, it->use_last) : NULL;
    size_t n_want = 0;
    m->frames += part ? part->n_frames : s->n_frames;
    if (m->frames <= CONFORM_FRAMES_MAX)
        n_want = sequence_frames(part ? part : s, &want);
    sequence_free(part);
    if (m->frames > CONFORM_FRAMES_MAX)
        return err_set(e, -EFBIG, "the timeline uses more than %u frames", CONFORM_FRAMES_MAX);
    if (s->known && n_want == 0)
        return 0;
    int r = listing_frames(m->listing, s, want, n_want, &f, e);
    if (r == 0)
        r = filter_frames(m, &f, dir, e);
    if (r == 0)
        r = judge_frames(it, s, &f, want, n_want, dir != NODE_NONE ? "address" : "sequence");
    free(f.v);
    return r;
}

static void set_no_frames(struct conform_item *it)
{
    set_missing(it, it->part ? "no frame that the cut uses of this sequence is in the lake"
                             : "no frame of this sequence is in the lake");
}

/* The same with percent signs in the names decoded; 0 where that changes nothing. */
static int match_decoded(struct match *m, const struct sequence *s, node_id dir,
                         struct conform_item *it, struct err *e)
{
    char *prefix = media_url_decode(s->prefix), *suffix = media_url_decode(s->suffix);
    if (!prefix && !suffix)
        return 0;
    struct sequence *d = sequence_copy(s);
    if (prefix) {
        free(d->prefix);
        d->prefix = prefix;
    }
    if (suffix) {
        free(d->suffix);
        d->suffix = suffix;
    }
    int r = match_sequence(m, d, dir, it, e);
    sequence_free(d);
    return r;
}

/* A sequence in both readings of its names, in the order that suits the kind of URL. */
static int match_readings(struct match *m, const struct sequence *s, enum media_url_kind kind,
                          node_id dir, struct conform_item *it, struct err *e)
{
    if (kind == MEDIA_URL_S3)
        return match_sequence(m, s, dir, it, e);
    int r = 0;
    if (kind == MEDIA_URL_FILE || kind == MEDIA_URL_HTTP)
        r = match_decoded(m, s, dir, it, e);
    if (r == 0)
        r = match_sequence(m, s, dir, it, e);
    if (r == 0 && kind == MEDIA_URL_PATH)
        r = match_decoded(m, s, dir, it, e);
    return r;
}

/* A plain URL: 1 decided, 0 nothing found. */
static int match_url(struct match *m, const struct media_url *u, struct conform_item *it,
                     struct err *e)
{
    struct scope scope;
    int r = find_scope(m, u, &scope, e);
    if (r < 0)
        return r;
    if (scope.is_private) {
        set_missing(it, "it addresses what belongs to shotlake itself");
        return 1;
    }
    const char *key = media_url_key(u, &m->lake);
    r = key ? match_key(m, key, it, e) : 0;

    struct err bad;
    struct sequence s, alt;
    int has = sequence_parse_name(u->name, &s, &bad);
    int has_alt = u->alt_name ? sequence_parse_name(u->alt_name, &alt, &bad) : 0;
    if (r == 0 && has > 0 && scope.dir != NODE_NONE)
        r = match_sequence(m, &s, scope.dir, it, e);
    if (r == 0)
        r = match_name(m, u->name, it, e);
    if (r == 0)
        r = match_name(m, u->alt_name, it, e);
    if (r == 0 && has > 0)
        r = match_sequence(m, &s, NODE_NONE, it, e);
    if (r == 0 && has_alt > 0)
        r = match_sequence(m, &alt, NODE_NONE, it, e);
    if (r == 0 && has < 0)
        set_missing(it, bad.text);
    else if (r == 0 && has > 0)
        set_no_frames(it);
    if (has > 0)
        sequence_done(&s);
    if (has_alt > 0)
        sequence_done(&alt);
    return r;
}

static int match_text(struct match *m, const char *url, struct conform_item *it, struct err *e)
{
    struct media_url u;
    struct err bad;
    int r = 0;
    it->url = xstrdup(url);
    if (media_url_parse(url, &u, &bad) < 0)
        set_missing(it, bad.text);
    else if (u.kind == MEDIA_URL_OTHER)
        set_missing(it, "it names an entity of another system, not a file");
    else if (!*u.name)
        set_missing(it, "it names a folder, not a file");
    else
        r = match_url(m, &u, it, e);
    media_url_done(&u);
    return r;
}

/* The address of an ImageSequenceReference without its last component, with a '/' at the end; a
 * directory inside name_prefix goes there too (OpenTimelineIO only joins the texts). */
static char *sequence_base(const json_t *ref, struct sequence *s)
{
    struct buf base __attribute__((cleanup(auto_buf))) = {0};
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
    struct buf b __attribute__((cleanup(auto_buf))) = {0};
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

static int match_image_sequence(struct match *m, const json_t *ref, struct conform_item *it,
                                struct err *e)
{
    struct sequence s;
    struct err bad;
    struct media_url u = {0};
    struct scope scope = {.dir = NODE_NONE};
    int r = sequence_parse_reference(ref, &s, &bad);
    AUTO(free) char *base = sequence_base(ref, &s);
    it->url = sequence_url(base, &s);
    if (r == 0 && strchr(s.suffix, '/'))
        r = err_set(&bad, -EINVAL, "its name_suffix holds a '/'");
    if (r == 0)
        r = media_url_parse(base, &u, &bad);
    if (r < 0) {
        set_missing(it, bad.text);
        r = 1;
    } else if (u.kind == MEDIA_URL_OTHER) {
        set_missing(it, "it names an entity of another system, not a file");
        r = 1;
    } else {
        r = find_scope(m, &u, &scope, e);
    }
    if (r == 0 && scope.is_private) {
        set_missing(it, "it addresses what belongs to shotlake itself");
        r = 1;
    }
    enum media_url_kind kind = u.kind == MEDIA_URL_EMPTY ? MEDIA_URL_PATH : u.kind;
    if (r == 0 && scope.dir != NODE_NONE)
        r = match_readings(m, &s, kind, scope.dir, it, e);
    if (r == 0)
        r = match_readings(m, &s, kind, NODE_NONE, it, e);
    if (r == 0)
        set_no_frames(it);
    media_url_done(&u);
    sequence_done(&s);
    return r;
}

int match_reference(struct match *m, const json_t *ref, struct conform_item *it, struct err *e)
{
    struct reference what = reference_read(ref);
    int r = 0;
    switch (what.kind) {
    case REFERENCE_OFFLINE:
        it->status = CONFORM_MISSING;
        it->url = xstrdup("");
        it->reason = xstrdup(what.reason);
        return 0;
    case REFERENCE_NONE:
        it->status = CONFORM_NO_MEDIA;
        it->url = xstrdup("");
        it->reason = xstrdup(what.reason);
        return 0;
    case REFERENCE_URL:
        r = match_text(m, what.url, it, e);
        break;
    case REFERENCE_SEQUENCE:
        r = match_image_sequence(m, what.object, it, e);
        break;
    }
    if (r == 0 && !it->reason)
        set_missing(it, "no object of this name is in the lake");
    return r < 0 ? r : 0;
}
