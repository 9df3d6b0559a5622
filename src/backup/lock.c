#include "backup/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "backup/series-dir.h"
#include "sys/clock.h"
#include "sys/format.h"
#include "sys/fs.h"
#include "sys/mem.h"

static int say_who(const char *path, const char *dir_path, Err *err)
{
    _cleanup_free_ char *text = NULL, *who = NULL;

    if (fs_read_regular(AT_FDCWD, path, 4096, &text, NULL) == 0 && text[0]) {
        text[strcspn(text, "\n")] = '\0';
        who = format_oneline(text);
    }
    err_set(err, ERR_LOCKED, "\"%s\" is locked by another pg-backup: %s", dir_path,
            who ? who : "it has not said who it is yet");
    err_hint(err, "Wait for it to end. The lock ends with its holder: there is nothing to remove.");
    return -EWOULDBLOCK;
}

/* For whoever finds the lock taken; that it cannot be written (a full disk) is no reason to stop.
 */
static void sign(int fd, const char *command)
{
    char host[256] = "", since[CLOCK_RFC3339_SIZE];

    (void)gethostname(host, sizeof(host) - 1);
    clock_format_rfc3339(clock_now(), since);
    _cleanup_free_ char *text =
        mem_printf("%s, pid %d on %s, since %s\n", command, (int)getpid(), host, since);
    if (ftruncate(fd, 0) == 0)
        (void)fs_write_all(fd, text, strlen(text));
}

static void give_to_owner(const char *dir_path, int fd)
{
    _cleanup_close_ int dir_fd = open(dir_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd >= 0)
        fs_give_to_owner(dir_fd, fd);
}

int lock_take(const char *setting, const char *dir_path, const char *command, Lock *ret, Err *err)
{
    _cleanup_free_ char *path = mem_printf("%s/" LOCK_NAME, dir_path);
    _cleanup_close_ int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return series_dir_root_error(errno, setting, dir_path, err);

    give_to_owner(dir_path, fd);

    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (errno == EWOULDBLOCK)
            return say_who(path, dir_path, err);
        return err_set_errno(err, errno, "could not lock \"%s\"", path);
    }

    sign(fd, command);
    ret->fd = TAKE_FD(fd);
    return 0;
}

void lock_release(Lock *lock)
{
    mem_closep(&lock->fd);
    lock->fd = -1;
}
