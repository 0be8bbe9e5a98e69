/* conform/xml_tree.c - an XML document as a bounded tree, for the edit formats that are XML. */
/* SPDX-License-Identifier: MIT */
#include "conform/xml_tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <expat.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"

#define CHUNK_BYTES (64u << 10)

/* Memory that is freed all at once: a tree has millions of small parts. */
struct chunk {
    struct chunk *before;
    size_t used, size;
    char bytes[];
};

struct id_entry {
    const struct xml_node *node;
    const char *id;
    size_t order;
};

struct xml_tree {
    struct chunk *chunk;
    const struct xml_node *root;
    size_t n_nodes;
    struct id_entry *ids; /* by name, id, "has children" first, order */
    size_t n_ids, ids_cap;
};

struct build {
    XML_Parser parser;
    struct xml_tree *tree;
    struct xml_node *open[XML_TREE_DEPTH_MAX];
    struct xml_node *last[XML_TREE_DEPTH_MAX]; /* the last child of each open element */
    size_t depth;
    struct buf text; /* since the last start tag */
    const char *wrong;
    unsigned long wrong_line;
};

static void *tree_alloc(struct xml_tree *t, size_t n)
{
    n = (n + 15) & ~(size_t)15;
    if (!t->chunk || t->chunk->size - t->chunk->used < n) {
        size_t size = n > CHUNK_BYTES ? n : CHUNK_BYTES;
        struct chunk *c = xcalloc(1, sizeof *c + size);
        c->before = t->chunk;
        c->size = size;
        t->chunk = c;
    }
    void *p = t->chunk->bytes + t->chunk->used;
    t->chunk->used += n;
    return p;
}

static const char *tree_copy(struct xml_tree *t, const char *s, size_t n)
{
    char *p = tree_alloc(t, n + 1);
    memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

static void stop(struct build *b, const char *why)
{
    if (!b->wrong) {
        b->wrong = why;
        b->wrong_line = XML_GetCurrentLineNumber(b->parser);
    }
    XML_StopParser(b->parser, XML_FALSE);
}

static void add_id(struct xml_tree *t, const struct xml_node *node, const char *id)
{
    if (t->n_ids == t->ids_cap) {
        t->ids_cap = t->ids_cap ? 2 * t->ids_cap : 64;
        t->ids = xrealloc(t->ids, t->ids_cap, sizeof *t->ids);
    }
    t->ids[t->n_ids] = (struct id_entry){.node = node, .id = id, .order = t->n_ids};
    t->n_ids++;
}

/* Copies the attributes; false where they are too many or too long. */
static bool copy_attrs(struct build *b, struct xml_node *node, const XML_Char **from)
{
    size_t n = 0;
    while (from[2 * n] && n <= XML_TREE_ATTRS_MAX)
        n++;
    if (n > XML_TREE_ATTRS_MAX)
        return false;
    if (n == 0)
        return true;
    struct xml_attr *attr = tree_alloc(b->tree, n * sizeof *attr);
    for (size_t i = 0; i < n; i++) {
        size_t name_len = strlen(from[2 * i]), value_len = strlen(from[2 * i + 1]);
        if (name_len > XML_TREE_VALUE_MAX || value_len > XML_TREE_VALUE_MAX)
            return false;
        attr[i].name = tree_copy(b->tree, from[2 * i], name_len);
        attr[i].value = tree_copy(b->tree, from[2 * i + 1], value_len);
        if (strcmp(attr[i].name, "id") == 0)
            add_id(b->tree, node, attr[i].value);
    }
    node->attr = attr;
    node->n_attr = n;
    return true;
}

static void XMLCALL on_start(void *arg, const XML_Char *name, const XML_Char **attributes)
{
    struct build *b = arg;
    size_t len = strlen(name);
    if (b->wrong)
        return;
    if (b->depth == XML_TREE_DEPTH_MAX) {
        stop(b, "elements nested deeper than 256 levels");
        return;
    }
    if (b->tree->n_nodes++ == XML_TREE_NODES_MAX) {
        stop(b, "more than 4194304 elements");
        return;
    }
    struct xml_node *node = tree_alloc(b->tree, sizeof *node);
    if (len > XML_TREE_VALUE_MAX || !copy_attrs(b, node, attributes)) {
        stop(b, "an element with too many attributes, or one that is too long");
        return;
    }
    node->name = tree_copy(b->tree, name, len);
    node->text = "";
    node->size = 1;
    node->line = XML_GetCurrentLineNumber(b->parser);
    if (b->depth == 0) {
        b->tree->root = node;
    } else {
        struct xml_node *parent = b->open[b->depth - 1], *before = b->last[b->depth - 1];
        node->parent = parent;
        if (before)
            before->next = node;
        else
            parent->child = node;
        b->last[b->depth - 1] = node;
    }
    b->open[b->depth] = node;
    b->last[b->depth++] = NULL;
    buf_clear(&b->text);
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void XMLCALL on_end(void *arg, const XML_Char *name)
{
    struct build *b = arg;
    (void)name;
    if (b->wrong)
        return;
    struct xml_node *node = b->open[--b->depth];
    const char *s = buf_str(&b->text);
    size_t n = b->text.len;
    while (n > 0 && is_space(*s)) {
        s++;
        n--;
    }
    while (n > 0 && is_space(s[n - 1]))
        n--;
    if (!node->child && n > 0)
        node->text = tree_copy(b->tree, s, n);
    buf_clear(&b->text);
    if (b->depth > 0)
        b->open[b->depth - 1]->size += node->size;
}

static void XMLCALL on_text(void *arg, const XML_Char *s, int n)
{
    struct build *b = arg;
    if (b->wrong)
        return;
    if (b->text.len + (size_t)n > XML_TREE_TEXT_MAX)
        stop(b, "a text longer than 4 MiB");
    else
        buf_add(&b->text, s, (size_t)n);
}

static void XMLCALL on_doctype(void *arg, const XML_Char *name, const XML_Char *system_id,
                               const XML_Char *public_id, int internal)
{
    (void)name, (void)system_id, (void)public_id;
    if (internal)
        stop(arg, "a document type with declarations of its own");
}

static void XMLCALL on_entity(void *arg, const XML_Char *name, int is_parameter,
                              const XML_Char *value, int value_len, const XML_Char *base,
                              const XML_Char *system_id, const XML_Char *public_id,
                              const XML_Char *notation)
{
    (void)name, (void)is_parameter, (void)value, (void)value_len, (void)base;
    (void)system_id, (void)public_id, (void)notation;
    stop(arg, "an entity declaration");
}

/* With a document type that is not read, an undeclared entity is no error to the parser. */
static void XMLCALL on_skipped(void *arg, const XML_Char *name, int is_parameter)
{
    (void)name, (void)is_parameter;
    stop(arg, "a reference to an entity that is not declared");
}

static int compare_ids(const struct id_entry *a, const char *name, const char *id)
{
    int r = strcmp(a->node->name, name);
    return r ? r : strcmp(a->id, id);
}

static int compare_entries(const void *x, const void *y)
{
    const struct id_entry *a = x, *b = y;
    int r = compare_ids(a, b->node->name, b->id);
    if (r == 0)
        r = (a->node->child == NULL) - (b->node->child == NULL);
    return r ? r : (a->order > b->order) - (a->order < b->order);
}

int xml_tree_parse(const void *data, size_t n, struct xml_tree **ret, struct err *e)
{
    if (n > XML_TREE_BYTES_MAX)
        return err_set(e, -EFBIG, "the document has %zu bytes, more than %u", n,
                       XML_TREE_BYTES_MAX);
    AUTO(xml_tree) struct xml_tree *t = xcalloc(1, sizeof *t);
    AUTO(free) struct build *b = xcalloc(1, sizeof *b);
    b->tree = t;
    b->parser = XML_ParserCreate(NULL);
    if (!b->parser)
        return err_set(e, -ENOMEM, "read the document: out of memory");
    XML_SetUserData(b->parser, b);
    XML_SetElementHandler(b->parser, on_start, on_end);
    XML_SetCharacterDataHandler(b->parser, on_text);
    XML_SetStartDoctypeDeclHandler(b->parser, on_doctype);
    XML_SetEntityDeclHandler(b->parser, on_entity);
    XML_SetSkippedEntityHandler(b->parser, on_skipped);
    if (XML_Parse(b->parser, data ? data : "", (int)n, /* isFinal= */ 1) != XML_STATUS_OK &&
        !b->wrong) {
        b->wrong = XML_ErrorString(XML_GetErrorCode(b->parser));
        b->wrong_line = XML_GetCurrentLineNumber(b->parser);
    }
    XML_ParserFree(b->parser);
    buf_done(&b->text);
    if (b->wrong)
        return err_set(e, -EBADMSG, "line %lu: %s", b->wrong_line, b->wrong);
    if (t->n_ids > 0)
        qsort(t->ids, t->n_ids, sizeof *t->ids, compare_entries);
    *ret = TAKE(t);
    return 0;
}

void xml_tree_free(struct xml_tree *t)
{
    if (!t)
        return;
    while (t->chunk) {
        struct chunk *c = t->chunk;
        t->chunk = c->before;
        free(c);
    }
    free(t->ids);
    free(t);
}

const struct xml_node *xml_tree_root(const struct xml_tree *t)
{
    return t->root;
}

const struct xml_node *xml_tree_by_id(const struct xml_tree *t, const char *name, const char *id)
{
    size_t lo = 0, hi = t->n_ids;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (compare_ids(&t->ids[mid], name, id) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool found = lo < t->n_ids && compare_ids(&t->ids[lo], name, id) == 0;
    return found ? t->ids[lo].node : NULL;
}

const struct xml_node *xml_tree_child(const struct xml_node *node, const char *name)
{
    const struct xml_node *c = node ? node->child : NULL;
    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

const struct xml_node *xml_tree_next(const struct xml_node *node, const char *name)
{
    const struct xml_node *c = node ? node->next : NULL;
    while (c && strcmp(c->name, name) != 0)
        c = c->next;
    return c;
}

const struct xml_node *xml_tree_find(const struct xml_node *node, const char *path)
{
    while (node && *path) {
        size_t n = strcspn(path, "/");
        node = node->child;
        while (node && (strlen(node->name) != n || memcmp(node->name, path, n) != 0))
            node = node->next;
        path += n + (path[n] == '/');
    }
    return node;
}

const char *xml_tree_text(const struct xml_node *node, const char *path)
{
    const struct xml_node *found = xml_tree_find(node, path);
    return found && *found->text ? found->text : NULL;
}

const char *xml_tree_attr(const struct xml_node *node, const char *name)
{
    for (size_t i = 0; node && i < node->n_attr; i++)
        if (strcmp(node->attr[i].name, name) == 0)
            return node->attr[i].value;
    return NULL;
}
