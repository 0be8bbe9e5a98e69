/* conform/vendor.h - the manifest for those who hold an edit: what they may see of it, no more. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_VENDOR_H
#define CONFORM_VENDOR_H

#include <stdbool.h>
#include <stdint.h>

struct buf;
struct conform_item;
struct conform_plan;
struct err;
struct index_read;

/* Appends a timeline that is built anew from a list of what may be in it; nothing is copied because
 * nobody thought of leaving it out:
 *   Timeline, Stack, Track   structure, kind, trims, speed, enabled; the name is the edit's
 *   clips with found media   name, trims, effects (schema, name, speed, enabled), the found
 *                            references; of a sequence the range that is granted
 *   metadata.shotlake        "edit"; a clip's "shot", "frames", "handles"; a reference's place
 *   other clips, gaps        a gap of that duration
 *   transitions              beside clips with found media: offsets and whether it is a dissolve
 * It is OpenTimelineIO as its own readers want it. Conformed, it finds the objects that the plan
 * found and no others. `edit` and `name` are the edit's. */
int vendor_manifest(const struct conform_plan *p, struct index_read *rd, const char *edit,
                    const char *name, struct buf *ret, struct err *e);

/* First and last frame that the edit holds of a found item: of a sequence numbers, else counted
 * from the media's first; false where neither is known. */
bool vendor_frames(const struct conform_item *it, int64_t *ret_first, int64_t *ret_last);

#endif
