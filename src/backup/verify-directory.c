#include "backup/verify-directory.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>

#include "backup/directory-read.h"
#include "sys/child.h"
#include "sys/mem.h"

/* How many processors this process may run on: nothing but they and the disk is kept busy. */
static unsigned processors(void)
{
    cpu_set_t set;

    CPU_ZERO(&set);
    return sched_getaffinity(0, sizeof(set), &set) < 0 ? 1 : (unsigned)CPU_COUNT(&set);
}

static int open_directory(const char *path, int *ret_fd, Err *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return err_set(err, ERR_DAMAGED, "\"%s\" is missing", path);
    if (fd < 0 && (errno == ENOTDIR || errno == ELOOP))
        return err_set(err, ERR_DAMAGED, "\"%s\" is not a directory", path);
    if (fd < 0)
        return err_set_errno(err, errno, "could not open directory \"%s\"", path);
    *ret_fd = fd;
    return 0;
}

static int read_directory(const char *path, const Manifest *m, bool by_name,
                          Inventory *ret_inventory, Err *err)
{
    _cleanup_directory_contents_ DirectoryContents c = { 0 };
    _cleanup_err_ Err failure = { 0 };
    _cleanup_close_ int fd = -1;

    int r = open_directory(path, &fd, err);
    if (r < 0)
        return r;
    DirectoryRead how = {
        .fd = fd,
        .path = path,
        .threads = processors(),
        .contents = ret_inventory != NULL,
        .by_name = by_name,
        .expected = &m->files,
    };
    r = directory_read(&how, &c, &failure);
    if (r < 0 && failure.kind == ERR_ARCHIVE_VERSION) {
        /* A version that is not known, or one flipped bit: the digests know. */
        how.contents = false;
        int digests = directory_read(&how, &c, err);
        if (digests < 0)
            return digests;
    }
    if (r < 0) {
        err_move(err, &failure);
        return r;
    }
    if (ret_inventory) {
        *ret_inventory = c.inventory;
        c.inventory = (Inventory){ 0 };
    }
    return 0;
}

int verify_directory(const char *path, const Manifest *m, Inventory *ret_inventory, Err *err)
{
    return read_directory(path, m, /* by_name= */ false, ret_inventory, err);
}

int verify_directory_by_name(const char *path, const Manifest *m, Inventory *ret, Err *err)
{
    return read_directory(path, m, /* by_name= */ true, ret, err);
}

static uint64_t bytes_read(void *userdata)
{
    return child_bytes_read(userdata);
}

int verify_directory_opens(const char *path, const PgClient *client, Err *err)
{
    _cleanup_pg_command_ PgCommand command = PG_COMMAND_INIT;
    _cleanup_child_ Child child = CHILD_INIT;

    pg_command_decode_directory(client, path, &command);
    /* No stall limit: it waits for nothing but the disk, and the kernel need not say what it has
     * read. */
    int r = pg_command_spawn(&command, CHILD_NEITHER, /* stall_timeout= */ 0, &child, err);
    if (r < 0)
        return r;
    child_watch(&child, bytes_read, &child);
    r = child_wait(&child, err);
    if (r < 0 && err_is_set(err))
        pg_client_judge_archive(&child, err);
    return r;
}
