/* conform/relink.h - puts the lake's addresses into a timeline's media references. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_RELINK_H
#define CONFORM_RELINK_H

struct conform_item;
struct err;
struct index_read;
struct location_style;
struct otio_doc;
struct otio_ref;
struct store;

/* Where what was found is. */
struct relink_to {
    struct index_read *rd;
    struct store *store;
    const struct location_style *style; /* in which form its addresses are written */
};

/* Changes one reference of the tree by what was found for it:
 *   found, partly       its address, as ExternalReference or ImageSequenceReference
 *   missing, ambiguous  a MissingReference, so that no application plays something else
 *   no media            untouched
 * A reference that changes keeps what it was under metadata.shotlake.original, unless that is
 * there already and no application relinked it since, and has its key there; see
 * conform/location.h. All other keys stay, in their order; `ref->object` is the new object, `ref->was` the one that the file has. */
int relink(struct otio_doc *doc, struct otio_ref *ref, const struct conform_item *it,
           const struct relink_to *to, struct err *e);

#endif
