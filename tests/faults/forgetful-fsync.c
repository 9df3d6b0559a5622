/* What the power-cut test must notice: linked with -Wl,--wrap=fsync, it makes a program that looks
 * as if it synced everything, and leaves out the directories (FORGETS_DIRECTORIES 1) or the files
 * (0). */

#include <sys/stat.h>
#include <unistd.h>

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int __wrap_fsync(int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -1;
    if (S_ISDIR(st.st_mode) == FORGETS_DIRECTORIES)
        return 0;
    return __real_fsync(fd);
}
