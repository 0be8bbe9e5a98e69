/* tests/fuzz/fuzz_s3_xml.c - the parsers of what a store sends: documents and headers. */
/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "fs/s3/s3_answer.h"
#include "fs/s3/s3_metadata.h"
#include "fs/s3/s3_keys.h"
#include "fs/s3/s3_xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void fuzz_page(const char *text, size_t n)
{
    struct s3_xml_page page = {0};
    struct err e;
    if (s3_xml_page_parse(text, n, &page, &e) < 0)
        return;
    assert(page.n <= S3_XML_PAGE_MAX && (page.n == 0) == (page.last == NULL));
    for (size_t i = 0; i < page.n; i++) {
        size_t len = strlen(page.entry[i].key);
        assert(len > 0 && len <= STORE_KEY_MAX && page.entry[i].st.etag[0]);
    }
    s3_xml_page_done(&page);
}

/* What was read can be written and read again. */
static void fuzz_tags(const char *text, size_t n)
{
    struct store_tags tags, again;
    struct err e;
    struct buf b = {0};
    if (s3_xml_tags_parse(text, n, &tags, &e) < 0)
        return;
    assert(tags.n <= STORE_TAGS_MAX);
    s3_xml_tags_format(&tags, &b);
    assert(s3_xml_tags_parse(b.p, b.len, &again, &e) == 0 && again.n == tags.n);
    for (size_t i = 0; i < tags.n; i++)
        assert(strcmp(tags.tag[i].key, again.tag[i].key) == 0 &&
               strcmp(tags.tag[i].value, again.tag[i].value) == 0);
    buf_done(&b);
}

static void fuzz_headers(const char *text, size_t n)
{
    struct s3_answer a = {0};
    while (n > 0) {
        const char *end = memchr(text, '\n', n);
        size_t line = end ? (size_t)(end - text) + 1 : n;
        s3_answer_header(&a, text, line);
        assert(!a.has_range || a.range_total == 0 || a.range_last < a.range_total);
        text += line;
        n -= line;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    const char *text = (const char *)data;
    struct s3_xml_error error;
    struct s3_keys *keys = NULL;
    fuzz_page(text, n);
    fuzz_tags(text, n);
    fuzz_headers(text, n);
    s3_xml_error_parse(text, n, &error);
    s3_metadata_parse(text, n, &keys, NULL);
    s3_keys_unref(keys);
    return 0;
}
