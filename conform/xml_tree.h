/* conform/xml_tree.h - an XML document as a bounded tree, for the edit formats that are XML. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_XML_TREE_H
#define CONFORM_XML_TREE_H

#include <stddef.h>

struct err;
struct xml_tree;

#define XML_TREE_BYTES_MAX (256u << 20)
#define XML_TREE_DEPTH_MAX 256
#define XML_TREE_NODES_MAX (4u << 20)  /* elements: bounds the memory of the tree */
#define XML_TREE_ATTRS_MAX 256         /* of one element */
#define XML_TREE_TEXT_MAX (4u << 20)   /* bytes of one element's text */
#define XML_TREE_VALUE_MAX (64u << 10) /* bytes of one attribute's value, and of a name */

struct xml_attr {
    const char *name, *value;
};

/* An element. Everything in it lives as long as its tree. */
struct xml_node {
    const char *name; /* with its prefix, as written: namespaces are not resolved */
    const char *text; /* of an element without child elements, white space at both ends cut off;
                       * "" for all others. UTF-8 */
    const struct xml_attr *attr;
    size_t n_attr;
    unsigned long line; /* of its start tag, from 1 */
    size_t size;        /* elements in it, itself too: what it costs to read it once more */
    const struct xml_node *parent, *child, *next;
};

/* Parses a document in UTF-8, UTF-16, ISO-8859-1 or US-ASCII.
 * A document type without an internal subset is allowed and nothing is fetched for it; entity
 * declarations and references to undeclared entities are refused, so that no text can grow.
 * -EBADMSG: not well-formed, or over one of the limits above but the first (-EFBIG); the sentence
 * has the line. The caller frees `*ret`. */
int xml_tree_parse(const void *data, size_t n, struct xml_tree **ret, struct err *e);
void xml_tree_free(struct xml_tree *t); /* NULL is fine */

static inline void auto_xml_tree(struct xml_tree **t)
{
    xml_tree_free(*t);
}

const struct xml_node *xml_tree_root(const struct xml_tree *t);

/* The first element `name` with attribute id="`id`" in document order, one with children before
 * one without: formats define a thing once and then name it by an empty element. NULL: none. */
const struct xml_node *xml_tree_by_id(const struct xml_tree *t, const char *name, const char *id);

/* The first child element of that name, and the next sibling of that name; or NULL. `node` may be
 * NULL. */
const struct xml_node *xml_tree_child(const struct xml_node *node, const char *name);
const struct xml_node *xml_tree_next(const struct xml_node *node, const char *name);

/* The first element at "a/b/c" below `node`, taking the first child at each step; or NULL. */
const struct xml_node *xml_tree_find(const struct xml_node *node, const char *path);

/* Its text, NULL where it is not there or empty. */
const char *xml_tree_text(const struct xml_node *node, const char *path);

/* An attribute's value, NULL where it is not there. May be "". */
const char *xml_tree_attr(const struct xml_node *node, const char *name);

#endif
