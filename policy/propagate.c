/* policy/propagate.c - which collections hand their ACL down: the filter, held to their fields. */
/* SPDX-License-Identifier: MIT */
#include "policy/propagate.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/codec.h"
#include "base/err.h"

#define TEXT_MAX 4096
#define NAME_MAX_BYTES 128

struct condition {
    char *field;
    char **values; /* any of them */
    size_t n_values;
};

struct propagate {
    struct condition *conditions; /* all of them */
    size_t n;
};

/* Where the parser stands: `p` moves, `start` stays for the places in its sentences. */
struct reader {
    const char *start, *p;
    struct err *e;
};

void propagate_free(struct propagate *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->n; i++) {
        for (size_t k = 0; k < p->conditions[i].n_values; k++)
            free(p->conditions[i].values[k]);
        free(p->conditions[i].values);
        free(p->conditions[i].field);
    }
    free(p->conditions);
    free(p);
}

static int refuse(const struct reader *rd, const char *at, const char *why)
{
    return err_set(rd->e, -EBADMSG, "acl.propagate.filter, byte %zu: %s",
                   (size_t)(at - rd->start) + 1, why);
}

/* The bytes of an escaped comma: "\," has two, "\\,", as a properties file has it, three. */
static size_t escaped_comma(const char *s)
{
    if (s[0] != '\\')
        return 0;
    return s[1] == ',' ? 2 : s[1] == '\\' && s[2] == ',' ? 3 : 0;
}

static int add_value(struct reader *rd, struct condition *c, const char *at, struct buf *b)
{
    if (b->len == 0)
        return refuse(rd, at, "no value");
    c->values = xrealloc(c->values, c->n_values + 1, sizeof *c->values);
    c->values[c->n_values++] = buf_take(b);
    return 0;
}

/* Up to the comma that ends the condition. An escaped comma stands for itself in the one value of a
 * str_eq, and between two of a string_in. */
static int read_values(struct reader *rd, struct condition *c, bool list)
{
    AUTO(buf) struct buf b = {0};
    const char *at = rd->p;
    while (*rd->p && *rd->p != ',') {
        size_t comma = escaped_comma(rd->p);
        if (*rd->p == '\\' && comma == 0)
            return refuse(rd, rd->p, "a '\\' that does not stand before a ','");
        if (comma == 0) {
            buf_addc(&b, *rd->p++);
            continue;
        }
        rd->p += comma;
        if (!list) {
            buf_addc(&b, ',');
            continue;
        }
        int r = add_value(rd, c, at, &b);
        if (r < 0)
            return r;
        at = rd->p;
    }
    return add_value(rd, c, at, &b);
}

/* FIELD:OP=VALUE */
static int read_condition(struct reader *rd, struct condition *c)
{
    size_t n = strcspn(rd->p, ":,=\\");
    if (n == 0 || n > NAME_MAX_BYTES || rd->p[n] != ':')
        return refuse(rd, rd->p, "not FIELD:OP=VALUE");
    if (strcspn(rd->p, "#/") < n)
        return refuse(rd, rd->p, "a field's name has no '#' or '/'");
    c->field = xstrndup(rd->p, n);
    rd->p += n + 1;
    bool list = strncmp(rd->p, "string_in=", 10) == 0;
    if (!list && strncmp(rd->p, "str_eq=", 7) != 0)
        return refuse(rd, rd->p, "neither str_eq= nor string_in=");
    rd->p += list ? 10 : 7;
    return read_values(rd, c, list);
}

int propagate_parse(const char *text, struct propagate **ret, struct err *e)
{
    struct reader rd = {text, text, e};
    size_t n = strlen(text);
    if (n > TEXT_MAX || !utf8_is_valid(text, n))
        return err_set(e, -EBADMSG, "acl.propagate.filter: over %d bytes, or not UTF-8", TEXT_MAX);
    for (const char *s = text; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return refuse(&rd, s, "a control character");
    AUTO(propagate) struct propagate *p = xcalloc(1, sizeof *p);
    while (n > 0) {
        p->conditions = xrealloc(p->conditions, p->n + 1, sizeof *p->conditions);
        p->conditions[p->n] = (struct condition){0};
        int r = read_condition(&rd, &p->conditions[p->n++]);
        if (r < 0)
            return r;
        if (*rd.p == '\0')
            break;
        rd.p++; /* the ',': one more has to follow */
    }
    *ret = TAKE(p);
    return 0;
}

static bool holds(const struct condition *c, const json_t *fields)
{
    const char *s = json_string_value(json_object_get(fields, c->field));
    for (size_t i = 0; s && i < c->n_values; i++)
        if (strcmp(s, c->values[i]) == 0)
            return true;
    return false;
}

bool propagate_passes(const struct propagate *p, const json_t *fields)
{
    for (size_t i = 0; i < p->n; i++)
        if (!holds(&p->conditions[i], fields))
            return false;
    return true;
}
