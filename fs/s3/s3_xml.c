/* fs/s3/s3_xml.c - the S3 documents that we read and write, over expat, with hard limits. */
/* SPDX-License-Identifier: MIT */
#include "fs/s3/s3_xml.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/when.h"

/* A key of 1,024 bytes, each written as %XX, is the longest text; messages may be any length. */
#define TEXT_MAX (3 * STORE_KEY_MAX)
#define NAME_MAX_BYTES 40
#define BLANK '\x7f' /* the one control character that XML allows, and err_set shows as '?' */
#define PATH_MAX_BYTES (S3_XML_DEPTH_MAX * (NAME_MAX_BYTES + 1) + 1)

/* A walk over a document. The path of the open elements, such as "/ListBucketResult/Contents/Key",
 * tells a document's handler where a text belongs. */
struct walk {
    XML_Parser parser;
    char path[PATH_MAX_BYTES];
    unsigned depth;
    struct buf text;   /* of the innermost open element so far */
    bool cut_text;     /* a long text is cut instead of refused */
    const char *wrong; /* why the walk was stopped, or NULL */

    /* The element at `path` has ended, and `text` was in it. */
    void (*end)(struct walk *w, const char *path, const struct buf *text);
    void *arg;
};

static void stop(struct walk *w, const char *why)
{
    if (!w->wrong)
        w->wrong = why;
    XML_StopParser(w->parser, XML_FALSE);
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct walk *w = arg;
    (void)attributes;
    /* "{namespace}Name" is not used: the parser is made without namespace handling, and S3 names
     * its namespace only in xmlns attributes. */
    size_t at = strlen(w->path), n = strlen(name);
    if (w->depth == S3_XML_DEPTH_MAX || n > NAME_MAX_BYTES || strchr(name, '/')) {
        stop(w, "its elements are nested too deep or have names too long");
        return;
    }
    w->depth++;
    w->path[at] = '/';
    memcpy(w->path + at + 1, name, n + 1);
    buf_clear(&w->text);
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct walk *w = arg;
    (void)name;
    if (w->wrong)
        return;
    w->end(w, w->path, &w->text);
    *strrchr(w->path, '/') = '\0';
    w->depth--;
    buf_clear(&w->text);
}

static void XMLCALL on_text(void *arg, const XML_Char *s, int n)
{
    struct walk *w = arg;
    size_t room = TEXT_MAX - w->text.len, want = (size_t)n;
    if (want > room) {
        if (!w->cut_text) {
            stop(w, "a value in it is too long");
            return;
        }
        want = room;
    }
    buf_add(&w->text, s, want);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int internal)
{
    (void)name, (void)system_id, (void)public_id, (void)internal;
    stop(arg, "it has a document type, which S3 never sends");
}

/* Walks the document in `encoding` (NULL: as it says itself). */
static int walk_run(struct walk *w, const char *encoding, const char *data, size_t n)
{
    if (n > S3_XML_BYTES_MAX) {
        w->wrong = "it is too long";
        return -EBADMSG;
    }
    w->parser = XML_ParserCreate(encoding);
    if (!w->parser) {
        w->wrong = "out of memory";
        return -EIO;
    }
    XML_SetUserData(w->parser, w);
    XML_SetElementHandler(w->parser, on_start, on_end);
    XML_SetCharacterDataHandler(w->parser, on_text);
    XML_SetStartDoctypeDeclHandler(w->parser, on_doctype);
    if (XML_Parse(w->parser, data, (int)n, /* isFinal= */ 1) != XML_STATUS_OK && !w->wrong)
        w->wrong = XML_ErrorString(XML_GetErrorCode(w->parser));
    XML_ParserFree(w->parser);
    buf_done(&w->text);
    return w->wrong ? -EBADMSG : 0;
}

int s3_xml_time_parse(const char *s, int64_t *ret)
{
    int64_t seconds, ns = 0, unit = 100000000;
    size_t n = strlen(s);
    if (n < strlen("2009-10-12T17:50:30Z") || n > 40 || !strchr(s, 'T'))
        return -EINVAL;
    if (when_parse(s, WHEN_DAY_START, &seconds, /* e= */ NULL) < 0)
        return -EINVAL;
    const char *dot = strchr(s, '.');
    for (const char *p = dot ? dot + 1 : ""; *p >= '0' && *p <= '9'; p++, unit /= 10)
        ns += (*p - '0') * unit;
    if (seconds > INT64_MAX / 1000000000 - 1 || seconds < INT64_MIN / 1000000000)
        return -EINVAL;
    *ret = seconds * 1000000000 + ns;
    return 0;
}

int s3_xml_etag_parse(const char *s, size_t n, char ret[STORE_ETAG_MAX])
{
    if (n >= 2 && s[0] == '"' && s[n - 1] == '"') {
        s++;
        n -= 2;
    }
    if (n == 0 || n >= STORE_ETAG_MAX)
        return -EINVAL;
    for (size_t i = 0; i < n; i++)
        if (s[i] < 0x21 || s[i] > 0x7e || s[i] == '"')
            return -EINVAL;
    memcpy(ret, s, n);
    ret[n] = '\0';
    return 0;
}

/* The listing */

struct page_walk {
    struct s3_xml_page page; /* keys as they stand in the document until the end */
    struct s3_xml_entry now;
    bool has_size, has_time, encoded, is_listing, over;
};

static int parse_size(const char *s, uint64_t *ret)
{
    size_t n = strlen(s);
    if (n == 0 || n > 18 || strspn(s, "0123456789") != n)
        return -EINVAL;
    *ret = strtoull(s, NULL, 10);
    return 0;
}

static void page_entry_end(struct walk *w)
{
    struct page_walk *p = w->arg;
    if (!p->now.key || !p->has_size || !p->has_time || p->now.st.etag[0] == '\0') {
        stop(w, "an entry lacks its key, size, time or ETag");
        return;
    }
    if (p->page.n == S3_XML_PAGE_MAX) {
        stop(w, "the page has too many entries");
        return;
    }
    p->page.entry[p->page.n++] = p->now;
    p->now = (struct s3_xml_entry){0};
    p->has_size = p->has_time = false;
}

static void page_end(struct walk *w, const char *path, const struct buf *text)
{
    static const char root[] = "/ListBucketResult", entry[] = "/ListBucketResult/Contents";
    struct page_walk *p = w->arg;
    const char *s = buf_str(text);
    if (strncmp(path, root, strlen(root)) != 0)
        return;
    const char *name = path + strlen(root);
    int r = 0;

    if (strcmp(path, root) == 0) {
        p->is_listing = true;
    } else if (strcmp(name, "/IsTruncated") == 0) {
        p->page.truncated = strcmp(s, "true") == 0;
    } else if (strcmp(name, "/EncodingType") == 0) {
        p->encoded = strcmp(s, "url") == 0;
    } else if (strcmp(path, entry) == 0) {
        page_entry_end(w);
    } else if (strncmp(path, entry, strlen(entry)) == 0) {
        name = path + strlen(entry);
        if (strcmp(name, "/Key") == 0 && !p->now.key) {
            p->now.key = xstrndup(s, text->len);
        } else if (strcmp(name, "/Size") == 0) {
            r = parse_size(s, &p->now.st.size);
            p->has_size = true;
        } else if (strcmp(name, "/LastModified") == 0) {
            r = s3_xml_time_parse(s, &p->now.st.mtime_ns);
            p->has_time = true;
        } else if (strcmp(name, "/ETag") == 0) {
            r = s3_xml_etag_parse(s, text->len, p->now.st.etag);
        }
    }
    if (r < 0)
        stop(w, "an entry has a malformed size, time or ETag");
}

/* The document is read as Latin-1, so that no byte in it is malformed; this takes back what that
 * did to bytes over 0x7f: U+0080 to U+00FF in two bytes become one. */
static size_t latin1_undo(char *s)
{
    char *to = s;
    for (const char *p = s; *p; p++) {
        unsigned char c = (unsigned char)*p;
        if ((c == 0xc2 || c == 0xc3) && p[1])
            c = (unsigned char)((c & 0x03) << 6 | (*++p & 0x3f));
        *to++ = (char)c;
    }
    *to = '\0';
    return (size_t)(to - s);
}

/* Turns a key of the document into the key itself. Returns NULL for one that cannot be named. */
static char *key_decode(char *raw, bool encoded)
{
    AUTO(buf) struct buf key = {0};
    size_t n = latin1_undo(raw);
    if (encoded) {
        for (size_t i = 0; i < n; i++)
            if (raw[i] == '+')
                raw[i] = ' ';
        if (percent_decode(&key, raw, n) < 0)
            return NULL;
    } else {
        if (strchr(raw, BLANK))
            return NULL;
        buf_add(&key, raw, n);
    }
    return key.len > 0 && key.len <= STORE_KEY_MAX ? buf_take(&key) : NULL;
}

static void page_decode(struct page_walk *p)
{
    size_t kept = 0;
    for (size_t i = 0; i < p->page.n; i++) {
        struct s3_xml_entry entry = p->page.entry[i];
        char *raw = entry.key;
        entry.key = key_decode(raw, p->encoded);
        free(raw);
        if (entry.key)
            p->page.entry[kept++] = entry;
    }
    p->page.n = kept;
    if (kept > 0)
        p->page.last = xstrdup(p->page.entry[kept - 1].key);
}

/* Stores echo prefix, start and token raw or as "&#x1;", which is not XML. Nothing that we read
 * has a control character in it, so BLANK stands there before the parser sees them. */
static char *without_controls(const char *data, size_t n)
{
    char *copy = xcalloc(n + 1, 1);
    memcpy(copy, data, n);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)copy[i];
        if (c < 0x20 && c != '\t' && c != '\n' && c != '\r')
            copy[i] = BLANK;
        if (c != '&' || copy[i + 1] != '#')
            continue;
        bool hex = copy[i + 2] == 'x';
        char *end;
        unsigned long v = strtoul(copy + i + (hex ? 3 : 2), &end, hex ? 16 : 10);
        if (*end == ';' && v < 0x20 && v != '\t' && v != '\n' && v != '\r')
            memset(copy + i, BLANK, (size_t)(end + 1 - (copy + i)));
    }
    return copy;
}

int s3_xml_page_parse(const char *data, size_t n, struct s3_xml_page *ret, struct err *e)
{
    if (n > S3_XML_BYTES_MAX)
        return err_set(e, -EBADMSG, "the store's listing cannot be read: it is too long");
    struct page_walk p = {.page.entry = xcalloc(S3_XML_PAGE_MAX, sizeof *p.page.entry)};
    struct walk w = {.end = page_end, .arg = &p};
    AUTO(free) char *clean = without_controls(data, n);

    int r = walk_run(&w, "ISO-8859-1", clean, n);
    free(p.now.key);
    if (r == 0 && !p.is_listing) {
        w.wrong = "it is another document";
        r = -EBADMSG;
    }
    if (r < 0) {
        s3_xml_page_done(&p.page);
        return err_set(e, r, "the store's listing cannot be read: %s", w.wrong);
    }
    page_decode(&p);
    *ret = p.page;
    return 0;
}

void s3_xml_page_done(struct s3_xml_page *page)
{
    for (size_t i = 0; i < page->n; i++)
        free(page->entry[i].key);
    free(page->entry);
    free(page->last);
    *page = (struct s3_xml_page){0};
}

/* Tags */

struct tags_walk {
    struct store_tags tags;
    struct store_tag now;
    bool is_tagging;
};

static void tag_text(struct walk *w, char *to, size_t max, const struct buf *text)
{
    if (text->len > max)
        stop(w, "a tag is too long");
    else
        memcpy(to, buf_str(text), text->len + 1);
}

static void tags_end(struct walk *w, const char *path, const struct buf *text)
{
    struct tags_walk *t = w->arg;
    if (strcmp(path, "/Tagging") == 0) {
        t->is_tagging = true;
    } else if (strcmp(path, "/Tagging/TagSet/Tag/Key") == 0) {
        tag_text(w, t->now.key, STORE_TAG_KEY_MAX, text);
    } else if (strcmp(path, "/Tagging/TagSet/Tag/Value") == 0) {
        tag_text(w, t->now.value, STORE_TAG_VALUE_MAX, text);
    } else if (strcmp(path, "/Tagging/TagSet/Tag") == 0) {
        if (t->tags.n == STORE_TAGS_MAX) {
            stop(w, "the object has too many tags");
            return;
        }
        t->tags.tag[t->tags.n++] = t->now;
        t->now = (struct store_tag){0};
    }
}

int s3_xml_tags_parse(const char *data, size_t n, struct store_tags *ret, struct err *e)
{
    struct tags_walk t = {0};
    struct walk w = {.end = tags_end, .arg = &t};
    int r = walk_run(&w, /* encoding= */ NULL, data, n);
    if (r == 0 && !t.is_tagging) {
        w.wrong = "it is another document";
        r = -EBADMSG;
    }
    if (r < 0)
        return err_set(e, r, "the object's tags cannot be read: %s", w.wrong);
    *ret = t.tags;
    return 0;
}

static void add_escaped(struct buf *b, const char *s)
{
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '&' || c == '<' || c == '>' || c == '"' || c == '\'' || c == '\t' || c == '\n' ||
            c == '\r')
            buf_addf(b, "&#%u;", c);
        else
            buf_addc(b, *s);
    }
}

void s3_xml_tags_format(const struct store_tags *tags, struct buf *ret)
{
    buf_adds(ret, "<Tagging xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><TagSet>");
    for (size_t i = 0; i < tags->n; i++) {
        buf_adds(ret, "<Tag><Key>");
        add_escaped(ret, tags->tag[i].key);
        buf_adds(ret, "</Key><Value>");
        add_escaped(ret, tags->tag[i].value);
        buf_adds(ret, "</Value></Tag>");
    }
    buf_adds(ret, "</TagSet></Tagging>");
}

/* Errors */

struct error_walk {
    struct s3_xml_error error;
    bool is_error;
};

static void copy_cut(char *to, size_t size, const struct buf *text)
{
    size_t n = text->len < size - 1 ? text->len : size - 1;
    memcpy(to, buf_str(text), n);
    to[n] = '\0';
}

static void error_end(struct walk *w, const char *path, const struct buf *text)
{
    struct error_walk *x = w->arg;
    if (strcmp(path, "/Error") == 0)
        x->is_error = true;
    else if (strcmp(path, "/Error/Code") == 0)
        copy_cut(x->error.code, sizeof x->error.code, text);
    else if (strcmp(path, "/Error/Message") == 0)
        copy_cut(x->error.message, sizeof x->error.message, text);
    else if (strcmp(path, "/Error/Region") == 0)
        copy_cut(x->error.region, sizeof x->error.region, text);
}

int s3_xml_error_parse(const char *data, size_t n, struct s3_xml_error *ret)
{
    struct error_walk x = {0};
    struct walk w = {.end = error_end, .arg = &x, .cut_text = true};
    AUTO(free) char *clean = n <= S3_XML_BYTES_MAX ? without_controls(data, n) : NULL;
    int r = clean ? walk_run(&w, /* encoding= */ NULL, clean, n) : -EBADMSG;
    *ret = r == 0 && x.is_error ? x.error : (struct s3_xml_error){0};
    return ret->code[0] ? 0 : -EBADMSG;
}
