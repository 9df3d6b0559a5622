/* seed-archive DIRECTORY: writes the sample archives there, for fuzz-archive to start from. */

#include <stdio.h>
#include <stdlib.h>

#include "sample-archive.h"
#include "sys/mem.h"

static void write_seed(const char *directory, const char *kind, unsigned minor,
                       void (*sample)(Buf *b, unsigned minor))
{
    _cleanup_free_ char *path = mem_printf("%s/sample-1.%u-%s", directory, minor, kind);
    _cleanup_buf_ Buf b = { 0 };
    sample(&b, minor);

    FILE *file = fopen(path, "we");
    if (!file || fwrite(b.data, 1, b.size, file) != b.size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    if (argc != 2)
        return 2;
    for (unsigned minor = ARCHIVE_MINOR_MIN; minor <= ARCHIVE_MINOR_MAX; minor++) {
        write_seed(argv[1], "custom", minor, sample_archive);
        write_seed(argv[1], "toc", minor, sample_archive_toc);
    }
    return 0;
}
