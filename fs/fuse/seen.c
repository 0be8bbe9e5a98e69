/* fs/fuse/seen.c - what one principal sees at one moment. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/seen.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/fuse/logins.h"
#include "fs/view/view.h"
#include "policy/decide.h"
#include "policy/index.h"
#include "policy/rules.h"
#include "policy/visible.h"

struct seen *seen_new(struct view *view, bool stale)
{
    struct seen *s = xcalloc(1, sizeof *s);
    s->refs = 1;
    s->view = view;
    s->stale = stale;
    return s;
}

struct seen *seen_ref(struct seen *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void seen_unref(struct seen *s)
{
    if (atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    view_unref(s->view);
    who_done(&s->who);
    free(s);
}

void seen_source_done(struct seen_source *src)
{
    rules_unref(src->rules);
    src->rules = NULL;
}

/* Everything that rules look at of an identity. What the host's operator says of a user's groups
 * holds for the user's sessions, too; a user that is disabled there is nobody. */
static void who_of(const struct seen_source *src, const char *principal, const struct login *login,
                   struct who *ret)
{
    principals_expand(src->principals, login ? login->who.as[0] : principal, ret);
    if (login && ret->n > 0) {
        AUTO(who) struct who listed = *ret;
        who_copy(&login->who, ret);
        for (size_t i = 0; i < listed.n; i++)
            who_add(ret, listed.as[i]);
    }
    ret->address = src->address;
}

static bool same_text(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static bool same_texts(char *const *a, size_t n_a, char *const *b, size_t n_b)
{
    for (size_t i = 0; n_a == n_b && i < n_a; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return n_a == n_b;
}

static bool same_who(const struct who *a, const struct who *b)
{
    return same_texts(a->as, a->n, b->as, b->n) && same_text(a->affiliation, b->affiliation) &&
           same_texts(a->entitlements, a->n_entitlements, b->entitlements, b->n_entitlements) &&
           memcmp(&a->address, &b->address, sizeof a->address) == 0 &&
           a->superuser == b->superuser &&
           (a->details && b->details ? json_equal(a->details, b->details)
                                     : a->details == b->details);
}

static int read_rules(struct seen_source *src, struct index_read *rd, struct err *e)
{
    struct index_head head;
    struct rules *new = NULL;
    int r = index_head(rd, &head, e);
    if (r < 0 || (src->rules && rules_seq(src->rules) == head.seq))
        return r;
    r = rules_load(rd, &new, e);
    if (r < 0)
        return r;
    rules_unref(src->rules);
    src->rules = new;
    return 0;
}

static int compute(struct seen_source *src, struct index_read *rd, const struct who *who,
                   int64_t now, struct view **ret, struct err *e)
{
    AUTO(asker) struct asker *asker = NULL;
    AUTO(visible) struct visible vis = {0};
    int r = read_rules(src, rd, e);
    if (r == 0)
        r = asker_new(rd, src->rules, who, &asker, e);
    if (r == 0)
        r = visible_of(asker, rd, now, &vis, e);
    if (r == 0)
        r = view_new(rd, &vis, ret, e);
    return r < 0 ? err_wrap(e, "view of %s", who_name(who)) : 0;
}

int seen_compute(struct seen_source *src, struct index_read *rd, const char *principal,
                 const struct login *login, int64_t now, struct seen *const *made, size_t n_made,
                 struct seen **ret, struct err *e)
{
    AUTO(who) struct who who = {0};
    struct view *view = NULL;
    who_of(src, principal, login, &who);
    if (who.n == 0) {
        *ret = seen_new(view_empty(), /* stale= */ false);
        return 0;
    }
    for (size_t i = 0; i < n_made; i++)
        if (!made[i]->stale && same_who(&made[i]->who, &who)) {
            *ret = seen_ref(made[i]);
            return 0;
        }
    int r = compute(src, rd, &who, now, &view, e);
    if (r < 0)
        return r;
    *ret = seen_new(view, /* stale= */ false);
    (*ret)->who = who;
    who = (struct who){0};
    return 0;
}
