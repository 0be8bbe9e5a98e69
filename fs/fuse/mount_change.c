/* fs/fuse/mount_change.c - what a replacement of views took away, of what the kernel may know. */
/* SPDX-License-Identifier: MIT */
#include "fs/fuse/mount_change.h"

#include <stdlib.h>

#include "base/buf.h"
#include "fs/view/view.h"

void mount_change_init(struct mount_change *ch)
{
    ch->lost = roaring_bitmap_create();
    ch->changed = roaring_bitmap_create();
    ch->gone = roaring_bitmap_create();
    ch->inodes = NULL;
    ch->n_inodes = ch->room = 0;
}

void mount_change_done(struct mount_change *ch)
{
    roaring_bitmap_free(ch->lost);
    roaring_bitmap_free(ch->changed);
    roaring_bitmap_free(ch->gone);
    free(ch->inodes);
}

bool mount_change_is_empty(const struct mount_change *ch)
{
    return roaring_bitmap_is_empty(ch->lost) && roaring_bitmap_is_empty(ch->changed) &&
           roaring_bitmap_is_empty(ch->gone) && ch->n_inodes == 0;
}

void mount_change_add_inode(struct mount_change *ch, uint64_t ino)
{
    if (ch->n_inodes == ch->room) {
        ch->room = ch->room ? ch->room * 2 : 64;
        ch->inodes = xrealloc(ch->inodes, ch->room, sizeof *ch->inodes);
    }
    ch->inodes[ch->n_inodes++] = ino;
}

void mount_change_add(struct mount_change *to, const struct mount_change *from)
{
    roaring_bitmap_or_inplace(to->lost, from->lost);
    roaring_bitmap_or_inplace(to->changed, from->changed);
    roaring_bitmap_or_inplace(to->gone, from->gone);
    for (size_t i = 0; i < from->n_inodes; i++)
        mount_change_add_inode(to, from->inodes[i]);
}

void mount_change_add_views(struct mount_change *ch, const struct view *old,
                            const struct view *new)
{
    roaring_bitmap_t *lost = roaring_bitmap_andnot(view_nodes(old), view_nodes(new));
    roaring_bitmap_or_inplace(ch->lost, lost);
    roaring_bitmap_free(lost);
    view_add_changed(old, new, ch->changed);
}
