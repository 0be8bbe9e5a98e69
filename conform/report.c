/* conform/report.c - what was found for a timeline: for programs and for people. */
/* SPDX-License-Identifier: MIT */
#include "conform/report.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "base/when.h"
#include "conform/conform.h"
#include "conform/envelope.h"
#include "conform/sequence.h"
#include "policy/index.h"

#define RUNS_SHOWN 20   /* runs of frames in a key; more are shown as first-last */
#define CLIP_COLUMN 28  /* characters of the clip's name in the text */
#define FRAMES_SHOWN 10 /* runs of missing frames in the text */
#define CANDIDATES_SHOWN 5
#define DEVIATIONS_SHOWN 5

/* A node's key; "?" where the index cannot tell: a report is never worth a failure. */
static void add_key(struct index_read *rd, node_id id, struct buf *ret)
{
    struct err e;
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    buf_adds(ret, index_key(rd, id, &key, &e) == 0 ? buf_str(&key) : "?");
}

void report_key(const struct conform_item *it, struct index_read *rd, struct buf *ret)
{
    const struct sequence *s = it->sequence;
    if (!s) {
        add_key(rd, it->first, ret);
        return;
    }
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    add_key(rd, it->first, &key);
    const char *slash = strrchr(buf_str(&key), '/');
    buf_add(ret, key.p, slash ? (size_t)(slash + 1 - key.p) : 0);

    size_t runs = 1;
    for (const char *p = it->frames; *p; p++)
        runs += *p == ',';
    size_t n = strlen(it->frames);
    buf_addf(ret, "%s[", s->prefix);
    if (runs <= RUNS_SHOWN) {
        buf_add(ret, it->frames, n);
    } else {
        const char *last = strrchr(it->frames, ',') + 1, *dash = strchr(last + 1, '-');
        size_t first = 1 + strcspn(it->frames + 1, "-,");
        buf_add(ret, it->frames, first);
        buf_addf(ret, "-%s", dash ? dash + 1 : last);
    }
    buf_addf(ret, "]%s", s->suffix);
}

/* Text of a file or the lake as JSON. It is UTF-8 already, but for what a directory may hold. */
static json_t *text(const char *s)
{
    json_t *v = json_string(s);
    return v ? v : json_string("?");
}

static json_t *keys_json(struct index_read *rd, const node_id *nodes, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        struct buf key __attribute__((cleanup(auto_buf))) = {0};
        add_key(rd, nodes[i], &key);
        json_array_append_new(list, text(buf_str(&key)));
    }
    return list;
}

/* What the rule chose from, and why the others are not it. */
static json_t *candidates_json(const struct conform_item *it, struct index_read *rd)
{
    json_t *list = json_array();
    for (size_t i = 0; i < it->n_candidates; i++) {
        const struct conform_candidate *c = &it->candidates[i];
        AUTO(buf) struct buf key = {0};
        struct node nd;
        struct err ignored;
        char when[WHEN_TEXT_SIZE];
        json_t *o = json_object();
        add_key(rd, c->node, &key);
        json_object_set_new(o, "key", text(buf_str(&key)));
        if (index_node(rd, c->node, &nd, &ignored) == 0) {
            when_format(nd.mtime_ns / 1000000000, when);
            json_object_set_new(o, "size", json_integer((json_int_t)nd.size));
            json_object_set_new(o, "etag", text(nd.etag));
            json_object_set_new(o, "mtime", json_string(when));
        }
        if (c->is_sequence)
            json_object_set_new(o, "coverage",
                                json_pack("{sI sI}", "covered", (json_int_t)c->covered, "total",
                                          (json_int_t)c->total));
        if (c->rejected)
            json_object_set_new(o, "rejected", json_string(c->rejected));
        json_array_append_new(list, o);
    }
    return list;
}

/* How it was found, or why not. */
static void set_evidence(json_t *o, const struct conform_item *it, struct index_read *rd)
{
    if (it->rule && strcmp(it->rule, "path") == 0 && it->score > 0)
        json_object_set_new(o, "components", json_integer(it->score));
    if (it->note)
        json_object_set_new(o, "note", text(it->note));
    if (it->n_candidates > 0)
        json_object_set_new(o, "candidates", candidates_json(it, rd));
}

/* What the cut uses of it, and how that was read. */
static void set_use(json_t *o, const struct conform_item *it, int handles)
{
    json_t *warnings = json_array();
    if (it->has_use) {
        json_t *frames = json_array();
        json_array_append_new(frames, json_integer(it->use_first));
        json_array_append_new(frames, json_integer(it->use_last));
        json_object_set_new(o, "frames", frames);
        json_object_set_new(o, "handles", json_integer(handles));
    }
    for (size_t i = 0; i < ENVELOPE_WARNINGS; i++)
        if (it->warnings & 1u << i)
            json_array_append_new(warnings, json_string(envelope_warning_name(i)));
    if (json_array_size(warnings) > 0)
        json_object_set(o, "warnings", warnings);
    json_decref(warnings);
}

static json_t *found_json(const struct conform_item *it, struct index_read *rd, int handles)
{
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    report_key(it, rd, &key);
    json_t *o = json_object();
    json_object_set_new(o, "clip", text(it->clip));
    json_object_set_new(o, "key", text(buf_str(&key)));
    json_object_set_new(o, "rule", json_string(it->rule));
    json_object_set_new(o, "url", text(it->url));
    set_use(o, it, handles);
    if (it->sequence)
        json_object_set_new(o, "objects", keys_json(rd, it->nodes, it->n_nodes));
    set_evidence(o, it, rd);
    return o;
}

static json_t *missing_json(const struct conform_item *it, struct index_read *rd, int handles)
{
    json_t *o = json_object();
    json_object_set_new(o, "clip", text(it->clip));
    json_object_set_new(o, "url", text(it->url));
    json_object_set_new(o, "reason", text(it->reason));
    set_use(o, it, handles);
    if (it->n_missing_frames > 0) {
        json_t *frames = json_array();
        for (size_t i = 0; i < conform_missing_kept(it); i++)
            json_array_append_new(frames, json_integer(it->missing_frames[i]));
        json_object_set_new(o, "missing_frames", frames);
        json_object_set_new(o, "frames_missing", json_integer((json_int_t)it->n_missing_frames));
    }
    if (it->status == CONFORM_MISSING)
        set_evidence(o, it, rd);
    return o;
}

static json_t *ambiguous_json(const struct conform_item *it, struct index_read *rd, int handles)
{
    json_t *o = json_object();
    json_object_set_new(o, "clip", text(it->clip));
    json_object_set_new(o, "url", text(it->url));
    json_object_set_new(o, "reason", text(it->reason));
    set_use(o, it, handles);
    json_object_set_new(o, "rule", json_string(it->rule));
    set_evidence(o, it, rd);
    return o;
}

/* The lists of the report, in its order. */
enum section { SECTION_FOUND, SECTION_MISSING, SECTION_AMBIGUOUS, SECTION_NOTES, SECTION_COUNT };

/* The list for what is wrong with an item, or SECTION_COUNT. */
static enum section trouble(const struct conform_item *it)
{
    switch (it->status) {
    case CONFORM_FOUND:
        return SECTION_COUNT;
    case CONFORM_PARTLY:
    case CONFORM_MISSING:
        return it->counts ? SECTION_MISSING : SECTION_NOTES;
    case CONFORM_AMBIGUOUS:
        return SECTION_AMBIGUOUS;
    case CONFORM_NO_MEDIA:
        break;
    }
    return SECTION_NOTES;
}

static json_t *deviations_json(const struct otio_deviations *d)
{
    json_t *list = json_array();
    for (size_t i = 0; i < otio_deviations_kept(d); i++) {
        json_t *o = json_object();
        json_object_set_new(o, "pointer", text(d->v[i].pointer));
        json_object_set_new(o, "what", text(d->v[i].what));
        json_array_append_new(list, o);
    }
    return list;
}

static json_t *sidecars_json(const struct conform_plan *p, struct index_read *rd)
{
    json_t *list = json_array();
    for (size_t i = 0; i < p->n_sidecars; i++) {
        AUTO(buf) struct buf key = {0};
        AUTO(buf) struct buf of = {0};
        add_key(rd, p->sidecars[i].node, &key);
        report_key(&p->items[p->sidecars[i].item], rd, &of);
        json_t *o = json_object();
        json_object_set_new(o, "key", text(buf_str(&key)));
        json_object_set_new(o, "rule", text(p->sidecars[i].rule));
        json_object_set_new(o, "of", text(buf_str(&of)));
        json_array_append_new(list, o);
    }
    return list;
}

json_t *conform_report_json(const struct conform_plan *p, struct index_read *rd, const char *edit,
                            const char *name, const char *manifest)
{
    static const char *const names[] = {"found", "missing", "ambiguous", "notes"};
    json_t *list[SECTION_COUNT];
    for (int i = 0; i < SECTION_COUNT; i++)
        list[i] = json_array();
    for (size_t i = 0; i < p->n_items; i++) {
        const struct conform_item *it = &p->items[i];
        enum section s = trouble(it);
        if (conform_is_found(it))
            json_array_append_new(list[SECTION_FOUND], found_json(it, rd, p->handles));
        if (s == SECTION_AMBIGUOUS)
            json_array_append_new(list[s], ambiguous_json(it, rd, p->handles));
        else if (s != SECTION_COUNT)
            json_array_append_new(list[s], missing_json(it, rd, p->handles));
    }
    json_t *o = json_object();
    json_object_set_new(o, "edit", edit ? text(edit) : json_null());
    json_object_set_new(o, "name", text(name ? name : p->name));
    json_object_set_new(o, "clips", json_integer((json_int_t)p->clips));
    for (int i = 0; i < SECTION_COUNT; i++)
        json_object_set_new(o, names[i], list[i]);
    json_object_set_new(o, "sidecars", sidecars_json(p, rd));
    uint64_t objects = roaring_bitmap_get_cardinality(p->objects);
    json_object_set_new(o, "objects", json_integer((json_int_t)objects));
    json_object_set_new(o, "deviations", deviations_json(&p->deviations));
    json_object_set_new(o, "deviation_count", json_integer((json_int_t)p->deviations.n));
    json_object_set_new(o, "manifest", manifest ? text(manifest) : json_null());
    return o;
}

/* Outside text for a terminal: C0 and C1 control characters become '?'. Returns the characters. */
static size_t add_clean(const char *s, struct buf *ret)
{
    size_t n = 0;
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        bool c1 = c == 0xc2 && (unsigned char)s[1] >= 0x80 && (unsigned char)s[1] < 0xa0;
        buf_addc(ret, c < 0x20 || c == 0x7f || c1 ? '?' : *s);
        n += (c & 0xc0) != 0x80;
        s += c1;
    }
    return n;
}

static void add_clip(const struct conform_item *it, struct buf *ret)
{
    buf_adds(ret, "  ");
    size_t n = add_clean(*it->clip ? it->clip : "(no name)", ret);
    for (; n < CLIP_COLUMN; n++)
        buf_addc(ret, ' ');
    buf_adds(ret, "  ");
}

/* What an ambiguity is between, or what could not be it. */
static void add_candidates(const struct conform_item *it, struct index_read *rd, struct buf *ret)
{
    size_t shown = 0;
    for (size_t i = 0; i < it->n_candidates; i++) {
        const struct conform_candidate *c = &it->candidates[i];
        AUTO(buf) struct buf key = {0};
        if (it->status == CONFORM_AMBIGUOUS && c->rejected)
            continue;
        if (++shown > CANDIDATES_SHOWN)
            continue;
        add_key(rd, c->node, &key);
        buf_addf(ret, "%*s", CLIP_COLUMN + 6, "");
        add_clean(buf_str(&key), ret);
        if (c->rejected)
            buf_addf(ret, ": %s", c->rejected);
        buf_addc(ret, '\n');
    }
    if (shown > CANDIDATES_SHOWN)
        buf_addf(ret, "%*sand more\n", CLIP_COLUMN + 6, "");
}

static void add_trouble(const struct conform_item *it, struct index_read *rd, struct buf *ret)
{
    add_clip(it, ret);
    if (*it->url) {
        add_clean(it->url, ret);
        buf_addf(ret, "\n%*s", CLIP_COLUMN + 4, "");
    }
    add_clean(it->reason, ret);
    if (it->n_missing_frames > 0) {
        int pad = it->sequence ? it->sequence->pad : 0;
        bool all = it->n_missing_frames == conform_missing_kept(it);
        buf_adds(ret, ": ");
        sequence_runs(it->missing_frames, conform_missing_kept(it), pad, FRAMES_SHOWN, ret);
        buf_adds(ret, all ? "" : " and more");
    }
    buf_addc(ret, '\n');
    if (it->status != CONFORM_PARTLY)
        add_candidates(it, rd, ret);
}

/* One line of the found list: a key, and how many clips use it. */
struct line {
    const char *rule;
    char *key;
    size_t clips, objects;
};

static int by_rule_and_key(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int r = strcmp(x->rule, y->rule);
    return r ? r : strcmp(x->key, y->key);
}

static void add_found(const struct conform_plan *p, struct index_read *rd, struct buf *ret)
{
    struct line *lines = xcalloc(p->n_items + 1, sizeof *lines);
    size_t n = 0, i, j;
    for (i = 0; i < p->n_items; i++) {
        if (!conform_is_found(&p->items[i]))
            continue;
        struct buf key __attribute__((cleanup(auto_buf))) = {0};
        report_key(&p->items[i], rd, &key);
        if (p->items[i].note)
            buf_addf(&key, "  (%s)", p->items[i].note);
        lines[n++] = (struct line){.rule = p->items[i].rule,
                                   .key = buf_take(&key),
                                   .clips = 1,
                                   .objects = p->items[i].n_nodes};
    }
    qsort(lines, n, sizeof *lines, by_rule_and_key);
    for (i = 0; i < n; i = j) {
        for (j = i + 1; j < n && by_rule_and_key(&lines[i], &lines[j]) == 0; j++)
            lines[i].clips++;
        if (i == 0 || strcmp(lines[i].rule, lines[i - 1].rule) != 0)
            buf_addf(ret, "\nFound by %s\n", lines[i].rule);
        buf_addf(ret, "  %3zu clip%-2s %6zu object%-2s  ", lines[i].clips,
                 lines[i].clips == 1 ? "" : "s", lines[i].objects,
                 lines[i].objects == 1 ? "" : "s");
        add_clean(lines[i].key, ret);
        buf_addc(ret, '\n');
    }
    for (i = 0; i < n; i++)
        free(lines[i].key);
    free(lines);
}

/* Sequences of which the frames that are used were not plain to read. Of one object all is shown
 * in any case. */
static void add_warnings(const struct conform_plan *p, struct buf *ret)
{
    static const char *const text[ENVELOPE_WARNINGS] = {
        "its source_range is read as counted from the first frame",
        "its speed cannot be read: all frames of the reference",
        "it runs backwards, and its application writes either end of the range",
        "it uses more frames than the reference has",
        "its available_range cannot be used: all frames of the reference",
        "the edit does not say where this media begins: all frames of the reference",
        "the edit names this one frame and uses more: the frames after it are not taken",
    };
    bool any = false;
    for (size_t i = 0; i < p->n_items; i++) {
        const struct conform_item *it = &p->items[i];
        if (!conform_is_found(it) || !it->warnings ||
            (!it->sequence && !(it->warnings & ENVELOPE_LONE_FRAME)))
            continue;
        if (!any)
            buf_adds(ret, "\nFrames to check\n");
        any = true;
        add_clip(it, ret);
        add_clean(it->url, ret);
        buf_addc(ret, '\n');
        for (size_t k = 0; k < ENVELOPE_WARNINGS; k++)
            if (it->warnings & 1u << k)
                buf_addf(ret, "%*s%s\n", CLIP_COLUMN + 4, "", text[k]);
    }
}

static void add_deviations(const struct otio_deviations *d, struct buf *ret)
{
    if (d->n > 0)
        buf_addf(ret, "\nDeviations: %zu, for which OpenTimelineIO refuses the file\n", d->n);
    for (size_t i = 0; i < d->n && i < DEVIATIONS_SHOWN; i++) {
        buf_adds(ret, "  ");
        add_clean(*d->v[i].pointer ? d->v[i].pointer : "(the file)", ret);
        buf_addf(ret, "\n%*s", CLIP_COLUMN + 4, "");
        add_clean(d->v[i].what, ret);
        buf_addc(ret, '\n');
    }
    if (d->n > DEVIATIONS_SHOWN)
        buf_addf(ret, "  and more%s\n", d->n > OTIO_DEVIATIONS_KEPT ? "" : "; --json has them");
}

static void add_sidecars(const struct conform_plan *p, struct index_read *rd, struct buf *ret)
{
    for (size_t i = 0; i < p->n_sidecars; i++) {
        AUTO(buf) struct buf key = {0};
        add_key(rd, p->sidecars[i].node, &key);
        buf_adds(ret, i == 0 ? "\nSidecars\n  " : "  ");
        size_t n = add_clean(p->sidecars[i].rule, ret);
        for (; n < CLIP_COLUMN; n++)
            buf_addc(ret, ' ');
        buf_adds(ret, "  ");
        add_clean(buf_str(&key), ret);
        buf_addc(ret, '\n');
    }
}

static void add_summary(const struct conform_plan *p, struct buf *ret)
{
    size_t count[SECTION_COUNT] = {0};
    for (size_t i = 0; i < p->n_items; i++) {
        count[SECTION_FOUND] += conform_is_found(&p->items[i]);
        if (trouble(&p->items[i]) != SECTION_COUNT)
            count[trouble(&p->items[i])]++;
    }
    add_clean(*p->name ? p->name : "Timeline", ret);
    buf_addf(ret, ": %llu clips, %zu references found (%llu objects), %zu missing, %zu ambiguous",
             (unsigned long long)p->clips, count[SECTION_FOUND],
             (unsigned long long)roaring_bitmap_get_cardinality(p->objects), count[SECTION_MISSING],
             count[SECTION_AMBIGUOUS]);
    if (count[SECTION_NOTES] > 0)
        buf_addf(ret, ", %zu notes", count[SECTION_NOTES]);
    buf_addc(ret, '\n');
}

void conform_report_text(const struct conform_plan *p, struct index_read *rd, struct buf *ret)
{
    static const struct {
        enum section section;
        const char *title;
    } sections[] = {
        {SECTION_MISSING, "\nMissing\n"},
        {SECTION_AMBIGUOUS, "\nAmbiguous (nothing of it is granted)\n"},
        {SECTION_NOTES, "\nNotes\n"},
    };
    add_summary(p, ret);
    for (size_t k = 0; k < COUNT(sections); k++) {
        bool any = false;
        for (size_t i = 0; i < p->n_items; i++) {
            if (trouble(&p->items[i]) != sections[k].section)
                continue;
            if (!any)
                buf_adds(ret, sections[k].title);
            any = true;
            add_trouble(&p->items[i], rd, ret);
        }
    }
    add_warnings(p, ret);
    add_deviations(&p->deviations, ret);
    add_found(p, rd, ret);
    add_sidecars(p, rd, ret);
}
