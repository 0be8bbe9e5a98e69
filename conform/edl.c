/* conform/edl.c - edit decision lists (CMX 3600, File_32, File_129) as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#include "conform/edl.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "conform/edit_format.h"
#include "conform/edl_event.h"

#define TOKENS_MAX 40
#define TIME_DIGITS_MAX 9

struct reader {
    struct edit_ratio rate;
    int64_t base; /* frames that a second of timecode counts */
    bool drop;    /* timecode with ':' is drop-frame too */
    size_t line;
    char *title;
    struct edl_event *v;
    size_t n, cap, total, notes, items;
    json_t *timelines;
};

static void forget_events(struct reader *r)
{
    for (size_t i = 0; i < r->n; i++)
        edl_event_done(&r->v[i]);
    r->n = 0;
}

/* Timecode */

static bool is_separator(char c)
{
    return c == ':' || c == ';' || c == '.' || c == ',';
}

/* Splits "01:02:03:04" into its four numbers; a plain number yields only field[3]. */
static bool split_time(const char *s, int64_t field[4], bool *plain)
{
    int n = 0;
    memset(field, 0, 4 * sizeof *field);
    while (n < 4) {
        size_t digits = strspn(s, "0123456789");
        if (digits == 0 || digits > TIME_DIGITS_MAX)
            return false;
        field[n++] = strtol(s, NULL, 10);
        s += digits;
        if (*s == '\0')
            break;
        if (!is_separator(*s++))
            return false;
    }
    *plain = n == 1;
    if (*plain) {
        field[3] = field[0];
        field[0] = 0;
    }
    return *s == '\0' && (n == 4 || n == 1);
}

static bool is_time(const char *s)
{
    int64_t field[4];
    bool plain;
    return split_time(s, field, &plain);
}

static int read_time(const struct reader *r, const char *s, int64_t *ret, struct err *e)
{
    int64_t f[4];
    bool plain;
    if (!split_time(s, f, &plain))
        return err_set(e, -EBADMSG, "line %zu: '%.40s' is no timecode", r->line, s);
    *ret = f[3];
    if (plain)
        return 0;
    if (f[0] > 99 || f[1] > 59 || f[2] > 59 || f[3] >= r->base)
        return err_set(e, -EBADMSG,
                       "line %zu: timecode %.40s cannot be in a list of %lld frames a second; "
                       "give its rate",
                       r->line, s, (long long)r->base);
    int64_t minutes = f[0] * 60 + f[1];
    *ret = (minutes * 60 + f[2]) * r->base + f[3];
    if ((r->drop || strchr(s, ';')) && r->base % 30 == 0)
        *ret -= r->base / 15 * (minutes - minutes / 10);
    return 0;
}

/* Goes over the timecodes of the file: what do they say about its rate? */
static int find_rate(struct reader *r, const char *text, struct edit_ratio want, struct err *e)
{
    bool semicolon = false, high = false;
    for (const char *p = text; (p = strchr(p, ';')); p++) {
        /* "01:02:03;04" or "01;02;03;04", seen from its last separator */
        if (p - text < 8 || !isdigit((unsigned char)p[1]) || !is_separator(p[-3]))
            continue;
        if (!isdigit((unsigned char)p[-1]) || !is_separator(p[-6]))
            continue;
        semicolon = true;
        high = high || strtol(p + 1, NULL, 10) >= 30;
    }
    const char *fcm = strcasestr(text, "FCM:");
    fcm = fcm ? fcm + 4 + strspn(fcm + 4, " \t") : "";
    bool drop = !semicolon && strncasecmp(fcm, "DROP", 4) == 0;
    r->rate = want.den ? want : edit_format_ratio(24, 1);
    r->base = edit_format_timebase(r->rate);
    if (!want.den && (semicolon || drop))
        r->base = high ? 60 : 30;
    if (semicolon && r->base % 30 != 0)
        return err_set(e, -EBADMSG, "drop-frame timecode in a list of %lld frames a second",
                       (long long)r->base);
    r->drop = drop && r->base % 30 == 0; /* at other rates FCM is written by rote */
    if ((semicolon || r->drop) && r->base % 30 == 0)
        r->rate = edit_format_ratio(r->base * 1000, 1001);
    return 0;
}

/* Edit lines */

static size_t split(char *line, char *token[TOKENS_MAX])
{
    size_t n = 0;
    for (char *save = NULL, *p = strtok_r(line, " \t", &save); p && n < TOKENS_MAX;
         p = strtok_r(NULL, " \t", &save))
        token[n++] = p;
    return n;
}

static bool is_edit_type(const char *s)
{
    if (*s == 'W' || *s == 'w')
        return s[1] && s[1 + strspn(s + 1, "0123456789")] == '\0';
    return strcasecmp(s, "C") == 0 || strcasecmp(s, "D") == 0 || strcasecmp(s, "K") == 0 ||
           strcasecmp(s, "KB") == 0 || strcasecmp(s, "KO") == 0;
}

/* Where the edit type is in the tokens of an edit line; 0: it is none. The reel may hold blanks. */
static size_t edit_type_at(char **token, size_t n)
{
    if (n < 8)
        return 0;
    for (size_t i = n - 4; i < n; i++)
        if (!is_time(token[i]))
            return 0;
    if (is_edit_type(token[n - 5]))
        return n - 5;
    bool number = strspn(token[n - 5], "0123456789") == strlen(token[n - 5]);
    return n >= 9 && number && is_edit_type(token[n - 6]) ? n - 6 : 0;
}

static bool starts_with_number(const char *s)
{
    size_t digits = strspn(s, "0123456789");
    return digits > 0 && digits <= TIME_DIGITS_MAX &&
           (s[digits] == ' ' || s[digits] == '\t' ||
            (isalpha((unsigned char)s[digits]) && (s[digits + 1] == ' ' || s[digits + 1] == '\t')));
}

/* True where the line has the shape of an edit: what has it and is none, is refused. */
static bool claims_edit(const char *s)
{
    size_t times = 0;
    if (!starts_with_number(s))
        return false;
    for (; *s; s++)
        times += is_separator(*s) && isdigit((unsigned char)s[-1]) && isdigit((unsigned char)s[1]);
    return times >= 6; /* two whole timecodes at least */
}

bool edl_is(const char *text)
{
    struct buf line __attribute__((cleanup(auto_buf))) = {0};
    for (int lines = 0; *text && lines < 50; text += strspn(text, "\r\n\f\x1a")) {
        size_t n = strcspn(text, "\r\n\f\x1a");
        buf_clear(&line);
        buf_add(&line, text, n < EDL_LINE_MAX ? n : EDL_LINE_MAX);
        text += n;
        char *s = line.p + strspn(line.p, " \t"), *token[TOKENS_MAX];
        lines += *s != '\0';
        if (strncasecmp(s, "TITLE:", 6) == 0 || strncasecmp(s, "FCM:", 4) == 0)
            return true;
        if (starts_with_number(s) && edit_type_at(token, split(s, token)) > 0)
            return true;
    }
    return false;
}

/* An end before its start by more than half a day is past midnight. */
static void unwrap_midnight(const struct reader *r, int64_t *in, int64_t *out)
{
    int64_t day = 86400 * r->base;
    if (*in - *out > day / 2)
        *out += day;
}

static int read_edit(struct reader *r, char **token, size_t n, size_t at, struct err *e)
{
    if (r->total++ == EDL_EVENTS_MAX)
        return err_set(e, -EFBIG, "line %zu: more than %d edits", r->line, EDL_EVENTS_MAX);
    if (r->n == r->cap) {
        r->cap = r->cap ? 2 * r->cap : 64;
        r->v = xrealloc(r->v, r->cap, sizeof *r->v);
    }
    struct edl_event *ev = &r->v[r->n++];
    *ev = (struct edl_event){.transition = -1};
    struct buf reel = {0};
    for (size_t i = 1; i + 1 < at; i++) {
        buf_adds(&reel, i > 1 ? " " : "");
        buf_adds(&reel, token[i]);
    }
    ev->number = xstrdup(token[0]);
    ev->reel = buf_take(&reel);
    ev->channels = xstrdup(token[at - 1]);
    ev->type = xstrdup(token[at]);
    ev->comments = json_array();
    ev->markers = json_array();
    ev->lines = json_pack("[s]", token[0]);
    for (size_t i = 0; i < 4; i++)
        ev->tc[i] = xstrdup(token[n - 4 + i]);
    if (toupper((unsigned char)*ev->type) == 'D' || toupper((unsigned char)*ev->type) == 'W') {
        if (at + 5 == n)
            return err_set(e, -EBADMSG, "line %zu: a transition without its duration", r->line);
        ev->transition = strtol(token[at + 1], NULL, 10);
    }
    for (size_t i = 0; i < 4; i++) {
        int result = read_time(r, ev->tc[i], &ev->time[i], e);
        if (result < 0)
            return result;
    }
    ev->drop = r->drop || strchr(ev->tc[EDL_SRC_IN], ';');
    unwrap_midnight(r, &ev->time[EDL_SRC_IN], &ev->time[EDL_SRC_OUT]);
    unwrap_midnight(r, &ev->time[EDL_REC_IN], &ev->time[EDL_REC_OUT]);
    if (ev->time[EDL_REC_OUT] < ev->time[EDL_REC_IN])
        return err_set(e, -EBADMSG, "line %zu: the edit ends before it begins", r->line);
    return 0;
}

/* The line before a transition that tells what it goes from; NULL where the list has none. */
static struct edl_event *from_event(struct reader *r)
{
    if (r->n < 2 || r->v[r->n - 1].transition < 0)
        return NULL;
    struct edl_event *now = &r->v[r->n - 1], *before = now - 1;
    bool pair = strcmp(now->number, before->number) == 0 ||
                before->time[EDL_REC_IN] == before->time[EDL_REC_OUT];
    return pair ? before : NULL;
}

/* Notes */

static void keep_first(char **to, const char *s)
{
    if (!*to && *s)
        *to = xstrdup(s);
}

/* "M2 reel speed trigger": frames a second, negative backwards, 0 a freeze. */
static void read_motion(struct reader *r, char *line)
{
    char *token[TOKENS_MAX];
    size_t n = split(line, token);
    if (n < 3 || r->n == 0 || !is_time(token[n - 1]))
        return;
    struct edit_ratio speed = edit_format_number(token[n - 2]);
    struct edl_event *ev = &r->v[r->n - 1], *from = from_event(r);
    if (n > 3 && from && strcmp(token[1], ev->reel) != 0 && strcmp(token[1], from->reel) == 0)
        ev = from;
    if (!speed.den)
        return;
    ev->has_speed = true;
    ev->speed = edit_format_div(speed, edit_format_ratio(r->base, 1));
}

/* "01:00:01:14 RED     ANIM FIX NEEDED" */
static void read_locator(struct reader *r, struct edl_event *ev, const char *text)
{
    static const char *const colors[] = {"PINK", "RED",    "ORANGE",  "YELLOW", "GREEN", "CYAN",
                                         "BLUE", "PURPLE", "MAGENTA", "BLACK",  "WHITE"};
    size_t n = strcspn(text, " \t");
    AUTO(free) char *time = xstrndup(text, n);
    int64_t at;
    if (read_time(r, time, &at, NULL) < 0)
        return;
    text += n + strspn(text + n, " \t");
    n = strcspn(text, " \t");
    AUTO(free) char *color = xstrndup(text, n);
    text += n + strspn(text + n, " \t");
    const char *shown = "RED";
    for (size_t i = 0; i < COUNT(colors); i++)
        if (strcasecmp(color, colors[i]) == 0)
            shown = colors[i];
    struct edit_ratio zero = {0, 1};
    json_t *metadata = json_object();
    edit_format_put_string(metadata, "color", color);
    edit_format_put_string(metadata, "timecode", time);
    json_t *range = edit_format_range(edit_format_ratio(at, 1), r->rate, zero, r->rate);
    json_array_append_new(
        ev->markers,
        edit_format_marker(text, shown, range, edit_format_metadata("cmx_3600", metadata)));
}

/* What stands behind `key` and its colon in a note, or NULL where it is another. */
static const char *note_value(const char *note, const char *key)
{
    size_t n = strlen(key);
    if (strncasecmp(note, key, n) != 0)
        return NULL;
    note += n + strspn(note + n, " \t");
    if (*note != ':')
        return NULL;
    return note + 1 + strspn(note + 1, " \t");
}

/* A note with or without its star; false where it is none of those that are understood. */
static bool read_known_note(struct reader *r, struct edl_event *ev, struct edl_event *from,
                            const char *note)
{
    struct edl_event *source = from ? from : ev;
    const char *v;
    if ((v = note_value(note, "FROM CLIP NAME"))) {
        keep_first(&source->clip_name, v);
    } else if ((v = note_value(note, "TO CLIP NAME"))) {
        if (from)
            keep_first(&ev->clip_name, v);
    } else if ((v = note_value(note, "FROM CLIP")) || (v = note_value(note, "FROM FILE")) ||
               (v = note_value(note, "OTIO REFERENCE FROM"))) {
        keep_first(&source->path, v);
    } else if ((v = note_value(note, "TO CLIP")) || (v = note_value(note, "TO FILE"))) {
        if (from)
            keep_first(&ev->path, v);
    } else if ((v = note_value(note, "SOURCE FILE"))) {
        if (strcasecmp(v, "(NULL)") != 0) /* the first names what a transition comes from */
            keep_first(source->source_file ? &ev->source_file : &source->source_file, v);
    } else if ((v = note_value(note, "LOC"))) {
        read_locator(r, ev, v);
    } else if (strncasecmp(note, "FROM CLIP IS A STILL", 20) == 0) {
        source->freeze = true;
    } else if (strncasecmp(note, "TO CLIP IS A STILL", 18) == 0) {
        ev->freeze = true;
    } else if (strncasecmp(note, "FREEZE FRAME", 12) == 0) {
        ev->freeze = true;
    } else {
        return false;
    }
    return true;
}

static void read_note(struct reader *r, const char *s)
{
    bool star = *s == '*';
    while (*s == '*' || *s == ' ' || *s == '\t')
        s++;
    if (r->n == 0)
        return;
    struct edl_event *ev = &r->v[r->n - 1], *from = from_event(r);
    if (!read_known_note(r, ev, from, s) && star && *s)
        json_array_append_new((from ? from : ev)->comments, edit_format_string(s));
}

/* The file */

/* Adds the timeline of the edits so far, if any. */
static int finish_title(struct reader *r, struct err *e)
{
    if (r->n == 0)
        return 0;
    struct edl_timeline t = {
        .title = r->title, .rate = r->rate, .v = r->v, .n = r->n, .items = r->items};
    json_t *timeline = edl_event_timeline(&t);
    r->items = t.items;
    forget_events(r);
    if (!timeline)
        return err_set(e, -EFBIG, "line %zu: more than %d clips", r->line, EDIT_FORMAT_ITEMS_MAX);
    if (json_array_append_new(r->timelines, timeline) < 0)
        abort();
    return 0;
}

static int read_title(struct reader *r, const char *s, struct err *e)
{
    bool another = r->n > 0 && r->title && strcmp(r->title, s) != 0;
    int result = another ? finish_title(r, e) : 0;
    free(r->title);
    r->title = xstrdup(s);
    return result;
}

static int read_line(struct reader *r, char *s, struct err *e)
{
    s += strspn(s, " \t");
    for (size_t n = strlen(s); n > 0 && (s[n - 1] == ' ' || s[n - 1] == '\t'); n--)
        s[n - 1] = '\0';
    const char *title = note_value(s, "TITLE");
    if (title)
        return read_title(r, title, e);
    if (starts_with_number(s)) {
        bool claims = claims_edit(s);
        AUTO(free) char *copy = xstrdup(s);
        char *token[TOKENS_MAX];
        size_t n = split(s, token), at = edit_type_at(token, n);
        if (at > 0)
            return read_edit(r, token, n, at, e);
        if (claims)
            return err_set(e, -EBADMSG, "line %zu: not an edit that can be read: '%.80s'", r->line,
                           copy);
        return 0;
    }
    if (strncasecmp(s, "M2", 2) == 0 && (s[2] == ' ' || s[2] == '\t'))
        read_motion(r, s);
    else if (*s && r->n > 0 && r->notes++ == EDL_NOTES_MAX)
        return err_set(e, -EFBIG, "line %zu: more than %d notes", r->line, EDL_NOTES_MAX);
    else if (*s)
        read_note(r, s);
    return 0;
}

/* The bytes as one UTF-8 string: padding (NUL, control-Z) is blank, and what is not UTF-8 is
 * ISO-8859-1, the other encoding that systems write. */
static int read_text(const char *s, size_t n, struct buf *ret, struct err *e)
{
    struct buf plain __attribute__((cleanup(auto_buf))) = {0};
    if (n > EDL_BYTES_MAX)
        return err_set(e, -EFBIG, "the list has %zu bytes, more than %u", n, EDL_BYTES_MAX);
    if (n >= 2 && (memcmp(s, "\xff\xfe", 2) == 0 || memcmp(s, "\xfe\xff", 2) == 0))
        return err_set(e, -EBADMSG, "line 1: the list is UTF-16; save it as UTF-8");
    size_t skip = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    buf_add(&plain, s + skip, n - skip);
    for (size_t i = 0; i < plain.len; i++)
        if (strchr("\x1a\f\v", plain.p[i])) /* NUL is in every string */
            plain.p[i] = ' ';
    bool utf8 = utf8_is_valid(buf_str(&plain), plain.len);
    for (size_t i = 0; i < plain.len; i++) {
        unsigned char c = (unsigned char)plain.p[i];
        if (c >= 0x80 && !utf8) {
            buf_addc(ret, (char)(0xc0 | c >> 6));
            c = 0x80 | (c & 0x3f);
        }
        buf_addc(ret, (char)c);
    }
    return 0;
}

static int read_lines(struct reader *r, const char *text, struct err *e)
{
    struct buf line __attribute__((cleanup(auto_buf))) = {0};
    while (*text) {
        size_t n = strcspn(text, "\r\n");
        r->line++;
        if (n > EDL_LINE_MAX)
            return err_set(e, -EFBIG, "line %zu: longer than %d bytes", r->line, EDL_LINE_MAX);
        buf_clear(&line);
        buf_add(&line, text, n);
        int result = n > 0 ? read_line(r, line.p, e) : 0;
        if (result < 0)
            return result;
        text += n;
        if (*text)
            text += text[0] == '\r' && text[1] == '\n' ? 2 : 1;
    }
    if (r->total == 0)
        return err_set(e, -EBADMSG, "no edit in the list");
    return finish_title(r, e);
}

int edl_read(const void *data, size_t n, const struct edit_format_options *opt, json_t **ret,
             struct err *e)
{
    struct buf text __attribute__((cleanup(auto_buf))) = {0};
    struct reader r = {.timelines = json_array()};
    int result = read_text(data, n, &text, e);
    if (result == 0)
        result = find_rate(&r, buf_str(&text), opt->rate, e);
    if (result == 0)
        result = read_lines(&r, buf_str(&text), e);
    forget_events(&r);
    free(r.v);
    free(r.title);
    if (result < 0) {
        json_decref(r.timelines);
        return result;
    }
    *ret = edit_format_collection(r.timelines);
    return 0;
}
