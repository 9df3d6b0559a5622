#include "cmd/args.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cmd/cmd.h"
#include "sys/mem.h"

static const ArgOption options[] = {
    { ARG_JSON, "json", NULL, "print JSON" },
    { ARG_REPORT, "report", NULL, "print the run's report as JSON on stdout" },
    { ARG_ALL, "all", NULL, "all backups instead of the newest of each database" },
    { ARG_TO, "to", "DATABASE", "restore into this database, which is made where it is missing" },
    { ARG_INTO, "into", "SERVER",
      "on the server of /etc/pg-backup/SERVER.conf, or of a file whose path has a slash" },
    { ARG_JOBS, "jobs", "N", "restore an archive over N connections at once, into a new database" },
    { ARG_SCHEMA_ONLY, "schema-only", NULL, "definitions without rows" },
    { ARG_DATA_ONLY, "data-only", NULL, "rows without definitions, into tables that are empty" },
    { ARG_TABLE, "table", "PATTERN",
      "the tables that fit (\"orders\", \"shop.*\") with all that belongs to them; repeatable" },
    { ARG_GLOBALS, "globals", NULL, "make roles and tablespaces that are missing first" },
    { ARG_PROVE, "prove", NULL, "dump the restored database again, and compare the contents" },
    { ARG_OUTPUT, "output", "FILE", "write the decoded dump to a file that does not exist yet" },
    { ARG_STDOUT, "stdout", NULL, "write the decoded dump to stdout" },
    { ARG_FORCE, "force", NULL, "restore into a database that is not empty" },
    { ARG_CLEAN, "clean", NULL,
      "with --force: drop each object of an archive first, if it is there" },
    { ARG_SUBSET, "subset", "N/T",
      "the Nth of T shares of all backups; week/T: the share whose turn it is this week" },
    { ARG_ACCEPT, "accept", "STEM",
      "accept that the contents of this backup fell; removes nothing yet" },
    { ARG_DRY_RUN, "dry-run", NULL, "print what would be done, and do nothing" },
};

/* getopt's values: the index of `options`, above all letters. */
enum { FIRST_OPTION = 256 };

static int refuse(const char *what, const char *argument, const char *command, Err *err)
{
    err_set(err, ERR_USAGE, "%s \"%s\"", what, argument);
    err_hint(err, "\"pg-backup %s%s--help\" lists what it takes.", command ? command : "",
             command ? " " : "");
    return -1;
}

/* What getopt_long() stumbled over (it returned `c`): a letter, or a whole word. */
static int refuse_option(int c, char *const *argv, const char *command, Err *err)
{
    char letter[] = { '-', (char)optopt, '\0' };
    bool is_letter = optopt > 0 && optopt < FIRST_OPTION && strncmp(argv[optind - 1], "--", 2) != 0;

    return refuse(c == ':' ? "no value for option" : "invalid option",
                  is_letter ? letter : argv[optind - 1], command, err);
}

int args_parse_global(int argc, char **argv, Args *ret, int *ret_next, Err *err)
{
    static const struct option names[] = {
        { "config", required_argument, NULL, 'c' },
        { "instance", required_argument, NULL, 'i' },
        { "help", no_argument, NULL, 'h' },
        { "version", no_argument, NULL, 'V' },
        { 0 },
    };

    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "+:c:i:h", names, NULL)) != -1;) {
        switch (c) {
        case 'c':
            ret->config_file = optarg;
            break;
        case 'i':
            ret->instance = optarg;
            break;
        case 'h':
            ret->help = true;
            break;
        case 'V':
            ret->version = true;
            break;
        default:
            return refuse_option(c, argv, NULL, err);
        }
    }
    if (ret->config_file && ret->instance)
        return err_set(err, ERR_USAGE, "-c and -i exclude each other");
    *ret_next = optind;
    return 0;
}

static void take_option(size_t i, Args *ret)
{
    ret->flags |= options[i].flag;
    if (options[i].flag == ARG_TO)
        ret->to = optarg;
    if (options[i].flag == ARG_OUTPUT)
        ret->output = optarg;
    if (options[i].flag == ARG_SUBSET)
        ret->subset = optarg;
    if (options[i].flag == ARG_ACCEPT)
        ret->accept = optarg;
    if (options[i].flag == ARG_INTO)
        ret->into = optarg;
    if (options[i].flag == ARG_JOBS)
        ret->jobs = optarg;
    if (options[i].flag == ARG_TABLE)
        strv_add(&ret->tables, optarg);
}

int args_parse_command(const Command *command, int argc, char **argv, Args *ret, Err *err)
{
    struct option names[ELEMENTSOF(options) + 2] = { { "help", no_argument, NULL, 'h' } };
    size_t n = 1;

    for (size_t i = 0; i < ELEMENTSOF(options); i++)
        if (command->options & options[i].flag)
            names[n++] = (struct option){
                .name = options[i].name,
                .has_arg = options[i].argument ? required_argument : no_argument,
                .val = FIRST_OPTION + (int)i,
            };

    optind = 0; /* GNU: starts over */
    for (int c; (c = getopt_long(argc, argv, ":h", names, NULL)) != -1;) {
        if (c == 'h')
            ret->help = true;
        else if (c >= FIRST_OPTION)
            take_option((size_t)(c - FIRST_OPTION), ret);
        else
            return refuse_option(c, argv, command->name, err);
    }

    ret->operands = argv + optind;
    ret->operand_count = (size_t)(argc - optind);
    if (command->max_operands >= 0 && ret->operand_count > (size_t)command->max_operands)
        return refuse("surplus operand", ret->operands[command->max_operands], command->name, err);
    return 0;
}

void args_done(Args *args)
{
    strv_done(&args->tables);
}

void args_print_options(unsigned set)
{
    for (size_t i = 0; i < ELEMENTSOF(options); i++) {
        if (!(set & options[i].flag))
            continue;
        _cleanup_free_ char *left =
            mem_printf("--%s%s%s", options[i].name, options[i].argument ? " " : "",
                       options[i].argument ? options[i].argument : "");
        printf("  %-16s  %s\n", left, options[i].help);
    }
    printf("  %-16s  %s\n", "--help", "print this");
}

const ArgOption *args_option(size_t i)
{
    return i < ELEMENTSOF(options) ? &options[i] : NULL;
}
