/* conform/otio_read.c - OpenTimelineIO JSON: the tree, and its clips with their media. */
/* SPDX-License-Identifier: MIT */
#include "conform/otio_read.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/splice.h"

struct walk {
    struct otio_doc *doc;
    struct buf pointer;
    size_t clips_cap, refs_cap;
};

const char *otio_schema(const json_t *object, size_t *ret_n)
{
    const char *s = otio_string(object, "OTIO_SCHEMA");
    if (s)
        *ret_n = strcspn(s, ".");
    return s;
}

bool otio_schema_is(const json_t *object, const char *name)
{
    size_t n;
    const char *s = otio_schema(object, &n);
    return s && n == strlen(name) && memcmp(s, name, n) == 0;
}

const char *otio_string(const json_t *object, const char *key)
{
    const char *s = json_string_value(json_object_get(object, key));
    return s && *s ? s : NULL;
}

static bool is_one_of(const json_t *object, const char *const *names)
{
    for (; *names; names++)
        if (otio_schema_is(object, *names))
            return true;
    return false;
}

static const char *type_name(const json_t *v)
{
    static const char *const name[] = {"an object", "an array", "a string", "a number",
                                       "a number",  "true",     "false",    "null"};
    return name[json_typeof(v)];
}

/* Cuts the pointer back to the length that it had before a member was entered. */
static void pointer_cut(struct buf *b, size_t len)
{
    b->len = len;
    if (b->p)
        b->p[len] = '\0';
}

static int refuse(struct walk *w, const char *what, const char *detail, struct err *e)
{
    return err_set(e, -EBADMSG, "at '%s': %s%s", buf_str(&w->pointer), what, detail);
}

static struct otio_ref *add_ref(struct walk *w)
{
    struct otio_doc *doc = w->doc;
    if (doc->n_refs == w->refs_cap) {
        w->refs_cap = w->refs_cap ? 2 * w->refs_cap : 64;
        doc->refs = xrealloc(doc->refs, w->refs_cap, sizeof *doc->refs);
    }
    struct otio_ref *ref = &doc->refs[doc->n_refs++];
    *ref = (struct otio_ref){.clip = doc->n_clips - 1};
    return ref;
}

/* Adds the reference `key` of `holder`; null is no reference. */
static int read_ref(struct walk *w, json_t *holder, const char *key, bool active, struct err *e)
{
    json_t *object = json_object_get(holder, key);
    if (!object || json_is_null(object))
        return 0;
    size_t len = w->pointer.len;
    otio_text_pointer(&w->pointer, key, strlen(key));
    if (!json_is_object(object))
        return refuse(w, "a media reference is an object, this is ", type_name(object), e);
    struct otio_ref *ref = add_ref(w);
    ref->holder = holder;
    ref->key = xstrdup(key);
    ref->pointer = xstrdup(buf_str(&w->pointer));
    ref->object = object;
    ref->active = active;
    pointer_cut(&w->pointer, len);
    return 0;
}

/* Clip.2 and later: several references, one of them active. */
static int read_ref_dict(struct walk *w, json_t *clip, struct err *e)
{
    json_t *dict = json_object_get(clip, "media_references");
    size_t len = w->pointer.len;
    if (!dict || json_is_null(dict))
        return 0;
    otio_text_pointer(&w->pointer, "media_references", 16);
    if (!json_is_object(dict))
        return refuse(w, "media_references is an object, this is ", type_name(dict), e);
    const char *active = otio_string(clip, "active_media_reference_key");
    if (!active)
        active = "DEFAULT_MEDIA";
    bool known = json_is_object(json_object_get(dict, active));
    int r = read_ref(w, dict, active, true, e);
    const char *key;
    json_t *value;
    json_object_foreach(dict, key, value)
    {
        if (r == 0 && strcmp(key, active) != 0)
            r = read_ref(w, dict, key, !known, e);
    }
    if (r == 0)
        pointer_cut(&w->pointer, len);
    return r;
}

static int read_clip(struct walk *w, json_t *object, bool enabled, struct err *e)
{
    struct otio_doc *doc = w->doc;
    if (doc->n_clips == w->clips_cap) {
        w->clips_cap = w->clips_cap ? 2 * w->clips_cap : 64;
        doc->clips = xrealloc(doc->clips, w->clips_cap, sizeof *doc->clips);
    }
    struct otio_clip *clip = &doc->clips[doc->n_clips++];
    const char *name = otio_string(object, "name");
    *clip = (struct otio_clip){
        .name = name ? name : "",
        .pointer = xstrdup(buf_str(&w->pointer)),
        .object = object,
        .enabled = enabled,
    };
    size_t before = doc->n_refs;
    int r = read_ref(w, object, "media_reference", true, e);
    if (r == 0)
        r = read_ref_dict(w, object, e);
    if (r < 0 || doc->n_refs > before)
        return r;
    struct otio_ref *none = add_ref(w);
    none->pointer = xstrdup(buf_str(&w->pointer));
    none->active = true;
    return 0;
}

static int walk_item(struct walk *w, json_t *object, bool enabled, struct err *e);

static int walk_children(struct walk *w, json_t *children, bool enabled, struct err *e)
{
    size_t len = w->pointer.len, i;
    json_t *child;
    if (!json_is_array(children))
        return refuse(w, "children is an array, this is ", type_name(children), e);
    json_array_foreach(children, i, child)
    {
        if (json_is_null(child))
            continue;
        buf_addf(&w->pointer, "/children/%zu", i);
        int r = walk_item(w, child, enabled, e);
        if (r < 0)
            return r;
        pointer_cut(&w->pointer, len);
    }
    return 0;
}

/* Recursion is bounded by OTIO_DEPTH_MAX. */
static int walk_item(struct walk *w, json_t *object, bool enabled, struct err *e)
{
    static const char *const silent[] = {"Gap", "Filler", "Transition", NULL};
    if (!json_is_object(object))
        return refuse(w, "a clip or a track is an object, this is ", type_name(object), e);
    size_t n;
    if (!otio_schema(object, &n))
        return refuse(w, "an object without OTIO_SCHEMA", "", e);
    enabled = enabled && !json_is_false(json_object_get(object, "enabled"));
    if (otio_schema_is(object, "Clip"))
        return read_clip(w, object, enabled, e);
    if (is_one_of(object, silent))
        return 0;

    json_t *tracks = json_object_get(object, "tracks");
    if (otio_schema_is(object, "Timeline")) {
        const char *name = otio_string(object, "name");
        if (name && !*w->doc->name)
            w->doc->name = name;
        if (!tracks || json_is_null(tracks))
            return 0;
        size_t len = w->pointer.len;
        buf_adds(&w->pointer, "/tracks");
        int r = walk_item(w, tracks, enabled, e);
        if (r == 0)
            pointer_cut(&w->pointer, len);
        return r;
    }
    json_t *children = json_object_get(object, "children");
    if (children && !json_is_null(children))
        return walk_children(w, children, enabled, e);
    static const char *const empty[] = {
        "Stack", "Track", "Sequence", "SerializableCollection", "SerializeableCollection", NULL};
    w->doc->unknown += !is_one_of(object, empty);
    return 0;
}

static int walk_root(struct otio_doc *doc, struct err *e)
{
    static const char *const roots[] = {"Timeline",
                                        "Stack",
                                        "Track",
                                        "Sequence",
                                        "Clip",
                                        "SerializableCollection",
                                        "SerializeableCollection",
                                        NULL};
    const char *schema = otio_string(doc->root, "OTIO_SCHEMA");
    if (!json_is_object(doc->root))
        return err_set(e, -EBADMSG, "at '': not a timeline: the file holds %s",
                       type_name(doc->root));
    if (!schema)
        return err_set(e, -EBADMSG, "at '': not a timeline: no OTIO_SCHEMA");
    if (!is_one_of(doc->root, roots))
        return err_set(e, -EBADMSG, "at '': not a timeline: OTIO_SCHEMA is '%.64s'", schema);
    doc->name = "";
    if (otio_string(doc->root, "name"))
        doc->name = otio_string(doc->root, "name");
    struct walk w = {.doc = doc};
    int r = walk_item(&w, doc->root, true, e);
    buf_done(&w.pointer);
    return r;
}

/* The parser's sentence without its "near '…'": the position says it better, and the text there
 * may be a token of ours. */
static int refuse_json(const struct otio_text *t, const json_error_t *je, struct err *e)
{
    char reason[JSON_ERROR_TEXT_LENGTH];
    memcpy(reason, je->text, sizeof reason);
    reason[sizeof reason - 1] = '\0';
    char *near = strstr(reason, " near '");
    if (near)
        *near = '\0';
    /* the position is behind the token: one less is in it, and in the object that it may end */
    return otio_text_refuse(t, je->position > 0 ? (size_t)je->position - 1 : 0, reason, e);
}

int otio_read(const char *s, size_t n, struct otio_doc **ret, struct err *e)
{
    if (n > CONFORM_FILE_MAX)
        return err_set(e, -EFBIG, "the timeline has %zu bytes, more than %u", n, CONFORM_FILE_MAX);
    struct otio_text text;
    AUTO(otio_doc) struct otio_doc *doc = xcalloc(1, sizeof *doc);
    int r = otio_text_open(s, n, &text, e);
    if (r == 0) {
        json_error_t je;
        doc->root = json_loadb(text.json, text.len, JSON_REJECT_DUPLICATES, &je);
        memcpy(doc->mark, text.mark, sizeof doc->mark);
        doc->source = xstrndup(text.source, text.source_len);
        doc->source_len = text.source_len;
        if (!doc->root)
            r = refuse_json(&text, &je, e);
    }
    otio_text_done(&text);
    if (r == 0)
        r = walk_root(doc, e);
    if (r < 0)
        return r;
    *ret = TAKE(doc);
    return 0;
}

void otio_doc_free(struct otio_doc *doc)
{
    if (!doc)
        return;
    for (size_t i = 0; i < doc->n_clips; i++)
        free(doc->clips[i].pointer);
    for (size_t i = 0; i < doc->n_refs; i++) {
        free(doc->refs[i].key);
        free(doc->refs[i].pointer);
        json_decref(doc->refs[i].was);
    }
    free(doc->clips);
    free(doc->refs);
    free(doc->source);
    json_decref(doc->root);
    free(doc);
}

bool otio_replace(struct otio_ref *ref, json_t *now)
{
    json_t *was = json_incref(ref->object);
    if (json_object_set_new(ref->holder, ref->key, now) < 0) {
        json_decref(was);
        return false;
    }
    ref->object = now; /* the tree holds it now */
    if (ref->was)
        json_decref(was);
    else
        ref->was = was;
    return true;
}

int otio_write(const struct otio_doc *doc, struct buf *ret, struct err *e)
{
    AUTO(free) struct splice_change *changes = xcalloc(doc->n_refs + 1, sizeof *changes);
    size_t n = 0;
    for (size_t i = 0; i < doc->n_refs; i++)
        if (doc->refs[i].was)
            changes[n++] = (struct splice_change){doc->refs[i].was, doc->refs[i].object};
    int r = splice(doc->source, doc->source_len, doc->root, changes, n, doc->mark, ret, e);
    return r < 0 ? err_wrap(e, "write the manifest") : 0;
}
