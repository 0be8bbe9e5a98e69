/* conform/settle.h - when is a file that somebody is still writing whole? */
/* SPDX-License-Identifier: MIT */
#ifndef CONFORM_SETTLE_H
#define CONFORM_SETTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settle;

/* What a look shows of a file. Two equal looks mean that nothing was written between them. */
struct settle_look {
    uint64_t size, id; /* id: the inode number, or anything else that a new file has anew */
    int64_t mtime_ns;
};

/* May something of that name be a cut? The extension of a format that conform reads (.otio .otioz
 * .edl .xml .fcpxml .aaf, a directory .otiod or .fcpxmld; capitals or not), and neither hidden nor
 * a lock. So what copying programs make on the way (.part, .tmp, a '~' at the end) is none. */
bool settle_is_cut(const char *name, bool is_dir);

/* Moments are milliseconds of a clock that does not go back; nothing here asks one. A file is
 * whole when it looked the same for `quiet_ms`, or arrived by a rename; an empty one never is. */
struct settle *settle_new(int64_t quiet_ms);
void settle_free(struct settle *s); /* NULL is fine */

static inline void auto_settle(struct settle **s)
{
    settle_free(*s);
}

/* One look at all there is: begin, one call of see for each name, end. What was not seen is
 * forgotten. A look that is not brought to its end is none: the next begin drops it. */
void settle_begin(struct settle *s);
void settle_see(struct settle *s, const char *name, const struct settle_look *look);
void settle_end(struct settle *s, int64_t now_ms);

/* Between two looks: the name came by a rename, which makes it whole in the look that follows. */
void settle_renamed(struct settle *s, const char *name);

/* The whole file that waits longest, or NULL. It stays in the table until it is not seen any more,
 * so the caller moves it, or calls one of the three below. Borrowed until the next end. */
const char *settle_next(const struct settle *s, int64_t now_ms, struct settle_look *ret);

/* Not before then; SETTLE_NEVER: as it looks now, it is done with. */
#define SETTLE_NEVER INT64_MAX
void settle_wait(struct settle *s, const char *name, int64_t until_ms);
/* It could not be worked on: not before a while, each time twice as long, up to a minute. */
void settle_failed(struct settle *s, const char *name, int64_t now_ms);
void settle_forget(struct settle *s, const char *name); /* as if never seen */

/* When the clock alone may change next what settle_next() answers; INT64_MAX: never. */
int64_t settle_when(const struct settle *s);

/* Files that are neither empty nor done with, and how many of those settle_failed() was the last
 * word on. */
size_t settle_count(const struct settle *s, size_t *ret_failed);

#endif
