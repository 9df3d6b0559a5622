#pragma once

/* What libFuzzer calls for each input, and how a target says that a promise was broken. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline void require(int condition, const char *sentence)
{
    if (condition)
        return;
    fprintf(stderr, "violated: %s\n", sentence);
    abort();
}
