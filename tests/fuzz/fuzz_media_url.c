/* tests/fuzz/fuzz_media_url.c - any text as what a media reference names. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/err.h"
#include "conform/media_url.h"
#include "conform/sequence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The name is the last component of its path, and a wanted frame's name is a frame again. */
static void check_name(const char *path, const char *name)
{
    struct sequence s;
    struct err e;
    if (strchr(name, '/') || name < path || strcmp(path + strlen(path) - strlen(name), name) != 0)
        abort();
    if (sequence_parse_name(name, &s, &e) <= 0)
        return;
    struct buf frame __attribute__((cleanup(auto_buf))) = {0};
    struct buf format __attribute__((cleanup(auto_buf))) = {0};
    sequence_format(&s, &format);
    sequence_name(&s, s.start, &frame);
    size_t lead = strlen(s.prefix) + (s.start < 0);
    int64_t number = 0;
    if (!sequence_number(&s, frame.p + lead, frame.len - lead - strlen(s.suffix), &number) ||
        llabs(s.start) != number || s.n_frames > SEQUENCE_FRAMES_MAX)
        abort();
    sequence_done(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    AUTO(free) char *text = xstrndup((const char *)data, n);
    struct media_url u;
    struct err e;
    if (media_url_parse(text, &u, &e) == 0) {
        check_name(u.path, u.name);
        if (u.alt_path)
            check_name(u.alt_path, u.alt_name);
        media_url_key(&u, &(struct media_url){.kind = MEDIA_URL_S3, .path = (char[]){"lake/"}});
    }
    media_url_done(&u);
    return 0;
}
