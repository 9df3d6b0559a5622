#include "pg/account.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/buf.h"
#include "sys/child.h"
#include "sys/mem.h"

#define OWN_USER "pg-backup" /* units/pg-backup.sysusers makes it */
#define DATABASE_USER "postgres"
#define TEST_TIMEOUT (10 * USEC_PER_SEC)

void pg_account_done(PgAccount *account)
{
    free(account->name);
    sandbox_done(&account->sandbox);
    *account = (PgAccount){ 0 };
}

/* The directory */

static bool others_may_write(const struct stat *st)
{
    return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static bool is_own_users(uid_t uid)
{
    const struct passwd *user = getpwnam(OWN_USER);
    return user && user->pw_uid == uid;
}

/* Root may give it to whom it likes. In /tmp, anybody may have made it: there it is taken from
 * pg-backup alone. */
static bool is_trusted_owner(int fd, uid_t uid)
{
    struct stat above;

    if (uid == 0 || uid == geteuid())
        return true;
    if (geteuid() != 0)
        return false;
    return is_own_users(uid) || (fstatat(fd, "..", &above, AT_SYMLINK_NOFOLLOW) == 0 &&
                                 above.st_uid == 0 && !others_may_write(&above));
}

int pg_account_check_directory(const char *path, Err *err)
{
    _cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 && (errno == ELOOP || errno == ENOTDIR)) {
        err_set(err, ERR_SETTINGS, "DRILL_DIR \"%s\" is not a directory itself", path);
        err_hint(err, "Let DRILL_DIR name a directory, not a link to one.");
        return -ENOTDIR;
    }
    if (fd < 0 || fstat(fd, &st) < 0) {
        int r = err_set_errno(err, errno, "could not open the directory \"%s\"", path);
        err_hint(err, "Make it, or correct DRILL_DIR.");
        return r;
    }
    if (!is_trusted_owner(fd, st.st_uid)) {
        err_set(err, ERR_SETTINGS, "DRILL_DIR \"%s\" belongs to another user (id %u)", path,
                (unsigned)st.st_uid);
        err_hint(err, "Give it to the user that drills, or let DRILL_DIR name another.");
        return -EPERM;
    }
    /* A sticky bit does not help: the lock and the names of the servers would still be shared. */
    if (others_may_write(&st)) {
        err_set(err, ERR_SETTINGS, "others may write into DRILL_DIR \"%s\" (mode %04o)", path,
                (unsigned)(st.st_mode & 07777));
        err_hint(err, "Take that from them (chmod go-w), or let DRILL_DIR name another directory.");
        return -EPERM;
    }
    return 0;
}

/* Who */

static int take_user(const struct passwd *user, PgAccount *ret)
{
    *ret = (PgAccount){
        .uid = user->pw_uid,
        .gid = user->pw_gid,
        .name = mem_strdup(user->pw_name),
        .other = user->pw_uid != geteuid(),
    };
    return 0;
}

static int find_own_account(PgAccount *ret, Err *err)
{
    const struct passwd *user = getpwuid(geteuid());
    if (!user) {
        err_set(err, ERR_COULD_NOT_VERIFY,
                "the user id %u has no name, and PostgreSQL does not run without one",
                (unsigned)geteuid());
        err_hint(err, "Run as a user that the passwd database knows.");
        return -ENOENT;
    }
    (void)take_user(user, ret);
    ret->gid = getegid();
    return 0;
}

/* NULL: nobody. */
static const struct passwd *choose_for_root(uid_t owner)
{
    const struct passwd *user = owner != 0 ? getpwuid(owner) : getpwnam(OWN_USER);
    return user && user->pw_uid != 0 && strcmp(user->pw_name, DATABASE_USER) != 0 ? user : NULL;
}

int pg_account_find(const char *parent, PgAccount *ret, Err *err)
{
    struct stat st;

    int r = pg_account_check_directory(parent, err);
    if (r < 0)
        return r;
    if (geteuid() != 0)
        return find_own_account(ret, err);
    if (stat(parent, &st) < 0)
        return err_set_errno(err, errno, "could not open the directory \"%s\"", parent);

    const struct passwd *user = choose_for_root(st.st_uid);
    if (user)
        return take_user(user, ret);
    err_set(err, ERR_COULD_NOT_VERIFY,
            "what a backup holds runs neither as root nor as " DATABASE_USER
            ", and there is no user " OWN_USER " to run it");
    err_hint(err,
             "Make that user (the package does), give \"%s\" to one that owns nothing else, or "
             "drill as another user than root.",
             parent);
    return -ENOENT;
}

/* How: setpriv(1) of util-linux changes the user, and has the kernel send a signal when we die. */

static const char *find_setpriv(void)
{
    static const char *const places[] = { "/usr/bin/setpriv", "/bin/setpriv" };

    for (size_t i = 0; i < ELEMENTSOF(places); i++)
        if (access(places[i], X_OK) == 0)
            return places[i];
    return NULL;
}

/* A filter of system calls, as that of a confined unit, may kill setpriv for its capset(2). Whoever
 * confines us ends all of our processes; what outlives us all the same, the next sweep ends. */
static bool is_confined(void)
{
    return prctl(PR_GET_SECCOMP) != 0;
}

int pg_account_prefix(const PgAccount *account, const char *death_signal, Strv *argv, Err *err)
{
    const char *setpriv = account->other || !is_confined() ? find_setpriv() : NULL;

    if (!setpriv && account->other) {
        err_set(err, ERR_COULD_NOT_VERIFY, "no setpriv, by which root runs a server as another");
        err_hint(err, "Install util-linux, or run as another user than root.");
        return -ENOENT;
    }
    if (!setpriv)
        return 0;

    strv_add(argv, setpriv);
    strv_add(argv, "--no-new-privs");
    strv_addf(argv, "--pdeathsig=%s", death_signal);
    if (account->other) {
        strv_addf(argv, "--reuid=%u", (unsigned)account->uid);
        strv_addf(argv, "--regid=%u", (unsigned)account->gid);
        strv_add(argv, "--clear-groups");
    }
    strv_add(argv, "--");
    return 0;
}

/* Whether a program ends with 0, by its command line. Fails only where nobody knows. */
static int succeeds(const Strv *argv, bool *ret, Err *err)
{
    _cleanup_strv_ Strv env = { 0 };
    _cleanup_err_ Err reason = { 0 };
    _cleanup_free_ char *said = NULL;

    strv_add(&env, "PATH=/usr/bin:/bin");
    const ChildSpec spec = {
        .path = argv->items[0],
        .argv = argv->items,
        .env = env.items,
        .pipe = CHILD_STDOUT,
        .stall_timeout = TEST_TIMEOUT,
        .cwd = "/",
    };
    int r = child_output(&spec, 1, &said, &reason);
    if (r < 0 && reason.kind != ERR_CHILD) {
        err_move(err, &reason);
        return r;
    }
    *ret = r >= 0;
    return 0;
}

int pg_account_can_read(const PgAccount *account, const char *path, bool *ret, Err *err)
{
    _cleanup_strv_ Strv argv = { 0 };

    *ret = true;
    if (!account->other)
        return 0;
    int r = pg_account_prefix(account, "KILL", &argv, err);
    if (r < 0)
        return r;
    strv_add(&argv, "test");
    strv_add(&argv, "-r");
    strv_add(&argv, path);
    return succeeds(&argv, ret, err);
}

/* In what */

int pg_account_confine(PgAccount *account, const LandlockSpec *rules, Err *err)
{
    int r = landlock_new(rules, &account->sandbox.landlock);
    if (r < 0)
        return err_set_errno(err, -r, "could not make the rules for what a backup runs (Landlock)");
    sandbox_take_network(&account->sandbox);
    return 0;
}

char *pg_account_gaps(const PgAccount *account)
{
    const LandlockGaps gaps = landlock_gaps(account->sandbox.landlock);
    const struct {
        bool is_one;
        const char *what;
    } all[] = {
        { gaps.files, "the files of its user" },
        { gaps.truncate && !gaps.files, "making files of its user shorter" },
        { gaps.tcp && !account->sandbox.no_network, "TCP" },
        { gaps.signals, "ending other processes of its user" },
    };
    _cleanup_buf_ Buf list = { 0 };

    for (size_t i = 0; i < ELEMENTSOF(all); i++)
        if (all[i].is_one)
            buf_addf(&list, "%s%s", list.size > 0 ? ", " : "", all[i].what);
    if (list.size == 0)
        return NULL;
    return mem_printf("by this kernel's Landlock, what the backup runs was not kept from: %s",
                      list.data);
}
