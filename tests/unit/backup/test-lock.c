#include "unit.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backup/lock.h"
#include "sys/mem.h"

START_TEST(a_second_taker_is_told_who_holds_the_lock)
{
    char *dir = unit_mkdir();
    _cleanup_lock_ Lock first = LOCK_INIT, second = LOCK_INIT;
    _cleanup_err_ Err err = { 0 };
    _cleanup_free_ char *pid = mem_printf("run, pid %d on ", (int)getpid());

    ck_assert_int_eq(lock_take("BACKUP_DIR", dir, "run", &first, NULL), 0);
    ck_assert_int_lt(lock_take("BACKUP_DIR", dir, "prune", &second, &err), 0);
    ck_assert_int_eq(err.kind, ERR_LOCKED);
    ck_assert_ptr_nonnull(strstr(err.message, pid));
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_released_lock_can_be_taken)
{
    char *dir = unit_mkdir();
    _cleanup_lock_ Lock first = LOCK_INIT, second = LOCK_INIT;

    ck_assert_int_eq(lock_take("BACKUP_DIR", dir, "run", &first, NULL), 0);
    lock_release(&first);
    ck_assert_int_eq(lock_take("BACKUP_DIR", dir, "run", &second, NULL), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_lock_ends_with_its_holder)
{
    char *dir = unit_mkdir();
    _cleanup_lock_ Lock lock = LOCK_INIT;
    int ready[2];
    char byte;

    ck_assert_int_eq(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0) {
        Lock held = LOCK_INIT;
        if (lock_take("BACKUP_DIR", dir, "run", &held, NULL) < 0 || write(ready[1], "x", 1) != 1)
            _exit(1);
        pause();
    }
    ck_assert_int_eq(read(ready[0], &byte, 1), 1);
    ck_assert_int_lt(lock_take("BACKUP_DIR", dir, "run", &lock, NULL), 0);

    ck_assert_int_eq(kill(pid, SIGKILL), 0);
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    ck_assert_int_eq(lock_take("BACKUP_DIR", dir, "run", &lock, NULL), 0);
    unit_rmdir(dir);
}
END_TEST

START_TEST(a_directory_that_is_missing_is_a_matter_of_settings)
{
    _cleanup_lock_ Lock lock = LOCK_INIT;
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_lt(lock_take("BACKUP_DIR", "/no/such/directory", "run", &lock, &err), 0);
    ck_assert_int_eq(err.kind, ERR_SETTINGS);
    ck_assert_ptr_nonnull(strstr(err.message, "/no/such/directory"));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_second_taker_is_told_who_holds_the_lock),
    UNIT_TEST(a_released_lock_can_be_taken),
    UNIT_TEST(a_lock_ends_with_its_holder),
    UNIT_TEST(a_directory_that_is_missing_is_a_matter_of_settings),
};

UNIT_MAIN("lock", tests)
