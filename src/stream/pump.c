#include "stream/pump.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "sys/cancel.h"
#include "sys/mem.h"
#include "sys/progress.h"

#define PUMP_BUFFER_SIZE ((size_t)256 << 10)

int pump_child(Child *child, Pipeline *p, Err *err)
{
    _cleanup_free_ char *buffer = mem_alloc(PUMP_BUFFER_SIZE);
    size_t size = 0;

    do {
        int r = child_read(child, buffer, PUMP_BUFFER_SIZE, &size, err);
        if (r < 0)
            return r;

        r = pipeline_write(p, buffer, size, err);
        if (r < 0)
            return r;

        progress_add(size);
    } while (size > 0);

    /* The end of the pipe is not the end of the data: a child that died has closed it, too. */
    int r = child_wait(child, err);
    if (r < 0)
        return r;

    return pipeline_finish(p, err);
}

/* The next piece of a file; *ret_size is 0 at its end. */
static int read_file(int fd, const char *name, char *buffer, size_t *ret_size, Err *err)
{
    if (cancel_requested())
        return cancel_error(err);

    ssize_t n;
    do
        n = read(fd, buffer, PUMP_BUFFER_SIZE);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set_errno(err, errno, "could not read \"%s\"", name);

    *ret_size = (size_t)n;
    return 0;
}

int pump_file(int fd, const char *name, Pipeline *p, Err *err)
{
    _cleanup_free_ char *buffer = mem_alloc(PUMP_BUFFER_SIZE);
    size_t size = 0;

    /* Advice only: reads ahead twice as far, fails on a pipe. */
    posix_fadvise(fd, /* offset= */ 0, /* len= */ 0, POSIX_FADV_SEQUENTIAL);

    do {
        int r = read_file(fd, name, buffer, &size, err);
        if (r < 0)
            return r;

        r = pipeline_write(p, buffer, size, err);
        if (r < 0)
            return r;

        progress_add(size);
        progress_tick();
    } while (size > 0);

    return pipeline_finish(p, err);
}
