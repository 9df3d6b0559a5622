#pragma once

/* Who runs a throwaway server and the programs that speak with it. What a backup holds is code:
 * functions that the restore calls, commands that a superuser may give to a shell. It runs as a
 * user that owns nothing but what it is given.
 *
 * Not root: we ourselves. Root: the user that owns the directory of the drill, else pg-backup,
 * never postgres, who owns the real servers of the machine. */

#include "sys/err.h"
#include "sys/sandbox.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct PgAccount {
    uid_t uid;
    gid_t gid;
    char *name;
    bool other; /* than us */
    Sandbox sandbox;
} PgAccount;

void pg_account_done(PgAccount *account);
#define _cleanup_pg_account_ _cleanup_(pg_account_done)

/* ERR_SETTINGS unless the directory is itself one, and nobody may put something into it, or make
 * it beforehand, but root, we, or who is to run the server. Whoever may could lay a server of
 * theirs in the place of ours. */
int pg_account_check_directory(const char *path, Err *err);

/* For a server below `parent`. ERR_COULD_NOT_VERIFY when there is nobody. */
int pg_account_find(const char *parent, PgAccount *ret, Err *err);

/* Begins a command line by which a program becomes the account's, is sent the signal ("TERM") when
 * we die, and can never get back what it has lost. Adds nothing where that is neither needed nor
 * possible. */
int pg_account_prefix(const PgAccount *account, const char *death_signal, Strv *argv, Err *err);

/* Makes the account's sandbox, in which it is to start what a backup may have a hand in: below the
 * rules of Landlock, and without a network, as far as this machine has the one and lets us take
 * away the other. */
int pg_account_confine(PgAccount *account, const LandlockSpec *rules, Err *err);

/* What is not kept from what is in the sandbox, as the kernel is too old: a sentence, or NULL.
 * Caller frees. */
char *pg_account_gaps(const PgAccount *account);

/* Whether the account may read a file of ours. */
int pg_account_can_read(const PgAccount *account, const char *path, bool *ret, Err *err);
