#include "unit.h"

#include <string.h>

#include "cmd/args.h"
#include "cmd/cmd.h"
#include "sys/mem.h"
#include "sys/strv.h"

static const Command restore = {
    .name = "restore", .operands = "BACKUP", .max_operands = 1, .options = ARG_TO | ARG_FORCE
};

/* argv as main() has it, of words between blanks. It lives until the test's process ends. */
static char **argv_of(const char *line, int *ret_argc)
{
    static Strv argv;
    _cleanup_free_ char *copy = mem_strdup(line);
    char *rest = copy, *word;

    strv_done(&argv);
    while ((word = strsep(&rest, " ")))
        strv_add(&argv, word);
    *ret_argc = (int)argv.count;
    return argv.items;
}

static int parse(const char *line, Args *ret, Err *err)
{
    int argc;
    char **argv = argv_of(line, &argc);
    return args_parse_command(&restore, argc, argv, ret, err);
}

static int parse_global(const char *line, Args *ret, int *ret_next, Err *err)
{
    int argc;
    char **argv = argv_of(line, &argc);
    return args_parse_global(argc, argv, ret, ret_next, err);
}

START_TEST(options_stand_before_and_behind_operands)
{
    Args args = { 0 };

    ck_assert_int_eq(parse("restore --to copy appdb --force", &args, NULL), 0);
    ck_assert_uint_eq(args.flags, ARG_TO | ARG_FORCE);
    ck_assert_str_eq(args.to, "copy");
    ck_assert_uint_eq(args.operand_count, 1);
    ck_assert_str_eq(args.operands[0], "appdb");
}
END_TEST

START_TEST(a_database_called_like_an_option_stands_behind_two_dashes)
{
    Args args = { 0 };

    ck_assert_int_eq(parse("restore --to=copy -- -rf", &args, NULL), 0);
    ck_assert_str_eq(args.operands[0], "-rf");
}
END_TEST

static const struct {
    const char *line, *message;
} wrong[] = {
    { "restore --json", "invalid option \"--json\"" },
    { "restore -xy", "invalid option \"-x\"" },
    { "restore --to", "no value for option \"--to\"" },
    { "restore one two", "surplus operand \"two\"" },
};

START_TEST(what_is_wrong_is_named_with_a_hint)
{
    Args args = { 0 };
    _cleanup_err_ Err err = { 0 };

    ck_assert_int_lt(parse(wrong[_i].line, &args, &err), 0);
    ck_assert_int_eq(err.kind, ERR_USAGE);
    ck_assert_str_eq(err.message, wrong[_i].message);
    ck_assert_ptr_nonnull(strstr(err.hint, "pg-backup restore --help"));
}
END_TEST

START_TEST(options_before_the_command_are_the_programs_own)
{
    Args args = { 0 };
    int next;

    ck_assert_int_eq(parse_global("pg-backup -i shop list --json", &args, &next, NULL), 0);
    ck_assert_str_eq(args.instance, "shop");
    ck_assert_int_eq(next, 3);
}
END_TEST

START_TEST(a_file_and_an_instance_exclude_each_other)
{
    Args args = { 0 };
    _cleanup_err_ Err err = { 0 };
    int next;

    ck_assert_int_lt(parse_global("pg-backup -i shop -c x", &args, &next, &err), 0);
    ck_assert_int_eq(err.kind, ERR_USAGE);
}
END_TEST

static const UnitTest tests[] = {
    UNIT_TEST(options_stand_before_and_behind_operands),
    UNIT_TEST(a_database_called_like_an_option_stands_behind_two_dashes),
    UNIT_LOOP(what_is_wrong_is_named_with_a_hint, ELEMENTSOF(wrong)),
    UNIT_TEST(options_before_the_command_are_the_programs_own),
    UNIT_TEST(a_file_and_an_instance_exclude_each_other),
};

UNIT_MAIN("args", tests)
