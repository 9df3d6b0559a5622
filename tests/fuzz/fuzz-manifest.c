/* manifest_load() on anything: it does not crash, a refusal says why, and what it accepts comes
 * back the same when it is written and read again. Files are in memory (/dev/shm). */

#include "fuzz.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/manifest.h"
#include "sys/fs.h"
#include "sys/mem.h"

#define STEM "appdb_20261122T020000Z"

static char directory[] = "/dev/shm/pg-backup-fuzz-XXXXXX";
static int directory_fd = -1;

static void remove_directory(void)
{
    unlinkat(directory_fd, STEM ".json", 0);
    rmdir(directory);
}

static void make_directory(void)
{
    require(mkdtemp(directory) != NULL, "there is a directory in memory");
    directory_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    atexit(remove_directory);
}

static char *print(const Manifest *m)
{
    _cleanup_json_ Json *json = manifest_to_json(m);
    return json_print(json);
}

/* The newest text of a manifest, where manifest_load() finds it. */
static void put(const void *data, size_t size)
{
    int fd = openat(directory_fd, STEM ".json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && fs_write_all(fd, data, size) >= 0, "the input can be written");
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_manifest_ Manifest first = { 0 }, second = { 0 };
    _cleanup_err_ Err err = { 0 };

    if (directory_fd < 0)
        make_directory();
    put(data, size);
    if (manifest_load(directory_fd, directory, STEM, &first, &err) < 0) {
        require(err_is_set(&err) && *err.message, "a refusal says why");
        return 0;
    }

    _cleanup_free_ char *before = print(&first);
    put(before, strlen(before));
    require(manifest_load(directory_fd, directory, STEM, &second, NULL) >= 0,
            "what was accepted is accepted again");
    _cleanup_free_ char *after = print(&second);
    require(strcmp(before, after) == 0, "what was accepted comes back the same");
    return 0;
}
