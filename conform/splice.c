/* conform/splice.c - a changed tree as text: the bytes that it was read from, but for the changes. */
/* SPDX-License-Identifier: MIT */
#include "conform/splice.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/json_text.h"

/* The scan of the text goes along with a walk of the tree: a parser that refuses duplicate keys
 * keeps all members, in the order in which they were written. So no key has to be understood. */
struct walk {
    const char *s;
    size_t n, at;
    size_t copied; /* the result has everything before this offset */
    const struct splice_change *changes;
    size_t n_changes;
    struct json_text_style style;
    struct buf unit, colon, comma;
    struct buf *out;
};

struct span {
    size_t start, end;
};

static void skip_space(struct walk *w)
{
    while (w->at < w->n && strchr(" \t\r\n", w->s[w->at]) && w->s[w->at])
        w->at++;
}

static char peek(const struct walk *w)
{
    return w->at < w->n ? w->s[w->at] : '\0';
}

static void skip_string(struct walk *w)
{
    for (w->at++; w->at < w->n && w->s[w->at] != '"'; w->at++)
        w->at += w->s[w->at] == '\\';
    w->at = w->at < w->n ? w->at + 1 : w->n;
}

/* Past a value of any kind. */
static void skip_value(struct walk *w)
{
    size_t depth = 0;
    do {
        char c = peek(w);
        if (c == '"') {
            skip_string(w);
            continue;
        }
        bool is_end = c == '}' || c == ']';
        if (depth == 0 && (is_end || c == ',' || c == ':' || c == '\0'))
            return;
        depth += c == '{' || c == '[';
        depth -= is_end;
        w->at++;
        if (depth == 0 && !is_end) /* a word: to its end */
            while (w->at < w->n && !strchr(" \t\r\n,:]}", w->s[w->at]))
                w->at++;
    } while (depth > 0 && w->at < w->n);
}

static int lost(struct err *e)
{
    return err_set(e, -EINVAL, "the timeline and its text do not belong together");
}

static void add_span(struct walk *w, struct span span)
{
    buf_add(w->out, w->s + span.start, span.end - span.start);
}

static char *text_of(const struct walk *w, struct span span)
{
    return xstrndup(w->s + span.start, span.end - span.start);
}

/* ---- within a change ------------------------------------------------------------------------- */

/* One member of an object in the text: white space, key, colon, value. */
struct member {
    struct span space, key, colon;
};

/* An object while its members are written. */
struct object {
    const json_t *was, *now;
    char *space;  /* in front of its first member: the layout of what is appended */
    char *second; /* in front of its second one; NULL: it has none */
    char *close;  /* in front of its '}' */
    char *colon;
    bool any;     /* a member has been written */
};

static void auto_object(struct object *o)
{
    free(o->space);
    free(o->second);
    free(o->close);
    free(o->colon);
}

static int read_member(struct walk *w, struct member *ret, struct err *e)
{
    ret->space.start = w->at;
    skip_space(w);
    ret->space.end = ret->key.start = w->at;
    if (peek(w) != '"')
        return lost(e);
    skip_string(w);
    ret->key.end = ret->colon.start = w->at;
    skip_space(w);
    if (peek(w) != ':')
        return lost(e);
    w->at++;
    skip_space(w);
    ret->colon.end = w->at;
    return 0;
}

static int splice_value(struct walk *w, const json_t *was, const json_t *now, const char *indent,
                        struct err *e);

/* The members that the text has. */
static int splice_members(struct walk *w, struct object *o, struct err *e)
{
    void *it = json_object_iter((json_t *)o->was);
    for (;; w->at++, it = json_object_iter_next((json_t *)o->was, it)) {
        struct member m;
        int r = it ? read_member(w, &m, e) : lost(e);
        if (r < 0)
            return r;
        if (!o->space) {
            o->space = text_of(w, m.space);
            o->colon = text_of(w, m.colon);
        } else if (!o->second) {
            o->second = text_of(w, m.space);
        }
        const json_t *now = json_object_get(o->now, json_object_iter_key(it));
        if (now) {
            buf_adds(w->out, o->any ? "," : "");
            add_span(w, (struct span){m.space.start, m.colon.end});
            r = splice_value(w, json_object_iter_value(it), now, o->space, e);
            if (r < 0)
                return r;
            o->any = true;
        } else {
            skip_value(w);
        }
        struct span after = {.start = w->at};
        skip_space(w);
        after.end = w->at;
        if (peek(w) == '}') {
            o->close = text_of(w, after);
            return 0;
        }
        if (peek(w) != ',')
            return lost(e);
        if (now)
            add_span(w, after);
    }
}

/* The members that only the tree has. */
static void append_members(struct walk *w, struct object *o)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)o->now, key, value)
    {
        if (json_object_get(o->was, key))
            continue;
        bool shares_line = o->any && !strchr(o->space, '\n');
        buf_adds(w->out, o->any ? "," : "");
        buf_adds(w->out, !shares_line ? o->space : o->second ? o->second : w->style.comma);
        json_text_string(key, strlen(key), w->out);
        buf_adds(w->out, o->colon);
        json_text_write(value, &w->style, o->space, w->out);
        o->any = true;
    }
}

static int splice_object(struct walk *w, const json_t *was, const json_t *now, const char *indent,
                         struct err *e)
{
    struct object o __attribute__((cleanup(auto_object))) = {.was = was, .now = now};
    int r = 0;
    buf_addc(w->out, '{');
    size_t start = ++w->at;
    skip_space(w);
    if (peek(w) != '}') {
        w->at = start;
        r = splice_members(w, &o, e);
    } else { /* laid out like the object that it is in */
        bool lines = strchr(indent, '\n');
        o.space = lines ? xasprintf("%s%s", indent, w->style.unit) : xstrdup("");
        o.close = xstrdup(lines ? indent : "");
        o.colon = xstrdup(w->style.colon);
    }
    if (r < 0)
        return r;
    append_members(w, &o);
    buf_adds(w->out, o.close);
    buf_addc(w->out, '}');
    w->at++;
    return 0;
}

/* The value at the scan, with what changed in it. `indent` is in front of the members of the
 * object that holds it. */
static int splice_value(struct walk *w, const json_t *was, const json_t *now, const char *indent,
                        struct err *e)
{
    bool same = was == now || json_equal(was, now);
    bool moved = now == w->style.verbatim; /* all of what it was before, not a change of this */
    if (!same && !moved && json_is_object(was) && json_is_object(now))
        return peek(w) == '{' ? splice_object(w, was, now, indent, e) : lost(e);
    struct span old = {.start = w->at};
    skip_value(w);
    old.end = w->at;
    if (same)
        add_span(w, old);
    else
        json_text_write(now, &w->style, indent, w->out);
    return 0;
}

/* ---- the way to the changes ------------------------------------------------------------------ */

static int by_now(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct splice_change *)a)->now;
    uintptr_t y = (uintptr_t)((const struct splice_change *)b)->now;
    return (x > y) - (x < y);
}

static int make_change(struct walk *w, const struct splice_change *c, struct err *e)
{
    add_span(w, (struct span){w->copied, w->at});
    size_t start = w->at;
    skip_value(w);
    w->style.verbatim = c->was;
    w->style.bytes = w->s + start;
    w->style.n_bytes = w->at - start;
    w->at = start;
    int r = splice_value(w, c->was, c->now, "", e);
    w->copied = w->at;
    return r;
}

static int walk_value(struct walk *w, const json_t *v, struct err *e);

static int walk_object(struct walk *w, const json_t *v, struct err *e)
{
    void *it = json_object_iter((json_t *)v);
    for (; it; it = json_object_iter_next((json_t *)v, it)) {
        struct member m;
        w->at++; /* '{' or ',' */
        int r = read_member(w, &m, e);
        if (r == 0)
            r = walk_value(w, json_object_iter_value(it), e);
        if (r < 0)
            return r;
        skip_space(w);
        if (peek(w) != ',' && peek(w) != '}')
            return lost(e);
    }
    return 0;
}

static int walk_array(struct walk *w, const json_t *v, struct err *e)
{
    size_t i;
    const json_t *child;
    json_array_foreach(v, i, child)
    {
        w->at++; /* '[' or ',' */
        skip_space(w);
        int r = walk_value(w, child, e);
        if (r < 0)
            return r;
        skip_space(w);
        if (peek(w) != ',' && peek(w) != ']')
            return lost(e);
    }
    return 0;
}

static int walk_value(struct walk *w, const json_t *v, struct err *e)
{
    const struct splice_change key = {.now = v};
    if (!json_is_object(v) && !json_is_array(v)) {
        skip_value(w);
        return 0;
    }
    const struct splice_change *c =
        bsearch(&key, w->changes, w->n_changes, sizeof key, by_now);
    if (c)
        return make_change(w, c, e);
    bool is_object = json_is_object(v);
    size_t members = is_object ? json_object_size(v) : json_array_size(v);
    if (members == 0) {
        skip_value(w);
        return 0;
    }
    if (peek(w) != (is_object ? '{' : '['))
        return lost(e);
    int r = is_object ? walk_object(w, v, e) : walk_array(w, v, e);
    if (r == 0 && peek(w) != (is_object ? '}' : ']'))
        return lost(e);
    w->at++;
    return r;
}

static void keep_text(const struct walk *w, struct span span, struct buf *text, const char **ret)
{
    buf_add(text, w->s + span.start, span.end - span.start);
    *ret = buf_str(text);
}

/* The layout of the text, as its outermost object has it. */
static void read_style(struct walk *w)
{
    struct member first, second;
    struct err ignored;
    w->style = (struct json_text_style)JSON_TEXT_STYLE;
    skip_space(w);
    if (peek(w) != '{')
        return;
    w->at++;
    if (read_member(w, &first, &ignored) < 0)
        return;
    const char *line = memrchr(w->s + first.space.start, '\n', first.space.end - first.space.start);
    if (line && line + 1 < w->s + first.space.end) {
        buf_add(&w->unit, line + 1, (size_t)(w->s + first.space.end - line - 1));
        w->style.unit = w->unit.p;
    }
    keep_text(w, first.colon, &w->colon, &w->style.colon);
    skip_value(w);
    skip_space(w);
    if (peek(w) != ',')
        return;
    w->at++;
    if (read_member(w, &second, &ignored) == 0 && !line)
        keep_text(w, second.space, &w->comma, &w->style.comma);
}

int splice(const char *source, size_t n, const json_t *root, struct splice_change *changes,
           size_t n_changes, const char *mark, struct buf *ret, struct err *e)
{
    struct walk w = {.s = source, .n = n, .changes = changes, .n_changes = n_changes, .out = ret};
    if (n_changes > 0)
        qsort(changes, n_changes, sizeof *changes, by_now);
    read_style(&w);
    w.style.mark = mark;
    w.at = 0;
    skip_space(&w);
    int r = n_changes > 0 ? walk_value(&w, root, e) : 0;
    if (r == 0)
        add_span(&w, (struct span){w.copied, n});
    buf_done(&w.unit);
    buf_done(&w.colon);
    buf_done(&w.comma);
    return r;
}
