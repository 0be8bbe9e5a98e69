/* conform/relink.h - puts the lake's addresses into a timeline's media references. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_RELINK_H
#define CONFORM_RELINK_H

struct conform_item;
struct err;
struct index_read;
struct otio_doc;
struct otio_ref;
struct store;

/* Changes one reference of the tree by what was found for it:
 *   found, partly       its address, as ExternalReference or ImageSequenceReference
 *   missing, ambiguous  a MissingReference, so that no application plays something else
 *   no media            untouched
 * A reference that changes keeps what it was under metadata.shotlake.original, unless that is
 * there already. All other keys stay, in their order; `ref->object` is the new object. */
int relink(struct otio_doc *doc, struct otio_ref *ref, const struct conform_item *it,
           struct index_read *rd, struct store *store, struct err *e);

#endif
