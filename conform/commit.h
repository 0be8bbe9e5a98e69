/* conform/commit.h - makes a plan true: uploads, one ledger record, tags. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_COMMIT_H
#define CONFORM_COMMIT_H

#include <stddef.h>

#include "conform/artefacts.h"
#include "fs/lake/lake.h"
#include "policy/types.h"

struct conform_plan;
struct err;

/* Asked in the snapshot that the edit's record would follow, at every try: may it be made? `body` is
 * the record. */
typedef int commit_check_fn(void *arg, struct index_read *rd, const json_t *body,
                            const struct conform_plan *plan, struct err *e);

struct commit_options {
    const char *name;     /* of the edit; NULL: the timeline's, else the file's stem */
    const char *update;   /* the edit that this becomes the next version of; NULL: a new one. Its
                           * name stays where `name` is NULL */
    int64_t retire_until; /* of an update: how long what it loses stays reachable; 0: not at all */
    int handles;          /* that the plan was made with; CONFORM_HANDLES_MAX: whole sequences */
    const char *file;     /* base name of the uploaded file */
    const void *data;     /* its bytes, kept as they came */
    size_t size;
    const char *source;   /* 64 hex digits that stand for what it is made of, of which there is to
                             be one edit at most, whoever commits it; NULL: nothing */
    const char *owner;    /* of a new edit: the principal that ingests it; NULL: none */
    const char *actor;    /* what its record says who made it; NULL: the user of this host */
    commit_check_fn *check; /* may be NULL */
    void *check_arg;
    int jobs;             /* tagging at once; 0: what the store bears */
    lake_progress_fn *progress;
    void *progress_arg;
};

struct commit_result {
    char edit[EDIT_ID_SIZE];
    uint64_t version;
    char *name; /* free() */
    char *file; /* as it was uploaded: base name; free() */
    struct artefacts artefacts;
    struct tags_report tags;
    bool tags_pending; /* the edit stands, its tags could not all be written: `tags_why` */
    char tags_why[600];
};

/* The order is what makes an interruption harmless: the file and what is made of it are uploaded
 * (nobody sees them: no label has them), then one record makes the edit exist with all its objects at once,
 * then the store's tags follow. Killed before the record: nothing happened but an orphaned upload.
 * Killed after it: the edit is whole here, and its missing tags are known (lake_tag_pending()).
 * An update is the same: nothing of the version before is overwritten, and the one record makes the
 * switch. Of two writers of one next version the ledger lets one win; the other gets -EEXIST.
 * 0 with `ret` filled, or an error and no edit or version. -ENOENT: no such edit to update.
 * -EALREADY: there is an edit of that source. */
int commit_plan(struct lake *lk, const struct conform_plan *plan, const struct commit_options *opt,
                struct commit_result *ret, struct err *e);
void commit_result_done(struct commit_result *res);

#endif
