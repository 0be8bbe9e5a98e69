/* fs/fuse/seen.c - what one principal sees at one moment. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/seen.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "fs/view/view.h"
#include "policy/decide.h"
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

int seen_compute(struct rules *rules, struct index_read *rd, const struct who *who, int64_t now,
                 struct seen **ret, struct err *e)
{
    AUTO(asker) struct asker *asker = NULL;
    AUTO(visible) struct visible vis = {0};
    AUTO(seen) struct seen *s = NULL;

    if (who->n == 0) {
        *ret = seen_new(view_empty(), /* stale= */ false);
        return 0;
    }
    s = seen_new(NULL, /* stale= */ false);
    who_copy(who, &s->who);
    int r = asker_new(rd, rules, who, &asker, e);
    if (r == 0)
        r = visible_of(asker, rd, now, &vis, e);
    if (r == 0)
        r = view_new(rd, &vis, &s->view, e);
    if (r < 0)
        return err_wrap(e, "view of %s", who->as[0]);
    *ret = TAKE(s);
    return 0;
}
