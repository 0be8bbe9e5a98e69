/* conform/fcpx_xml.h - FCPXML 1.x, the documents of Final Cut Pro X, as OpenTimelineIO. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_FCPX_XML_H
#define CONFORM_FCPX_XML_H

#include <stddef.h>

#include <jansson.h>

struct err;

/* Reads every project of a document into a Timeline.1; more than one, into a
 * SerializableCollection.1. Where it has no project, the collection is of its clips. Of a bundle
 * (.fcpxmld) the caller gives the bytes of its Info.fcpxml.
 *
 *   asset-clip, video, audio   Clip.2 with what the asset's src or media-rep says; representations
 *                              other than the original are further media references
 *   clip, sync-clip            what they hold, cut to what they show
 *   ref-clip, mc-clip          Stack.1: the compound's sequence, or the angles in use
 *   title, generators          Clip.2 with a GeneratorReference.1
 *   audition                   its first child: the pick
 *   transition                 Transition.1 at the cut that it lies over
 *   lane                       a track of its own; audio alone goes to audio tracks
 *   srcEnable, enabled="0"     the picture or the sound alone; a disabled clip
 *   timeMap                    one speed: LinearTimeWarp.1; more: TimeEffect.1
 *
 * Times are exact fractions and come out as frames of the media's rate. Rules: Apple, FCPXML
 * Reference (story elements, "Timing attributes").
 * -EBADMSG: another document, nothing in it, or a value that cannot be; -EFBIG: over a limit of
 * xml_tree.h or edit_format.h. The caller owns `*ret`. */
int fcpx_xml_read(const void *data, size_t n, json_t **ret, struct err *e);

#endif
