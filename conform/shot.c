/* conform/shot.c - which shot a clip belongs to. */
/* SPDX-License-Identifier: MIT */
#include "conform/shot.h"

#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "conform/otio_read.h"

#define SHOT_MAX_BYTES 200
#define CODE_MAX_BYTES 64

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool shot_is_code(const char *s)
{
    size_t n = strlen(s), digits = 0, tail = 0;
    bool parts = false;
    if (n < 3 || n > CODE_MAX_BYTES || !is_alnum(s[0]) || !is_alnum(s[n - 1]))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_alnum(s[i]) && !strchr("_-.", s[i]))
            return false;
        digits += is_digit(s[i]);
        tail = is_digit(s[i]) ? tail + 1 : 0;
        parts |= s[i] == '_' || s[i] == '-';
    }
    return digits > 0 && (parts || (tail >= 3 && tail < n));
}

/* ---- what is no part of the name ------------------------------------------------------------ */

/* Where the digits begin with which the first `n` bytes end; `n` where they end with none. */
static size_t digits_at_end(const char *s, size_t n)
{
    while (n > 0 && is_digit(s[n - 1]))
        n--;
    return n;
}

/* "_v003" and ".v003" */
static size_t cut_version(const char *s, size_t n)
{
    size_t at = digits_at_end(s, n);
    if (at == n || at < 2 || (s[at - 1] != 'v' && s[at - 1] != 'V'))
        return n;
    return s[at - 2] == '_' || s[at - 2] == '.' ? at - 2 : n;
}

/* "_PL01" */
static size_t cut_plate(const char *s, size_t n)
{
    static const char *const kinds[] = {"_BG", "_EL", "_FG", "_PC", "_PL", "_RF"};
    size_t at = digits_at_end(s, n);
    if (at == n || at < 3 || n - at > 3)
        return n;
    for (size_t i = 0; i < COUNT(kinds); i++)
        if (strncasecmp(s + at - 3, kinds[i], 3) == 0)
            return at - 3;
    return n;
}

/* ".mov": a letter first, as no frame number has */
static size_t cut_extension(const char *s, size_t n)
{
    size_t at = n;
    while (at > 0 && is_alnum(s[at - 1]))
        at--;
    bool is = at > 0 && s[at - 1] == '.' && at < n && n - at <= 5 && !is_digit(s[at]);
    bool version = is && (s[at] == 'v' || s[at] == 'V') && digits_at_end(s, n) == at + 1;
    return is && !version ? at - 1 : n;
}

/* "[1001-1099]", "%04d", "####", "@@@@", or 3 to 8 digits behind a '.' */
static size_t cut_frames(const char *s, size_t n)
{
    size_t at = n;
    if (n > 0 && s[n - 1] == ']') {
        while (at > 0 && strchr("0123456789-, ]", s[at - 1]))
            at--;
        at = at > 0 && s[at - 1] == '[' ? at - 1 : n;
    } else if (n > 1 && s[n - 1] == 'd') {
        at = digits_at_end(s, n - 1);
        at = at > 0 && s[at - 1] == '%' ? at - 1 : n;
    } else if (n > 0 && (s[n - 1] == '#' || s[n - 1] == '@')) {
        while (at > 0 && s[at - 1] == s[n - 1])
            at--;
    } else {
        at = digits_at_end(s, n);
        return n - at >= 3 && n - at <= 8 && at > 0 && s[at - 1] == '.' ? at - 1 : n;
    }
    return at < n && at > 0 && strchr("._ ", s[at - 1]) ? at - 1 : at;
}

/* Shortens to what is left; a name that is nothing else stays whole. */
static void cut(char *s, size_t (*how)(const char *s, size_t n))
{
    size_t n = how(s, strlen(s));
    if (n > 0)
        s[n] = '\0';
}

static void cut_take(char *s)
{
    cut(s, cut_version);
    cut(s, cut_plate);
}

/* ---- where it is said ----------------------------------------------------------------------- */

static const char *after_word(const char *s, const char *word)
{
    size_t n = strlen(word);
    if (strncasecmp(s, word, n) != 0)
        return NULL;
    s += n + strspn(s + n, " \t");
    return *s == ':' ? s + 1 + strspn(s + 1, " \t") : NULL;
}

/* `s` without blanks at its ends, where that is a shot code; else NULL. */
static char *code_of(const char *s)
{
    if (!s)
        return NULL;
    s += strspn(s, " \t");
    size_t n = strlen(s);
    while (n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    AUTO(free) char *code = xstrndup(s, n);
    if (!shot_is_code(code))
        return NULL;
    cut_take(code);
    return TAKE(code);
}

static char *from_comments(const json_t *clip)
{
    const json_t *cmx = json_object_get(json_object_get(clip, "metadata"), "cmx_3600");
    size_t i;
    json_t *each;
    json_array_foreach(json_object_get(cmx, "comments"), i, each) {
        const char *s = json_string_value(each), *value = s ? after_word(s, "SHOT") : NULL;
        if (value && *value)
            return xstrdup(value);
        value = s ? after_word(s, "COMMENT") : NULL;
        char *code = code_of(value ? value : s);
        if (code)
            return code;
    }
    return NULL;
}

static char *from_markers(const json_t *clip)
{
    size_t i;
    json_t *marker;
    json_array_foreach(json_object_get(clip, "markers"), i, marker) {
        char *code = code_of(otio_string(marker, "name"));
        if (!code)
            code = code_of(otio_string(marker, "comment"));
        if (code)
            return code;
    }
    return NULL;
}

static char *from_name(const json_t *clip)
{
    const char *name = otio_string(clip, "name");
    if (!name)
        return NULL;
    char *s = xstrdup(name);
    cut(s, cut_frames);
    cut(s, cut_extension);
    cut(s, cut_frames);
    cut_take(s);
    return s;
}

/* Usable as a file name. */
static char *as_file_name(const char *name)
{
    if (!name || !*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        name = "untitled";
    size_t n = strlen(name);
    if (n > SHOT_MAX_BYTES)
        for (n = SHOT_MAX_BYTES; n > 0 && ((unsigned char)name[n] & 0xc0) == 0x80;)
            n--;
    char *ret = xstrndup(name, n);
    for (char *s = ret; *s; s++)
        if (*s == '/' || (unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '_';
    return ret;
}

char *shot_name(const json_t *clip)
{
    const json_t *ours = json_object_get(json_object_get(clip, "metadata"), "shotlake");
    const char *said = otio_string(ours, "shot");
    AUTO(free) char *found = said ? xstrdup(said) : from_comments(clip);
    if (!found)
        found = from_markers(clip);
    if (!found)
        found = from_name(clip);
    return as_file_name(found);
}
