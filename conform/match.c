/* conform/match.c - from a media reference to objects of the lake, each with the rule it met. */
/* SPDX-License-Identifier: MIT */
#include "conform/match.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/match_impl.h"

int match_new(struct index_read *rd, struct store *store, const struct match_options *opt,
              struct match **ret, struct err *e)
{
    AUTO(match) struct match *m = xcalloc(1, sizeof *m);
    m->rd = rd;
    m->opt = opt ? *opt : (struct match_options){0};
    m->listing = listing_new(rd);
    m->places = places_new(rd);
    m->sources = sources_new(rd, m->listing, m->places);
    int r = media_url_of_lake(store, &m->lake, e);
    if (r < 0)
        return r;
    *ret = TAKE(m);
    return 0;
}

void match_free(struct match *m)
{
    if (!m)
        return;
    media_url_done(&m->lake);
    listing_free(m->listing);
    places_free(m->places);
    sources_free(m->sources);
    free(m);
}

void match_set_missing(struct conform_item *it, const char *reason)
{
    it->status = CONFORM_MISSING;
    free(it->reason);
    it->reason = xstrdup(reason);
}

/* One stage of the name rules: objects before frames, because a bracket may be a literal one; the
 * likelier reading before the other. */
static int by_name(struct query *q, const struct match_rule *objects,
                   const struct match_rule *frames, struct err *e)
{
    int r = match_find_names(q, objects->stage == MATCH_PATH ? 2 : 1, e);
    for (size_t i = 0; r == 0 && i < q->n_readings; i++)
        r = match_pick(q, &q->objects[i], objects, e);
    for (size_t i = 0; r == 0 && i < q->n_readings; i++)
        r = match_pick(q, &q->frames[i], frames, e);
    return r;
}

static int by_path(struct query *q, struct err *e)
{
    static const struct match_rule objects =
        {.name = "path",
         .stage = MATCH_PATH,
         .what = "objects of the lake share as much of this path",
         .note = "its path differs in case or Unicode spelling"},
        frames = {.name = "path",
                  .stage = MATCH_PATH,
                  .what = "folders of the lake share as much of this path",
                  .note = "its path differs in case or Unicode spelling"};
    return by_name(q, &objects, &frames, e);
}

static int by_exact_name(struct query *q, struct err *e)
{
    static const struct match_rule objects = {.name = "name",
                                              .stage = MATCH_NAME,
                                              .what = "objects of the lake have this name"},
                                   frames = {
                                       .name = "sequence",
                                       .stage = MATCH_NAME,
                                       .what = "folders of the lake hold frames of this sequence"};
    return by_name(q, &objects, &frames, e);
}

static int by_folded_name(struct query *q, struct err *e)
{
    static const struct match_rule objects =
        {.name = "name",
         .stage = MATCH_FOLDED,
         .what = "objects of the lake have this name in other spellings",
         .note = "its name differs in case or Unicode spelling"},
        frames = {.name = "sequence",
                  .stage = MATCH_FOLDED,
                  .what = "sequences of the lake have this name in other spellings",
                  .note = "its name differs in case or Unicode spelling"};
    return by_name(q, &objects, &frames, e);
}

static int by_stem(struct query *q, struct err *e)
{
    static const struct match_rule rule = {
        .name = "stem",
        .stage = MATCH_ALL,
        .what = "media of the lake have this name with another extension",
        .note = "its extension differs"};
    int r = 0;
    for (size_t i = 0; r == 0 && i < q->n_readings; i++) {
        struct finds f = {0};
        r = match_find_stems(q, &q->readings[i], &f, e);
        if (r == 0)
            r = match_pick(q, &f, &rule, e);
        finds_done(&f);
    }
    return r;
}

/* Nothing was found: says what there was instead. */
static void explain_missing(struct query *q)
{
    struct conform_item *it = q->it;
    bool frames = q->n_readings > 0 && q->readings[0].has_sequence;
    if (it->reason)
        return;
    if (q->problem)
        match_set_missing(it, q->problem);
    else if (q->n_readings == 0 && q->identity.n_reels > 0)
        match_set_missing(it, "no media of the lake has this reel and holds this timecode");
    else if (q->n_readings == 0)
        match_set_missing(it, "the edit names neither a file nor a reel for it");
    else if (it->n_candidates > 0)
        match_set_missing(it, "what the lake has of this name cannot be it");
    else if (frames && it->part)
        match_set_missing(it, "no frame that the cut uses of this sequence is in the lake");
    else if (frames)
        match_set_missing(it, "no frame of this sequence is in the lake");
    else
        match_set_missing(it, "no object of this name is in the lake");
}

int match_reference(struct match *m, const struct match_input *in, struct conform_item *it,
                    struct err *e)
{
    static int (*const rules[])(struct query *, struct err *) = {
        match_by_pin,  match_by_address, match_by_umid, by_path,
        by_exact_name, by_folded_name,   match_by_reel, by_stem,
        match_by_template,
    };
    struct query q = {.m = m, .in = in, .it = it};
    int r = match_query_read(&q, e);
    bool looked = r > 0;
    r = r < 0 ? r : 0;
    for (size_t i = 0; looked && r == 0 && i < COUNT(rules); i++)
        r = rules[i](&q, e);
    if (looked && r == 0)
        explain_missing(&q);
    match_query_done(&q);
    return r < 0 ? r : 0;
}
