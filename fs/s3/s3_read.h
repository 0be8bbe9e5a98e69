/* fs/s3/s3_read.h - one read of a range: its pieces, and second requests for slow ones. */
/* SPDX-License-Identifier: MIT */
#ifndef FS_S3_S3_READ_H
#define FS_S3_S3_READ_H

struct s3_engine;
struct s3_request;
struct store_read;

/* Starts `rd` (fs/store/store.h). `like` has the method, the key (copied), the lane, the deadline
 * and the attempts of its requests. A read that names its version may be fetched in several pieces
 * at once, and a slow piece a second time on another connection: all of them ask for that version,
 * and every byte is written by the engine's thread alone, once. One that names none is one request.
 * Until its done(), s3_engine_cancel(&rd->store_private) ends it. Any thread. */
void s3_read_start(struct s3_engine *en, struct store_read *rd, const struct s3_request *like);

#endif
