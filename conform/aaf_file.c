/* conform/aaf_file.c - the mobs, slots and definitions of an AAF file. */
/* SPDX-License-Identifier: MIT */
#include "conform/aaf_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define SETS 4

/* Definitions of one set, each read when it is first asked for. */
struct definitions {
    enum aaf_property property;
    struct aaf_list list;
    struct aaf_definition *v;
};

struct aaf_file {
    struct aaf_store *store;
    struct aaf_object *header, *content, *dictionary;
    struct aaf_list list;
    struct aaf_mob **mobs; /* NULL: not read so far */
    uint32_t *by_id;       /* numbers of mobs, sorted by their ids */
    struct definitions sets[SETS];
    size_t text;
};

/* Opening */

static int compare_ids(const void *x, const void *y, void *arg)
{
    const struct aaf_file *f = arg;
    const uint32_t *a = x, *b = y;
    int r = memcmp(f->list.ids + (size_t)AAF_MOB_ID_BYTES * *a,
                   f->list.ids + (size_t)AAF_MOB_ID_BYTES * *b, AAF_MOB_ID_BYTES);
    return r ? r : (*a > *b) - (*a < *b);
}

static int open_dictionary(struct aaf_file *f, struct err *e)
{
    static const enum aaf_property sets[SETS] = {AAF_OPERATIONS, AAF_PARAMETERS,
                                                 AAF_DATA_DEFINITIONS, AAF_INTERPOLATIONS};
    int r = aaf_object_open(f->header, AAF_DICTIONARY, &f->dictionary, e);
    for (size_t i = 0; i < SETS; i++) {
        struct definitions *d = &f->sets[i];
        d->property = sets[i];
        if (r == 0 && f->dictionary)
            r = aaf_list_read(f->dictionary, sets[i], &d->list, e);
        if (d->list.id_bytes != AAF_AUID_BYTES)
            d->list.n = 0;
        d->v = xcalloc(d->list.n + 1, sizeof *d->v);
    }
    return r < 0 ? err_wrap(e, "the dictionary") : 0;
}

int aaf_file_open(const void *data, size_t n, struct aaf_file **ret, struct err *e)
{
    AUTO(aaf_file) struct aaf_file *f = xcalloc(1, sizeof *f);
    int r = aaf_store_open(data, n, &f->store, e);
    if (r == 0)
        r = aaf_store_header(f->store, &f->header, e);
    if (r == 0)
        r = aaf_object_open(f->header, AAF_CONTENT, &f->content, e);
    if (r == 0 && !f->content)
        r = err_set(e, -EBADMSG, "not an AAF file: its header has no content");
    if (r == 0)
        r = aaf_list_read(f->content, AAF_MOBS, &f->list, e);
    if (r == 0 && f->list.n > 0 && f->list.id_bytes != AAF_MOB_ID_BYTES)
        r = err_set(e, -EBADMSG, "its mobs have ids of %zu bytes", f->list.id_bytes);
    if (r == 0)
        r = open_dictionary(f, e);
    if (r < 0)
        return r;
    f->mobs = xcalloc(f->list.n + 1, sizeof *f->mobs);
    f->by_id = xcalloc(f->list.n + 1, sizeof *f->by_id);
    for (size_t i = 0; i < f->list.n; i++)
        f->by_id[i] = (uint32_t)i;
    qsort_r(f->by_id, f->list.n, sizeof *f->by_id, compare_ids, f);
    *ret = TAKE(f);
    return 0;
}

static void mob_free(struct aaf_mob *m)
{
    if (!m)
        return;
    for (size_t i = 0; i < m->n_slots; i++)
        aaf_object_free(m->slots[i].o);
    aaf_object_free(m->o);
    json_decref(m->comments);
    free(m->name);
    free(m->slots);
    free(m->timecodes);
    free(m);
}

DEFINE_AUTO(mob, struct aaf_mob *, mob_free);

void aaf_file_free(struct aaf_file *f)
{
    if (!f)
        return;
    for (size_t i = 0; f->mobs && i < f->list.n; i++)
        mob_free(f->mobs[i]);
    for (size_t i = 0; i < SETS; i++) {
        struct definitions *d = &f->sets[i];
        for (size_t k = 0; d->v && k < d->list.n; k++)
            free(d->v[k].name);
        free(d->v);
        aaf_list_done(&d->list);
    }
    free(f->mobs);
    free(f->by_id);
    aaf_list_done(&f->list);
    aaf_object_free(f->dictionary);
    aaf_object_free(f->content);
    aaf_object_free(f->header);
    aaf_store_free(f->store);
    free(f);
}

/* Reading a mob */

static struct edit_ratio whole(const struct aaf_object *o, enum aaf_property p)
{
    int64_t v = 0;
    aaf_object_integer(o, p, &v);
    return edit_format_ratio(v, 1);
}

static void add_timecode(struct aaf_mob *m, const struct aaf_slot *slot, const struct aaf_object *o,
                         struct edit_ratio at)
{
    if (m->n_timecodes == AAF_TIMECODES_MAX || !slot->rate.den)
        return;
    struct aaf_timecode t = {.rate = slot->rate,
                             .at = at,
                             .length = whole(o, AAF_COMPONENT_LENGTH),
                             .start = whole(o, AAF_TIMECODE_START),
                             .track = slot->track};
    aaf_object_integer(o, AAF_TIMECODE_FPS, &t.fps);
    if (edit_format_is_sane(t.start) && edit_format_is_sane(t.length))
        m->timecodes[m->n_timecodes++] = t;
}

/* Timecode is a slot's segment, or the components of its sequence. */
static int read_timecode(struct aaf_mob *m, const struct aaf_slot *slot, struct err *e)
{
    AUTO(aaf_object) struct aaf_object *segment = NULL;
    struct aaf_list parts __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = aaf_object_open(slot->o, AAF_SEGMENT, &segment, e);
    if (r < 0 || !segment)
        return r;
    struct edit_ratio at = {0, 1};
    if (aaf_object_class(segment) == AAF_TIMECODE)
        add_timecode(m, slot, segment, at);
    if (aaf_object_class(segment) != AAF_SEQUENCE)
        return 0;
    r = aaf_list_read(segment, AAF_COMPONENTS, &parts, e);
    for (size_t i = 0; r == 0 && i < parts.n && i < AAF_TIMECODES_MAX; i++) {
        AUTO(aaf_object) struct aaf_object *part = NULL;
        r = aaf_list_open(&parts, i, &part, e);
        if (r < 0)
            break;
        if (aaf_object_class(part) == AAF_TIMECODE)
            add_timecode(m, slot, part, at);
        else if (i == 0) /* the sequence of a track, which may be long */
            break;
        at = edit_format_add(at, whole(part, AAF_COMPONENT_LENGTH));
    }
    return r;
}

static int read_slots(struct aaf_mob *m, struct err *e)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = aaf_list_read(m->o, AAF_MOB_SLOTS, &list, e);
    if (r == 0 && list.n > AAF_SLOTS_MAX)
        r = err_set(e, -EFBIG, "more than %d slots", AAF_SLOTS_MAX);
    if (r < 0)
        return r;
    m->slots = xcalloc(list.n + 1, sizeof *m->slots);
    m->timecodes = xcalloc(AAF_TIMECODES_MAX, sizeof *m->timecodes);
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        struct aaf_slot *s = &m->slots[m->n_slots];
        r = aaf_list_open(&list, i, &s->o, e);
        if (r < 0)
            return r;
        m->n_slots++;
        aaf_object_integer(s->o, AAF_SLOT_ID, &s->id);
        aaf_object_integer(s->o, AAF_TRACK_NUMBER, &s->track);
        s->events = aaf_object_class(s->o) == AAF_EVENT_MOB_SLOT;
        s->rate = aaf_object_ratio(s->o, s->events ? AAF_EVENT_RATE : AAF_SLOT_RATE);
        if (s->rate.num <= 0)
            s->rate = (struct edit_ratio){0, 0};
        s->origin = whole(s->o, AAF_SLOT_ORIGIN);
        if (!s->events)
            r = read_timecode(m, s, e);
        if (r < 0)
            return err_wrap(e, "slot %lld", (long long)s->id);
    }
    return 0;
}

static void add_comment(json_t *comments, const struct aaf_object *tag)
{
    struct edit_ratio number;
    AUTO(free) char *name = aaf_object_string(tag, AAF_TAG_NAME);
    AUTO(free) char *value = NULL;
    if (!name || !*name || strlen(name) > AAF_COMMENT_BYTES ||
        !aaf_object_indirect(tag, AAF_TAG_VALUE, &number, &value))
        return;
    if (value && strlen(value) <= AAF_COMMENT_BYTES)
        edit_format_put(comments, name, edit_format_string(value));
    else if (number.den == 1)
        edit_format_put(comments, name, json_integer(number.num));
}

static int read_comments(struct aaf_mob *m, struct err *e)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = aaf_list_read(m->o, AAF_MOB_COMMENTS, &list, e);
    if (list.n > 0)
        m->comments = json_object();
    for (size_t i = 0; r == 0 && i < list.n && i < AAF_COMMENTS_MAX; i++) {
        AUTO(aaf_object) struct aaf_object *tag = NULL;
        r = aaf_list_open(&list, i, &tag, e);
        if (r == 0)
            add_comment(m->comments, tag);
    }
    return r;
}

size_t aaf_file_count(const struct aaf_file *f)
{
    return f->list.n;
}

int aaf_file_mob(struct aaf_file *f, size_t i, const struct aaf_mob **ret, struct err *e)
{
    if (!f->mobs[i]) {
        AUTO(mob) struct aaf_mob *m = xcalloc(1, sizeof *m);
        memcpy(m->id, f->list.ids + AAF_MOB_ID_BYTES * i, AAF_MOB_ID_BYTES);
        int r = aaf_list_open(&f->list, i, &m->o, e);
        if (r < 0)
            return r;
        m->class = aaf_object_class(m->o);
        m->name = aaf_object_string(m->o, AAF_MOB_NAME);
        m->name = m->name ? m->name : xstrdup("");
        r = read_slots(m, e);
        if (r == 0)
            r = read_comments(m, e);
        if (r < 0)
            return err_wrap(e, "mob '%.80s'", m->name);
        f->mobs[i] = TAKE(m);
    }
    *ret = f->mobs[i];
    return 0;
}

int aaf_file_find(struct aaf_file *f, const unsigned char *id, const struct aaf_mob **ret,
                  struct err *e)
{
    size_t low = 0, high = f->list.n;
    *ret = NULL;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(f->list.ids + (size_t)AAF_MOB_ID_BYTES * f->by_id[middle], id,
                   AAF_MOB_ID_BYTES) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == f->list.n ||
        memcmp(f->list.ids + (size_t)AAF_MOB_ID_BYTES * f->by_id[low], id, AAF_MOB_ID_BYTES) != 0)
        return 0;
    return aaf_file_mob(f, f->by_id[low], ret, e);
}

const struct aaf_slot *aaf_file_slot(const struct aaf_mob *mob, int64_t id)
{
    for (size_t i = 0; i < mob->n_slots; i++)
        if (mob->slots[i].id == id)
            return &mob->slots[i];
    return NULL;
}

/* Ids are stored as a label, a length, an instance and a GUID. Old ones have the halves of the GUID
 * the other way round, and are written as what they are. */
char *aaf_file_umid(const unsigned char *id)
{
    static const unsigned char swapped[] = {0x06, 0x0e, 0x2b, 0x34, 0x7f, 0x7f};
    static const unsigned char guid[] = {19, 18, 17, 16, 21, 20, 23, 22};
    bool is_old = id[11] == 0 && memcmp(id + 24, swapped, sizeof swapped) == 0;
    struct buf b = {0};
    buf_adds(&b, "urn:smpte:umid:");
    for (size_t i = 0; i < AAF_MOB_ID_BYTES; i++) {
        size_t at = i < 16 ? i : is_old ? (i < 24 ? i + 8 : i - 8) : i;
        at = at >= 16 && at < 24 ? guid[at - 16] : at;
        buf_addf(&b, i > 0 && i % 4 == 0 ? ".%02x" : "%02x", id[at]);
    }
    return buf_take(&b);
}

/* Definitions */

int aaf_file_definition(struct aaf_file *f, enum aaf_property set, const unsigned char *id,
                        const struct aaf_definition **ret, struct err *e)
{
    struct definitions *d = f->sets;
    *ret = NULL;
    while (d->property != set)
        d++;
    for (size_t i = 0; id && i < d->list.n; i++) {
        if (memcmp(d->list.ids + AAF_AUID_BYTES * i, id, AAF_AUID_BYTES) != 0)
            continue;
        if (!d->v[i].name) {
            AUTO(aaf_object) struct aaf_object *o = NULL;
            int64_t warps = 0;
            if (aaf_list_open(&d->list, i, &o, e) < 0)
                return err_wrap(e, "the dictionary");
            d->v[i].name = aaf_object_string(o, AAF_DEFINITION_NAME);
            d->v[i].name = d->v[i].name ? d->v[i].name : xstrdup("");
            aaf_object_integer(o, AAF_IS_TIME_WARP, &warps);
            d->v[i].time_warp = warps != 0;
        }
        *ret = &d->v[i];
        return 0;
    }
    return 0;
}

int aaf_file_kind(struct aaf_file *f, const struct aaf_object *segment, enum aaf_kind *ret,
                  struct err *e)
{
    static const unsigned char picture[] = {0x02, 0x02, 0x03, 0x01, 0x00, 0x01},
                               sound[] = {0x02, 0x02, 0x03, 0x01, 0x00, 0x02};
    const struct aaf_definition *d = NULL;
    const unsigned char *id = aaf_object_auid(segment, AAF_COMPONENT_DATA);
    int r = aaf_file_definition(f, AAF_DATA_DEFINITIONS, id, &d, e);
    if (r < 0)
        return r;
    *ret = AAF_KIND_OTHER;
    if ((d && strstr(d->name, "Picture")) || (id && memcmp(id, picture, sizeof picture) == 0))
        *ret = AAF_KIND_PICTURE;
    else if ((d && strstr(d->name, "Sound")) || (id && memcmp(id, sound, sizeof sound) == 0))
        *ret = AAF_KIND_SOUND;
    return 0;
}

int aaf_file_count_text(struct aaf_file *f, size_t n, struct err *e)
{
    f->text += n;
    if (f->text <= AAF_TEXT_MAX)
        return 0;
    return err_set(e, -EFBIG, "more than %u MiB of names and comments in its clips",
                   AAF_TEXT_MAX >> 20);
}
