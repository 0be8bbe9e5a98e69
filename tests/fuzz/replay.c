/* tests/fuzz/replay.c - runs a fuzz harness over the files of its corpus. */
/* SPDX-License-Identifier: MIT */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define INPUT_MAX (16u << 20)

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *data = malloc(INPUT_MAX);
    if (!f || !data) {
        perror(path);
        return -1;
    }
    size_t n = fread(data, 1, INPUT_MAX, f);
    fclose(f);
    /* a copy of just that size, so that a read past its end is seen */
    uint8_t *exact = malloc(n ? n : 1);
    memcpy(exact, data, n);
    free(data);
    LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    return 0;
}

int main(int argc, char **argv)
{
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    struct dirent *de;
    int files = 0;
    if (!d) {
        fprintf(stderr, "usage: %s CORPUS-FOLDER\n", argv[0]);
        return 2;
    }
    while ((de = readdir(d))) {
        char path[4096];
        if (de->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], de->d_name);
        if (replay(path) < 0)
            return 1;
        files++;
    }
    closedir(d);
    printf("%d inputs\n", files);
    return files > 0 ? 0 : 1; /* an empty corpus proves nothing */
}
