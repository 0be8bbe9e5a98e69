/* conform/aaf_store.h - the objects of an AAF file and their properties. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_AAF_STORE_H
#define CONFORM_AAF_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "conform/edit_format.h"

struct err;
struct aaf_object;
struct aaf_store;

/* An AAF file is a compound file. Each object is a storage; the storage's class id is the object's
 * class. What an object knows is in its stream "properties":
 *
 *   'L' version count:16  { property:16 form:16 bytes:16 } x count  the values, one after the other
 *
 * The value of an object that it owns is the name of a storage below it; of several, the stem
 * "NAME" of a stream "NAME index" and of the storages "NAME{key}". Definitions are named by AUIDs.
 */

#define AAF_OBJECTS_MAX 1000000           /* objects opened, those opened again too */
#define AAF_BYTES_MAX (UINT64_C(1) << 30) /* of their properties and indexes */
#define AAF_PROPERTIES_MAX (8u << 20)     /* bytes of one stream of properties */
#define AAF_LIST_MAX 20000                /* objects in one vector or set */
#define AAF_AUID_BYTES 16
#define AAF_MOB_ID_BYTES 32

/* Classes: 0d010101-0101-XX00-060e-2b3402060101. What is not here is read by its properties. */
enum aaf_class {
    AAF_OTHER,
    AAF_EDGE_CODE = 0x04,
    AAF_ESSENCE_GROUP = 0x05,
    AAF_COMMENT_MARKER = 0x08,
    AAF_FILLER = 0x09,
    AAF_OPERATION_GROUP = 0x0a,
    AAF_NESTED_SCOPE = 0x0b,
    AAF_PULLDOWN = 0x0c,
    AAF_SCOPE_REFERENCE = 0x0d,
    AAF_SELECTOR = 0x0e,
    AAF_SEQUENCE = 0x0f,
    AAF_SOURCE_CLIP = 0x11,
    AAF_TIMECODE = 0x14,
    AAF_TRANSITION = 0x17,
    AAF_FILM_DESCRIPTOR = 0x2d,
    AAF_TAPE_DESCRIPTOR = 0x2e,
    AAF_COMPOSITION_MOB = 0x35,
    AAF_MASTER_MOB = 0x36,
    AAF_SOURCE_MOB = 0x37,
    AAF_EVENT_MOB_SLOT = 0x39,
    AAF_TIMELINE_MOB_SLOT = 0x3b,
    AAF_CONSTANT_VALUE = 0x3d,
    AAF_VARYING_VALUE = 0x3e,
    AAF_DESCRIPTIVE_MARKER = 0x41,
    AAF_IMPORT_DESCRIPTOR = 0x4a,
};

/* Properties by their numbers: the same in every file, but for an application's own. */
enum aaf_property {
    AAF_COMPONENT_DATA = 0x0201,
    AAF_COMPONENT_LENGTH = 0x0202,
    AAF_COMPONENT_COMMENTS = 0x0204,
    AAF_CHOICES = 0x0501,
    AAF_EVENT_POSITION = 0x0601,
    AAF_EVENT_COMMENT = 0x0602,
    AAF_OPERATION = 0x0b01,
    AAF_OPERATION_INPUTS = 0x0b02,
    AAF_OPERATION_PARAMETERS = 0x0b03,
    AAF_SCOPE_SLOTS = 0x0c01,
    AAF_PULLDOWN_INPUT = 0x0d01,
    AAF_SELECTED = 0x0f01,
    AAF_ALTERNATES = 0x0f02,
    AAF_COMPONENTS = 0x1001,
    AAF_SOURCE_ID = 0x1101,
    AAF_SOURCE_SLOT = 0x1102,
    AAF_SOURCE_START = 0x1201,
    AAF_TIMECODE_START = 0x1501,
    AAF_TIMECODE_FPS = 0x1502,
    AAF_TRANSITION_OPERATION = 0x1801,
    AAF_CUT_POINT = 0x1802,
    AAF_MOBS = 0x1901,
    AAF_POINT_VALUE = 0x1a02,
    AAF_POINT_TIME = 0x1a03,
    AAF_DEFINITION_NAME = 0x1b02,
    AAF_IS_TIME_WARP = 0x1e02,
    AAF_OPERATIONS = 0x2603,
    AAF_PARAMETERS = 0x2604,
    AAF_DATA_DEFINITIONS = 0x2605,
    AAF_INTERPOLATIONS = 0x2609,
    AAF_LOCATORS = 0x2f01,
    AAF_FILE_RATE = 0x3001,
    AAF_FILE_LENGTH = 0x3002,
    AAF_DESCRIPTORS = 0x3f01,
    AAF_CONTENT = 0x3b03,
    AAF_DICTIONARY = 0x3b04,
    AAF_URL = 0x4001,
    AAF_LOCATOR_TEXT = 0x4101,
    AAF_MOB_NAME = 0x4402,
    AAF_MOB_SLOTS = 0x4403,
    AAF_MOB_COMMENTS = 0x4406,
    AAF_MOB_USAGE = 0x4408,
    AAF_DESCRIPTION = 0x4701,
    AAF_SLOT_ID = 0x4801,
    AAF_SEGMENT = 0x4803,
    AAF_TRACK_NUMBER = 0x4804,
    AAF_EVENT_RATE = 0x4901,
    AAF_SLOT_RATE = 0x4b01,
    AAF_SLOT_ORIGIN = 0x4b02,
    AAF_PARAMETER = 0x4c01,
    AAF_CONSTANT = 0x4d01,
    AAF_INTERPOLATION = 0x4e01,
    AAF_POINTS = 0x4e02,
    AAF_TAG_NAME = 0x5001,
    AAF_TAG_VALUE = 0x5003,
    AAF_MARKED_SLOTS = 0x6102,
};

/* Opens a file in memory, which stays borrowed. `e` as everywhere; it is not NULL. */
int aaf_store_open(const void *data, size_t n, struct aaf_store **ret, struct err *e);
void aaf_store_free(struct aaf_store *s); /* after all its objects; NULL is fine */

/* The Header object. The caller frees. -EBADMSG: a compound file that is no AAF. */
int aaf_store_header(struct aaf_store *s, struct aaf_object **ret, struct err *e);

void aaf_object_free(struct aaf_object *o); /* NULL is fine */
DEFINE_AUTO(aaf_store, struct aaf_store *, aaf_store_free);
DEFINE_AUTO(aaf_object, struct aaf_object *, aaf_object_free);

enum aaf_class aaf_object_class(const struct aaf_object *o);

/* Values. NULL, false or den 0 where the property is not there or is none of that kind. */

const unsigned char *aaf_object_bytes(const struct aaf_object *o, enum aaf_property p, size_t *n);
bool aaf_object_integer(const struct aaf_object *o, enum aaf_property p, int64_t *ret);
struct edit_ratio aaf_object_ratio(const struct aaf_object *o, enum aaf_property p);
char *aaf_object_string(const struct aaf_object *o, enum aaf_property p); /* the caller frees */
/* 16 bytes: what a reference by AUID, or an AUID itself, names. Borrowed. */
const unsigned char *aaf_object_auid(const struct aaf_object *o, enum aaf_property p);
/* A value that says its own type: a number, or a string. Exactly one is set; false for neither. */
bool aaf_object_indirect(const struct aaf_object *o, enum aaf_property p, struct edit_ratio *number,
                         char **string);

/* The next vector behind the `*i`th property that is an application's own, as its numbers are from
 * 8000 up and mean something else in each file. False: no more. */
bool aaf_object_private(const struct aaf_object *o, size_t *i, enum aaf_property *ret);

/* The object that `o` owns by the property; `*ret` is NULL where there is none. */
int aaf_object_open(const struct aaf_object *o, enum aaf_property p, struct aaf_object **ret,
                    struct err *e);

/* The objects of a vector or a set, in their order. */
struct aaf_list {
    const struct aaf_object *owner;
    char *stem;
    uint32_t *keys;
    unsigned char *ids; /* of a set: `id_bytes` for each, what names it; NULL for a vector */
    size_t n, id_bytes;
};

/* Empty where the property is not there. `owner` stays borrowed. */
int aaf_list_read(const struct aaf_object *owner, enum aaf_property p, struct aaf_list *ret,
                  struct err *e);
void aaf_list_done(struct aaf_list *l);
/* -EBADMSG: the index names an object that is not there. */
int aaf_list_open(const struct aaf_list *l, size_t i, struct aaf_object **ret, struct err *e);

static inline void auto_aaf_list(struct aaf_list *l)
{
    aaf_list_done(l);
}

#endif
