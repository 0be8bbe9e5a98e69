/* conform/reference.c - what one media reference of a timeline names, whatever its schema. */
/* SPDX-License-Identifier: MIT */
#include "conform/reference.h"

#include <stddef.h>

#include "conform/edit_format.h"
#include "conform/otio_read.h"

const json_t *reference_original(const json_t *ref)
{
    const json_t *ours = json_object_get(json_object_get(ref, "metadata"), "shotlake");
    const json_t *original = json_object_get(ours, "original");
    return json_is_object(original) ? original : NULL;
}

/* A path that applications leave in the metadata. */
static const char *metadata_url(const json_t *ref)
{
    const json_t *metadata = json_object_get(ref, "metadata");
    const char *url = otio_string(json_object_get(metadata, "Resolve_OTIO"), "Media Url");
    return url ? url : otio_string(metadata, "original_target_url");
}

static struct reference none(const char *reason)
{
    return (struct reference){.kind = REFERENCE_NONE, .reason = reason};
}

/* Looks at the object itself, not at what it was before. */
static struct reference read_plain(const json_t *ref)
{
    if (otio_schema_is(ref, "GeneratorReference"))
        return none("a generator, not a file");
    if (otio_schema_is(ref, "ImageSequenceReference"))
        return (struct reference){.kind = REFERENCE_SEQUENCE, .object = ref};
    const char *url = NULL;
    if (!otio_schema_is(ref, "MissingReference"))
        url = otio_string(ref, "target_url");
    if (!url)
        url = metadata_url(ref);
    if (url)
        return (struct reference){.kind = REFERENCE_URL, .url = url};
    const json_t *metadata = json_object_get(ref, "metadata");
    if (json_is_true(json_object_get(metadata, EDIT_FORMAT_OFFLINE)))
        return (struct reference){.kind = REFERENCE_OFFLINE,
                                  .reason = "the edit names no file for it"};
    if (otio_schema_is(ref, "MissingReference"))
        return none("the edit says that its media is missing, and no path");
    if (otio_schema_is(ref, "ExternalReference"))
        return none("its target_url is empty");
    return none("a media reference of unknown kind");
}

struct reference reference_read(const json_t *ref)
{
    if (!ref)
        return none("the clip has no media reference");
    const json_t *original = reference_original(ref);
    if (original && otio_schema_is(ref, "MissingReference"))
        return read_plain(original);
    return read_plain(ref);
}
