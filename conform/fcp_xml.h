/* conform/fcp_xml.h - Final Cut Pro 7 XML (xmeml 4 and 5) as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_FCP_XML_H
#define CONFORM_FCP_XML_H

#include <stddef.h>

#include <jansson.h>

struct err;

/* Reads every sequence of a document that is not in another into a Timeline.1; more than one, into
 * a SerializableCollection.1.
 *
 *   clipitem        Clip.2; with a sequence in it Stack.1, expanded wherever it is used
 *   generatoritem   Clip.2 with a GeneratorReference.1
 *   transitionitem  Transition.1; a start or end of -1 beside it is its cut point
 *   source_range    start: `in` behind the file's start timecode, in the file's frames; duration:
 *                   what the sequence shows
 *   reference       the file's pathurl as written, available_range from its timecode and duration;
 *                   a MissingReference where it has none
 *   filters         time remap with one speed: LinearTimeWarp.1; with a curve: TimeEffect.1
 *   metadata        fcp_xml.{id, masterclipid}; of a reference fcp_xml.{id, reel}
 *
 * Rules: Apple, Final Cut Pro XML Interchange Format; Premiere writes each channel of an audio
 * track as one of "exploded" tracks: those that name no further media are left out.
 * -EBADMSG: another document, no sequence in it, or a value that cannot be; -EFBIG: over a limit
 * of xml_tree.h or edit_format.h. The caller owns `*ret`. */
int fcp_xml_read(const void *data, size_t n, json_t **ret, struct err *e);

#endif
