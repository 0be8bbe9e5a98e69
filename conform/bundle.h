/* conform/bundle.h - the file of an edit, out of the zip or the folder that it may come in. */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_BUNDLE_H
#define CONFORM_BUNDLE_H

#include <stddef.h>

struct buf;
struct err;

/* A bundle holds a timeline, `content.otio`, and copies of its media below `media/`: .otioz is a
 * zip, .otiod a folder. Only the timeline is ever read, and nothing is extracted. */
#define BUNDLE_ENTRIES_MAX 200000        /* of a zip: a bundle may hold its frames one by one */
#define BUNDLE_DIRECTORY_MAX (24u << 20) /* bytes of a zip that are read to list it */
#define BUNDLE_RATIO_MAX 400             /* unpacked to packed; real timelines reach 100 */

/* Reads the edit file at `path`: the timeline of an .otioz, `content.otio` of a folder (.otiod),
 * `Info.fcpxml` of a folder (.fcpxmld), or any other file as it is. `*ret_name` is a base name for
 * the bytes in `ret`: that of `path`, with ".otio" in place of a bundle's suffix; free().
 * -EBADMSG: a bundle that is damaged, encrypted, packed in an unusual way, of an unknown version,
 * without a timeline or with two; -EFBIG: more than CONFORM_FILE_MAX bytes or over a limit above.
 */
int bundle_load(const char *path, struct buf *ret, char **ret_name, struct err *e);

/* The same for a file or folder that is open already: `path` gives its name. `fd` is borrowed. */
int bundle_load_fd(int fd, const char *path, struct buf *ret, char **ret_name, struct err *e);

/* The timeline of a zip bundle that is in memory; appends to `ret`. Errors as above. */
int bundle_read(const void *data, size_t n, struct buf *ret, struct err *e);

#endif
