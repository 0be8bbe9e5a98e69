/* fs/view/siphash.c - SipHash-2-4: a keyed hash that nobody without the key can foresee. */
/* SPDX-License-Identifier: MIT */
#include "fs/view/siphash.h"

#include <string.h>

struct state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t load(const uint8_t *p)
{
    uint64_t v = 0;
    for (int i = 7; i >= 0; i--)
        v = v << 8 | p[i];
    return v;
}

static inline uint64_t rotate(uint64_t v, int n)
{
    return v << n | v >> (64 - n);
}

static inline void sip_round(struct state *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void absorb(struct state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static struct state begin(const uint8_t key[SIPHASH_KEY_SIZE])
{
    uint64_t k0 = load(key), k1 = load(key + 8);
    return (struct state){
        .v0 = k0 ^ 0x736f6d6570736575u,
        .v1 = k1 ^ 0x646f72616e646f6du,
        .v2 = k0 ^ 0x6c7967656e657261u,
        .v3 = k1 ^ 0x7465646279746573u,
    };
}

/* `before` bytes were absorbed already; the length of all of it closes the last word. */
static uint64_t finish(struct state *s, const uint8_t *p, size_t n, size_t before)
{
    size_t total = before + n;
    for (; n >= 8; p += 8, n -= 8)
        absorb(s, load(p));

    uint8_t last[8] = {0};
    if (n)
        memcpy(last, p, n);
    last[7] = (uint8_t)total;
    absorb(s, load(last));

    s->v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

uint64_t siphash(const uint8_t key[SIPHASH_KEY_SIZE], const void *data, size_t n)
{
    struct state s = begin(key);
    return finish(&s, data, n, 0);
}

uint64_t siphash_with(const uint8_t key[SIPHASH_KEY_SIZE], uint64_t head, const void *data,
                      size_t n)
{
    struct state s = begin(key);
    absorb(&s, head);
    return finish(&s, data, n, sizeof head);
}
