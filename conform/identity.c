/* conform/identity.c - what a timeline knows of a clip's media beside its name: reel, UMID. */
/* SPDX-License-Identifier: MIT */
#include "conform/identity.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "conform/otio_read.h"
#include "policy/media.h"

#define CMX_REEL 8 /* characters of a reel that CMX 3600 has room for */
#define URN "urn:smpte:umid:"
#define UMID_LEAST 32 /* digits of a UUID: what is shorter identifies nothing */

/* Names of members from the metadata down, the last is a string. */
struct path {
    const char *name[4];
    bool cut; /* its writer may have cut it to CMX_REEL */
};

static const struct path reel_paths[] = {
    {{"shotlake_source", "reel"}, false},
    {{"cmx_3600", "reel"}, true},
    {{"fcp_xml", "reel"}, false},
    {{"fcp_xml", "timecode", "reel", "name"}, false},
    {{"fcpx_xml", "reel"}, false},
    {{"ALE", "Tape"}, false},
    {{"AAF", "TapeName"}, false},
    {{"AAF", "UserComments", "Tape"}, false},
    {{"foundry.source.reelID"}, false},
    {{"media.exr.owner"}, false},
    {{"Resolve_OTIO", "Reel Name"}, false},
};

static const struct path umid_paths[] = {
    {{"shotlake_source", "umid"}, false},
    {{"foundry.source.umid"}, false},
    {{"AAF", "MobID"}, false},
};

static const char *text_at(const json_t *metadata, const struct path *p)
{
    size_t i = 0;
    while (i + 1 < COUNT(p->name) && p->name[i + 1])
        metadata = json_object_get(metadata, p->name[i++]);
    return otio_string(metadata, p->name[i]);
}

static void add_reel(struct identity *id, const char *name, bool cut)
{
    static const char *const none[] = {"AX", "BL", "BLACK", "BARS"};
    size_t len = strlen(name);
    if (id->n_reels == IDENTITY_REELS || len > MEDIA_REEL_MAX)
        return;
    for (size_t i = 0; i < COUNT(none); i++)
        if (strcasecmp(name, none[i]) == 0)
            return;
    for (size_t i = 0; i < id->n_reels; i++)
        if (strcmp(id->reels[i].name, name) == 0)
            return;
    id->reels[id->n_reels++] = (struct identity_reel){name, cut && len == CMX_REEL};
}

static void add_umid(struct identity *id, const char *text)
{
    char umid[IDENTITY_UMID_SIZE];
    size_t n = 0;
    if (strncasecmp(text, URN, strlen(URN)) == 0)
        text += strlen(URN);
    if (strncasecmp(text, "0x", 2) == 0)
        text += 2;
    for (; *text; text++) {
        if (*text == '.' || *text == '-' || *text == ':')
            continue;
        if (!isxdigit((unsigned char)*text) || n + 1 == sizeof umid)
            return;
        umid[n++] = (char)tolower((unsigned char)*text);
    }
    umid[n] = '\0';
    for (size_t i = 0; i < id->n_umids; i++)
        if (strcmp(id->umids[i], umid) == 0)
            return;
    /* all zeros is how "none" is written */
    if (n >= UMID_LEAST && strspn(umid, "0") < n && id->n_umids < IDENTITY_UMIDS)
        memcpy(id->umids[id->n_umids++], umid, n + 1);
}

void identity_read(const json_t *clip, const json_t *ref, const char *key, struct identity *ret)
{
    const json_t *from[] = {json_object_get(ref, "metadata"), json_object_get(clip, "metadata")};
    const char *text;
    *ret = (struct identity){0};
    if (key && strncasecmp(key, URN, strlen(URN)) == 0)
        add_umid(ret, key);
    for (size_t k = 0; k < COUNT(from); k++) {
        for (size_t i = 0; i < COUNT(reel_paths); i++)
            if ((text = text_at(from[k], &reel_paths[i])))
                add_reel(ret, text, reel_paths[i].cut);
        for (size_t i = 0; i < COUNT(umid_paths); i++)
            if ((text = text_at(from[k], &umid_paths[i])))
                add_umid(ret, text);
    }
}
