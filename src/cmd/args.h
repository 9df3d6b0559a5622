#pragma once

/* The command line: one table of options (args.c) drives parsing and --help. */

#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>
#include <stddef.h>

struct Command;

/* Options of commands, as a set. */
enum {
    ARG_JSON = 1 << 0,
    ARG_REPORT = 1 << 1,
    ARG_ALL = 1 << 2,
    ARG_TO = 1 << 3,
    ARG_OUTPUT = 1 << 4,
    ARG_STDOUT = 1 << 5,
    ARG_FORCE = 1 << 6,
    ARG_DRY_RUN = 1 << 7,
    ARG_SUBSET = 1 << 8,
    ARG_INTO = 1 << 9,
    ARG_JOBS = 1 << 10,
    ARG_SCHEMA_ONLY = 1 << 11,
    ARG_DATA_ONLY = 1 << 12,
    ARG_TABLE = 1 << 13,
    ARG_CLEAN = 1 << 14,
    ARG_GLOBALS = 1 << 15,
    ARG_PROVE = 1 << 16,
    ARG_ACCEPT = 1 << 17,
};

typedef struct Args {
    const char *config_file; /* -c */
    const char *instance;    /* -i */
    bool help, version;
    unsigned flags; /* ARG_… that were given */
    const char *to, *output, *subset, *accept, *into, *jobs;
    Strv tables;     /* each --table */
    char **operands; /* borrowed from argv */
    size_t operand_count;
} Args;

void args_done(Args *args);
#define _cleanup_args_ _cleanup_(args_done)

/* Options before the command; *ret_next is the index of the command in argv (argc if there is
 * none). */
int args_parse_global(int argc, char **argv, Args *ret, int *ret_next, Err *err);
/* argv[0] is the command. Adds to what args_parse_global() found. */
int args_parse_command(const struct Command *command, int argc, char **argv, Args *ret, Err *err);

/* The lines that describe a command's options. */
void args_print_options(unsigned options);

/* One row of the table, for documentation and completions. */
typedef struct ArgOption {
    unsigned flag; /* ARG_… */
    const char *name;
    const char *argument; /* NULL: takes none */
    const char *help;
} ArgOption;

/* The i-th option of all commands, NULL past the end. */
const ArgOption *args_option(size_t i);
