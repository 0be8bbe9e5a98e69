/* conform/aaf_media.c - what a source clip of an AAF file plays: along its mobs to file and tape.
 */
/* SPDX-License-Identifier: MIT */
#include "conform/aaf_media.h"

#include <errno.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define CHOICES_MAX 4  /* alternatives of one piece of media that are followed */
#define FRAMES_MAX 240 /* frames a second; above it are samples */

/* A place in a slot of a mob: edit unit `at` of `rate` a second. */
struct place {
    unsigned char mob[AAF_MOB_ID_BYTES];
    int64_t slot;
    struct edit_ratio at, rate;
};

/* The same moment along the chain, where it was found. */
struct moment {
    struct edit_ratio at, rate, length;
};

struct chain {
    struct aaf_file *f;
    struct aaf_media *m;
    struct moment in_master, in_file, in_tape; /* rate.den 0: not there; in_tape: timecode */
    bool choice;                               /* an alternative: only its files count */
    unsigned choices;
    struct err *e;
};

static const struct edit_ratio zero = {0, 1};

struct edit_ratio aaf_media_convert(struct edit_ratio frames, struct edit_ratio from,
                                    struct edit_ratio to)
{
    if (edit_format_timebase(from) == edit_format_timebase(to))
        return frames;
    return edit_format_div(edit_format_mul(frames, to), from);
}

static struct edit_ratio number(const struct aaf_object *o, enum aaf_property p)
{
    int64_t v = 0;
    aaf_object_integer(o, p, &v);
    return edit_format_ratio(v, 1);
}

/* Files */

static void add_link(struct chain *c, enum aaf_link_kind kind, const struct aaf_mob *mob,
                     const char *url)
{
    struct aaf_media *m = c->m;
    for (size_t i = 0; i < m->n_links; i++)
        if (strcmp(m->links[i].url, url) == 0)
            return;
    if (*url && m->n_links < AAF_LINKS_MAX)
        m->links[m->n_links++] = (struct aaf_link){kind, xstrdup(url), mob};
}

static int add_locators(struct chain *c, enum aaf_link_kind kind, const struct aaf_mob *mob,
                        const struct aaf_object *descriptor)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = aaf_list_read(descriptor, AAF_LOCATORS, &list, c->e);
    for (size_t i = 0; r == 0 && i < list.n && i < AAF_LINKS_MAX; i++) {
        AUTO(aaf_object) struct aaf_object *locator = NULL;
        r = aaf_list_open(&list, i, &locator, c->e);
        if (r < 0)
            break;
        AUTO(free) char *url = aaf_object_string(locator, AAF_URL);
        AUTO(free) char *hint = url ? NULL : aaf_object_string(locator, AAF_LOCATOR_TEXT);
        if (url || hint)
            add_link(c, kind, mob, url ? url : hint);
    }
    return r;
}

/* Of a file of several parts, each may say where it is. */
static int add_files(struct chain *c, enum aaf_link_kind kind, const struct aaf_mob *mob,
                     const struct aaf_object *descriptor)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = add_locators(c, kind, mob, descriptor);
    if (r == 0)
        r = aaf_list_read(descriptor, AAF_DESCRIPTORS, &list, c->e);
    for (size_t i = 0; r == 0 && i < list.n && i < AAF_LINKS_MAX; i++) {
        AUTO(aaf_object) struct aaf_object *part = NULL;
        r = aaf_list_open(&list, i, &part, c->e);
        if (r == 0)
            r = add_locators(c, kind, mob, part);
    }
    return r;
}

/* Mobs */

/* Timecode at `at`: that which counts frames as the slot does and runs there, else the first. */
static void take_timecode(struct chain *c, const struct aaf_mob *mob, struct edit_ratio at,
                          struct edit_ratio rate)
{
    int best_score = -1;
    for (size_t i = 0; i < mob->n_timecodes; i++) {
        const struct aaf_timecode *t = &mob->timecodes[i];
        struct edit_ratio past = edit_format_sub(aaf_media_convert(at, rate, t->rate), t->at);
        bool runs = past.den && past.num >= 0 && edit_format_cmp(past, t->length) < 0;
        int score = 2 * (t->fps == edit_format_timebase(rate)) + runs;
        if (score > best_score && past.den) {
            best_score = score;
            c->in_tape = (struct moment){edit_format_add(t->start, past), t->rate, zero};
        }
    }
}

static int read_source(struct chain *c, const struct aaf_mob *mob, const struct aaf_slot *slot,
                       struct edit_ratio at, struct edit_ratio length)
{
    AUTO(aaf_object) struct aaf_object *description = NULL;
    int r = aaf_object_open(mob->o, AAF_DESCRIPTION, &description, c->e);
    if (r < 0)
        return r;
    enum aaf_class class = description ? aaf_object_class(description) : AAF_OTHER;
    bool import = class == AAF_IMPORT_DESCRIPTOR;
    if (class == AAF_TAPE_DESCRIPTOR || class == AAF_FILM_DESCRIPTOR) {
        if (!c->choice)
            c->m->tape = mob;
    } else if (description) {
        r = add_files(c,
                      import      ? AAF_LINK_IMPORT
                      : c->choice ? AAF_LINK_CHOICE
                                  : AAF_LINK_FILE,
                      mob, description);
        struct edit_ratio own = number(description, AAF_FILE_LENGTH),
                          own_rate = aaf_object_ratio(description, AAF_FILE_RATE);
        if (own.num > 0 && own_rate.num > 0)
            length = aaf_media_convert(own, own_rate, slot->rate);
        if (!import && !c->choice && !c->m->file) {
            c->m->file = mob;
            c->in_file = (struct moment){at, slot->rate, length};
        }
    }
    if (!c->choice)
        take_timecode(c, mob, at, slot->rate);
    return r;
}

static int read_mob(struct chain *c, const struct aaf_mob *mob, const struct aaf_slot *slot,
                    struct edit_ratio at, struct edit_ratio length)
{
    if (mob->class == AAF_SOURCE_MOB)
        return read_source(c, mob, slot, at, length);
    const json_t *path = json_object_get(mob->comments, "UNC Path");
    if (json_is_string(path))
        add_link(c, AAF_LINK_COMMENT, mob, json_string_value(path));
    bool master = mob->class == AAF_MASTER_MOB;
    if (mob->comments && (!c->m->comments || (master && !c->m->master)))
        c->m->comments = mob->comments;
    if (!c->m->master && master) {
        c->m->master = mob;
        c->in_master = (struct moment){at, slot->rate, length};
    }
    return 0;
}

/* Segments */

static int follow(struct chain *c, struct place p, unsigned hops);

/* The component of a sequence at `*at`, which becomes its own edit unit. */
static int component_at(const struct aaf_object *sequence, struct edit_ratio *at,
                        struct aaf_object **ret, struct err *e)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = aaf_list_read(sequence, AAF_COMPONENTS, &list, e);
    *ret = NULL;
    for (size_t i = 0; r == 0 && i < list.n; i++) {
        AUTO(aaf_object) struct aaf_object *part = NULL;
        r = aaf_list_open(&list, i, &part, e);
        if (r < 0)
            break;
        struct edit_ratio n = number(part, AAF_COMPONENT_LENGTH);
        if (aaf_object_class(part) == AAF_TRANSITION) {
            *at = edit_format_add(*at, n); /* it lies over both of its neighbours */
        } else if (edit_format_cmp(*at, n) < 0 || i + 1 == list.n) {
            *ret = TAKE(part);
            break;
        } else {
            *at = edit_format_sub(*at, n);
        }
    }
    return r;
}

/* All choices of an essence group are the same media; the first is taken as what plays. */
static int choose(struct chain *c, const struct aaf_object *group, struct place p, unsigned hops,
                  struct aaf_object **ret)
{
    struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
    int r = aaf_list_read(group, AAF_CHOICES, &list, c->e);
    for (size_t i = 1; r == 0 && i < list.n && c->choices < CHOICES_MAX; i++) {
        AUTO(aaf_object) struct aaf_object *other = NULL;
        size_t n;
        r = aaf_list_open(&list, i, &other, c->e);
        const unsigned char *id = r == 0 ? aaf_object_bytes(other, AAF_SOURCE_ID, &n) : NULL;
        if (!id || n != AAF_MOB_ID_BYTES)
            continue;
        struct place q = {.at = edit_format_add(p.at, number(other, AAF_SOURCE_START)),
                          .rate = p.rate};
        memcpy(q.mob, id, AAF_MOB_ID_BYTES);
        aaf_object_integer(other, AAF_SOURCE_SLOT, &q.slot);
        bool before = c->choice;
        c->choice = true;
        c->choices++;
        r = follow(c, q, hops + 1);
        c->choice = before;
    }
    if (r == 0 && list.n > 0)
        r = aaf_list_open(&list, 0, ret, c->e);
    return r;
}

/* From a segment to the source clip in it that plays at p->at. `*ret` is NULL where none does. */
static int find_clip(struct chain *c, struct aaf_object *segment, struct place *p, unsigned hops,
                     struct aaf_object **ret)
{
    AUTO(aaf_object) struct aaf_object *now = segment;
    *ret = NULL;
    for (unsigned depth = 0; now && depth < AAF_CHAIN_MAX; depth++) {
        struct aaf_object *next = NULL;
        struct aaf_list list __attribute__((cleanup(auto_aaf_list))) = {0};
        enum aaf_class class = aaf_object_class(now);
        int r = 0;
        if (class == AAF_SOURCE_CLIP) {
            *ret = TAKE(now);
            return 0;
        }
        if (class == AAF_SEQUENCE)
            r = component_at(now, &p->at, &next, c->e);
        else if (class == AAF_PULLDOWN)
            r = aaf_object_open(now, AAF_PULLDOWN_INPUT, &next, c->e);
        else if (class == AAF_SELECTOR)
            r = aaf_object_open(now, AAF_SELECTED, &next, c->e);
        else if (class == AAF_ESSENCE_GROUP)
            r = choose(c, now, *p, hops, &next);
        else if (class == AAF_OPERATION_GROUP || class == AAF_NESTED_SCOPE)
            r = aaf_list_read(now,
                              class == AAF_NESTED_SCOPE ? AAF_SCOPE_SLOTS : AAF_OPERATION_INPUTS,
                              &list, c->e);
        if (r == 0 && list.n > 0) /* what a scope shows is its last slot */
            r = aaf_list_open(&list, class == AAF_NESTED_SCOPE ? list.n - 1 : 0, &next, c->e);
        if (r < 0)
            return r;
        aaf_object_free(now);
        now = next;
    }
    return now ? err_set(c->e, -EFBIG, "segments in segments, more than %d deep", AAF_CHAIN_MAX)
               : 0;
}

/* One mob; `*more` says whether `p` is now in another one. */
static int step(struct chain *c, const struct aaf_mob *mob, struct place *p, unsigned hops,
                bool *more)
{
    const struct aaf_slot *slot = aaf_file_slot(mob, p->slot);
    AUTO(aaf_object) struct aaf_object *clip = NULL;
    struct aaf_object *segment = NULL;
    *more = false;
    if (!slot || !slot->rate.den)
        return 0;
    struct edit_ratio at = aaf_media_convert(p->at, p->rate, slot->rate);
    p->at = edit_format_add(at, slot->origin);
    p->rate = slot->rate;
    if (!edit_format_is_sane(p->at))
        return err_set(c->e, -EBADMSG, "slot %lld: a time out of range", (long long)slot->id);
    int r = aaf_object_open(slot->o, AAF_SEGMENT, &segment, c->e);
    if (r == 0)
        r = read_mob(c, mob, slot, p->at,
                     segment ? number(segment, AAF_COMPONENT_LENGTH) : (struct edit_ratio){0, 0});
    if (r == 0)
        r = find_clip(c, segment, p, hops, &clip);
    else
        aaf_object_free(segment);
    size_t n;
    const unsigned char *id = clip ? aaf_object_bytes(clip, AAF_SOURCE_ID, &n) : NULL;
    if (r < 0 || !id || n != AAF_MOB_ID_BYTES)
        return r;
    memcpy(p->mob, id, AAF_MOB_ID_BYTES);
    p->slot = 0;
    aaf_object_integer(clip, AAF_SOURCE_SLOT, &p->slot);
    p->at = edit_format_add(p->at, number(clip, AAF_SOURCE_START));
    *more = true;
    return 0;
}

/* A mob id of zeros ends the chain; so does a mob that is in another file. */
static int follow(struct chain *c, struct place p, unsigned hops)
{
    for (bool more = true; more; hops++) {
        const struct aaf_mob *mob = NULL;
        int r = aaf_file_find(c->f, p.mob, &mob, c->e);
        if (r < 0 || !mob)
            return r;
        if (hops >= AAF_CHAIN_MAX)
            return err_set(c->e, -EBADMSG,
                           "mob '%.80s': sources of sources, more than %d deep or in a circle",
                           mob->name, AAF_CHAIN_MAX);
        if (!c->m->clip && !c->choice)
            c->m->clip = mob;
        r = step(c, mob, &p, hops, &more);
        if (r < 0)
            return err_wrap(c->e, "mob '%.80s'", mob->name);
    }
    return 0;
}

/* Few, and most often in order: those of one kind stay as they were found. */
static void sort_links(struct aaf_media *m)
{
    for (size_t i = 1; i < m->n_links; i++)
        for (size_t k = i; k > 0 && m->links[k - 1].kind > m->links[k].kind; k--) {
            struct aaf_link swap = m->links[k];
            m->links[k] = m->links[k - 1];
            m->links[k - 1] = swap;
        }
}

/* The moments that were found, in one rate. */
static int settle(struct chain *c, const struct place *p, bool audio)
{
    struct aaf_media *m = c->m;
    const struct moment start = {p->at, p->rate, {0, 0}};
    const struct moment *media = c->in_file.rate.den     ? &c->in_file
                                 : c->in_master.rate.den ? &c->in_master
                                                         : &start;
    m->rate = media->rate;
    if (audio && edit_format_timebase(m->rate) > FRAMES_MAX)
        m->rate = edit_format_timebase(p->rate) <= FRAMES_MAX ? p->rate
                  : c->in_tape.rate.den                       ? c->in_tape.rate
                                                              : m->rate;
    struct edit_ratio in_media = aaf_media_convert(media->at, media->rate, m->rate);
    m->at =
        c->in_tape.rate.den ? aaf_media_convert(c->in_tape.at, c->in_tape.rate, m->rate) : in_media;
    m->start = edit_format_sub(m->at, in_media);
    m->length = media->length.num > 0 ? aaf_media_convert(media->length, media->rate, m->rate)
                                      : (struct edit_ratio){0, 0};
    if (edit_format_is_sane(m->at) && edit_format_is_sane(m->start))
        return 0;
    return err_set(c->e, -EBADMSG, "mob '%.80s': a time out of range",
                   m->clip ? m->clip->name : "");
}

int aaf_media_find(struct aaf_file *f, const struct aaf_object *clip, struct edit_ratio skip,
                   struct edit_ratio rate, bool audio, struct aaf_media *ret, struct err *e)
{
    *ret = (struct aaf_media){0};
    struct chain c = {.f = f, .m = ret, .e = e};
    struct place p = {.rate = rate};
    size_t n;
    const unsigned char *id = aaf_object_bytes(clip, AAF_SOURCE_ID, &n);
    if (id && n == AAF_MOB_ID_BYTES)
        memcpy(p.mob, id, AAF_MOB_ID_BYTES);
    aaf_object_integer(clip, AAF_SOURCE_SLOT, &p.slot);
    p.at = edit_format_add(number(clip, AAF_SOURCE_START), skip);
    int r = follow(&c, p, 0);
    if (r == 0)
        r = settle(&c, &p, audio);
    sort_links(ret);
    return r;
}

void aaf_media_done(struct aaf_media *m)
{
    for (size_t i = 0; i < m->n_links; i++)
        free(m->links[i].url);
    m->n_links = 0;
}

/* References */

static json_t *number_json(struct edit_ratio r)
{
    return r.den == 1 ? json_integer(r.num) : json_real((double)r.num / (double)r.den);
}

/* Comments are told once, with what the edit plays. */
static json_t *make_metadata(const struct aaf_media *m, const struct aaf_mob *about, bool first)
{
    const struct aaf_mob *named = m->master ? m->master : m->clip;
    json_t *ours = json_object(), *source = json_object();
    AUTO(free) char *id = named ? aaf_file_umid(named->id) : NULL;
    AUTO(free) char *umid = about ? aaf_file_umid(about->id) : NULL;
    edit_format_put_string(ours, "Name", named ? named->name : NULL);
    edit_format_put_string(ours, "MobID", id);
    edit_format_put_string(ours, "TapeName", m->tape ? m->tape->name : NULL);
    if (m->comments && first)
        edit_format_put(ours, "UserComments", json_deep_copy(m->comments));
    edit_format_put_string(source, "reel", m->tape ? m->tape->name : NULL);
    edit_format_put_string(source, "umid", umid ? umid : id);
    edit_format_put(source, "start", number_json(m->at));
    edit_format_put(source, "rate", number_json(m->rate));
    json_t *metadata = edit_format_metadata("AAF", ours);
    edit_format_put(metadata, "shotlake_source", source);
    return metadata;
}

static json_t *make_reference(const struct aaf_media *m, const char *name,
                              const struct aaf_link *link)
{
    json_t *available = NULL;
    const struct aaf_mob *about = m->file ? m->file : m->master ? m->master : m->clip;
    if (link && (link->kind == AAF_LINK_FILE || link->kind == AAF_LINK_CHOICE))
        about = link->mob;
    if (m->length.num > 0 && edit_format_is_sane(m->length))
        available = edit_format_range(m->start, m->rate, m->length, m->rate);
    return edit_format_reference(name, link ? link->url : NULL, available,
                                 make_metadata(m, about, link == m->links || !link));
}

/* A key that says what the file is: the id of the mob whose essence it holds. */
static char *make_key(const struct aaf_link *link, const json_t *taken)
{
    AUTO(free) char *id = aaf_file_umid(link->mob->id);
    char *key = xstrdup(link->kind == AAF_LINK_IMPORT ? "import" : id);
    for (unsigned i = 2; json_object_get(taken, key); i++) {
        free(key);
        key = xasprintf("%s#%u", link->kind == AAF_LINK_IMPORT ? "import" : id, i);
    }
    return key;
}

int aaf_media_references(struct aaf_file *f, const struct aaf_media *m, const char *name,
                         json_t **ret, json_t **others, struct err *e)
{
    char *comments = m->comments ? json_dumps(m->comments, JSON_COMPACT) : NULL;
    size_t names = 3 * strlen(name) + (m->tape ? 2 * strlen(m->tape->name) : 0);
    size_t bytes = (m->n_links + 1) * (names + 500) + (comments ? strlen(comments) : 0);
    free(comments);
    for (size_t i = 0; i < m->n_links; i++)
        bytes += strlen(m->links[i].url);
    if (aaf_file_count_text(f, bytes, e) < 0)
        return e->code;
    *ret = make_reference(m, name, m->n_links > 0 ? &m->links[0] : NULL);
    *others = m->n_links > 1 ? json_object() : NULL;
    for (size_t i = 1; i < m->n_links; i++) {
        AUTO(free) char *key = make_key(&m->links[i], *others);
        edit_format_put(*others, key, make_reference(m, name, &m->links[i]));
    }
    return 0;
}
