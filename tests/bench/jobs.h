/* tests/bench/jobs.h - what a reader of the bench is to read, and how long each piece of it took. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_BENCH_JOBS_H
#define TESTS_BENCH_JOBS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOBS_UNIT_BYTES 65536 /* every one of an object begins with jobs_mark() */

struct job {
    uint32_t object; /* 0: its bytes are anything */
    uint64_t offset, length; /* length 0: up to the end */
    char *target;            /* a path or a URL */
};

/* What became of a job. In memory that processes share. */
struct outcome {
    double first_ms, whole_ms; /* from its start to its first bytes, and to its last */
    uint64_t bytes;
    int done; /* 1; anything else: it failed */
};

struct jobs {
    struct job *job;
    struct outcome *outcome;
    size_t n;
};

/* Reads a list with a line "OBJECT OFFSET LENGTH TARGET" a job. Says what is wrong with it on
 * stderr and ends the program: there is nothing to do without. Lives as long as the process. */
struct jobs jobs_load(const char *path);
/* Prints the outcome as one JSON object. Returns the exit status: 1 where a job failed. */
int jobs_print(const struct jobs *jobs, double seconds);

/* The first 8 bytes of a unit, little-endian. */
static inline uint64_t jobs_mark(uint32_t object, uint64_t unit)
{
    return (uint64_t)object << 32 | unit;
}

double jobs_now_ms(void);
void jobs_pause(double ms);
/* A whole number of at least `least`, or the end of the program. */
long jobs_number(const char *option, const char *text, long least);

#endif
