#include "unit.h"

#include <errno.h>
#include <string.h>

#include "sys/err.h"
#include "sys/mem.h"

/* -- Filling -- */

START_TEST(the_first_error_is_kept)
{
    _cleanup_err_ Err err = { 0 };
    ck_assert_int_lt(err_set(&err, ERR_SETTINGS, "bad value \"%s\"", "x"), 0);
    ck_assert_int_lt(err_set(&err, ERR_INTERNAL, "later"), 0);
    ck_assert_int_eq(err_set_errno(&err, ENOSPC, "later still"), -ENOSPC);

    ck_assert_int_eq(err.kind, ERR_SETTINGS);
    ck_assert_str_eq(err.message, "bad value \"x\"");
    ck_assert_ptr_null(err.hint);
}
END_TEST

START_TEST(details_that_nobody_wants_are_dropped)
{
    ck_assert_int_lt(err_set(NULL, ERR_INTERNAL, "nobody reads %d", 1), 0);
    ck_assert_int_eq(err_set_errno(NULL, EIO, "this"), -EIO);
    err_hint(NULL, "or this");
    err_prefix(NULL, "or that");
    ck_assert(!err_is_set(NULL));
}
END_TEST

typedef struct ErrnoCase {
    int errnum;
    ErrKind kind;
    bool hint;
    const char *message; /* the texts are those of strerror(3) in the C locale */
} ErrnoCase;

static const ErrnoCase errno_cases[] = {
    { ENOSPC, ERR_DISK_FULL, true, "could not write \"a\": No space left on device" },
    { -ENOSPC, ERR_DISK_FULL, true, "could not write \"a\": No space left on device" },
    { EDQUOT, ERR_DISK_FULL, true, "could not write \"a\": Disk quota exceeded" },
    { ECANCELED, ERR_CANCELLED, false, "could not write \"a\": Operation canceled" },
    { EIO, ERR_IO, false, "could not write \"a\": Input/output error" },
    { EACCES, ERR_IO, false, "could not write \"a\": Permission denied" },
};

START_TEST(the_number_of_a_failed_call_selects_kind_text_and_return_code)
{
    const ErrnoCase *c = &errno_cases[_i];
    _cleanup_err_ Err err = { 0 };
    int r = err_set_errno(&err, c->errnum, "could not write \"%s\"", "a");

    ck_assert_int_eq(r, c->errnum < 0 ? c->errnum : -c->errnum);
    ck_assert_int_eq(err.kind, c->kind);
    ck_assert_str_eq(err.message, c->message);
    ck_assert_int_eq(err.hint != NULL, c->hint);
}
END_TEST

START_TEST(a_failure_without_a_number_is_a_failure_still)
{
    ck_assert_int_lt(err_set_errno(NULL, 0, "strange"), 0);
}
END_TEST

START_TEST(the_first_hint_is_kept)
{
    _cleanup_err_ Err err = { 0 };
    err_hint(&err, "A hint on nothing.");
    ck_assert_ptr_null(err.hint);

    err_set(&err, ERR_IO, "broken");
    err_hint(&err, "Use %d.", 1);
    err_hint(&err, "Use 2.");
    ck_assert_str_eq(err.hint, "Use 1.");
}
END_TEST

START_TEST(context_is_put_before_the_message)
{
    _cleanup_err_ Err err = { 0 };
    err_prefix(&err, "nothing yet");
    ck_assert(!err_is_set(&err));
    ck_assert_ptr_null(err.message);

    err_set(&err, ERR_DAMAGED, "100%% wrong");
    err_prefix(&err, "member \"%s\"", "a%s");
    err_prefix(&err, "file \"b\"");
    ck_assert_str_eq(err.message, "file \"b\": member \"a%s\": 100% wrong");
    ck_assert_int_eq(err.kind, ERR_DAMAGED);
}
END_TEST

/* -- Handing over -- */

START_TEST(a_moved_error_leaves_nothing_behind)
{
    _cleanup_err_ Err from = { 0 }, to = { 0 };
    err_set(&from, ERR_STALLED, "no byte");
    err_hint(&from, "Wait.");
    err_move(&to, &from);

    ck_assert(!err_is_set(&from));
    ck_assert_ptr_null(from.message);
    ck_assert_int_eq(to.kind, ERR_STALLED);
    ck_assert_str_eq(to.message, "no byte");
    ck_assert_str_eq(to.hint, "Wait.");
}
END_TEST

START_TEST(a_move_never_replaces_the_cause)
{
    _cleanup_err_ Err from = { 0 }, to = { 0 };
    err_set(&to, ERR_CANCELLED, "cause");
    err_set(&from, ERR_CHILD, "consequence");
    err_move(&to, &from);

    ck_assert_str_eq(to.message, "cause");
    ck_assert(!err_is_set(&from));

    err_set(&from, ERR_CHILD, "unwanted");
    err_move(NULL, &from);
    ck_assert(!err_is_set(&from));
}
END_TEST

START_TEST(a_copy_stands_alone)
{
    _cleanup_err_ Err from = { 0 }, to = { 0 };
    err_set(&from, ERR_RESTORE, "refused");
    err_copy(&to, &from);
    err_copy(NULL, &from);
    err_done(&from);

    ck_assert_int_eq(to.kind, ERR_RESTORE);
    ck_assert_str_eq(to.message, "refused");
    ck_assert_ptr_null(to.hint);
}
END_TEST

/* -- The table -- */

/* The exit codes as the design names them. */
static const int exit_codes[] = {
    [ERR_USAGE] = 2,           [ERR_SETTINGS] = 78,       [ERR_NOT_FOUND] = 2,
    [ERR_REFUSED] = 2,         [ERR_LOCKED] = 6,          [ERR_UNREACHABLE] = 75,
    [ERR_AUTHENTICATION] = 78, [ERR_CLIENT_MISSING] = 78, [ERR_CLIENT_TOO_OLD] = 78,
    [ERR_NO_DATABASE] = 1,     [ERR_PERMISSION] = 1,      [ERR_ROW_SECURITY] = 1,
    [ERR_LOCK_TIMEOUT] = 1,    [ERR_SERVER] = 1,          [ERR_SERVER_LOST] = 1,
    [ERR_STALLED] = 1,         [ERR_CANCELLED] = 1,       [ERR_CHILD] = 1,
    [ERR_DUMP_INCOMPLETE] = 1, [ERR_DISK_FULL] = 1,       [ERR_IO] = 1,
    [ERR_DAMAGED] = 4,         [ERR_ARCHIVE_VERSION] = 5, [ERR_COULD_NOT_VERIFY] = 5,
    [ERR_CONTENTS_FELL] = 0,   [ERR_NOT_PROVEN] = 4,      [ERR_UNHEALTHY] = 3,
    [ERR_CLOCK] = 1,           [ERR_METRICS] = 1,         [ERR_RESTORE] = 1,
    [ERR_INTERNAL] = 1,
};
_Static_assert(ELEMENTSOF(exit_codes) == _ERR_KIND_MAX, "a row for each kind");

START_TEST(every_kind_selects_its_exit_code)
{
    ck_assert_int_eq(err_kind_info((ErrKind)_i)->exit_code, exit_codes[_i]);
}
END_TEST

START_TEST(every_kind_is_explained)
{
    const ErrKindInfo *info = err_kind_info((ErrKind)(_i + 1));

    ck_assert_uint_gt(strlen(info->name), 0);
    ck_assert_uint_eq(strspn(info->name, "abcdefghijklmnopqrstuvwxyz-"), strlen(info->name));
    ck_assert_uint_eq(strlen(info->message_id), 32);
    ck_assert_uint_eq(strspn(info->message_id, "0123456789abcdef"), 32);
    ck_assert_int_eq(info->cause[strlen(info->cause) - 1], '.');
    ck_assert_int_eq(info->remedy[strlen(info->remedy) - 1], '.');
    ck_assert_ptr_nonnull(exit_code_meaning(info->exit_code));
}
END_TEST

START_TEST(no_two_kinds_share_a_name_or_a_message_id)
{
    for (int i = 0; i < _ERR_KIND_MAX; i++) {
        for (int j = i + 1; j < _ERR_KIND_MAX; j++) {
            const ErrKindInfo *a = err_kind_info((ErrKind)i), *b = err_kind_info((ErrKind)j);
            ck_assert_str_ne(a->name, b->name);
            ck_assert_str_ne(a->message_id, b->message_id);
        }
    }
}
END_TEST

START_TEST(an_exit_code_that_is_none_of_ours_has_no_meaning)
{
    ck_assert_ptr_nonnull(exit_code_meaning(EXIT_CODE_DONE));
    ck_assert_ptr_null(exit_code_meaning((ExitCode)7));
    ck_assert_ptr_null(exit_code_meaning((ExitCode)139));
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(the_first_error_is_kept),
    UNIT_TEST(details_that_nobody_wants_are_dropped),
    UNIT_LOOP(the_number_of_a_failed_call_selects_kind_text_and_return_code,
              ELEMENTSOF(errno_cases)),
    UNIT_TEST(a_failure_without_a_number_is_a_failure_still),
    UNIT_TEST(the_first_hint_is_kept),
    UNIT_TEST(context_is_put_before_the_message),
    UNIT_TEST(a_moved_error_leaves_nothing_behind),
    UNIT_TEST(a_move_never_replaces_the_cause),
    UNIT_TEST(a_copy_stands_alone),
    UNIT_LOOP(every_kind_selects_its_exit_code, ELEMENTSOF(exit_codes)),
    UNIT_LOOP(every_kind_is_explained, _ERR_KIND_MAX - 1),
    UNIT_TEST(no_two_kinds_share_a_name_or_a_message_id),
    UNIT_TEST(an_exit_code_that_is_none_of_ours_has_no_meaning),
};
UNIT_MAIN("err", tests)
