/* conform/aaf_edit.h - AAF (Avid and others) as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_AAF_EDIT_H
#define CONFORM_AAF_EDIT_H

#include <stddef.h>

#include <jansson.h>

struct err;

/* Reads every composition mob that is meant to be seen on its own (usage "top level"; if none is,
 * every composition; if there is none, every master mob) into a Timeline.1; more than one, into a
 * SerializableCollection.1.
 *
 *   timeline slot    a Track.1 where it is picture or sound; others are left out
 *   SourceClip       Clip.2; of a composition that is more than a subclip: Stack.1, expanded
 *   Filler, ScopeReference   a gap
 *   Sequence, NestedScope    Stack.1 where they are not a track themselves
 *   Selector         what it selects; a filler: its alternate, disabled (a muted clip)
 *   OperationGroup   its inputs; a time warp adds LinearTimeWarp.1, FreezeFrame.1 or TimeEffect.1;
 *                    without inputs a GeneratorReference.1
 *   Transition       Transition.1
 *   markers          on the clip of the slot that they describe, else on the timeline
 *   source_range     in timecode of the tape, else from the file's first frame on
 *   references       DEFAULT_MEDIA: "UNC Path" of the comments, else a locator of the file; further
 *                    locators by the id of their mob; what was imported by "import"
 *   metadata         of a reference AAF.{Name, MobID, TapeName, UserComments} and
 *                    shotlake_source.{reel, umid, start, rate}
 *
 * Rules: AMWA, AAF Object Specification 1.1 and AAF Edit Protocol.
 * -EBADMSG: no such file, or damaged; -EFBIG: over a limit of aaf_store.h, aaf_file.h, aaf_media.h
 * or edit_format.h. The caller owns `*ret`. */
int aaf_edit_read(const void *data, size_t n, json_t **ret, struct err *e);

#endif
