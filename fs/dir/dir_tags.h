/* fs/dir/dir_tags.h - tags as extended attributes: the tag K is the attribute user.K. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_DIR_DIR_TAGS_H
#define FS_DIR_DIR_TAGS_H

struct dir_root;
struct err;
struct store_meta;
struct store_tags;

/* Only attributes that start with "user.ShotLocker" are tags: the others of a file belong to other
 * programs, are never returned and never touched. A filesystem without extended attributes is -EIO
 * with a sentence that says so. */
int dir_tags_get(const struct dir_root *root, const char *key, struct store_tags *ret,
                 struct err *e);

/* The other attributes user.* of an open file as its metadata. A filesystem without any, and
 * attributes that cannot be read, are no failure: there is nothing to tell then. */
void dir_tags_meta(int fd, struct store_meta *ret);

/* Replaces the tags, durably; tags whose key does not start with "ShotLocker" are -EINVAL. New
 * values are set before old tags go: a reader in between sees too many, never none. Callers of
 * one process must not run for the same object at once. */
int dir_tags_put(const struct dir_root *root, const char *key, const struct store_tags *tags,
                 struct err *e);

#endif
