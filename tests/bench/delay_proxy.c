/* tests/bench/delay_proxy.c - a TCP proxy on loopback that is as slow as a distant store.
 *
 *   delay_proxy [--delay-ms D] [--mbit N] [--window-kib W] [--count FILE] HOST:PORT
 *
 * Prints the port that it listens on, then carries bytes until a signal ends it.
 *
 *   client ─► [W] ─► link (N Mbit/s, shared, D ms) ─► server       and the same way back
 *
 * Every byte arrives D ms after the link has taken it. The link takes N million bits a second each
 * way, all connections together, in turns of one chunk (0: as many as come). A connection has at
 * most W KiB under way in each direction, so that alone it gets W / D: what the window of a real
 * one is. Its first byte waits for a round trip more, which a handshake would take.
 *
 * FILE gets three counters of 8 bytes, in host order, to be mapped by who wants to know what went
 * through: connections accepted, bytes from clients, bytes from the server.
 *
 * One thread, edge-triggered epoll. A chunk is read when it is its pipe's turn and the link is
 * free, waits in the queue of its direction until it is due (so that queue is sorted by itself),
 * then in its pipe until the receiver has taken it. */
/* SPDX-License-Identifier: MIT */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CHUNK_BYTES (64 << 10)
#define EVENTS 256
#define TURNS 64 /* of one look: what is due must not wait behind an endless reader */
#define LINK_AHEAD_NS 200000 /* how far the link may be booked before readers wait */
#define MS_NS 1000000ll
#define NEVER INT64_MAX

struct conn;

/* One direction of a connection: bytes from `from` to `to`. */
struct pipe {
    struct conn *conn;
    struct link *link;
    int from, to;
    size_t under_way;          /* bytes read and not yet written, in the link or in `out` */
    bool readable, waits_turn; /* `from` may have bytes; it stands in link->turns */
    bool ended;                /* `to` has been told that no more comes */
    struct chunk *out, *out_last; /* due, and not yet taken by `to` */
    struct pipe *next_turn;
};

struct conn {
    struct pipe up, down;
    bool dead;
    unsigned refs;     /* its descriptors, its chunks in links, its places in lists */
    int64_t starts_at; /* the handshake is over */
    struct conn *next_new;
};

struct chunk {
    struct chunk *next;
    struct pipe *pipe;
    int64_t due;
    size_t len, at; /* len 0: the end of the stream */
    char data[CHUNK_BYTES];
};

/* A direction of the line, which all connections share. */
struct link {
    struct chunk *first, *last; /* under way, sorted by `due` */
    struct pipe *turns, *turns_last;
    int64_t free_at; /* the last byte that was taken has gone in */
    uint64_t *carried;
};

struct proxy {
    int epoll, listener;
    struct sockaddr_in server;
    int64_t delay_ns;
    double ns_a_byte;
    size_t window;
    struct link up, down;
    struct conn *fresh, *fresh_last; /* their handshake is not over */
    struct conn *closed;             /* to be freed once no event can name them */
    struct chunk *spare;
    uint64_t *counts; /* connections, up, down */
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void fail(const char *what)
{
    fprintf(stderr, "delay_proxy: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- chunks and connections ------------------------------------------------------------------ */

static struct chunk *chunk_new(struct proxy *p)
{
    struct chunk *c = p->spare;
    if (c)
        p->spare = c->next;
    else if (!(c = malloc(sizeof *c)))
        fail("memory");
    c->next = NULL;
    c->len = c->at = 0;
    return c;
}

static void chunk_free(struct proxy *p, struct chunk *c)
{
    c->next = p->spare;
    p->spare = c;
}

static void conn_release(struct proxy *p, struct conn *c)
{
    if (--c->refs > 0)
        return;
    c->next_new = p->closed;
    p->closed = c;
}

/* Both ends are told at once. What is still in a link is dropped when it is due. */
static void conn_kill(struct proxy *p, struct conn *c)
{
    if (c->dead)
        return;
    c->dead = true;
    close(c->up.from);
    close(c->up.to);
    for (int i = 0; i < 2; i++) {
        struct pipe *pipe = i ? &c->down : &c->up;
        for (struct chunk *next; pipe->out; pipe->out = next) {
            next = pipe->out->next;
            chunk_free(p, pipe->out);
        }
    }
    conn_release(p, c);
}

static void take_turn(struct pipe *pipe)
{
    struct link *link = pipe->link;
    if (pipe->waits_turn || !pipe->readable || pipe->conn->dead)
        return;
    pipe->waits_turn = true;
    pipe->conn->refs++;
    pipe->next_turn = NULL;
    if (link->turns)
        link->turns_last->next_turn = pipe;
    else
        link->turns = pipe;
    link->turns_last = pipe;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* Reads one chunk of the pipe whose turn it is and books the link for it. */
static void pipe_read(struct proxy *p, struct pipe *pipe, int64_t now)
{
    struct link *link = pipe->link;
    struct chunk *c = chunk_new(p);
    ssize_t n = recv(pipe->from, c->data, sizeof c->data, 0);
    if (n < 0) {
        int error = errno;
        chunk_free(p, c);
        if (error == EAGAIN)
            pipe->readable = false;
        else if (error != EINTR)
            conn_kill(p, pipe->conn);
        return;
    }
    if (n == 0)
        pipe->readable = false;
    int64_t start = link->free_at > now ? link->free_at : now;
    link->free_at = start + (int64_t)((double)n * p->ns_a_byte);
    c->pipe = pipe;
    c->len = (size_t)n;
    c->due = link->free_at + p->delay_ns;
    if (link->first)
        link->last->next = c;
    else
        link->first = c;
    link->last = c;
    pipe->conn->refs++;
    pipe->under_way += c->len;
    *link->carried += c->len;
}

/* Gives the receiver what is due to it and it has room for. */
static void pipe_write(struct proxy *p, struct pipe *pipe)
{
    bool was_full = pipe->under_way >= p->window;
    while (pipe->out && !pipe->conn->dead) {
        struct chunk *c = pipe->out;
        if (c->len == 0) {
            shutdown(pipe->to, SHUT_WR);
            pipe->ended = true;
        } else {
            ssize_t n = send(pipe->to, c->data + c->at, c->len - c->at, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR)
                continue;
            if (n < 0 && errno == EAGAIN)
                break;
            if (n < 0) {
                conn_kill(p, pipe->conn);
                return;
            }
            c->at += (size_t)n;
            pipe->under_way -= (size_t)n;
            if (c->at < c->len)
                continue;
        }
        pipe->out = c->next;
        chunk_free(p, c);
    }
    if (pipe->conn->up.ended && pipe->conn->down.ended)
        conn_kill(p, pipe->conn);
    else if (was_full && pipe->under_way < p->window)
        take_turn(pipe);
}

/* What has arrived by now goes to its receivers. */
static void link_deliver(struct proxy *p, struct link *link, int64_t now)
{
    while (link->first && link->first->due <= now) {
        struct chunk *c = link->first;
        struct pipe *pipe = c->pipe;
        link->first = c->next;
        c->next = NULL;
        if (pipe->conn->dead) {
            chunk_free(p, c);
        } else {
            if (pipe->out)
                pipe->out_last->next = c;
            else
                pipe->out = c;
            pipe->out_last = c;
            pipe_write(p, pipe);
        }
        conn_release(p, pipe->conn);
    }
}

/* Lets pipes read in turns while the link has room. */
static void link_fill(struct proxy *p, struct link *link, int64_t now)
{
    for (int n = 0; n < TURNS && link->turns && link->free_at <= now + LINK_AHEAD_NS; n++) {
        struct pipe *pipe = link->turns;
        link->turns = pipe->next_turn;
        pipe->waits_turn = false;
        if (!pipe->conn->dead && pipe->readable && pipe->under_way < p->window) {
            pipe_read(p, pipe, now);
            if (pipe->under_way < p->window)
                take_turn(pipe);
        }
        conn_release(p, pipe->conn);
    }
}

/* ---- connections ----------------------------------------------------------------------------- */

static int to_server(struct proxy *p)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&p->server, sizeof p->server) < 0 ||
        fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Events carry the connection, with the lowest bit set for its server's side. */
static void watch(struct proxy *p, int fd, struct conn *c, bool is_server)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
                             .data.u64 = (uintptr_t)c | is_server};
    if (epoll_ctl(p->epoll, EPOLL_CTL_ADD, fd, &ev) < 0)
        fail("epoll_ctl");
}

static void accept_all(struct proxy *p)
{
    int client, one = 1;
    while ((client = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        int server = to_server(p);
        struct conn *c = server < 0 ? NULL : calloc(1, sizeof *c);
        if (!c) {
            close(client);
            if (server >= 0)
                close(server);
            continue;
        }
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        c->up = (struct pipe){.conn = c, .link = &p->up, .from = client, .to = server};
        c->down = (struct pipe){.conn = c, .link = &p->down, .from = server, .to = client};
        c->refs = 2; /* the descriptors; its place among the fresh */
        c->starts_at = now_ns() + 2 * p->delay_ns;
        if (p->fresh)
            p->fresh_last->next_new = c;
        else
            p->fresh = c;
        p->fresh_last = c;
        p->counts[0]++;
    }
}

static void start_fresh(struct proxy *p, int64_t now)
{
    while (p->fresh && p->fresh->starts_at <= now) {
        struct conn *c = p->fresh;
        p->fresh = c->next_new;
        watch(p, c->up.from, c, false);
        watch(p, c->up.to, c, true);
        conn_release(p, c);
    }
}

static void on_event(struct proxy *p, const struct epoll_event *ev)
{
    struct conn *c = (struct conn *)(uintptr_t)(ev->data.u64 & ~(uint64_t)1);
    bool is_server = ev->data.u64 & 1;
    struct pipe *reads = is_server ? &c->down : &c->up, *writes = is_server ? &c->up : &c->down;
    if (c->dead)
        return;
    if (ev->events & EPOLLERR) {
        conn_kill(p, c);
        return;
    }
    if (ev->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)) {
        reads->readable = true;
        if (reads->under_way < p->window)
            take_turn(reads);
    }
    if (ev->events & EPOLLOUT)
        pipe_write(p, writes);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* When something is to be done although nothing happens. */
static int64_t next_time(const struct proxy *p)
{
    int64_t at = p->fresh ? p->fresh->starts_at : NEVER;
    const struct link *links[] = {&p->up, &p->down};
    for (int i = 0; i < 2; i++) {
        if (links[i]->first)
            at = sooner(at, links[i]->first->due);
        if (links[i]->turns)
            at = sooner(at, links[i]->free_at - LINK_AHEAD_NS);
    }
    return at;
}

static void run(struct proxy *p)
{
    struct epoll_event events[EVENTS];
    for (;;) {
        int64_t at = next_time(p), left = at == NEVER ? 0 : at - now_ns();
        left = left > 0 ? left : 0;
        struct timespec wait = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
        int n = epoll_pwait2(p->epoll, events, EVENTS, at == NEVER ? NULL : &wait, NULL);
        if (n < 0 && errno != EINTR)
            fail("epoll_pwait2");
        for (int i = 0; i < n; i++)
            if (events[i].data.u64 == 0)
                accept_all(p);
            else
                on_event(p, &events[i]);
        int64_t now = now_ns();
        start_fresh(p, now);
        link_deliver(p, &p->up, now);
        link_deliver(p, &p->down, now);
        link_fill(p, &p->up, now);
        link_fill(p, &p->down, now);
        for (struct conn *next; p->closed; p->closed = next) {
            next = p->closed->next_new;
            free(p->closed);
        }
    }
}

/* ---- set-up ---------------------------------------------------------------------------------- */

static unsigned listen_here(struct proxy *p)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof here;
    struct epoll_event ev = {.events = EPOLLIN};
    p->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    p->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (p->listener < 0 || p->epoll < 0 ||
        bind(p->listener, (struct sockaddr *)&here, sizeof here) < 0 ||
        listen(p->listener, 512) < 0 ||
        getsockname(p->listener, (struct sockaddr *)&here, &size) < 0 ||
        epoll_ctl(p->epoll, EPOLL_CTL_ADD, p->listener, &ev) < 0)
        fail("listen");
    return ntohs(here.sin_port);
}

static void map_counts(struct proxy *p, const char *path)
{
    size_t size = 3 * sizeof *p->counts;
    int fd = path ? open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600) : -1;
    if (path && (fd < 0 || ftruncate(fd, (off_t)size) < 0))
        fail(path);
    p->counts = mmap(NULL, size, PROT_READ | PROT_WRITE,
                     path ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS, fd, 0);
    if (p->counts == MAP_FAILED)
        fail("mmap");
    if (fd >= 0)
        close(fd);
    p->up.carried = &p->counts[1];
    p->down.carried = &p->counts[2];
}

static bool number(const char *text, double most, double *ret)
{
    char *end;
    *ret = strtod(text, &end);
    return end != text && !*end && *ret >= 0 && *ret <= most;
}

static bool address(char *text, struct sockaddr_in *ret)
{
    char *colon = strrchr(text, ':');
    double port;
    if (!colon || !number(colon + 1, 65535, &port))
        return false;
    *colon = '\0';
    *ret = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    return inet_pton(AF_INET, text, &ret->sin_addr) == 1;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"delay-ms", required_argument, NULL, 'd'}, {"mbit", required_argument, NULL, 'm'},
        {"window-kib", required_argument, NULL, 'w'}, {"count", required_argument, NULL, 'c'},
        {NULL, 0, NULL, 0}};
    struct proxy p = {0};
    double delay_ms = 0, mbit = 0, window_kib = 1 << 20;
    const char *count = NULL;
    bool good = true;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'd': good = good && number(optarg, 10000, &delay_ms); break;
        case 'm': good = good && number(optarg, 1e6, &mbit); break;
        case 'w': good = good && number(optarg, 1 << 20, &window_kib) && window_kib >= 1; break;
        case 'c': count = optarg; break;
        default: good = false;
        }
    if (!good || optind != argc - 1 || !address(argv[optind], &p.server)) {
        fprintf(stderr, "usage: %s [--delay-ms D] [--mbit N] [--window-kib W] [--count FILE] "
                        "ADDRESS:PORT\n", argv[0]);
        return 2;
    }
    p.delay_ns = (int64_t)(delay_ms * (double)MS_NS);
    p.ns_a_byte = mbit > 0 ? 8000 / mbit : 0;
    p.window = (size_t)(window_kib * 1024);
    signal(SIGPIPE, SIG_IGN);
    map_counts(&p, count);
    printf("%u\n", listen_here(&p));
    fflush(stdout);
    run(&p);
    return 0;
}
