/* conform/otio_text.c - the bytes of a timeline made into strict JSON, and back. */
/* SPDX-License-Identifier: MIT */
#include "conform/otio_text.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include <sys/random.h>

#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"

/* One open object or array, and where the scan is in it. */
struct level {
    bool is_object, key_next;
    size_t key, key_len; /* the last key's bytes in the source, without quotes */
    size_t index;
};

struct scan {
    const char *s;
    size_t n, at;
    size_t line, line_start;
    size_t stop; /* ends the scan at this offset of the strict text */
    size_t grew; /* strict text so far is this much longer than the source so far */
    size_t copied, tokens, replaced;
    const char *mark;
    struct buf *out; /* NULL: positions only */
    int depth;
    struct level level[OTIO_DEPTH_MAX];
};

void otio_text_pointer(struct buf *pointer, const char *key, size_t n)
{
    buf_addc(pointer, '/');
    for (size_t i = 0, run; i < n; i += run + 1) {
        for (run = 0; i + run < n && key[i + run] != '~' && key[i + run] != '/';)
            run++;
        buf_add(pointer, key + i, run);
        if (i + run < n)
            buf_adds(pointer, key[i + run] == '~' ? "~0" : "~1");
    }
}

/* Where the scan is; about `limit` bytes of it. */
static void add_pointer(const struct scan *sc, size_t limit, struct buf *ret)
{
    for (int i = 0; i < sc->depth && ret->len < limit; i++) {
        const struct level *l = &sc->level[i];
        if (!l->is_object)
            buf_addf(ret, "/%zu", l->index);
        else if (l->key_len > 0)
            otio_text_pointer(ret, sc->s + l->key, l->key_len);
    }
}

static int refuse(const struct scan *sc, size_t at, int code, const char *reason, struct err *e)
{
    struct buf pointer __attribute__((cleanup(auto_buf))) = {0};
    add_pointer(sc, 300, &pointer);
    return err_set(e, code, "line %zu, column %zu, at '%s': %s", sc->line, at - sc->line_start + 1,
                   buf_str(&pointer), reason);
}

/* Bytes of the UTF-8 sequence at `p`, 0 where there is none. */
static size_t utf8_length(const char *p, size_t left)
{
    uint8_t c = (uint8_t)*p;
    size_t n = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return n <= left && utf8_is_valid(p, n) ? n : 0;
}

static int scan_string(struct scan *sc, struct err *e)
{
    struct level *l = sc->depth > 0 ? &sc->level[sc->depth - 1] : NULL;
    size_t start = ++sc->at;
    while (sc->at < sc->n && sc->s[sc->at] != '"') {
        if (sc->s[sc->at] == '\\' && sc->at + 1 < sc->n && sc->s[sc->at + 1])
            sc->at++; /* whatever it escapes, it does not end the string */
        size_t len = utf8_length(sc->s + sc->at, sc->n - sc->at);
        if (len == 0)
            return refuse(sc, sc->at, -EBADMSG,
                          sc->s[sc->at] ? "bytes that are not UTF-8" : "a NUL byte", e);
        if (sc->s[sc->at] == '\n') { /* the parser refuses it; lines are still counted right */
            sc->line++;
            sc->line_start = sc->at + 1;
        }
        sc->at += len;
    }
    if (l && l->is_object && l->key_next) {
        l->key = start;
        l->key_len = sc->at - start;
    }
    if (sc->at < sc->n)
        sc->at++;
    return 0;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '+' ||
           c == '-' || c == '.';
}

/* True for an integer of JSON's grammar that a signed 64-bit integer cannot hold. */
static bool is_big_integer(const char *s, size_t n)
{
    bool negative = *s == '-';
    const char *limit = negative ? "9223372036854775808" : "9223372036854775807";
    s += negative;
    n -= negative;
    if (n < 19 || *s == '0')
        return false;
    for (size_t i = 0; i < n; i++)
        if (s[i] < '0' || s[i] > '9')
            return false;
    return n > 19 || memcmp(s, limit, 19) > 0;
}

/* The spellings that OpenTimelineIO reads. */
static bool is_not_finite(const char *s, size_t n)
{
    static const char *const word[] = {"NaN", "Inf", "Infinity"};
    if (n > 0 && *s == '-') {
        s++;
        n--;
    }
    for (size_t i = 0; i < COUNT(word); i++)
        if (n == strlen(word[i]) && memcmp(s, word[i], n) == 0)
            return true;
    return false;
}

static int scan_word(struct scan *sc, struct err *e)
{
    const struct level *l = sc->depth > 0 ? &sc->level[sc->depth - 1] : NULL;
    size_t start = sc->at;
    while (sc->at < sc->n && is_word(sc->s[sc->at]))
        sc->at++;
    size_t len = sc->at - start;
    if (len == 0) {
        if (sc->s[start] == '\0')
            return refuse(sc, start, -EBADMSG, "a NUL byte", e);
        sc->at++; /* the parser knows what is wrong with it */
        return 0;
    }
    if (l && l->is_object && l->key_next) /* no key: the parser must see that */
        return 0;
    if (!is_not_finite(sc->s + start, len) && !is_big_integer(sc->s + start, len))
        return 0;
    if (sc->out) {
        buf_add(sc->out, sc->s + sc->copied, start - sc->copied);
        buf_addf(sc->out, "\"%s%.*s\"", sc->mark, (int)len, sc->s + start);
        sc->copied = sc->at;
    }
    sc->grew += strlen(sc->mark) + 2;
    sc->replaced++;
    return 0;
}

static int scan_open(struct scan *sc, bool is_object, struct err *e)
{
    if (sc->depth == OTIO_DEPTH_MAX)
        return refuse(sc, sc->at, -EBADMSG, "nested deeper than 256 levels", e);
    sc->level[sc->depth++] = (struct level){.is_object = is_object, .key_next = is_object};
    sc->at++;
    return 0;
}

/* One token, or one byte between tokens. */
static int scan_step(struct scan *sc, struct err *e)
{
    struct level *l = sc->depth > 0 ? &sc->level[sc->depth - 1] : NULL;
    char c = sc->s[sc->at];
    if (strchr(" \t\r\n:,]}", c) && c != '\0') {
        if (c == '\n') {
            sc->line++;
            sc->line_start = sc->at + 1;
        } else if (c == ':' && l) {
            l->key_next = false;
        } else if (c == ',' && l) {
            l->key_next = l->is_object;
            l->index++;
        } else if ((c == ']' || c == '}') && l) {
            sc->depth--;
        }
        sc->at++;
        return 0;
    }
    if (++sc->tokens > OTIO_TOKENS_MAX)
        return refuse(sc, sc->at, -EFBIG, "more than 10485760 keys and values", e);
    if (c == '"')
        return scan_string(sc, e);
    if (c == '{' || c == '[')
        return scan_open(sc, c == '{', e);
    return scan_word(sc, e);
}

static int scan_all(struct scan *sc, struct err *e)
{
    while (sc->at < sc->n && sc->at + sc->grew < sc->stop) {
        int r = scan_step(sc, e);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_encoding(const char *s, size_t n, struct err *e)
{
    const uint8_t *u = (const uint8_t *)s;
    bool marked = n >= 2 && ((u[0] == 0xff && u[1] == 0xfe) || (u[0] == 0xfe && u[1] == 0xff));
    if (marked || (n >= 2 && (u[0] == 0) != (u[1] == 0)))
        return err_set(e, -EBADMSG, "line 1: the file is UTF-16 or UTF-32; save it as UTF-8");
    return 0;
}

int otio_text_open(const char *s, size_t n, struct otio_text *ret, struct err *e)
{
    *ret = (struct otio_text){0};
    int r = check_encoding(s, n, e);
    if (r < 0)
        return r;
    if (n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0) {
        s += 3;
        n -= 3;
    }
    uint8_t nonce[16];
    if (getrandom(nonce, sizeof nonce, 0) != (ssize_t)sizeof nonce)
        return err_errno(e, -errno, "draw random bytes");
    memcpy(ret->mark, "shotlake-token-", 15);
    hex_encode(nonce, sizeof nonce, ret->mark + 15);
    strcat(ret->mark, ":");

    AUTO(free) struct scan *sc = xcalloc(1, sizeof *sc);
    *sc = (struct scan){
        .s = s, .n = n, .line = 1, .stop = SIZE_MAX, .mark = ret->mark, .out = &ret->changed};
    r = scan_all(sc, e);
    if (r < 0)
        return r;
    ret->source = s;
    ret->source_len = n;
    ret->replaced = sc->replaced;
    if (sc->replaced > 0)
        buf_add(&ret->changed, s + sc->copied, n - sc->copied);
    ret->json = sc->replaced > 0 ? ret->changed.p : s;
    ret->len = sc->replaced > 0 ? ret->changed.len : n;
    return 0;
}

void otio_text_done(struct otio_text *t)
{
    buf_done(&t->changed);
}

int otio_text_refuse(const struct otio_text *t, size_t offset, const char *reason, struct err *e)
{
    AUTO(free) struct scan *sc = xcalloc(1, sizeof *sc);
    *sc = (struct scan){
        .s = t->source, .n = t->source_len, .line = 1, .stop = offset, .mark = t->mark};
    int r = scan_all(sc, e); /* went through once already: cannot fail */
    return r < 0 ? r : refuse(sc, sc->at, -EBADMSG, reason, e);
}

/* True where a value begins, not a key, a blank or a mark between values. */
static bool is_value(const struct scan *sc)
{
    const struct level *l = sc->depth > 0 ? &sc->level[sc->depth - 1] : NULL;
    return !strchr(" \t\r\n:,]}", sc->s[sc->at]) && !(l && l->is_object && l->key_next);
}

size_t otio_text_line(const char *s, size_t n, const char *pointer)
{
    int depth = 0;
    for (const char *p = pointer; *p; p++)
        depth += *p == '/';
    bool marked = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0;
    AUTO(free) struct scan *sc = xcalloc(1, sizeof *sc);
    struct buf here __attribute__((cleanup(auto_buf))) = {0};
    *sc = (struct scan){
        .s = marked ? s + 3 : s, .n = marked ? n - 3 : n, .line = 1, .stop = SIZE_MAX, .mark = ""};
    while (sc->at < sc->n) {
        if (sc->depth == depth && is_value(sc)) {
            buf_clear(&here);
            add_pointer(sc, SIZE_MAX, &here);
            if (strcmp(buf_str(&here), pointer) == 0)
                return sc->line;
        }
        struct err e;
        if (scan_step(sc, &e) < 0)
            return 0;
    }
    return 0;
}
