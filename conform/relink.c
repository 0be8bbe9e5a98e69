/* conform/relink.c - puts the lake's addresses into a timeline's media references. */
/* SPDX-License-Identifier: MIT */
#include "conform/relink.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/location.h"
#include "conform/otio_read.h"
#include "conform/reference.h"
#include "conform/sequence.h"
#include "policy/index.h"

#define RATE_UNKNOWN 24.0 /* where neither the media nor the clip states one */

/* What says where the media is; a reference of another kind has none of them. */
static const char *const location_keys[] = {
    "target_url", "target_url_base",    "name_prefix",          "name_suffix", "start_frame",
    "frame_step", "frame_zero_padding", "missing_frame_policy", "rate",
};

static void set(json_t *o, const char *key, json_t *value)
{
    json_object_set_new(o, key, value);
}

static void remove_location(json_t *o, const char *keep_from)
{
    for (size_t i = 0; i < COUNT(location_keys); i++)
        if (!keep_from || strcmp(location_keys[i], keep_from) == 0)
            json_object_del(o, location_keys[i]);
}

static double range_rate(const json_t *owner, const char *key)
{
    const json_t *duration = json_object_get(json_object_get(owner, key), "duration");
    return json_number_value(json_object_get(duration, "rate"));
}

static double rate_of(const json_t *ref, const json_t *clip)
{
    double rate = range_rate(ref, "available_range");
    if (!(rate > 0))
        rate = range_rate(clip, "source_range");
    return rate > 0 ? rate : RATE_UNKNOWN;
}

/* Copies the fields of a sequence that the reference itself, or what it was before, states. */
static void keep_sequence_fields(json_t *o, const json_t *from)
{
    static const char *const keys[] = {"start_frame", "frame_step", "rate", "frame_zero_padding",
                                       "missing_frame_policy"};
    for (size_t i = 0; i < COUNT(keys); i++) {
        json_t *value = json_object_get(from, keys[i]);
        if (value && !json_object_get(o, keys[i]))
            json_object_set(o, keys[i], value);
    }
}

static void set_default(json_t *o, const char *key, json_t *value)
{
    if (json_object_get(o, key))
        json_decref(value);
    else
        set(o, key, value);
}

static void set_sequence(json_t *o, const json_t *was, const json_t *clip, const char *address,
                         const struct conform_item *it)
{
    const struct sequence *s = it->sequence;
    bool stated = otio_schema_is(was, "ImageSequenceReference");
    if (!otio_schema_is(o, "ImageSequenceReference"))
        set(o, "OTIO_SCHEMA", json_string("ImageSequenceReference.1"));
    /* of a reference of another kind, fields that only a sequence has mean nothing */
    remove_location(o, stated ? "target_url" : NULL);
    location_set_address(o, address, s);
    if (stated) {
        keep_sequence_fields(o, was);
        if (!sequence_stated_frames(was)) /* of what it was before */
            json_object_del(json_object_get(json_object_get(o, "metadata"), "shotlake"), "frames");
    }
    set_default(o, "start_frame", json_integer(s->start));
    set_default(o, "frame_step", json_integer(1));
    set_default(o, "rate", json_real(rate_of(o, clip)));
    set_default(o, "frame_zero_padding", json_integer(s->pad));
    set_default(o, "missing_frame_policy", json_string("error"));
    if (!stated) { /* a notation in a name says more than available_range does; see sequence.h */
        struct buf frames __attribute__((cleanup(auto_buf))) = {0};
        sequence_format(s, &frames);
        set(location_metadata(o), "frames", json_stringn(buf_str(&frames), frames.len));
    }
}

static void set_object(json_t *o, const char *address)
{
    static const char *const kinds[] = {"MissingReference", "ImageSequenceReference"};
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (otio_schema_is(o, kinds[i]))
            set(o, "OTIO_SCHEMA", json_string("ExternalReference.1"));
    location_set_address(o, address, /* s= */ NULL);
}

/* Nothing to play: the original says what it was. */
static void set_missing(json_t *o)
{
    if (otio_schema_is(o, "MissingReference"))
        return;
    set(o, "OTIO_SCHEMA", json_string("MissingReference.1"));
    remove_location(o, NULL);
    json_t *ours = json_object_get(json_object_get(o, "metadata"), "shotlake");
    json_object_del(ours, "frames");
    json_object_del(ours, "key");
    json_object_del(ours, "root");
}

/* What the reference names now: itself, or (a MissingReference) what it was before. */
static const json_t *stated_object(const json_t *ref)
{
    struct reference what = reference_read(ref);
    return what.kind == REFERENCE_SEQUENCE ? what.object : ref;
}

/* The key and the address of what was found: of an object, or of the folder of its frames. */
static int place_of(const struct conform_item *it, const struct relink_to *to, struct buf *ret_key,
                    struct buf *ret_address, struct err *e)
{
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    int r = index_key(to->rd, it->first, &key, e);
    if (r < 0)
        return r;
    if (!it->sequence) {
        buf_add(ret_key, key.p, key.len);
        location_address(to->store, to->style, buf_str(ret_key), ret_address);
        return 0;
    }
    location_pattern(buf_str(&key), it->sequence, ret_key);
    char *slash = strrchr(buf_str(&key), '/');
    AUTO(free) char *folder = xstrndup(buf_str(&key), slash ? (size_t)(slash + 1 - key.p) : 0);
    location_address(to->store, to->style, folder, ret_address);
    return 0;
}

int relink(struct otio_doc *doc, struct otio_ref *ref, const struct conform_item *it,
           const struct relink_to *to, struct err *e)
{
    if (it->status == CONFORM_NO_MEDIA || !ref->object)
        return 0;
    struct buf key __attribute__((cleanup(auto_buf))) = {0};
    struct buf address __attribute__((cleanup(auto_buf))) = {0};
    json_auto_t *next = json_deep_copy(ref->object);
    bool found = conform_is_found(it);
    int r = found ? place_of(it, to, &key, &address, e) : 0;
    if (r < 0)
        return r;
    if (!found)
        set_missing(next);
    else if (it->sequence)
        set_sequence(next, stated_object(ref->object), doc->clips[ref->clip].object,
                     buf_str(&address), it);
    else
        set_object(next, buf_str(&address));

    if (json_equal(next, ref->object))
        return 0;
    if (found)
        location_set_key(next, to->style, buf_str(&key));
    if (!location_original(ref->object)) /* that very object, so that its bytes are kept */
        json_object_set(location_metadata(next), "original", ref->object);
    if (!otio_replace(ref, json_incref(next)))
        return err_set(e, -EINVAL, "at '%s': the address '%s' cannot be written", ref->pointer,
                       buf_str(&address));
    return 0;
}
