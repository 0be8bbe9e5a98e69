/* fs/fuse/mount_change.h - what a replacement of views took away, of what the kernel may know. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_FUSE_MOUNT_CHANGE_H
#define FS_FUSE_MOUNT_CHANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <roaring/roaring.h>

struct view;

struct mount_change {
    roaring_bitmap_t *lost;    /* visible before, not now */
    roaring_bitmap_t *changed; /* visible, with other attributes, or no longer to be opened */
    roaring_bitmap_t *gone;    /* opened once, now visible to nobody */
    uint64_t *inodes;          /* of the versions of both that the kernel may hold pages of */
    size_t n_inodes, room;
};
void mount_change_init(struct mount_change *ch);
void mount_change_done(struct mount_change *ch);
bool mount_change_is_empty(const struct mount_change *ch);

void mount_change_add(struct mount_change *to, const struct mount_change *from);
void mount_change_add_inode(struct mount_change *ch, uint64_t ino);
/* Adds what view `old` had and `new` has not, or has otherwise. */
void mount_change_add_views(struct mount_change *ch, const struct view *old,
                            const struct view *new);

#endif
