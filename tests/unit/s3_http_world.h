/* tests/unit/s3_http_world.h - an HTTP server on loopback that answers from a script. */
/* SPDX-License-Identifier: MIT */
#ifndef TESTS_UNIT_S3_HTTP_WORLD_H
#define TESTS_UNIT_S3_HTTP_WORLD_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* One request and its answer. The requests of all connections go through the steps in order. */
struct s3_http_step {
    const char *expect; /* must stand in the request, up to its body; NULL: anything */
    const char *answer; /* sent whole; "": nothing is sent and the connection closed; NULL: nothing
                           is sent and the connection stays open */
    bool close;         /* close the connection after the answer */
    unsigned byte_every_ms; /* trickle the answer's last 20 bytes at this pace */
    const char *refuse;     /* must not stand in the request */
};

/* An answer that is made of the request's Range: those bytes of the world's `object`, version e1,
 * `wait_ms` after they were asked for, and those from the object's start so much later again. */
extern const char s3_http_range[];

struct s3_http_world {
    char endpoint[64];
    const struct s3_http_step *steps;
    size_t n, at;             /* `at` requests have come */
    char wrong[4096];         /* why a request was not as expected, or "" */
    bool stop, more_may_come; /* requests after the last step are no failure */
    const char *object;
    size_t object_n;
    unsigned wait_ms; /* before each answer */
    int listener, conns[64];
    size_t n_conns;
    pthread_mutex_t lock;
    pthread_t accepter, threads[64];
};

void s3_http_world_start(struct s3_http_world *w, const struct s3_http_step *steps, size_t n);

/* Ends the server; fails the test where requests were not as expected, or not all came. */
void s3_http_world_stop(struct s3_http_world *w);

#ifdef S3_HTTP_WORLD_IMPLEMENTATION
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Reads one request; false at the end of the connection. */
static bool world_read(int fd, char *text, size_t size)
{
    size_t n = 0;
    for (;;) {
        ssize_t got = read(fd, text + n, size - 1 - n);
        if (got <= 0)
            return false;
        n += (size_t)got;
        text[n] = '\0';
        char *end = strstr(text, "\r\n\r\n"), *length = strcasestr(text, "\r\nContent-Length:");
        size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
        if (end && n >= (size_t)(end + 4 - text) + body)
            return true;
    }
}

const char s3_http_range[] = "range";

static void world_wait(unsigned ms)
{
    struct timespec pause = {ms / 1000, ms % 1000 * 1000000L};
    nanosleep(&pause, NULL);
}

static void world_send_range(int fd, const struct s3_http_world *w, const char *text)
{
    char head[256];
    size_t first, last, n;
    const char *range = strstr(text, "Range: bytes=");
    if (!range || sscanf(range, "Range: bytes=%zu-%zu", &first, &last) != 2 || last >= w->object_n)
        return;
    world_wait(first == 0 ? 2 * w->wait_ms : w->wait_ms);
    n = (size_t)snprintf(head, sizeof head,
                         "HTTP/1.1 206 P\r\nETag: \"e1\"\r\nContent-Range: bytes %zu-%zu/%zu\r\n"
                         "Content-Length: %zu\r\n\r\n",
                         first, last, w->object_n, last - first + 1);
    if (send(fd, head, n, MSG_NOSIGNAL) < 0)
        return;
    for (ssize_t sent; first <= last; first += (size_t)sent)
        if ((sent = send(fd, w->object + first, last - first + 1, MSG_NOSIGNAL)) < 0)
            return;
}

static void world_send(int fd, const struct s3_http_world *w, const struct s3_http_step *s)
{
    world_wait(w->wait_ms);
    size_t n = strlen(s->answer), slow = s->byte_every_ms && n > 20 ? 20 : 0;
    if (send(fd, s->answer, n - slow, MSG_NOSIGNAL) < 0)
        return;
    for (size_t i = n - slow; i < n; i++) {
        struct timespec pause = {0, s->byte_every_ms * 1000000L};
        nanosleep(&pause, NULL);
        if (send(fd, s->answer + i, 1, MSG_NOSIGNAL) < 0)
            return;
    }
}

static const struct s3_http_step *world_step(struct s3_http_world *w, const char *text)
{
    static const struct s3_http_step nothing = {.answer = ""};
    const struct s3_http_step *s = &nothing;
    pthread_mutex_lock(&w->lock);
    if (w->at >= w->n) {
        if (!w->more_may_come)
            snprintf(w->wrong, sizeof w->wrong, "unexpected: %.3000s", text);
    } else {
        s = &w->steps[w->at];
        if (s->expect && !strstr(text, s->expect) && !w->wrong[0])
            snprintf(w->wrong, sizeof w->wrong, "step %zu wants '%s': %.3000s", w->at, s->expect,
                     text);
        if (s->refuse && strstr(text, s->refuse) && !w->wrong[0])
            snprintf(w->wrong, sizeof w->wrong, "step %zu refuses '%s': %.3000s", w->at, s->refuse,
                     text);
    }
    w->at++;
    pthread_mutex_unlock(&w->lock);
    return s;
}

struct world_conn {
    struct s3_http_world *w;
    int fd;
};

static void *world_serve(void *arg)
{
    struct world_conn c = *(struct world_conn *)arg;
    char *text = malloc(1 << 20);
    free(arg);
    while (text && world_read(c.fd, text, 1 << 20)) {
        const struct s3_http_step *s = world_step(c.w, text);
        if (!s->answer)
            continue;
        if (s->answer == s3_http_range)
            world_send_range(c.fd, c.w, text);
        else
            world_send(c.fd, c.w, s);
        if (s->close || !*s->answer)
            break;
    }
    free(text);
    shutdown(c.fd, SHUT_RDWR);
    return NULL;
}

static void *world_accept(void *arg)
{
    struct s3_http_world *w = arg;
    int fd;
    while ((fd = accept(w->listener, NULL, NULL)) >= 0) {
        pthread_mutex_lock(&w->lock);
        if (w->stop || w->n_conns == 64) {
            close(fd);
        } else {
            struct world_conn *c = malloc(sizeof *c);
            *c = (struct world_conn){w, fd};
            w->conns[w->n_conns] = fd;
            pthread_create(&w->threads[w->n_conns++], NULL, world_serve, c);
        }
        pthread_mutex_unlock(&w->lock);
    }
    return NULL;
}

void s3_http_world_start(struct s3_http_world *w, const struct s3_http_step *steps, size_t n)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    *w = (struct s3_http_world){.steps = steps, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER};
    w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(w->listener, (struct sockaddr *)&a, sizeof a) < 0 || listen(w->listener, 64) < 0 ||
        getsockname(w->listener, (struct sockaddr *)&a, &len) < 0)
        fail_msg("no listener");
    snprintf(w->endpoint, sizeof w->endpoint, "http://127.0.0.1:%d", ntohs(a.sin_port));
    pthread_create(&w->accepter, NULL, world_accept, w);
}

void s3_http_world_stop(struct s3_http_world *w)
{
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_mutex_unlock(&w->lock);
    shutdown(w->listener, SHUT_RDWR);
    pthread_join(w->accepter, NULL);
    close(w->listener);
    for (size_t i = 0; i < w->n_conns; i++)
        shutdown(w->conns[i], SHUT_RDWR);
    for (size_t i = 0; i < w->n_conns; i++) {
        pthread_join(w->threads[i], NULL);
        close(w->conns[i]);
    }
    if (w->wrong[0])
        fail_msg("%s", w->wrong);
    if (w->at < w->n)
        fail_msg("%zu of %zu requests came", w->at, w->n);
}
#endif
#endif
