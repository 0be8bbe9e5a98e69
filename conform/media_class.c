/* conform/media_class.c - what kind of media a file name's extension says it is. */
/* SPDX-License-Identifier: MIT */
#include "conform/media_class.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

static const struct {
    char extension[6];
    enum media_class class;
} extensions[] = {
    {"exr", MEDIA_CLASS_PLATE},  {"dpx", MEDIA_CLASS_PLATE},  {"cin", MEDIA_CLASS_PLATE},
    {"tif", MEDIA_CLASS_PLATE},  {"tiff", MEDIA_CLASS_PLATE}, {"tga", MEDIA_CLASS_PLATE},
    {"sgi", MEDIA_CLASS_PLATE},  {"png", MEDIA_CLASS_PLATE},  {"jpg", MEDIA_CLASS_PLATE},
    {"jpeg", MEDIA_CLASS_PLATE}, {"jp2", MEDIA_CLASS_PLATE},  {"j2c", MEDIA_CLASS_PLATE},
    {"heic", MEDIA_CLASS_PLATE}, {"psd", MEDIA_CLASS_PLATE},  {"bmp", MEDIA_CLASS_PLATE},
    {"hdr", MEDIA_CLASS_PLATE},  {"ari", MEDIA_CLASS_PLATE},  {"dng", MEDIA_CLASS_PLATE},
    {"webp", MEDIA_CLASS_PLATE}, {"mov", MEDIA_CLASS_MOVIE},  {"mxf", MEDIA_CLASS_MOVIE},
    {"mp4", MEDIA_CLASS_MOVIE},  {"m4v", MEDIA_CLASS_MOVIE},  {"avi", MEDIA_CLASS_MOVIE},
    {"mkv", MEDIA_CLASS_MOVIE},  {"mpg", MEDIA_CLASS_MOVIE},  {"mpeg", MEDIA_CLASS_MOVIE},
    {"mts", MEDIA_CLASS_MOVIE},  {"m2ts", MEDIA_CLASS_MOVIE}, {"webm", MEDIA_CLASS_MOVIE},
    {"r3d", MEDIA_CLASS_MOVIE},  {"arx", MEDIA_CLASS_MOVIE},  {"braw", MEDIA_CLASS_MOVIE},
    {"crm", MEDIA_CLASS_MOVIE},  {"wav", MEDIA_CLASS_AUDIO},  {"bwf", MEDIA_CLASS_AUDIO},
    {"aif", MEDIA_CLASS_AUDIO},  {"aiff", MEDIA_CLASS_AUDIO}, {"aifc", MEDIA_CLASS_AUDIO},
    {"mp3", MEDIA_CLASS_AUDIO},  {"m4a", MEDIA_CLASS_AUDIO},  {"aac", MEDIA_CLASS_AUDIO},
    {"ogg", MEDIA_CLASS_AUDIO},  {"flac", MEDIA_CLASS_AUDIO}, {"caf", MEDIA_CLASS_AUDIO},
};

enum media_class media_class_of(const char *name)
{
    const char *dot = strrchr(name, '.');
    for (size_t i = 0; dot && i < COUNT(extensions); i++)
        if (strcasecmp(dot + 1, extensions[i].extension) == 0)
            return extensions[i].class;
    return MEDIA_CLASS_NONE;
}

const char *media_class_name(enum media_class c)
{
    static const char *const names[] = {"", "plate", "movie", "audio"};
    return names[c];
}
