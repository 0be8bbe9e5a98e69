/* conform/identity.h - what a timeline knows of a clip's media beside its name: reel, UMID. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_IDENTITY_H
#define CONFORM_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#define IDENTITY_REELS 4 /* of one clip: applications say it at several places */
#define IDENTITY_UMIDS 4
#define IDENTITY_UMID_SIZE 129 /* with the NUL */

struct identity_reel {
    const char *name; /* borrowed from the tree */
    bool is_cut;      /* an edit list's reel of 8 characters: may be the beginning of a longer one */
};

struct identity {
    struct identity_reel reels[IDENTITY_REELS];
    size_t n_reels;
    char umids[IDENTITY_UMIDS][IDENTITY_UMID_SIZE]; /* lower-case hex digits */
    size_t n_umids;
};

/* Reads what is known of the media `ref` (NULL is fine) of `clip`, which is called `key` in
 * media_references (NULL: no such name):
 *   reels  metadata of the reference, then of the clip: shotlake_source.reel, cmx_3600.reel,
 *          fcp_xml.reel, fcp_xml.timecode.reel.name, fcpx_xml.reel, ALE.Tape, AAF.TapeName,
 *          AAF.UserComments.Tape, "foundry.source.reelID", "media.exr.owner",
 *          "Resolve_OTIO"."Reel Name". "AX", "BL", "BLACK" and "BARS" are no reels.
 *   UMIDs  `key` as urn:smpte:umid:…, then metadata: shotlake_source.umid,
 *          "foundry.source.umid", AAF.MobID. Digits only, in lower case; 32 to 128 of them. */
void identity_read(const json_t *clip, const json_t *ref, const char *key, struct identity *ret);

#endif
