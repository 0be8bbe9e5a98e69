/* tests/bench/reader.c - programs that read files as a farm or an editor does, and what they wait.
 *
 *   bench_reader [--procs N] [--block BYTES] [--pause-ms MS] [--direct] LIST
 *
 * N processes take the jobs of LIST (jobs.h) in turn, whoever is free the next one, and read each
 * in blocks. A file stays open while the next job of the process is in the same one. Each begins
 * after a pause of MS. Every 64 KiB of the bench's own objects are looked at: what is wrong, or
 * shorter than it was asked for, is a failed job. One JSON object says how it went. */
/* SPDX-License-Identifier: MIT */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "tests/bench/jobs.h"

/* What the processes share. */
struct turn {
    atomic_size_t next;
    _Atomic double ended; /* when the last one had nothing left to do */
};

struct reader {
    struct jobs jobs;
    struct turn *turn;
    size_t block;
    long procs, pause_ms;
    bool direct;
    unsigned char *buffer;
    int fd;
    const char *open; /* what `fd` is of */
};

static bool is_right(const struct job *job, const unsigned char *p, uint64_t at, size_t n)
{
    uint64_t unit = (at + JOBS_UNIT_BYTES - 1) / JOBS_UNIT_BYTES, mark;
    if (job->object == 0)
        return true;
    for (; unit * JOBS_UNIT_BYTES + sizeof mark <= at + n; unit++) {
        memcpy(&mark, p + (unit * JOBS_UNIT_BYTES - at), sizeof mark);
        if (le64toh(mark) != jobs_mark(job->object, unit))
            return false;
    }
    return true;
}

static const char *read_job(struct reader *r, const struct job *job, struct outcome *o)
{
    double began = jobs_now_ms();
    if (!r->open || strcmp(r->open, job->target) != 0) {
        if (r->open)
            close(r->fd);
        r->open = NULL;
        r->fd = open(job->target, O_RDONLY | O_CLOEXEC | (r->direct ? O_DIRECT : 0));
        if (r->fd < 0)
            return strerror(errno);
        r->open = job->target;
    }
    while (job->length == 0 || o->bytes < job->length) {
        size_t want = r->block;
        if (job->length && job->length - o->bytes < want)
            want = (size_t)(job->length - o->bytes);
        ssize_t n = pread(r->fd, r->buffer, want, (off_t)(job->offset + o->bytes));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return strerror(errno);
        if (o->bytes == 0)
            o->first_ms = jobs_now_ms() - began;
        if (n == 0)
            break;
        if (!is_right(job, r->buffer, job->offset + o->bytes, (size_t)n))
            return "wrong bytes";
        o->bytes += (size_t)n;
    }
    o->whole_ms = jobs_now_ms() - began;
    return o->bytes < job->length || o->bytes == 0 ? "too short" : NULL;
}

static void be_reader(struct reader *r)
{
    size_t i;
    while ((i = atomic_fetch_add(&r->turn->next, 1)) < r->jobs.n) {
        if (r->pause_ms)
            jobs_pause((double)r->pause_ms);
        const char *why = read_job(r, &r->jobs.job[i], &r->jobs.outcome[i]);
        if (why)
            fprintf(stderr, "%s: %s\n", r->jobs.job[i].target, why);
        r->jobs.outcome[i].done = why ? -1 : 1;
    }
    double now = jobs_now_ms(), was = atomic_load(&r->turn->ended);
    while (was < now && !atomic_compare_exchange_weak(&r->turn->ended, &was, now))
        ;
}

/* All begin at once: when the last end of the pipe that can be written is closed. */
static double run(struct reader *r)
{
    int gate[2];
    char none;
    if (pipe2(gate, O_CLOEXEC) < 0) {
        perror("pipe");
        exit(1);
    }
    for (long i = 0; i < r->procs; i++) {
        pid_t pid = fork();
        if (pid < 0) {
            perror("fork");
            exit(1);
        }
        if (pid == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            close(gate[1]);
            memset(r->buffer, 1, r->block); /* its own pages, before the clock runs */
            ssize_t n = read(gate[0], &none, 1);
            if (n == 0)
                be_reader(r);
            _exit(0);
        }
    }
    close(gate[0]);
    jobs_pause(5); /* they are at the gate */
    double began = jobs_now_ms();
    close(gate[1]);
    while (wait(NULL) > 0)
        ;
    return (atomic_load(&r->turn->ended) - began) / 1e3;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"procs", required_argument, NULL, 'p'}, {"block", required_argument, NULL, 'b'},
        {"pause-ms", required_argument, NULL, 'm'}, {"direct", no_argument, NULL, 'd'},
        {NULL, 0, NULL, 0}};
    struct reader r = {.block = 1 << 20, .procs = 1};
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'p': r.procs = jobs_number("procs", optarg, 1); break;
        case 'b': r.block = (size_t)jobs_number("block", optarg, 512); break;
        case 'm': r.pause_ms = jobs_number("pause-ms", optarg, 0); break;
        case 'd': r.direct = true; break;
        default: good = false;
        }
    if (!good || optind != argc - 1) {
        fprintf(stderr, "usage: %s [--procs N] [--block BYTES] [--pause-ms MS] [--direct] LIST\n",
                argv[0]);
        return 2;
    }
    r.jobs = jobs_load(argv[optind]);
    r.turn = mmap(NULL, sizeof *r.turn, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    r.buffer = mmap(NULL, r.block, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (r.turn == MAP_FAILED || r.buffer == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    double seconds = run(&r);
    return jobs_print(&r.jobs, seconds);
}
