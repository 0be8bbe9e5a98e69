/* tests/fuzz/fuzz_fcp_xml.c - any bytes as Final Cut Pro 7 XML: refused with a sentence, or a tree
 * that conform can read. */
/* SPDX-License-Identifier: MIT */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "conform/edit_format.h"
#include "conform/otio_read.h"
#include "conform/otio_strict.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void die(const char *what, const char *detail)
{
    fprintf(stderr, "%s: %s\n", what, detail);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct err e;
    json_t *root = NULL;
    (void)edit_format_of(data, n, "x.xml");
    if (edit_format_convert(EDIT_FORMAT_FCP_XML, data, n, NULL, &root, &e) < 0) {
        if (e.code >= 0 || !*e.text || strchr(e.text, '\n'))
            die("a refusal without a sentence", e.text);
        return 0;
    }
    char *text = json_dumps(root, JSON_COMPACT);
    struct otio_doc *doc = NULL;
    if (!text)
        die("a tree that cannot be written", "");
    if (otio_read(text, strlen(text), &doc, &e) < 0)
        die("a tree that cannot be read", e.text);
    struct otio_deviations none;
    if (otio_deviations(doc, text, strlen(text), true, &none, &e) < 0)
        die("a tree that OpenTimelineIO does not read", e.text);
    otio_doc_free(doc);
    free(text);
    json_decref(root);
    return 0;
}
