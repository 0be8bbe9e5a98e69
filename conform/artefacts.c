/* conform/artefacts.c - the files that a conform makes beside the one that it was given. */
/* SPDX-License-Identifier: MIT */
#include "conform/artefacts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/conform.h"
#include "conform/shots.h"
#include "conform/vendor.h"
#include "fs/lake/lake.h"
#include "policy/index.h"

#define STEM_MAX_BYTES 200 /* file names have 255 bytes, and ".results.json" follows */

static char *folder_of(const struct artefacts_edit *ed)
{
    return ed->version > 1 ? xasprintf(LAKE_EDITS_PREFIX "%s/v%d/", ed->id, ed->version)
                           : xasprintf(LAKE_EDITS_PREFIX "%s/", ed->id);
}

char *artefacts_file_key(const struct artefacts_edit *ed)
{
    AUTO(free) char *folder = folder_of(ed);
    return xasprintf("%s%s", folder, ed->file);
}

/* "cut" of "cut.otio", cut at a character where it is too long. */
static char *stem_of(const char *file)
{
    const char *dot = strrchr(file, '.');
    size_t n = dot && dot != file ? (size_t)(dot - file) : strlen(file);
    if (n > STEM_MAX_BYTES)
        for (n = STEM_MAX_BYTES; n > 0 && ((unsigned char)file[n] & 0xc0) == 0x80;)
            n--;
    return xstrndup(file, n);
}

static char *processed_key(const struct artefacts_edit *ed, const char *ending)
{
    AUTO(free) char *folder = folder_of(ed);
    AUTO(free) char *stem = stem_of(ed->file);
    return xasprintf("%sprocessed/%s%s", folder, stem, ending);
}

/* The report, with the places of everything. */
static int results_write(const struct conform_plan *plan, struct index_read *rd,
                         const struct artefacts_edit *ed, const struct artefacts *a,
                         struct buf *ret, struct err *e)
{
    json_auto_t *j = conform_report_json(plan, rd, ed->id, ed->name, a->manifest);
    json_object_set_new(j, "version", json_integer(ed->version));
    json_object_set_new(j, "studio", json_string(a->studio));
    json_object_set_new(j, "shots", json_string(a->shots));
    json_object_set_new(j, "results", json_string(a->results));
    char *text = json_dumps(j, JSON_INDENT(2));
    if (!text)
        return err_set(e, -EIO, "the report cannot be written as JSON");
    buf_addf(ret, "%s\n", text);
    free(text);
    return 0;
}

enum artefact { ARTEFACT_MANIFEST, ARTEFACT_SHOTS, ARTEFACT_STUDIO, ARTEFACT_RESULTS };

static int build(struct index_read *rd, const struct conform_plan *plan,
                 const struct artefacts_edit *ed, const struct artefacts *a, enum artefact which,
                 struct buf *ret, struct err *e)
{
    switch (which) {
    case ARTEFACT_MANIFEST:
        return vendor_manifest(plan, rd, ed->id, ed->name, ret, e);
    case ARTEFACT_SHOTS:
        return shots_write(plan, rd, ret, e);
    case ARTEFACT_STUDIO:
        return conform_manifest(plan, ret, e);
    case ARTEFACT_RESULTS:
        return results_write(plan, rd, ed, a, ret, e);
    }
    return err_set(e, -EINVAL, "no such artefact");
}

/* One at a time, so that only one is in memory; the index is not held while it is sent. */
static int put(struct lake *lk, const struct conform_plan *plan, const struct artefacts_edit *ed,
               const struct artefacts *a, enum artefact which, const char *key,
               struct store_stat *ret, struct err *e)
{
    struct buf bytes __attribute__((cleanup(auto_buf))) = {0};
    struct index_read *rd = NULL;
    int r = index_read_begin(lk->index, &rd, e);
    if (r == 0)
        r = build(rd, plan, ed, a, which, &bytes, e);
    index_read_end(rd);
    if (r == 0)
        r = store_put(lk->store, key, buf_str(&bytes), bytes.len, 0, ret, e);
    return r < 0 ? err_wrap(e, "write '%s'", key) : 0;
}

int artefacts_put(struct lake *lk, const struct conform_plan *plan, const struct artefacts_edit *ed,
                  struct artefacts *ret, struct err *e)
{
    struct artefacts a = {
        .manifest = processed_key(ed, ".otio"),
        .shots = processed_key(ed, ".shots.csv"),
        .studio = processed_key(ed, ".studio.otio"),
        .results = processed_key(ed, ".results.json"),
    };
    int r = put(lk, plan, ed, &a, ARTEFACT_STUDIO, a.studio, NULL, e);
    if (r == 0)
        r = put(lk, plan, ed, &a, ARTEFACT_RESULTS, a.results, NULL, e);
    if (r == 0)
        r = put(lk, plan, ed, &a, ARTEFACT_SHOTS, a.shots, &a.shots_stat, e);
    if (r == 0)
        r = put(lk, plan, ed, &a, ARTEFACT_MANIFEST, a.manifest, &a.manifest_stat, e);
    if (r < 0)
        artefacts_done(&a);
    else
        *ret = a;
    return r;
}

void artefacts_done(struct artefacts *a)
{
    free(a->manifest);
    free(a->shots);
    free(a->studio);
    free(a->results);
    *a = (struct artefacts){0};
}
