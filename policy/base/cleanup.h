/* policy/base/cleanup.h - values that free themselves at the end of their scope. */
/* SPDX-License-Identifier: MIT */
#ifndef POLICY_BASE_CLEANUP_H
#define POLICY_BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* `AUTO(index) struct index *ix = NULL;` calls auto_index(&ix) at scope exit.
 * A module offers its type with DEFINE_AUTO(index, struct index *, index_close). */
#define AUTO(kind) __attribute__((cleanup(auto_##kind)))

#define DEFINE_AUTO(kind, type, destroy)                                                           \
    static inline void auto_##kind(type *p)                                                        \
    {                                                                                              \
        if (*p)                                                                                    \
            destroy(*p);                                                                           \
    }                                                                                              \
    struct auto_##kind##_semicolon_

/* Hands the value over to the caller and empties the variable, so that AUTO frees nothing. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        __typeof__(p) *take_p_ = &(p);                                                             \
        __typeof__(p) take_v_ = *take_p_;                                                          \
        *take_p_ = NULL;                                                                           \
        take_v_;                                                                                   \
    })

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static inline void auto_free(void *p)
{
    free(*(void **)p);
}

/* A descriptor that closes itself; -1 is none. errno survives. */
static inline void auto_fd(int *fd)
{
    if (*fd >= 0) {
        int saved = errno;
        close(*fd);
        errno = saved;
    }
}

DEFINE_AUTO(file, FILE *, fclose);
DEFINE_AUTO(dir, DIR *, closedir);

/* Holds a mutex until the end of the scope: `LOCKED(&c->lock);` */
static inline void auto_unlock(pthread_mutex_t **m)
{
    pthread_mutex_unlock(*m);
}
#define LOCKED_NAME2_(line) locked_##line
#define LOCKED_NAME_(line) LOCKED_NAME2_(line)
#define LOCKED(m)                                                                                  \
    __attribute__((cleanup(auto_unlock), unused)) pthread_mutex_t *LOCKED_NAME_(__LINE__) =        \
        (pthread_mutex_lock(m), (m))

#endif
