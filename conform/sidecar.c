/* conform/sidecar.c - what belongs to found media by rules: grades, look-up tables, references. */
/* SPDX-License-Identifier: MIT */
#include "conform/sidecar.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/media_class.h"
#include "conform/sequence.h"
#include "fs/lake/lake.h"
#include "policy/index.h"

#define ANY '\001' /* stands for a rule's '*' once names are put in, which may hold a '*' */

struct sidecar_rule {
    const char *name, *path; /* borrowed from the tree */
    enum media_class class;  /* MEDIA_CLASS_NONE: all */
};

struct sidecars {
    json_t *root;
    struct sidecar_rule *v;
    size_t n;
};

void sidecars_free(struct sidecars *s)
{
    if (!s)
        return;
    json_decref(s->root);
    free(s->v);
    free(s);
}

/* ---- reading the rules -------------------------------------------------------------------- */

static int bad_path(size_t i, const char *why, struct err *e)
{
    return err_set(e, -EBADMSG, "at '/%zu/path': %s", i, why);
}

static int check_path(const char *path, size_t i, struct err *e)
{
    size_t len = strlen(path);
    bool behind_name = false;
    if (len == 0 || len > SIDECARS_PATH_MAX || *path == '/' || path[len - 1] == '/')
        return bad_path(i, "not a relative path of an object", e);
    for (const char *p = path; *p; p += strcspn(p, "/"), p += *p == '/') {
        size_t n = strcspn(p, "/");
        bool up = n == 2 && memcmp(p, "..", 2) == 0;
        if (n == 0 || (n == 1 && *p == '.') || (up && (behind_name || p[n] == '\0')))
            return bad_path(i, "it has an empty component, a \".\", or a \"..\" behind a name", e);
        behind_name = behind_name || !up;
    }
    for (const char *p = path; *p; p++) {
        if ((unsigned char)*p < 0x20)
            return bad_path(i, "it has a control character", e);
        bool known = strncmp(p, "{stem}", 6) == 0 || strncmp(p, "{shot}", 6) == 0;
        if ((*p == '{' && !known) || (*p == '}' && strchr(path, '{') == NULL))
            return bad_path(i, "what is in braces is neither {stem} nor {shot}", e);
    }
    return 0;
}

static int read_rule(const json_t *o, size_t i, struct sidecar_rule *ret, struct err *e)
{
    const char *what = json_string_value(json_object_get(o, "for"));
    ret->name = json_string_value(json_object_get(o, "name"));
    ret->path = json_string_value(json_object_get(o, "path"));
    if (!json_is_object(o))
        return err_set(e, -EBADMSG, "at '/%zu': not an object", i);
    if (!ret->name || !*ret->name || strlen(ret->name) > 100)
        return err_set(e, -EBADMSG, "at '/%zu/name': not a text of 1 to 100 bytes", i);
    if (!ret->path)
        return bad_path(i, "not a text", e);
    for (int c = MEDIA_CLASS_PLATE; what && c <= MEDIA_CLASS_AUDIO; c++)
        if (strcmp(what, media_class_name((enum media_class)c)) == 0)
            ret->class = (enum media_class)c;
    if (!what || (ret->class == MEDIA_CLASS_NONE && strcmp(what, "*") != 0))
        return err_set(e, -EBADMSG, "at '/%zu/for': not plate, movie, audio or *", i);
    return check_path(ret->path, i, e);
}

int sidecars_parse(const char *s, size_t n, struct sidecars **ret, struct err *e)
{
    AUTO(sidecars) struct sidecars *sc = xcalloc(1, sizeof *sc);
    json_error_t bad;
    if (n > SIDECARS_BYTES_MAX)
        return err_set(e, -EFBIG, "sidecar rules have more than %u bytes", SIDECARS_BYTES_MAX);
    sc->root = json_loadb(s, n, JSON_REJECT_DUPLICATES, &bad);
    if (!sc->root)
        return err_set(e, -EBADMSG, "line %d: %s", bad.line, bad.text);
    if (!json_is_array(sc->root))
        return err_set(e, -EBADMSG, "at '': not a list of rules");
    sc->n = json_array_size(sc->root);
    if (sc->n > SIDECARS_RULES_MAX)
        return err_set(e, -EFBIG, "more than %d sidecar rules", SIDECARS_RULES_MAX);
    sc->v = xcalloc(sc->n + 1, sizeof *sc->v);
    for (size_t i = 0; i < sc->n; i++) {
        int r = read_rule(json_array_get(sc->root, i), i, &sc->v[i], e);
        if (r < 0)
            return r;
    }
    *ret = TAKE(sc);
    return 0;
}

/* ---- finding ------------------------------------------------------------------------------ */

struct search {
    struct index_read *rd;
    const char *rule;
    const char *stem, *shot;
    size_t found, looked;
    sidecar_fn *fn;
    void *arg;
};

/* A component of a rule's path with the names put in, '*' as ANY. */
static char *expand(const struct search *s, const char *p, size_t n)
{
    AUTO(buf) struct buf b = {0};
    for (const char *end = p + n; p < end; p++) {
        bool stem = strncmp(p, "{stem}", 6) == 0, shot = strncmp(p, "{shot}", 6) == 0;
        if (stem || shot) {
            buf_adds(&b, stem ? s->stem : s->shot);
            p += 5;
        } else {
            buf_addc(&b, *p == '*' ? ANY : *p);
        }
    }
    return buf_take(&b);
}

/* Does a name fit? Linear: a '*' is tried again only at the last one seen. */
static bool fits(const char *pattern, const char *name, size_t n)
{
    const char *star = NULL, *end = name + n, *again = NULL;
    while (name < end) {
        if (*pattern == ANY) {
            star = pattern++;
            again = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star + 1;
            name = ++again;
        } else {
            return false;
        }
    }
    while (*pattern == ANY)
        pattern++;
    return *pattern == '\0';
}

static int look(struct search *s, node_id dir, const char *path, struct err *e);

static int take(struct search *s, const struct node *nd, const char *rest, struct err *e)
{
    if (*rest)
        return nd->is_dir ? look(s, nd->id, rest, e) : 0;
    if (nd->is_dir || nd->target != NODE_NONE || s->found == SIDECARS_MATCHES_MAX)
        return 0;
    s->found++;
    return s->fn(s->arg, nd->id, s->rule, e);
}

struct children {
    struct search *s;
    const char *pattern, *rest;
};

static int try_child(void *arg, const struct node *nd, struct err *e)
{
    struct children *c = arg;
    if (++c->s->looked > SIDECARS_LOOKED_MAX || !fits(c->pattern, nd->name, nd->name_len))
        return 0;
    return take(c->s, nd, c->rest, e);
}

/* The child that has a name: 1, or 0 where there is none. */
static int find_child(struct search *s, node_id dir, const char *name, struct node *ret,
                      struct err *e)
{
    AUTO(buf) struct buf key = {0};
    struct err why;
    node_id id;
    int r = index_key(s->rd, dir, &key, e);
    if (r < 0 || !*name || strchr(name, '/'))
        return r;
    buf_adds(&key, name);
    r = index_find(s->rd, buf_str(&key), &id, &why);
    if (r == -ENOENT)
        return 0;
    r = r < 0 ? err_set(e, r, "%s", why.text) : index_node(s->rd, id, ret, e);
    return r < 0 ? r : 1;
}

/* What a rule's path leads to from a directory. */
static int look(struct search *s, node_id dir, const char *path, struct err *e)
{
    size_t n = strcspn(path, "/");
    const char *rest = path + n + (path[n] == '/');
    struct node nd;
    if (n == 2 && memcmp(path, "..", 2) == 0) {
        int r = index_node(s->rd, dir, &nd, e);
        return r < 0 || dir == NODE_ROOT ? r : look(s, nd.parent, rest, e);
    }
    AUTO(free) char *name = expand(s, path, n);
    if (strchr(name, ANY)) {
        const char *wild = strchr(name, ANY);
        struct children c = {.s = s, .pattern = name, .rest = rest};
        return index_children(s->rd, dir, name, (size_t)(wild - name), try_child, &c, e);
    }
    int r = find_child(s, dir, name, &nd, e);
    return r <= 0 ? r : take(s, &nd, rest, e);
}

static char *stem_of(const struct sidecar_media *m, const char *name, size_t n)
{
    if (!m->sequence)
        return xstrndup(name, name_stem(name, n));
    size_t len = strlen(m->sequence->prefix);
    while (len > 0 && strchr("._- ", m->sequence->prefix[len - 1]))
        len--;
    return xstrndup(m->sequence->prefix, len);
}

/* The caller's function behind the one door that keeps what is no sidecar. */
struct door {
    struct index_read *rd;
    const struct sidecar_media *m;
    sidecar_fn *fn;
    void *arg;
};

static int pass(void *arg, node_id node, const char *rule, struct err *e)
{
    const struct door *d = arg;
    AUTO(buf) struct buf key = {0};
    int r = index_key(d->rd, node, &key, e);
    if (r < 0 || node == d->m->node ||
        strncmp(key.p, LAKE_PRIVATE_PREFIX, strlen(LAKE_PRIVATE_PREFIX)) == 0 ||
        strncmp(key.p, LAKE_EDITS_PREFIX, strlen(LAKE_EDITS_PREFIX)) == 0)
        return r;
    return d->fn(d->arg, node, rule, e);
}

int sidecars_find(const struct sidecars *s, struct index_read *rd, const struct sidecar_media *m,
                  sidecar_fn *fn, void *arg, struct err *e)
{
    struct door door = {.rd = rd, .m = m, .fn = fn, .arg = arg};
    struct node nd;
    int r = index_node(rd, m->node, &nd, e);
    if (r < 0)
        return r;
    AUTO(free) char *name = xstrndup(nd.name, nd.name_len);
    AUTO(free) char *stem = stem_of(m, nd.name, nd.name_len);
    enum media_class class = media_class_of(name);
    for (size_t i = 0; r == 0 && i < s->n; i++) {
        struct search search = {.rd = rd,
                                .rule = s->v[i].name,
                                .stem = stem,
                                .shot = m->shot,
                                .fn = pass,
                                .arg = &door};
        /* "1001.exr" has none; and a name is no pattern */
        bool no_stem = (!*stem || strchr(stem, ANY)) && strstr(s->v[i].path, "{stem}");
        if (!no_stem && (s->v[i].class == MEDIA_CLASS_NONE || s->v[i].class == class))
            r = look(&search, nd.parent, s->v[i].path, e);
    }
    return r;
}
