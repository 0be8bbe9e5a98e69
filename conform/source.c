/* conform/source.c - media by reel with its timecode, each reel read once for a file. */
/* SPDX-License-Identifier: MIT */
#include "conform/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/listing.h"
#include "conform/media_class.h"
#include "conform/place.h"
#include "policy/index.h"

struct sources {
    struct index_read *rd;
    struct listing *listing;
    struct places *places;
    struct source_list **lists;
    json_t *by_reel; /* reel -> its place in `lists`; beginnings of reels with a '/' in front */
    size_t n;
};

struct sources *sources_new(struct index_read *rd, struct listing *l, struct places *p)
{
    struct sources *s = xcalloc(1, sizeof *s);
    *s = (struct sources){.rd = rd, .listing = l, .places = p, .by_reel = json_object()};
    return s;
}

static void list_free(struct source_list *l)
{
    free(l->v);
    free(l);
}

void sources_free(struct sources *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        list_free(s->lists[i]);
    free(s->lists);
    json_decref(s->by_reel);
    free(s);
}

/* How many frames there are before and after the one that has the timecode. */
static int set_extent(struct sources *s, const struct node *nd, const struct media *facts,
                      struct source *ret, struct err *e)
{
    AUTO(free) char *name = xstrndup(nd->name, nd->name_len);
    AUTO(buf) struct buf pattern = {0};
    int64_t number, low, high;
    ret->start = facts->start;
    ret->end = facts->frames > 0 ? facts->start + facts->frames : INT64_MAX;
    if (media_class_of(name) != MEDIA_CLASS_PLATE ||
        !frame_pattern(nd->name, nd->name_len, &pattern, &number, NULL))
        return 0;
    int r = listing_extent(s->listing, buf_str(&pattern), nd->parent, &low, &high, e);
    ret->start = facts->start + (low - number);
    ret->end = facts->start + (high - number) + 1;
    return r;
}

static int add_node(struct sources *s, node_id node, struct source_list *ret, struct err *e)
{
    AUTO(media) struct media facts = {.start = -1};
    const struct media_place *p;
    struct node nd;
    int r = index_node(s->rd, node, &nd, e);
    if (r == 0)
        r = place_of(s->places, nd.parent, &p, e);
    if (r < 0 || !p->is_media)
        return r;
    r = index_media(s->rd, node, &facts, e);
    if (r < 0 || facts.start < 0)
        return r == -ENOENT ? 0 : r;
    ret->v[ret->n] = (struct source){
        .node = node, .rate_num = facts.rate_num, .rate_den = facts.rate_den};
    r = set_extent(s, &nd, &facts, &ret->v[ret->n], e);
    ret->n += r == 0;
    return r;
}

int sources_of_reel(struct sources *s, const char *reel, bool exact,
                    const struct source_list **ret, struct err *e)
{
    AUTO(free) char *key = xasprintf("%s%s", exact ? "" : "/", reel);
    AUTO(free) node_id *nodes = NULL;
    size_t n = 0;
    json_t *at = json_object_get(s->by_reel, key);
    if (at) {
        *ret = s->lists[json_integer_value(at)];
        return 0;
    }
    int r = index_by_reel(s->rd, reel, strlen(reel), exact, &nodes, &n, e);
    if (r < 0)
        return r;
    struct source_list *l = xcalloc(1, sizeof *l);
    n = n < SOURCE_NODES_MAX ? n : SOURCE_NODES_MAX;
    l->v = xcalloc(n + 1, sizeof *l->v);
    for (size_t i = 0; r == 0 && i < n; i++)
        r = add_node(s, nodes[i], l, e);
    if (r < 0) {
        list_free(l);
        return r;
    }
    if ((s->n & (s->n - 1)) == 0) /* grows at powers of two */
        s->lists = xrealloc(s->lists, s->n ? 2 * s->n : 1, sizeof(struct source_list *));
    json_object_set_new_nocheck(s->by_reel, key, json_integer((json_int_t)s->n));
    s->lists[s->n++] = l;
    *ret = l;
    return 0;
}
