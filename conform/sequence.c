/* conform/sequence.c - numbered frames: the notations that name them, and their numbers. */
/* SPDX-License-Identifier: MIT */
#include "conform/sequence.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/media_url.h"
#include "conform/otio_read.h"

static size_t digits_length(const char *s)
{
    size_t n = 0;
    while (s[n] >= '0' && s[n] <= '9')
        n++;
    return n;
}

/* A signed number at `*s`, which is moved behind it. `*width` is its digits. */
static bool read_number(const char **s, int64_t *ret, int *width)
{
    bool negative = **s == '-';
    const char *p = *s + negative;
    size_t n = digits_length(p);
    if (n == 0 || n > SEQUENCE_PAD_MAX)
        return false;
    int64_t v = strtoll(p, NULL, 10);
    if (v > SEQUENCE_NUMBER_MAX)
        return false;
    *ret = negative ? -v : v;
    *width = (int)n;
    *s = p + n;
    return true;
}

static int add_range(struct sequence *s, int64_t first, int64_t last, int64_t step, struct err *e)
{
    uint64_t n = (uint64_t)((last - first) / step) + 1;
    if (n > SEQUENCE_FRAMES_MAX || s->n_frames + n > SEQUENCE_FRAMES_MAX)
        return err_set(e, -EINVAL, "it names more than %d frames", SEQUENCE_FRAMES_MAX);
    if ((s->n_ranges & (s->n_ranges - 1)) == 0) /* grows at powers of two */
        s->ranges = xrealloc(s->ranges, s->n_ranges ? 2 * s->n_ranges : 1, sizeof *s->ranges);
    s->ranges[s->n_ranges++] = (struct sequence_range){first, last, step};
    s->n_frames += n;
    s->known = true;
    return 0;
}

/* "1001-1010,1015" at `*s`, up to the first byte that does not belong. 1: read, `*pad` is the
 * width of the first number; 0: no such list; -EINVAL. */
static int read_list(const char **s, struct sequence *ret, int *pad, struct err *e)
{
    const char *p = *s;
    for (bool more = true; more;) {
        int64_t first, last;
        int width, ignored;
        if (!read_number(&p, &first, &width))
            return 0;
        if (ret->n_ranges == 0) {
            *pad = width;
            ret->start = first;
        }
        last = first;
        if (*p == '-') {
            p++;
            if (!read_number(&p, &last, &ignored))
                return 0;
        }
        if (last < first)
            return err_set(e, -EINVAL, "its frame range runs backwards");
        int r = add_range(ret, first, last, 1, e);
        if (r < 0)
            return r;
        more = *p == ',';
        p += more;
        while (more && *p == ' ')
            p++;
    }
    *s = p;
    return 1;
}

static bool is_alnum(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* One notation without a range, at `p` in `name`: its length (0: none) and padding. */
static size_t pattern_length(const char *name, const char *p, int *pad)
{
    if (*p == '#' || *p == '@') {
        size_t n = strspn(p, (char[]){*p, '\0'});
        *pad = n == 1 ? SEQUENCE_PAD_ANY : (int)n; /* one '#' is 1 digit here and 4 there */
        bool in_word = (p > name && is_alnum(p[-1])) || is_alnum(p[n]);
        return n == 1 && in_word ? 0 : n; /* "take#2.mov" */
    }
    size_t head = strncmp(p, "$F", 2) == 0 ? 2 : strncmp(p, "{:", 2) == 0 ? 2 : *p == '%' ? 1 : 0;
    if (head == 0)
        return 0;
    const char *number = p + head;
    size_t n = digits_length(number);
    *pad = n > 0 && n <= 2 ? atoi(number) : 0;
    if (n > 2 || (*p != '$' && n > 0 && *number != '0'))
        return 0; /* "%20d" is a space and a d in a careless URL, and no padding anyone writes */
    const char *tail = *p == '%' ? "d" : *p == '{' ? "d}" : "";
    size_t len = head + n + strlen(tail);
    bool whole = strncmp(number + n, tail, strlen(tail)) == 0 && (*p == '{' || !is_alnum(p[len]));
    return whole ? len : 0;
}

/* " 1001-1098" at the end of a name: cuts it off `suffix`. */
static int read_trailing_range(struct sequence *s, struct err *e)
{
    char *space = strrchr(s->suffix, ' ');
    int ignored;
    if (!space || !strpbrk(space, "-,"))
        return 0;
    const char *p = space + 1;
    struct sequence list = {0};
    int r = read_list(&p, &list, &ignored, e);
    if (r <= 0 || *p != '\0') {
        sequence_done(&list);
        return r < 0 ? r : 0;
    }
    *space = '\0';
    s->ranges = list.ranges;
    s->n_ranges = list.n_ranges;
    s->n_frames = list.n_frames;
    s->start = list.start;
    s->known = true;
    return 0;
}

/* A bracketed list at `p` ('['): its length in `*len`. */
static int read_brackets(const char *p, struct sequence *ret, size_t *len, struct err *e)
{
    const char *q = p + 1;
    int pad = 0;
    struct sequence list = {0};
    size_t inside = strcspn(q, "]");
    /* one number in brackets is a take or a copy, not a range */
    int r = memchr(q, '-', inside) || memchr(q, ',', inside) ? read_list(&q, &list, &pad, e) : 0;
    if (r <= 0 || *q != ']') {
        sequence_done(&list);
        return r < 0 ? r : 0;
    }
    *ret = list;
    ret->pad = pad;
    *len = (size_t)(q + 1 - p);
    return 1;
}

int sequence_parse_name(const char *name, struct sequence *ret, struct err *e)
{
    *ret = (struct sequence){0};
    const char *found = NULL;
    size_t len = 0;
    for (const char *p = name; *p; p++) {
        struct sequence list = {0};
        int pad = 0, r = 1;
        size_t n = 0;
        if (*p == '[')
            r = read_brackets(p, &list, &n, e);
        else
            n = pattern_length(name, p, &pad);
        if (r < 0) {
            sequence_done(ret);
            return r;
        }
        if (n == 0)
            continue;
        if (found) { /* two notations: nobody can say which of them counts frames */
            sequence_done(&list);
            sequence_done(ret);
            return 0;
        }
        found = p;
        len = n;
        *ret = list;
        ret->pad = *p == '[' ? list.pad : pad;
        p += n - 1;
    }
    if (!found)
        return 0;
    ret->prefix = xstrndup(name, (size_t)(found - name));
    ret->suffix = xstrdup(found + len);
    int r = *found == '[' ? 0 : read_trailing_range(ret, e);
    if (r == 0 && ret->pad > SEQUENCE_PAD_MAX)
        r = err_set(e, -EINVAL, "its frame numbers have %d digits", ret->pad);
    if (r < 0)
        sequence_done(ret);
    return r < 0 ? r : 1;
}

/* An integer member, also where it was written as a real. */
static int read_integer(const json_t *o, const char *key, int64_t missing, int64_t *ret,
                        struct err *e)
{
    const json_t *v = json_object_get(o, key);
    *ret = missing;
    if (!v || json_is_null(v))
        return 0;
    double d = json_number_value(v);
    if (!json_is_number(v) || !(fabs(d) <= (double)SEQUENCE_NUMBER_MAX))
        return err_set(e, -EINVAL, "its %s is no usable number", key);
    *ret = json_is_integer(v) ? json_integer_value(v) : llround(d);
    return 0;
}

/* The range that available_range states. OpenTimelineIO truncates here and loses the last frame of
 * real files (100 frames at 23.976024627 against a rate of 23.976023976); this rounds. `rate` is
 * not used: exporters write 1.0 or 0.0 there. */
static int read_available_range(const json_t *ref, struct sequence *s, struct err *e)
{
    const json_t *range = json_object_get(ref, "available_range");
    if (!range || json_is_null(range))
        return 0;
    const json_t *value = json_object_get(json_object_get(range, "duration"), "value");
    double duration = json_number_value(value);
    if (!json_is_number(value) || !(duration < 1e12))
        return err_set(e, -EINVAL, "the duration of its available_range is no usable number");
    int64_t step;
    int r = read_integer(ref, "frame_step", 1, &step, e);
    if (r < 0)
        return r;
    step = step == 0 ? 1 : step;
    int64_t n = llround(duration / (double)llabs(step));
    if (n == 0 && llround(duration) > 0)
        n = 1;
    if (n <= 0)
        return err_set(e, -EINVAL, "its available_range holds no frame");
    if (n > SEQUENCE_FRAMES_MAX)
        return err_set(e, -EINVAL, "it names more than %d frames", SEQUENCE_FRAMES_MAX);
    int64_t far;
    if (__builtin_mul_overflow(n - 1, step, &far) || llabs(far) > SEQUENCE_NUMBER_MAX)
        return err_set(e, -EINVAL, "its frame numbers are out of range");
    return step > 0 ? add_range(s, s->start, s->start + far, step, e)
                    : add_range(s, s->start + far, s->start, -step, e);
}

/* `part` as it stands or percent-decoded. */
static bool is_part(const char *part, const char *text, size_t n)
{
    AUTO(free) char *decoded = media_url_decode(part);
    return (strlen(part) == n && memcmp(part, text, n) == 0) ||
           (decoded && strlen(decoded) == n && memcmp(decoded, text, n) == 0);
}

static bool ends_in(const char *base, const char *folder, size_t n)
{
    size_t len = strlen(base);
    while (len > 0 && base[len - 1] == '/')
        len--;
    return n == 0 || (len == n && memcmp(base, folder, n) == 0) ||
           (len > n && base[len - n - 1] == '/' && memcmp(base + len - n, folder, n) == 0);
}

/* Whether a reference still names what its metadata has the key of ("show/p/x.%04d.exr"). */
static bool is_of_key(const json_t *ref, const char *key)
{
    const char *base = otio_string(ref, "target_url_base");
    const char *prefix = otio_string(ref, "name_prefix"), *suffix = otio_string(ref, "name_suffix");
    const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
    size_t folder = slash ? (size_t)(slash - key) : 0;
    AUTO(free) char *decoded = media_url_decode(base ? base : "");
    if (!ends_in(base ? base : "", key, folder) && !(decoded && ends_in(decoded, key, folder)))
        return false;
    /* a prefix may have one, too */
    for (const char *p = strstr(name, "%0"); p; p = strstr(p + 1, "%0")) {
        const char *end = p + 1 + strspn(p + 1, "0123456789");
        if (*end == 'd' && is_part(prefix ? prefix : "", name, (size_t)(p - name)) &&
            is_part(suffix ? suffix : "", end + 1, strlen(end + 1)))
            return true;
    }
    return false;
}

const char *sequence_stated_frames(const json_t *ref)
{
    const json_t *ours = json_object_get(json_object_get(ref, "metadata"), "shotlake");
    const char *key = otio_string(ours, "key");
    return key && !is_of_key(ref, key) ? NULL : otio_string(ours, "frames");
}

int sequence_parse_reference(const json_t *ref, struct sequence *ret, struct err *e)
{
    *ret = (struct sequence){0};
    const char *prefix = otio_string(ref, "name_prefix"), *suffix = otio_string(ref, "name_suffix");
    ret->prefix = xstrdup(prefix ? prefix : "");
    ret->suffix = xstrdup(suffix ? suffix : "");
    int64_t pad, start;
    int ignored, r = read_integer(ref, "frame_zero_padding", 0, &pad, e);
    if (r == 0)
        r = read_integer(ref, "start_frame", 1, &start, e);
    if (r < 0)
        return r;
    if (pad < 0 || pad > SEQUENCE_PAD_MAX)
        return err_set(e, -EINVAL, "its frame_zero_padding is out of range");
    ret->pad = (int)pad;
    ret->start = start;

    const char *frames = sequence_stated_frames(ref);
    if (frames && strcmp(frames, "*") == 0)
        return 0;
    if (!frames)
        return read_available_range(ref, ret, e);
    r = read_list(&frames, ret, &ignored, e);
    if (r < 0)
        return r;
    if (r == 0 || *frames != '\0')
        return err_set(e, -EINVAL, "its metadata.shotlake.frames is no list of frames");
    return 0;
}

void sequence_done(struct sequence *s)
{
    free(s->prefix);
    free(s->suffix);
    free(s->ranges);
    *s = (struct sequence){0};
}

struct sequence *sequence_copy(const struct sequence *s)
{
    struct sequence *c = xcalloc(1, sizeof *c);
    *c = *s;
    c->prefix = xstrdup(s->prefix);
    c->suffix = xstrdup(s->suffix);
    c->ranges = NULL;
    if (s->n_ranges > 0) {
        c->ranges = xcalloc(s->n_ranges, sizeof *c->ranges);
        memcpy(c->ranges, s->ranges, s->n_ranges * sizeof *c->ranges);
    }
    return c;
}

struct sequence *sequence_within(const struct sequence *s, int64_t first, int64_t last)
{
    struct sequence *c = sequence_copy(s);
    size_t kept = 0;
    c->n_frames = 0;
    for (size_t i = 0; i < s->n_ranges; i++) {
        struct sequence_range r = s->ranges[i];
        if (r.first < first)
            r.first += (first - r.first + r.step - 1) / r.step * r.step;
        if (r.last > last)
            r.last = last;
        if (r.first > r.last)
            continue;
        r.last -= (r.last - r.first) % r.step;
        c->n_frames += (uint64_t)((r.last - r.first) / r.step) + 1;
        c->ranges[kept++] = r;
    }
    c->n_ranges = kept;
    return c;
}

void sequence_free(struct sequence *s)
{
    if (s)
        sequence_done(s);
    free(s);
}

static void add_number(int64_t frame, int pad, struct buf *ret)
{
    buf_addf(ret, "%s%0*lld", frame < 0 ? "-" : "", pad > 0 ? pad : 1, llabs((long long)frame));
}

void sequence_name(const struct sequence *s, int64_t frame, struct buf *ret)
{
    buf_adds(ret, s->prefix);
    add_number(frame, s->pad, ret);
    buf_adds(ret, s->suffix);
}

static int by_number(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

size_t sequence_frames(const struct sequence *s, int64_t **ret)
{
    *ret = NULL;
    if (!s->known || s->n_frames == 0)
        return 0;
    int64_t *f = xcalloc(s->n_frames, sizeof *f);
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < s->n_ranges; i++)
        for (int64_t v = s->ranges[i].first; v <= s->ranges[i].last; v += s->ranges[i].step)
            f[n++] = v;
    if (s->n_ranges > 1)
        qsort(f, n, sizeof *f, by_number);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || f[kept - 1] != f[i])
            f[kept++] = f[i];
    *ret = f;
    return kept;
}

bool sequence_width(const struct sequence *s, int64_t number, int width)
{
    if (s->pad == SEQUENCE_PAD_ANY)
        return true;
    int digits = 1;
    for (int64_t n = llabs(number); n >= 10; n /= 10)
        digits++;
    return width == (digits > s->pad ? digits : s->pad);
}

bool sequence_number(const struct sequence *s, const char *digits, size_t n, int64_t *ret)
{
    char text[SEQUENCE_PAD_MAX + 1];
    if (n == 0 || n > SEQUENCE_PAD_MAX)
        return false;
    memcpy(text, digits, n);
    text[n] = '\0';
    if (digits_length(text) != n)
        return false;
    *ret = strtoll(text, NULL, 10);
    return sequence_width(s, *ret, (int)n);
}

void sequence_runs(const int64_t *frames, size_t n, int pad, size_t max_runs, struct buf *ret)
{
    size_t runs = n > 0;
    for (size_t i = 1; i < n; i++)
        runs += frames[i] != frames[i - 1] + 1;
    bool whole = runs > max_runs;
    for (size_t i = 0, j; i < n; i = j + 1) {
        for (j = i; j + 1 < n && (whole || frames[j + 1] == frames[j] + 1);)
            j++;
        if (i > 0)
            buf_addc(ret, ',');
        add_number(frames[i], pad, ret);
        if (j > i) {
            buf_addc(ret, '-');
            add_number(frames[j], pad, ret);
        }
    }
}

static int by_first(const void *a, const void *b)
{
    const struct sequence_range *x = a, *y = b;
    return (x->first > y->first) - (x->first < y->first);
}

static void add_run(int64_t first, int64_t last, int pad, bool more, struct buf *ret)
{
    buf_adds(ret, more ? "," : "");
    add_number(first, pad, ret);
    if (last > first) {
        buf_addc(ret, '-');
        add_number(last, pad, ret);
    }
}

void sequence_ranges(const struct sequence *s, size_t max_runs, struct buf *ret)
{
    if (!s->known || s->n_ranges == 0)
        return;
    AUTO(free) struct sequence_range *r = xcalloc(s->n_ranges, sizeof *r);
    size_t runs = 1;
    memcpy(r, s->ranges, s->n_ranges * sizeof *r);
    qsort(r, s->n_ranges, sizeof *r, by_first);
    if (s->n_ranges == 1 && r->step > 1 && s->n_frames <= max_runs) {
        for (int64_t v = r->first; v <= r->last; v += r->step)
            add_run(v, v, s->pad, v > r->first, ret);
        return;
    }
    for (size_t i = 1; i < s->n_ranges; i++) { /* of lists, whose step is 1 */
        struct sequence_range *last = &r[runs - 1];
        if (r[i].first > last->last + 1)
            r[runs++] = r[i];
        else if (r[i].last > last->last)
            last->last = r[i].last;
    }
    if (runs > max_runs) {
        add_run(r[0].first, r[runs - 1].last, s->pad, /* more= */ false, ret);
        return;
    }
    for (size_t i = 0; i < runs; i++)
        add_run(r[i].first, r[i].last, s->pad, i > 0, ret);
}

void sequence_format(const struct sequence *s, struct buf *ret)
{
    if (!s->known || s->n_frames == 0)
        buf_adds(ret, "*");
    else
        sequence_ranges(s, SEQUENCE_FRAMES_MAX, ret);
}
