/* tests/bench/ceiling.c - the same bytes with nothing but libcurl: as fast as the store gives them.
 *
 *   bench_ceiling [--connections N] [--part BYTES] [--pause-ms MS] LIST
 *
 * Fetches the jobs of LIST (jobs.h), whose targets are URLs, over N kept connections of one thread
 * and throws the bytes away. A job longer than a part is fetched as ranges of that size. With one
 * connection each job waits for the one before, and for MS. One JSON object says how it went. */
/* SPDX-License-Identifier: MIT */
#include <curl/curl.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/bench/jobs.h"

struct part {
    struct job *job;
    struct outcome *outcome;
    uint64_t offset, length, got;
};

struct lane {
    CURL *curl;
    struct part part;
};

struct ceiling {
    struct jobs jobs;
    long connections, pause_ms, part_bytes;
    size_t job;  /* the next part is of this one */
    uint64_t at; /* and begins so far into it */
    CURLM *multi;
    struct lane *lanes;
};

static size_t on_bytes(char *data, size_t size, size_t n, void *arg)
{
    struct part *p = arg;
    (void)data;
    if (p->outcome->first_ms < 0)
        p->outcome->first_ms += jobs_now_ms();
    p->got += size * n;
    return size * n;
}

/* Until its first byte comes first_ms is minus its start; whole_ms always is, until the end. */
static void begin(struct outcome *o)
{
    double now = jobs_now_ms();
    o->first_ms = o->whole_ms = -now;
}

static bool next_part(struct ceiling *c, struct part *ret)
{
    if (c->job == c->jobs.n)
        return false;
    struct job *job = &c->jobs.job[c->job];
    struct outcome *o = &c->jobs.outcome[c->job];
    uint64_t left = job->length - c->at, most = (uint64_t)c->part_bytes;
    if (c->at == 0) {
        if (c->pause_ms)
            jobs_pause((double)c->pause_ms);
        begin(o);
    }
    *ret = (struct part){job, o, job->offset + c->at, left < most ? left : most, 0};
    c->at += ret->length;
    if (c->at == job->length) {
        c->job++;
        c->at = 0;
    }
    return true;
}

static bool start(struct ceiling *c, struct lane *lane)
{
    char range[64];
    if (!next_part(c, &lane->part))
        return false;
    snprintf(range, sizeof range, "%" PRIu64 "-%" PRIu64, lane->part.offset,
             lane->part.offset + lane->part.length - 1);
    curl_easy_setopt(lane->curl, CURLOPT_URL, lane->part.job->target);
    curl_easy_setopt(lane->curl, CURLOPT_RANGE, range);
    return curl_multi_add_handle(c->multi, lane->curl) == CURLM_OK;
}

/* Whether another part is under way in its place. */
static bool finish(struct ceiling *c, const CURLMsg *msg)
{
    struct lane *lane;
    long status = 0;
    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&lane);
    curl_easy_getinfo(msg->easy_handle, CURLINFO_RESPONSE_CODE, &status);
    struct part *p = &lane->part;
    struct outcome *o = p->outcome;
    if (msg->data.result != CURLE_OK || status != 206 || p->got != p->length) {
        fprintf(stderr, "%s, status %ld, %" PRIu64 " of %" PRIu64 " bytes\n",
                curl_easy_strerror(msg->data.result), status, p->got, p->length);
        o->done = -1;
    }
    o->bytes += p->got;
    if (o->bytes == p->job->length && o->done == 0) {
        o->whole_ms += jobs_now_ms();
        o->done = 1;
    }
    curl_multi_remove_handle(c->multi, lane->curl);
    return start(c, lane);
}

static CURL *make_handle(struct lane *lane)
{
    CURL *curl = curl_easy_init();
    if (!curl)
        return NULL;
    curl_easy_setopt(curl, CURLOPT_PRIVATE, (char *)lane);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &lane->part);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    return curl;
}

static double run(struct ceiling *c)
{
    int running = 1, left;
    c->multi = curl_multi_init();
    c->lanes = calloc((size_t)c->connections, sizeof *c->lanes);
    if (!c->multi || !c->lanes) {
        fprintf(stderr, "no memory\n");
        exit(1);
    }
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, c->connections);
    for (long i = 0; i < c->connections; i++)
        if (!(c->lanes[i].curl = make_handle(&c->lanes[i])))
            exit(1);
    double began = jobs_now_ms();
    for (long i = 0; i < c->connections; i++)
        start(c, &c->lanes[i]);
    while (running) {
        const CURLMsg *msg;
        curl_multi_perform(c->multi, &running);
        while ((msg = curl_multi_info_read(c->multi, &left)))
            if (msg->msg == CURLMSG_DONE && finish(c, msg))
                running++;
        if (running)
            curl_multi_poll(c->multi, NULL, 0, 1000, NULL);
    }
    return (jobs_now_ms() - began) / 1e3;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"connections", required_argument, NULL, 'c'}, {"part", required_argument, NULL, 'p'},
        {"pause-ms", required_argument, NULL, 'm'}, {NULL, 0, NULL, 0}};
    struct ceiling c = {.connections = 1, .part_bytes = 8 << 20};
    bool good = true;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (o) {
        case 'c': c.connections = jobs_number("connections", optarg, 1); break;
        case 'p': c.part_bytes = jobs_number("part", optarg, 1); break;
        case 'm': c.pause_ms = jobs_number("pause-ms", optarg, 0); break;
        default: good = false;
        }
    if (!good || optind != argc - 1) {
        fprintf(stderr, "usage: %s [--connections N] [--part BYTES] [--pause-ms MS] LIST\n",
                argv[0]);
        return 2;
    }
    curl_global_init(CURL_GLOBAL_ALL);
    c.jobs = jobs_load(argv[optind]);
    for (size_t i = 0; i < c.jobs.n; i++)
        if (c.jobs.job[i].length == 0) {
            fprintf(stderr, "job %zu of the list has no length\n", i + 1);
            return 2;
        }
    double seconds = run(&c);
    return jobs_print(&c.jobs, seconds);
}
