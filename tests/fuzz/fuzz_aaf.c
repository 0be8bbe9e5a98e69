/* tests/fuzz/fuzz_aaf.c - any bytes as an AAF file, or as the script of one: refused with a
 * sentence, or a tree that conform can read. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conform/edit_format.h"
#include "conform/otio_read.h"
#include "tests/unit/aaf_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

static void read_file(const uint8_t *data, size_t n)
{
    struct err e;
    json_t *root = NULL;
    if (edit_format_convert(EDIT_FORMAT_AAF, data, n, NULL, &root, &e) < 0) {
        if (e.code >= 0 || !*e.text || strchr(e.text, '\n'))
            die("a refusal without a sentence", e.text);
        return;
    }
    char *text = json_dumps(root, JSON_COMPACT);
    struct otio_doc *doc = NULL;
    if (!text)
        die("a tree that cannot be written", "");
    if (otio_read(text, strlen(text), &doc, &e) < 0)
        die("a tree that cannot be read", e.text);
    otio_doc_free(doc);
    free(text);
    json_decref(root);
}

/* Compound files begin with 0xd0. Anything else is a script: a change in it reaches the objects
 * and leaves the file around them whole. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    unsigned char *file;
    size_t file_n;
    if (n > 0 && data[0] == 0xd0) {
        read_file(data, n);
        return 0;
    }
    script_build(data, n, 512, &file, &file_n);
    read_file(file, file_n);
    free(file);
    return 0;
}
