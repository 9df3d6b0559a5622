#include "unit.h"

#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "pg/account.h"
#include "sys/mem.h"

/* Root's cases cannot be made by anybody else: there, what they rest upon is looked at instead. */
static bool is_root(void)
{
    return geteuid() == 0;
}

static char *make_below(const char *top, const char *name, mode_t mode)
{
    char *path = mem_printf("%s/%s", top, name);

    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(chmod(path, mode), 0);
    return path;
}

static ErrKind refusal_of(const char *path)
{
    _cleanup_err_ Err err = { 0 };

    (void)pg_account_check_directory(path, &err);
    return err.kind;
}

/* Whom it finds; the kind of its error where there is nobody. */
static ErrKind find(const char *path, PgAccount *ret)
{
    _cleanup_err_ Err err = { 0 };

    (void)pg_account_find(path, ret, &err);
    return err.kind;
}

START_TEST(a_directory_that_others_may_write_into_is_refused)
{
    static const mode_t modes[] = { 0777, 01777, 0770, 0702 };
    char *top = unit_mkdir();

    for (size_t i = 0; i < ELEMENTSOF(modes); i++) {
        ck_assert_int_eq(chmod(top, modes[i]), 0);
        ck_assert_int_eq(refusal_of(top), ERR_SETTINGS);
    }
    ck_assert_int_eq(chmod(top, 0755), 0);
    ck_assert_int_eq(refusal_of(top), ERR_NONE);
    unit_rmdir(top);
}
END_TEST

START_TEST(a_link_to_one_and_a_file_are_refused)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_below(top, "dir", 0700), *link = mem_printf("%s/link", top),
                        *file = mem_printf("%s/file", top), *none = mem_printf("%s/none", top);

    ck_assert_int_eq(symlink(dir, link), 0);
    unit_write_file(top, "file", "", 0);
    ck_assert_int_eq(refusal_of(link), ERR_SETTINGS);
    ck_assert_int_eq(refusal_of(file), ERR_SETTINGS);
    ck_assert_int_eq(refusal_of(none), ERR_IO);
    unit_rmdir(top);
}
END_TEST

/* In a directory where anybody may make one, it may be anybody's trap. */
START_TEST(another_users_is_taken_only_where_root_must_have_made_it)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_below(top, "dir", 0700);

    if (is_root()) {
        ck_assert_int_eq(chown(dir, 1, (gid_t)-1), 0);
        ck_assert_int_eq(refusal_of(dir), ERR_NONE);
        ck_assert_int_eq(chmod(top, 01777), 0);
        ck_assert_int_eq(refusal_of(dir), ERR_SETTINGS);
    }
    unit_rmdir(top);
}
END_TEST

START_TEST(nobody_but_us_runs_it_unless_we_are_root)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_below(top, "dir", 0700);
    _cleanup_pg_account_ PgAccount account = { 0 };

    if (is_root())
        ck_assert_int_eq(chown(dir, 1, (gid_t)-1), 0); /* daemon, on every system */
    ck_assert_int_eq(find(dir, &account), ERR_NONE);
    ck_assert_uint_eq(account.uid, is_root() ? 1 : geteuid());
    ck_assert_int_eq(account.other, is_root());
    unit_rmdir(top);
}
END_TEST

START_TEST(roots_own_directory_is_for_pg_backup_or_nobody)
{
    char *top = unit_mkdir();
    const struct passwd *user = getpwnam("pg-backup");
    _cleanup_pg_account_ PgAccount account = { 0 };

    ErrKind kind = find(top, &account);
    ck_assert_int_eq(kind, !is_root() || user ? ERR_NONE : ERR_COULD_NOT_VERIFY);
    if (is_root() && user)
        ck_assert_str_eq(account.name, "pg-backup");
    unit_rmdir(top);
}
END_TEST

START_TEST(it_is_never_postgres_by_the_hand_of_root)
{
    char *top = unit_mkdir();
    _cleanup_free_ char *dir = make_below(top, "dir", 0700);
    const struct passwd *user = getpwnam("postgres");
    _cleanup_pg_account_ PgAccount account = { 0 };

    if (is_root() && user)
        ck_assert_int_eq(chown(dir, user->pw_uid, (gid_t)-1), 0);
    ErrKind kind = find(dir, &account);
    if (is_root() && user)
        ck_assert_int_eq(kind, ERR_COULD_NOT_VERIFY);
    unit_rmdir(top);
}
END_TEST

START_TEST(what_the_account_may_not_read_is_known_beforehand)
{
    char *top = unit_mkdir();
    const PgAccount we = { .uid = geteuid() }, daemon = { .uid = 1, .gid = 1, .other = true };
    _cleanup_free_ char *file = mem_printf("%s/file", top);
    bool readable = false;

    unit_write_file(top, "file", "", 0);
    ck_assert_int_eq(chmod(file, 0600), 0);
    ck_assert_int_eq(pg_account_can_read(&we, file, &readable, NULL), 0);
    ck_assert(readable);
    ck_assert_int_eq(pg_account_can_read(&daemon, file, &readable, NULL), 0);
    ck_assert(!readable);
    if (is_root()) {
        ck_assert_int_eq(chmod(file, 0644) | chmod(top, 0711), 0);
        ck_assert_int_eq(pg_account_can_read(&daemon, file, &readable, NULL), 0);
        ck_assert(readable);
    }
    unit_rmdir(top);
}
END_TEST

START_TEST(what_an_older_kernel_does_not_keep_is_said)
{
    static const struct {
        int abi; /* of Landlock; 0: there is none */
        bool no_network;
        const char *gaps;
    } kernels[] = {
        { 0, false, "the files of its user, TCP, ending other processes of its user" },
        { 2, false, "making files of its user shorter, TCP, ending other processes of its user" },
        { 3, false, "TCP, ending other processes of its user" },
        { 3, true, "ending other processes of its user" },
        { 5, false, "ending other processes of its user" },
        { 6, false, NULL },
    };
    const long newest = syscall(SYS_landlock_create_ruleset, NULL, 0, 1);

    for (size_t i = 0; i < ELEMENTSOF(kernels) && kernels[i].abi <= newest; i++) {
        const LandlockSpec spec = {
            .writable = (const char *const[]){ NULL },
            .abi = kernels[i].abi,
        };
        _cleanup_pg_account_ PgAccount account = { .sandbox.no_network = kernels[i].no_network };

        if (kernels[i].abi > 0)
            ck_assert_int_eq(landlock_new(&spec, &account.sandbox.landlock), 0);
        _cleanup_free_ char *said = pg_account_gaps(&account);
        const char *gaps = said ? strstr(said, "not kept from: ") : NULL;
        ck_assert_pstr_eq(gaps ? gaps + strlen("not kept from: ") : NULL, kernels[i].gaps);
    }
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(a_directory_that_others_may_write_into_is_refused),
    UNIT_TEST(a_link_to_one_and_a_file_are_refused),
    UNIT_TEST(another_users_is_taken_only_where_root_must_have_made_it),
    UNIT_TEST(nobody_but_us_runs_it_unless_we_are_root),
    UNIT_TEST(roots_own_directory_is_for_pg_backup_or_nobody),
    UNIT_TEST(it_is_never_postgres_by_the_hand_of_root),
    UNIT_TEST(what_the_account_may_not_read_is_known_beforehand),
    UNIT_TEST(what_an_older_kernel_does_not_keep_is_said),
};

UNIT_MAIN("account", tests)
