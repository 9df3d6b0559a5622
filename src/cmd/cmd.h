#pragma once

/* The verbs. Each is a Command in a file of its own, cmd-run.c for one; dispatch.c has the table of
 * them. Only this layer logs above debug and chooses exit codes.
 *
 * A command returns an ExitCode, or a negative number with `err` filled: dispatch then logs it and
 * takes the exit code of its kind. Tables and JSON go to stdout, the log to stderr. */

#include "cmd/args.h"
#include "conf/settings.h"
#include "sys/err.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct CmdContext {
    const Settings *settings;
    const Args *args;
} CmdContext;

typedef struct Command {
    const char *name;
    const char *operands; /* "[DATABASE…]" for the usage line, "" for none */
    int max_operands;     /* -1: any number */
    const char *summary;  /* one line */
    const char *help;     /* paragraphs behind the usage line */
    unsigned options;     /* ARG_… that it takes */
    bool without_server;  /* its settings lack the way to one, and every secret */
    int (*run)(const CmdContext *ctx, Err *err);
    int (*settings_failed)(Err *err); /* in the place of ending with that error; NULL: it ends */
} Command;

extern const Command command_run, command_list, command_verify, command_drill, command_diff,
    command_restore, command_prune, command_check, command_health, command_schedule;

/* The i-th command, NULL past the end: for documentation and completions. */
const Command *cmd_command(size_t i);

/* Everything between argv and the exit code. */
int cmd_main(int argc, char **argv);
