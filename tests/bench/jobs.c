/* tests/bench/jobs.c - lists of reads, and the times that they took as JSON. */
/* SPDX-License-Identifier: MIT */
#include "tests/bench/jobs.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

double jobs_now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

void jobs_pause(double ms)
{
    struct timespec t = {.tv_sec = (time_t)(ms / 1e3)};
    t.tv_nsec = (long)((ms - (double)t.tv_sec * 1e3) * 1e6);
    while (nanosleep(&t, &t) < 0 && errno == EINTR)
        ;
}

long jobs_number(const char *option, const char *text, long least)
{
    char *end;
    long n = strtol(text, &end, 10);
    if (!*text || *end || n < least) {
        fprintf(stderr, "--%s takes a whole number of at least %ld\n", option, least);
        exit(2);
    }
    return n;
}

static void add(struct jobs *jobs, const char *line, size_t number)
{
    struct job job = {0};
    int at = 0;
    if (sscanf(line, "%" SCNu32 " %" SCNu64 " %" SCNu64 " %n", &job.object, &job.offset,
               &job.length, &at) != 3 || at == 0 || !line[at]) {
        fprintf(stderr, "line %zu of the list is no job\n", number);
        exit(2);
    }
    job.target = strdup(line + at);
    if (!(jobs->n & (jobs->n - 1)))
        jobs->job = realloc(jobs->job, (jobs->n ? jobs->n * 2 : 1) * sizeof job);
    if (!job.target || !jobs->job) {
        perror("memory");
        exit(1);
    }
    jobs->job[jobs->n++] = job;
}

struct jobs jobs_load(const char *path)
{
    struct jobs jobs = {0};
    FILE *f = fopen(path, "re");
    char *line = NULL;
    size_t room = 0, number = 0;
    ssize_t n;
    while (f && (n = getline(&line, &room, f)) > 0) {
        line[strcspn(line, "\n")] = '\0';
        add(&jobs, line, ++number);
    }
    if (!f || ferror(f) || jobs.n == 0) {
        fprintf(stderr, "%s: %s\n", path, f && !ferror(f) ? "no jobs" : strerror(errno));
        exit(1);
    }
    free(line);
    fclose(f);
    jobs.outcome = mmap(NULL, jobs.n * sizeof *jobs.outcome, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs.outcome == MAP_FAILED) {
        perror("mmap");
        exit(1);
    }
    return jobs;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void print_spread(const char *name, double *values, size_t n)
{
    qsort(values, n, sizeof *values, by_value);
    printf(", \"%s\": {\"p50\": %.4f, \"p95\": %.4f, \"p99\": %.4f}", name, values[n / 2],
           values[n * 95 / 100], values[n * 99 / 100]);
}

int jobs_print(const struct jobs *jobs, double seconds)
{
    double *first = calloc(jobs->n, sizeof *first), *whole = calloc(jobs->n, sizeof *whole);
    uint64_t bytes = 0;
    size_t failed = 0;
    if (!first || !whole) {
        perror("memory");
        exit(1);
    }
    for (size_t i = 0; i < jobs->n; i++) {
        first[i] = jobs->outcome[i].first_ms;
        whole[i] = jobs->outcome[i].whole_ms;
        bytes += jobs->outcome[i].bytes;
        failed += jobs->outcome[i].done != 1;
    }
    printf("{\"seconds\": %.6f, \"bytes\": %" PRIu64 ", \"jobs\": %zu, \"failed\": %zu", seconds,
           bytes, jobs->n, failed);
    print_spread("first_ms", first, jobs->n);
    print_spread("whole_ms", whole, jobs->n);
    puts("}");
    free(first);
    free(whole);
    return failed > 0;
}
