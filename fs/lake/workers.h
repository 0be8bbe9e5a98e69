/* fs/lake/workers.h - many small jobs, some at once. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_LAKE_WORKERS_H
#define FS_LAKE_WORKERS_H

#include <stddef.h>

struct err;
struct store;

#define WORKERS_MAX 64

/* Does job `i`; from several threads at once, each `i` once. A negative return stops the rest. */
typedef int workers_fn(void *arg, size_t i, struct err *e);

/* Runs jobs 0 to n-1, `at_once` of them (0, or out of range: what the store bears), and waits for
 * all that were begun. The first failure's code and sentence, or 0. */
int workers_run(struct store *store, int at_once, size_t n, workers_fn *fn, void *arg,
                struct err *e);

#endif
