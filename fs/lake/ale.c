/* fs/lake/ale.c - Avid Log Exchange: a bin's clips with their reels and timecodes. */
/* SPDX-License-Identifier: MIT */
#include "fs/lake/ale.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

enum column {
    COLUMN_NAME,
    COLUMN_SOURCE_FILE,
    COLUMN_SOURCE_PATH,
    COLUMN_UNC,
    COLUMN_TAPE,
    COLUMN_REEL,
    COLUMN_CAMROLL,
    COLUMN_START,
    COLUMN_END,
    COLUMN_DURATION,
    COLUMN_FPS,
    COLUMN_UMID,
    COLUMN_COUNT
};

static const struct {
    const char *name;
    enum column column;
} names[] = {
    {"Name", COLUMN_NAME},
    {"Source File", COLUMN_SOURCE_FILE},
    {"Source File Name", COLUMN_SOURCE_FILE},
    {"Source File Path", COLUMN_SOURCE_PATH},
    {"Source Path", COLUMN_SOURCE_PATH},
    {"UNC", COLUMN_UNC},
    {"UNC Path", COLUMN_UNC},
    {"Tape", COLUMN_TAPE},
    {"Reel", COLUMN_REEL},
    {"Reel Name", COLUMN_REEL},
    {"Camroll", COLUMN_CAMROLL},
    {"Start", COLUMN_START},
    {"End", COLUMN_END},
    {"Duration", COLUMN_DURATION},
    {"FPS", COLUMN_FPS},
    {"UMID", COLUMN_UMID},
};

enum section {
    SECTION_NONE,
    SECTION_HEADING,
    SECTION_COLUMN,
    SECTION_DATA
};

struct log {
    enum section section;
    size_t line;
    int at[ALE_COLUMNS_MAX]; /* enum column of the n-th field, or -1 */
    size_t n_columns;
    size_t rows;
    char fps[16]; /* of the heading */
    ale_row_fn *fn;
    void *arg;
};

/* Cuts blanks at both ends, in place. */
static char *trimmed(char *s)
{
    s += strspn(s, " \t\v\f");
    size_t n = strlen(s);
    while (n > 0 && strchr(" \t\v\f", s[n - 1]))
        s[--n] = '\0';
    return s;
}

/* The next field of a line, or NULL; `*at` moves behind it. */
static char *take_field(char **at)
{
    char *s = *at;
    if (!s)
        return NULL;
    char *tab = strchr(s, '\t');
    if (tab)
        *tab = '\0';
    *at = tab ? tab + 1 : NULL;
    return trimmed(s);
}

static int read_heading(struct log *l, char *line, struct err *e)
{
    char *key = take_field(&line), *value = take_field(&line);
    if (!value)
        return 0;
    if (strcasecmp(key, "FIELD_DELIM") == 0 && strcasecmp(value, "TABS") != 0)
        return err_set(e, -EBADMSG, "line %zu: fields are not separated by tabs", l->line);
    if (strcasecmp(key, "FPS") == 0)
        snprintf(l->fps, sizeof l->fps, "%s", value);
    return 0;
}

static int read_columns(struct log *l, char *line, struct err *e)
{
    if (l->n_columns > 0)
        return err_set(e, -EBADMSG, "line %zu: a second line of columns", l->line);
    for (char *field; (field = take_field(&line));) {
        if (l->n_columns == ALE_COLUMNS_MAX)
            return err_set(e, -EBADMSG, "line %zu: more than %d columns", l->line,
                           ALE_COLUMNS_MAX);
        int column = -1;
        for (size_t i = 0; i < COUNT(names); i++)
            if (strcasecmp(field, names[i].name) == 0)
                column = (int)names[i].column;
        l->at[l->n_columns++] = column;
    }
    return 0;
}

/* The last component of a path of any system. */
static const char *base_name(const char *path)
{
    const char *base = path;
    for (const char *p = path; *p; p++)
        if (*p == '/' || *p == '\\')
            base = p + 1;
    return base;
}

static void take(struct facts *f, void (*fn)(struct facts *, const char *, size_t), const char *s)
{
    fn(f, s, strlen(s));
}

/* Frames from End (which is the one after the last) or Duration, where Start and rate are known. */
static void take_frames(struct facts *f, const char *end, const char *duration)
{
    int64_t base = timecode_base(f->rate_num, f->rate_den);
    struct timecode tc;
    int64_t start = f->has_tc ? timecode_count(&f->tc, base) : -1, n = -1;
    if (start >= 0 && timecode_parse(end, strlen(end), &tc) &&
        timecode_count(&tc, base) >= 0)
        n = timecode_count(&tc, base) - start;
    if (n <= 0 && timecode_parse(duration, strlen(duration), &tc))
        n = timecode_count(&tc, base);
    if (n > 0)
        f->frames = n;
}

static int read_row(struct log *l, char *line, struct err *e)
{
    const char *field[COLUMN_COUNT] = {"", "", "", "", "", "", "", "", "", "", "", ""};
    if (l->n_columns == 0)
        return err_set(e, -EBADMSG, "line %zu: data before the columns", l->line);
    if (++l->rows > ALE_ROWS_MAX)
        return err_set(e, -EBADMSG, "line %zu: more than %d rows", l->line, ALE_ROWS_MAX);
    char *text;
    for (size_t i = 0; i < l->n_columns && (text = take_field(&line)); i++)
        if (l->at[i] >= 0 && !*field[l->at[i]])
            field[l->at[i]] = text;
    struct ale_row row = {.name = field[COLUMN_NAME]};
    static const enum column files[] = {COLUMN_SOURCE_FILE, COLUMN_SOURCE_PATH, COLUMN_UNC};
    row.source = "";
    for (size_t i = 0; i < COUNT(files) && !*row.source; i++)
        row.source = base_name(field[files[i]]);
    take(&row.facts, facts_reel, field[COLUMN_TAPE]);
    take(&row.facts, facts_reel, field[COLUMN_REEL]);
    take(&row.facts, facts_reel, field[COLUMN_CAMROLL]);
    take(&row.facts, facts_umid, field[COLUMN_UMID]);
    take(&row.facts, facts_timecode, field[COLUMN_START]);
    take(&row.facts, facts_rate, field[COLUMN_FPS]);
    take(&row.facts, facts_rate, l->fps);
    take_frames(&row.facts, field[COLUMN_END], field[COLUMN_DURATION]);
    return l->fn(l->arg, &row, e);
}

static int read_line(struct log *l, char *line, struct err *e)
{
    static const char *const sections[] = {
        [SECTION_HEADING] = "Heading", [SECTION_COLUMN] = "Column", [SECTION_DATA] = "Data"};
    AUTO(free) char *copy = xstrdup(line);
    const char *word = trimmed(copy);
    if (!*word)
        return 0;
    for (enum section s = SECTION_HEADING; s <= SECTION_DATA; s++)
        if (l->section == s - 1 && strcasecmp(word, sections[s]) == 0) {
            l->section = s;
            return 0;
        }
    switch (l->section) {
    case SECTION_NONE: return err_set(e, -EBADMSG, "line %zu: not \"Heading\"", l->line);
    case SECTION_HEADING: return read_heading(l, line, e);
    case SECTION_COLUMN: return read_columns(l, line, e);
    case SECTION_DATA: return read_row(l, line, e);
    }
    return 0;
}

int ale_parse(const void *data, size_t n, ale_row_fn *fn, void *arg, struct err *e)
{
    struct log l = {.fn = fn, .arg = arg};
    if (n > ALE_MAX_BYTES)
        return err_set(e, -EBADMSG, "a log of %zu bytes", n);
    if (n >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0) {
        data = (const char *)data + 3;
        n -= 3;
    }
    if (memchr(data, 0, n))
        return err_set(e, -EBADMSG, "a log that holds NUL bytes");
    AUTO(free) char *text = xstrndup(data, n);
    for (char *line = text; line;) {
        char *end = strpbrk(line, "\r\n"), *next = NULL;
        if (end) {
            next = end + 1 + (end[0] == '\r' && end[1] == '\n');
            *end = '\0';
        }
        l.line++;
        int r = read_line(&l, line, e);
        if (r < 0)
            return r;
        line = next;
    }
    if (l.section != SECTION_DATA)
        return err_set(e, -EBADMSG, "no \"Data\": this is not an Avid log");
    return 0;
}
