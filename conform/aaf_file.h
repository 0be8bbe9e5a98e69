/* conform/aaf_file.h - the mobs, slots and definitions of an AAF file. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_AAF_FILE_H
#define CONFORM_AAF_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "conform/aaf_store.h"
#include "conform/edit_format.h"

struct err;
struct aaf_file;

#define AAF_SLOTS_MAX 2000     /* of one mob */
#define AAF_TIMECODES_MAX 16   /* of one mob */
#define AAF_COMMENTS_MAX 64    /* of one mob; those behind them are left out */
#define AAF_COMMENT_BYTES 1000 /* what is longer is left out */
#define AAF_TEXT_MAX                                                                               \
    (128u << 20) /* bytes of names, comments and addresses, as often as written                    \
                  */

/* A slot of a mob. Its segment is opened by aaf_object_open(o, AAF_SEGMENT, …). */
struct aaf_slot {
    struct aaf_object *o;
    int64_t id, track;
    struct edit_ratio rate;   /* edit units a second; den 0: it states none */
    struct edit_ratio origin; /* the edit unit that counts as 0 */
    bool events;              /* markers */
};

/* Timecode that runs from an edit unit of its slot on. */
struct aaf_timecode {
    struct edit_ratio rate, at, length, start;
    int64_t track, fps;
};

struct aaf_mob {
    struct aaf_object *o;
    unsigned char id[AAF_MOB_ID_BYTES];
    enum aaf_class class;
    char *name; /* never NULL */
    struct aaf_slot *slots;
    size_t n_slots;
    struct aaf_timecode *timecodes;
    size_t n_timecodes;
    json_t *comments; /* name to value; NULL where there are none */
};

struct aaf_definition {
    char *name; /* never NULL */
    bool time_warp;
};

enum aaf_kind { AAF_KIND_OTHER, AAF_KIND_PICTURE, AAF_KIND_SOUND };

/* Opens a file in memory, which stays borrowed. Errors are those of aaf_store.h; those of a mob
 * name it. */
int aaf_file_open(const void *data, size_t n, struct aaf_file **ret, struct err *e);
void aaf_file_free(struct aaf_file *f); /* NULL is fine */
DEFINE_AUTO(aaf_file, struct aaf_file *, aaf_file_free);

/* Mobs are read when they are first asked for, and borrowed until the file is freed. */
size_t aaf_file_count(const struct aaf_file *f);
int aaf_file_mob(struct aaf_file *f, size_t i, const struct aaf_mob **ret, struct err *e);
/* `*ret` is NULL where the file has no such mob. */
int aaf_file_find(struct aaf_file *f, const unsigned char *id, const struct aaf_mob **ret,
                  struct err *e);
const struct aaf_slot *aaf_file_slot(const struct aaf_mob *mob, int64_t id); /* NULL: none */
/* "urn:smpte:umid:…" The caller frees. */
char *aaf_file_umid(const unsigned char *id);

/* A definition by its AUID (NULL is fine); `set` is AAF_OPERATIONS and the like. `*ret` is NULL
 * where there is none. */
int aaf_file_definition(struct aaf_file *f, enum aaf_property set, const unsigned char *id,
                        const struct aaf_definition **ret, struct err *e);
/* What a segment is of. */
int aaf_file_kind(struct aaf_file *f, const struct aaf_object *segment, enum aaf_kind *ret,
                  struct err *e);

/* Counts `n` bytes of text that go into the tree once more. */
int aaf_file_count_text(struct aaf_file *f, size_t n, struct err *e);

#endif
