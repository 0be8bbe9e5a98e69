/* policy/media.c - what is known of an object's media: reel, timecode, rate, UMID. */
/* SPDX-License-Identifier: MIT */
#include "policy/media.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

#define FRAMES_MAX (INT64_C(1) << 40)
#define RATE_MAX 1000000000
#define FROM_MAX 4200 /* "metadata", "exr" and "ale:KEY" of some logs */
#define TIMECODE_MAX 16

static int text_of(const json_t *facts, const char *member, size_t max, const char **ret,
                   struct err *e)
{
    const json_t *v = json_object_get(facts, member);
    *ret = json_string_value(v);
    if (v && (!*ret || !**ret || strlen(*ret) > max))
        return err_set(e, -EBADMSG, "\"%s\" is not a string of 1 to %zu bytes", member, max);
    return 0;
}

static int number_of(const json_t *facts, const char *member, int64_t min, int64_t absent,
                     int64_t *ret, struct err *e)
{
    const json_t *v = json_object_get(facts, member);
    *ret = v ? json_integer_value(v) : absent;
    if (v && (!json_is_integer(v) || *ret < min || *ret > FRAMES_MAX))
        return err_set(e, -EBADMSG, "\"%s\" is not a number of frames", member);
    return 0;
}

static int rate_of(const json_t *facts, struct media *ret, struct err *e)
{
    const json_t *v = json_object_get(facts, "rate");
    ret->rate_num = json_integer_value(json_array_get(v, 0));
    ret->rate_den = json_integer_value(json_array_get(v, 1));
    if (v && (json_array_size(v) != 2 || ret->rate_num < 1 || ret->rate_num > RATE_MAX ||
              ret->rate_den < 1 || ret->rate_den > RATE_MAX))
        return err_set(e, -EBADMSG, "\"rate\" is not [frames, seconds]");
    return 0;
}

int media_parse(json_t *facts, struct media *ret, struct err *e)
{
    struct media m = {0};
    int r;
    *ret = (struct media){.start = -1};
    if (!json_is_object(facts))
        return err_set(e, -EBADMSG, "facts are not a JSON object");
    if ((r = text_of(facts, "from", FROM_MAX, &m.from, e)) < 0 ||
        (r = text_of(facts, "reel", MEDIA_REEL_MAX, &m.reel, e)) < 0 ||
        (r = text_of(facts, "umid", MEDIA_UMID_MAX, &m.umid, e)) < 0 ||
        (r = text_of(facts, "timecode", TIMECODE_MAX, &m.timecode, e)) < 0 ||
        (r = number_of(facts, "start", 0, -1, &m.start, e)) < 0 ||
        (r = number_of(facts, "frames", 1, 0, &m.frames, e)) < 0 ||
        (r = rate_of(facts, &m, e)) < 0)
        return r;
    if (!m.from)
        return err_set(e, -EBADMSG, "\"from\" is missing");
    if (m.umid && m.umid[strspn(m.umid, "0123456789abcdef")] != '\0')
        return err_set(e, -EBADMSG, "\"umid\" is not lower-case hex digits");
    m.drop = json_is_true(json_object_get(facts, "drop"));
    m.json = json_incref(facts);
    *ret = m;
    return 0;
}

json_t *media_json(const struct media *m, struct err *e)
{
    json_auto_t *facts = json_pack("{ss ss* ss* ss*}", "from", m->from, "reel", m->reel,
                                   "umid", m->umid, "timecode", m->timecode);
    if (facts && m->start >= 0)
        json_object_set_new(facts, "start", json_integer(m->start));
    if (facts && m->start >= 0 && m->drop)
        json_object_set_new(facts, "drop", json_true());
    if (facts && m->frames > 0)
        json_object_set_new(facts, "frames", json_integer(m->frames));
    if (facts && m->rate_num > 0)
        json_object_set_new(facts, "rate", json_pack("[II]", (json_int_t)m->rate_num,
                                                     (json_int_t)m->rate_den));
    AUTO(media) struct media check = {0};
    if (!facts) {
        err_set(e, -EBADMSG, "a reel name is not UTF-8");
        return NULL;
    }
    return media_parse(facts, &check, e) < 0 ? NULL : json_incref(facts);
}

bool media_is_known(const struct media *m)
{
    return m->reel || m->umid || m->timecode || m->start >= 0 || m->frames > 0;
}

void media_done(struct media *m)
{
    json_decref(m->json);
    *m = (struct media){.start = -1};
}
