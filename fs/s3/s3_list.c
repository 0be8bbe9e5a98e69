/* fs/s3/s3_list.c - a listing: pages in order, the next one under way while one is worked on. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_list.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/err.h"
#include "fs/s3/s3_engine.h"
#include "fs/s3/s3_xml.h"

#define PAGE_DEADLINE_MS 30000
#define PAGE_ATTEMPTS 10

/* One page on its way. */
struct fetch {
    struct s3_request rq;
    struct s3_engine_call call;
    struct buf query, body;
    void *slot;
    bool under_way;
};

static void fetch_start(struct s3_engine *en, struct fetch *f, const char *prefix,
                        const char *after, const char *max_keys)
{
    buf_clear(&f->query);
    buf_clear(&f->body);
    s3_url_param(&f->query, "encoding-type", "url");
    s3_url_param(&f->query, "list-type", "2");
    s3_url_param(&f->query, "max-keys", max_keys);
    if (*prefix)
        s3_url_param(&f->query, "prefix", prefix);
    if (*after)
        s3_url_param(&f->query, "start-after", after);
    int64_t deadline_ms = f->rq.deadline_ms;
    unsigned attempts = f->rq.attempts;
    f->rq = (struct s3_request){
        .method = "GET",
        .key = "",
        .query = buf_str(&f->query),
        .lane = S3_LANE_META,
        .deadline_ms = deadline_ms ? deadline_ms : clock_mono_ms() + PAGE_DEADLINE_MS,
        .attempts = attempts ? attempts : PAGE_ATTEMPTS,
        .sink = &f->body,
        .sink_max = S3_XML_BYTES_MAX,
        .slot = &f->slot,
    };
    f->under_way = true;
    s3_engine_call_start(en, &f->rq, &f->call);
}

static int fetch_wait(struct fetch *f, struct s3_xml_page *ret, struct err *e)
{
    int r = s3_engine_call_wait(&f->call, e);
    f->under_way = false;
    f->rq.deadline_ms = 0; /* every page has its own time */
    if (r == -EFBIG)
        return err_set(e, -EBADMSG, "the store's listing cannot be read: it is too long");
    return r < 0 ? r : s3_xml_page_parse(buf_str(&f->body), f->body.len, ret, e);
}

static void fetch_done(struct s3_engine *en, struct fetch *f)
{
    if (f->under_way) {
        s3_engine_cancel(en, &f->slot);
        s3_engine_call_wait(&f->call, /* e= */ NULL);
    }
    buf_done(&f->query);
    buf_done(&f->body);
}

/* Hands a page over, entry by entry. `*last` (owned) is the key before the page and then after. */
static int page_deliver(const struct s3_xml_page *page, const char *prefix, size_t skip,
                        char **last, store_list_fn *fn, void *arg, struct err *e)
{
    const char *before = *last;
    for (size_t i = 0; i < page->n; i++) {
        const char *key = page->entry[i].key;
        if (strncmp(key, prefix, strlen(prefix)) != 0)
            return err_set(e, -EBADMSG, "the store lists '%.200s' under the prefix '%.200s'", key,
                           prefix);
        if (strcmp(key, before) <= 0)
            return err_set(e, -EBADMSG, "the store lists '%.200s' after '%.200s'", key, before);
        before = key;
        if (key[skip] == '\0') /* the prefix itself, which a console makes as a folder's mark */
            continue;
        int r = fn(arg, key + skip, &page->entry[i].st, e);
        if (r < 0)
            return r;
    }
    if (page->last) {
        free(*last);
        *last = xstrdup(page->last);
    }
    return 0;
}

int s3_list_run(struct s3_engine *en, const char *prefix, const char *after, size_t skip,
                store_list_fn *fn, void *arg, struct err *e)
{
    struct fetch f = {0};
    AUTO(free) char *last = xstrdup(after);
    bool more = true;
    int r = 0;

    fetch_start(en, &f, prefix, after, "1000");
    while (r == 0 && more) {
        struct s3_xml_page page = {0};
        r = fetch_wait(&f, &page, e);
        more = r == 0 && page.truncated;
        if (more && !page.last)
            r = err_set(e, -EBADMSG, "the store's listing goes on after a page without keys");
        else if (more)
            fetch_start(en, &f, prefix, page.last, "1000");
        if (r == 0)
            r = page_deliver(&page, prefix, skip, &last, fn, arg, e);
        s3_xml_page_done(&page);
    }
    fetch_done(en, &f);
    return r;
}

int s3_list_probe(struct s3_engine *en, const char *prefix, int64_t deadline_ms, unsigned attempts,
                  struct err *e)
{
    struct fetch f = {.rq = {.deadline_ms = deadline_ms, .attempts = attempts}};
    struct s3_xml_page page = {0};
    fetch_start(en, &f, prefix, /* after= */ "", "1");
    int r = fetch_wait(&f, &page, e);
    s3_xml_page_done(&page);
    fetch_done(en, &f);
    return r;
}
