/* conform/otio_strict.c - what OpenTimelineIO's own reader would refuse in a timeline. */
/* SPDX-License-Identifier: MIT */
#include "conform/otio_strict.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/otio_read.h"

/* What a value is. Objects of a schema have IS_OBJECT and what they may stand for; the values that
 * are written as objects (times, boxes, colours) have not. */
enum {
    IS_NULL = 1 << 0,
    IS_BOOL = 1 << 1,
    IS_INT = 1 << 2,
    IS_REAL = 1 << 3,
    IS_BIG = 1 << 4, /* an integer that 64 bits do not hold */
    IS_STRING = 1 << 5,
    IS_ARRAY = 1 << 6,
    IS_DICT = 1 << 7, /* an object without OTIO_SCHEMA */
    IS_TIME = 1 << 8,
    IS_RANGE = 1 << 9,
    IS_TRANSFORM = 1 << 10,
    IS_COLOR = 1 << 11,
    IS_V2D = 1 << 12,
    IS_BOX = 1 << 13,
    IS_LINK = 1 << 14, /* stands for the object that has its id */
    IS_MEDIA = 1 << 15,
    IS_EFFECT = 1 << 16,
    IS_MARKER = 1 << 17,
    IS_STACK = 1 << 18,
    IS_PART = 1 << 19, /* of a stack or track */
    IS_OBJECT = 1 << 20,
    IS_NUMBER = IS_INT | IS_REAL,
    IS_TEXT = IS_STRING | IS_NULL, /* null is read as the empty string */
    IS_PLAIN = IS_MEDIA - 1,
    IS_ANY = -1,
};

static const struct {
    int is;
    const char *name;
} kinds[] = {
    {IS_PART, "a clip, gap, stack, track or transition"},
    {IS_STACK, "a Stack"},
    {IS_MARKER, "a Marker"},
    {IS_EFFECT, "an effect of a known schema"},
    {IS_MEDIA, "a media reference of a known schema"},
    {IS_OBJECT, "an object of a schema"},
    {IS_BOX, "a Box2d.1"},
    {IS_V2D, "a V2d.1"},
    {IS_COLOR, "a Color.1"},
    {IS_TRANSFORM, "a TimeTransform.1"},
    {IS_RANGE, "a TimeRange.1"},
    {IS_TIME, "a RationalTime.1"},
    {IS_DICT, "an object without OTIO_SCHEMA"},
    {IS_ARRAY, "an array"},
    {IS_STRING, "a string"},
    {IS_BIG, "an integer of more than 64 bits"},
    {IS_NUMBER, "a number"},
    {IS_INT, "an integer"},
    {IS_REAL, "a number that is no integer"},
    {IS_BOOL, "true or false"},
    {IS_NULL, "null"},
};

struct field {
    const char *key;
    int is;
    bool required;
    int each; /* what each element of its array or member of its object is; 0: not looked at */
    const char *words; /* of a string: which ones, or NULL */
};

/* A member that must be there, one that may, and lists of one kind. */
/* clang-format off */
#define MUST(name, kinds) {.key = name, .is = (kinds), .required = true}
#define MAY(name, kinds) {.key = name, .is = (kinds)}
#define ALL(name, kind) {.key = name, .is = IS_ARRAY, .required = true, .each = (kind)}
#define SOME(name, kind) {.key = name, .is = IS_ARRAY, .each = (kind)}
#define END {.key = NULL}
/* clang-format on */

static const struct field named[] = {MAY("metadata", IS_DICT), MAY("name", IS_TEXT), END};
static const struct field item[] = {MAY("source_range", IS_RANGE | IS_NULL),
                                    SOME("effects", IS_EFFECT),
                                    SOME("markers", IS_MARKER),
                                    MAY("enabled", IS_BOOL),
                                    MAY("color", IS_COLOR | IS_NULL),
                                    END};
static const struct field parts[] = {ALL("children", IS_PART), END};
static const struct field track[] = {ALL("children", IS_PART), MUST("kind", IS_TEXT), END};
static const struct field collection[] = {ALL("children", IS_OBJECT), END};
static const struct field timeline[] = {MUST("tracks", IS_STACK | IS_NULL),
                                        MAY("global_start_time", IS_TIME | IS_NULL), END};
/* What is no reference is read as none; an object without a schema is one for conform, though. */
static const struct field clip1[] = {MAY("media_reference", (IS_PLAIN & ~IS_DICT) | IS_MEDIA), END};
static const struct field clip2[] = {
    {.key = "media_references", .is = IS_DICT, .required = true, .each = IS_MEDIA},
    MUST("active_media_reference_key", IS_TEXT),
    END};
static const struct field transition[] = {MUST("in_offset", IS_TIME), MUST("out_offset", IS_TIME),
                                          MUST("transition_type", IS_TEXT), END};
static const struct field media[] = {MAY("available_range", IS_RANGE | IS_NULL),
                                     MAY("available_image_bounds", IS_BOX | IS_NULL), END};
static const struct field external[] = {MUST("target_url", IS_TEXT), END};
static const struct field frames[] = {
    MUST("target_url_base", IS_TEXT),
    MUST("name_prefix", IS_TEXT),
    MUST("name_suffix", IS_TEXT),
    MUST("start_frame", IS_INT),
    MUST("frame_step", IS_INT),
    MUST("rate", IS_NUMBER),
    MUST("frame_zero_padding", IS_INT),
    {.key = "missing_frame_policy", .is = IS_STRING, .required = true, .words = "error hold black"},
    END};
static const struct field generator[] = {MUST("generator_kind", IS_TEXT),
                                         MUST("parameters", IS_DICT), END};
static const struct field effect[] = {MUST("effect_name", IS_TEXT), MAY("enabled", IS_BOOL), END};
static const struct field warp[] = {MUST("time_scalar", IS_NUMBER), END};
static const struct field marker1[] = {MUST("range", IS_RANGE), MAY("color", IS_TEXT), END};
static const struct field marker2[] = {MUST("marked_range", IS_RANGE), MAY("color", IS_TEXT),
                                       MAY("comment", IS_TEXT), END};
static const struct field marker3[] = {
    MUST("marked_range", IS_RANGE), MAY("color", IS_COLOR | IS_NULL), MAY("comment", IS_TEXT), END};
static const struct field time_value[] = {MUST("rate", IS_NUMBER), MUST("value", IS_NUMBER), END};
static const struct field range[] = {MUST("start_time", IS_TIME), MUST("duration", IS_TIME), END};
static const struct field transform[] = {MUST("offset", IS_TIME), MUST("rate", IS_NUMBER),
                                         MUST("scale", IS_NUMBER), END};
static const struct field color[] = {MUST("r", IS_NUMBER),    MUST("g", IS_NUMBER),
                                     MUST("b", IS_NUMBER),    MUST("a", IS_NUMBER),
                                     MUST("name", IS_STRING), END};
static const struct field v2d[] = {MUST("x", IS_NUMBER), MUST("y", IS_NUMBER), END};
static const struct field box[] = {MUST("min", IS_V2D), MUST("max", IS_V2D), END};
static const struct field reference_id[] = {MUST("id", IS_STRING), END};

/* Versions of one name stand together, rising. An older version than the first is read as it. */
static const struct schema {
    const char *name;
    int version, is;
    const struct field *fields[3];
} schemas[] = {
    {"Timeline", 1, IS_OBJECT, {timeline, named}},
    {"Stack", 1, IS_OBJECT | IS_PART | IS_STACK, {parts, item, named}},
    {"Track", 1, IS_OBJECT | IS_PART, {track, item, named}},
    {"Sequence", 1, IS_OBJECT | IS_PART, {track, item, named}},
    {"Composition", 1, IS_OBJECT | IS_PART, {parts, item, named}},
    {"Gap", 1, IS_OBJECT | IS_PART, {item, named}},
    {"Filler", 1, IS_OBJECT | IS_PART, {item, named}},
    {"Item", 1, IS_OBJECT | IS_PART, {item, named}},
    {"Clip", 1, IS_OBJECT | IS_PART, {clip1, item, named}},
    {"Clip", 2, IS_OBJECT | IS_PART, {clip2, item, named}},
    {"Transition", 1, IS_OBJECT | IS_PART, {transition, named}},
    {"Composable", 1, IS_OBJECT | IS_PART, {named}},
    {"ExternalReference", 1, IS_OBJECT | IS_MEDIA, {external, media, named}},
    {"ImageSequenceReference", 1, IS_OBJECT | IS_MEDIA, {frames, media, named}},
    {"MissingReference", 1, IS_OBJECT | IS_MEDIA, {media, named}},
    {"GeneratorReference", 1, IS_OBJECT | IS_MEDIA, {generator, media, named}},
    {"MediaReference", 1, IS_OBJECT | IS_MEDIA, {media, named}},
    {"Effect", 1, IS_OBJECT | IS_EFFECT, {effect, named}},
    {"TimeEffect", 1, IS_OBJECT | IS_EFFECT, {effect, named}},
    {"LinearTimeWarp", 1, IS_OBJECT | IS_EFFECT, {warp, effect, named}},
    {"FreezeFrame", 1, IS_OBJECT | IS_EFFECT, {warp, effect, named}},
    {"Marker", 1, IS_OBJECT | IS_MARKER, {marker1, named}},
    {"Marker", 2, IS_OBJECT | IS_MARKER, {marker2, named}},
    {"Marker", 3, IS_OBJECT | IS_MARKER, {marker3, named}},
    {"SerializableCollection", 1, IS_OBJECT, {collection, named}},
    {"SerializeableCollection", 1, IS_OBJECT, {collection, named}},
    {"SerializableObjectWithMetadata", 1, IS_OBJECT, {named}},
    {"SerializableObject", 1, IS_OBJECT, {NULL}},
    {"UnknownSchema", 1, IS_OBJECT, {NULL}},
    {"RationalTime", 1, IS_TIME, {time_value}},
    {"TimeRange", 1, IS_RANGE, {range}},
    {"TimeTransform", 1, IS_TRANSFORM, {transform}},
    {"Color", 1, IS_COLOR, {color}},
    {"V2d", 1, IS_V2D, {v2d}},
    {"Box2d", 1, IS_BOX, {box}},
    {"SerializableObjectRef", 1, IS_LINK, {reference_id}},
};

struct check {
    json_t *root;
    const char *mark;
    json_t *ids; /* OTIO_REF_ID to the first object that has it; NULL until one is asked for */
    struct buf pointer;
    otio_deviation_fn *fn;
    void *arg;
};

__attribute__((format(printf, 2, 3))) static int report(struct check *c, const char *fmt, ...)
{
    AUTO(buf) struct buf what = {0};
    va_list ap;
    va_start(ap, fmt);
    buf_addv(&what, fmt, ap);
    va_end(ap);
    return c->fn(c->arg, buf_str(&c->pointer), buf_str(&what));
}

/* Enters a member or an element; leave() with the length before. */
static size_t enter(struct check *c, const char *key, size_t index)
{
    size_t before = c->pointer.len;
    if (key)
        otio_text_pointer(&c->pointer, key, strlen(key));
    else
        buf_addf(&c->pointer, "/%zu", index);
    return before;
}

static void leave(struct check *c, size_t before)
{
    c->pointer.len = before;
    if (c->pointer.p)
        c->pointer.p[before] = '\0';
}

/* "Clip.2" into name and version, as OpenTimelineIO takes it apart. */
static bool split_schema(const char *s, size_t *ret_n, int *ret_version)
{
    const char *dot = strrchr(s, '.');
    if (!dot)
        return false;
    char *end;
    errno = 0;
    long v = strtol(dot + 1, &end, 10);
    if (end == dot + 1 || errno != 0 || v < INT_MIN || v > INT_MAX)
        return false;
    *ret_n = (size_t)(dot - s);
    *ret_version = (int)v;
    return true;
}

/* The row for an object of schema `s`; NULL where OpenTimelineIO does not know it. `*ret_latest` is
 * the highest known version, where `s` is above it. */
static const struct schema *find_schema(const char *s, int *ret_latest)
{
    const struct schema *found = NULL;
    size_t n;
    int version;
    *ret_latest = 0;
    if (!split_schema(s, &n, &version))
        return NULL;
    for (size_t i = 0; i < COUNT(schemas); i++) {
        const struct schema *row = &schemas[i];
        if (strlen(row->name) != n || memcmp(row->name, s, n) != 0)
            continue;
        if (!(row->is & IS_OBJECT)) /* a value: by its very spelling, or not known */
            return strcmp(s + n, ".1") == 0 ? row : NULL;
        if (!found || row->version <= version)
            found = row;
    }
    if (found && version > found->version)
        *ret_latest = found->version;
    return found;
}

/* A string that stands for a number that JSON has not: IS_REAL or IS_BIG; else 0. */
static int token_kind(const struct check *c, const json_t *v)
{
    const char *s = json_string_value(v);
    size_t n = strlen(c->mark);
    if (!s || n == 0 || strncmp(s, c->mark, n) != 0)
        return 0;
    s += n + (s[n] == '-');
    return *s >= '0' && *s <= '9' ? IS_BIG : IS_REAL;
}

/* Few files have ids: a pass of their own is made for those that do. */
static void collect_ids(struct check *c, json_t *v)
{
    const char *key;
    json_t *child;
    size_t i;
    json_array_foreach(v, i, child)
    {
        collect_ids(c, child);
    }
    if (!json_is_object(v))
        return;
    const char *id = otio_string(v, "OTIO_REF_ID");
    if (id && otio_string(v, "OTIO_SCHEMA") && !json_object_get(c->ids, id))
        json_object_set(c->ids, id, v);
    json_object_foreach(v, key, child)
    {
        collect_ids(c, child);
    }
}

static const json_t *by_id(struct check *c, const char *id)
{
    if (!c->ids) {
        c->ids = json_object();
        collect_ids(c, c->root);
    }
    return json_object_get(c->ids, id);
}

static int object_kind(struct check *c, const json_t *v)
{
    int latest;
    const json_t *schema = json_object_get(v, "OTIO_SCHEMA");
    if (!schema)
        return IS_DICT;
    if (!json_is_string(schema))
        return IS_ANY; /* is reported for itself */
    const struct schema *row = find_schema(json_string_value(schema), &latest);
    if (!row)
        return IS_OBJECT;
    if (row->is != IS_LINK)
        return row->is;
    const char *id = json_string_value(json_object_get(v, "id"));
    const json_t *there = id ? by_id(c, id) : NULL;
    return there ? object_kind(c, there) : IS_ANY; /* what is not there is reported for itself */
}

static int kind_of(struct check *c, const json_t *v)
{
    switch (json_typeof(v)) {
    case JSON_OBJECT:
        return object_kind(c, v);
    case JSON_ARRAY:
        return IS_ARRAY;
    case JSON_STRING:
        return token_kind(c, v) ? token_kind(c, v) : IS_STRING;
    case JSON_INTEGER:
        return IS_INT;
    case JSON_REAL:
        return IS_REAL;
    case JSON_NULL:
        return IS_NULL;
    default:
        return IS_BOOL;
    }
}

/* "a TimeRange.1 or null" */
static void add_kinds(int is, struct buf *ret)
{
    const char *between = "";
    for (size_t i = 0; i < COUNT(kinds); i++) {
        if ((is & kinds[i].is) != kinds[i].is)
            continue;
        buf_addf(ret, "%s%s", between, kinds[i].name);
        between = " or ";
        is &= ~kinds[i].is;
    }
}

/* Reports a value that is none of `wanted`. */
static int expect(struct check *c, const json_t *v, int wanted)
{
    AUTO(buf) struct buf is = {0}, want = {0};
    int kind = kind_of(c, v);
    if (kind & wanted)
        return 0;
    const char *schema = json_string_value(json_object_get(v, "OTIO_SCHEMA"));
    if (schema)
        buf_addf(&is, "'%.64s'", schema);
    else
        add_kinds(kind, &is);
    add_kinds(wanted & ~IS_PLAIN ? wanted & ~IS_PLAIN : wanted, &want);
    if ((wanted & ~IS_PLAIN) && (wanted & IS_NULL))
        buf_adds(&want, " or null");
    return report(c, "%s is wanted, this is %s", buf_str(&want), buf_str(&is));
}

static int check_each(struct check *c, const json_t *v, int wanted)
{
    const char *key;
    json_t *child;
    size_t i;
    int r = 0;
    json_array_foreach(v, i, child)
    {
        size_t before = enter(c, NULL, i);
        if (r == 0)
            r = expect(c, child, wanted);
        leave(c, before);
    }
    if (!json_is_object(v))
        return r;
    json_object_foreach((json_t *)(uintptr_t)v, key, child)
    {
        size_t before = enter(c, key, 0);
        if (r == 0)
            r = expect(c, child, wanted);
        leave(c, before);
    }
    return r;
}

static int check_words(struct check *c, const json_t *v, const char *words)
{
    const char *s = json_string_value(v);
    size_t n = strlen(s), skip = 0;
    for (const char *w = words; *w; w += skip) {
        skip = strcspn(w, " ");
        if (n == skip && memcmp(w, s, n) == 0)
            return 0;
        skip += w[skip] == ' ';
    }
    return report(c, "'%.64s' is none of: %s", s, words);
}

static int check_fields(struct check *c, const json_t *object, const char *schema,
                        const struct field *f)
{
    int r = 0;
    for (; r == 0 && f->key; f++) {
        const json_t *v = json_object_get(object, f->key);
        if (!v) {
            r = f->required ? report(c, "no '%s', which '%.64s' must have", f->key, schema) : 0;
            continue;
        }
        size_t before = enter(c, f->key, 0);
        int kind = kind_of(c, v);
        r = expect(c, v, f->is);
        if (r == 0 && f->each && (kind & f->is))
            r = check_each(c, v, f->each);
        if (r == 0 && f->words && kind == IS_STRING)
            r = check_words(c, v, f->words);
        leave(c, before);
    }
    return r;
}

/* The ids that objects have, and those by which others stand for them. */
static int check_ids(struct check *c, const json_t *object, bool is_reference)
{
    const json_t *own = json_object_get(object, "OTIO_REF_ID");
    const char *id = json_string_value(own);
    if (is_reference) {
        id = json_string_value(json_object_get(object, "id"));
        return id && !by_id(c, id) ? report(c, "no object has the OTIO_REF_ID '%.64s'", id) : 0;
    }
    if (own && !id)
        return report(c, "OTIO_REF_ID is no string");
    if (id && *id && by_id(c, id) != object)
        return report(c, "another object has the OTIO_REF_ID '%.64s'", id);
    return 0;
}

static int check_object(struct check *c, const json_t *object)
{
    const json_t *v = json_object_get(object, "OTIO_SCHEMA");
    const char *s = json_string_value(v);
    size_t n;
    int version, latest;
    if (!v)
        return 0;
    if (!s || token_kind(c, v))
        return report(c, "OTIO_SCHEMA is no string");
    if (!split_schema(s, &n, &version))
        return report(c, "OTIO_SCHEMA '%.64s' is no name with a version", s);
    const struct schema *row = find_schema(s, &latest);
    if (latest > 0)
        return report(c, "'%.64s' is unsupported: the latest version is %s.%d", s, row->name,
                      latest);
    int r = 0;
    if (!row || (row->is & (IS_OBJECT | IS_LINK)))
        r = check_ids(c, object, row && row->is == IS_LINK);
    for (size_t i = 0; r == 0 && row && i < COUNT(row->fields) && row->fields[i]; i++)
        r = check_fields(c, object, s, row->fields[i]);
    return r;
}

static int walk(struct check *c, json_t *v);

static int walk_child(struct check *c, const char *key, size_t index, json_t *v)
{
    if (!json_is_object(v) && !json_is_array(v)) /* the most by far, and nothing is in them */
        return 0;
    size_t before = enter(c, key, index);
    int r = walk(c, v);
    leave(c, before);
    return r;
}

/* Every object of the tree: what lies in metadata is read like the rest. Recursion is bounded by
 * OTIO_DEPTH_MAX. */
static int walk(struct check *c, json_t *v)
{
    const char *key;
    json_t *child;
    size_t i;
    int r = 0;
    json_array_foreach(v, i, child)
    {
        if ((r = walk_child(c, NULL, i, child)) != 0)
            return r;
    }
    if (!json_is_object(v) || (r = check_object(c, v)) != 0)
        return r;
    json_object_foreach(v, key, child)
    {
        if ((r = walk_child(c, key, 0, child)) != 0)
            return r;
    }
    return 0;
}

int otio_check(const json_t *root, const char *mark, otio_deviation_fn *fn, void *arg)
{
    json_t *tree = (json_t *)(uintptr_t)root; /* is not changed */
    struct check c = {.root = tree, .mark = mark, .fn = fn, .arg = arg};
    int r = walk(&c, tree);
    json_decref(c.ids);
    buf_done(&c.pointer);
    return r;
}

/* The list */

struct listing {
    struct otio_deviations *list;
    const char *text; /* strict: the file, for the line of what is refused; else NULL */
    size_t n;
    struct err *e;
};

static int add_deviation(void *arg, const char *pointer, const char *what)
{
    struct listing *l = arg;
    if (l->text) {
        size_t line = otio_text_line(l->text, l->n, pointer);
        AUTO(free) char *place = line ? xasprintf("line %zu, ", line) : xstrdup("");
        return err_set(l->e, -EBADMSG, "%sat '%.300s': %s (--strict)", place, pointer, what);
    }
    struct otio_deviations *d = l->list;
    if (d->n++ < OTIO_DEVIATIONS_KEPT) {
        if (!d->v)
            d->v = xcalloc(OTIO_DEVIATIONS_KEPT, sizeof *d->v);
        d->v[d->n - 1] = (struct otio_deviation){xstrdup(pointer), xstrdup(what)};
    }
    return 0;
}

int otio_deviations(const struct otio_doc *doc, const char *s, size_t n, bool strict,
                    struct otio_deviations *ret, struct err *e)
{
    struct listing l = {.list = ret, .text = strict ? s : NULL, .n = n, .e = e};
    *ret = (struct otio_deviations){0};
    int r = 0;
    if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0)
        r = add_deviation(&l, "", "the file begins with a byte order mark");
    return r < 0 ? r : otio_check(doc->root, doc->mark, add_deviation, &l);
}

void otio_deviations_done(struct otio_deviations *d)
{
    for (size_t i = 0; i < otio_deviations_kept(d); i++) {
        free(d->v[i].pointer);
        free(d->v[i].what);
    }
    free(d->v);
    *d = (struct otio_deviations){0};
}
