#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/cmd.h"
#include "conf/settings.h"
#include "sys/cancel.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/progress.h"

#define CONFIG_DIR "/etc/pg-backup"
#define SECRETS_DIR "/run/secrets"
#define DEFAULT_INSTANCE "main"

static const Command *const commands[] = {
    &command_run,     &command_list,  &command_verify, &command_drill,  &command_diff,
    &command_restore, &command_prune, &command_check,  &command_health, &command_schedule,
};

const Command *cmd_command(size_t i)
{
    return i < ELEMENTSOF(commands) ? commands[i] : NULL;
}

static const Command *find_command(const char *name)
{
    for (size_t i = 0; i < ELEMENTSOF(commands); i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

/* Help */

static void print_help(void)
{
    printf("pg-backup takes logical backups of PostgreSQL, checks them and keeps what the policy "
           "says.\n"
           "\n"
           "Usage: pg-backup [-c FILE | -i INSTANCE] COMMAND …\n"
           "\n");
    for (size_t i = 0; i < ELEMENTSOF(commands); i++)
        printf("  %-8s  %s\n", commands[i]->name, commands[i]->summary);
    printf("\n"
           "  -c, --config FILE        settings from this file\n"
           "  -i, --instance INSTANCE  settings from " CONFIG_DIR
           "/INSTANCE.conf (default: " DEFAULT_INSTANCE ", if it is there)\n"
           "      --help               print this\n"
           "      --version            print the version\n"
           "\n"
           "\"pg-backup COMMAND --help\" tells more. A BACKUP is the name of a database (its "
           "newest good\n"
           "one), \"globals\", or a stem such as appdb_20261122T020000Z.\n"
           "\n"
           "Exit codes:\n");
    for (int code = 0; code <= EXIT_CODE_SETTINGS; code++) {
        const char *meaning = exit_code_meaning((ExitCode)code);
        if (meaning)
            printf("  %2d  %s\n", code, meaning);
    }
}

static void print_command_help(const Command *command)
{
    printf("Usage: pg-backup %s%s%s%s\n\n%s\n\n", command->name, command->operands[0] ? " " : "",
           command->operands, command->options ? " [OPTION…]" : "", command->help);
    args_print_options(command->options);
}

/* Settings */

/* "/path/to/shop.conf" is the instance "shop". */
static char *instance_of_file(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    size_t size = strlen(name);

    if (size > strlen(".conf") && strcmp(name + size - strlen(".conf"), ".conf") == 0)
        size -= strlen(".conf");
    return mem_strndup(name, size);
}

static int load_settings(const Command *command, const Args *args, Settings *ret, Err *err)
{
    _cleanup_free_ char *file = NULL, *instance = NULL;

    if (args->config_file) {
        file = mem_strdup(args->config_file);
        instance = instance_of_file(args->config_file);
    } else {
        instance = mem_strdup(args->instance ? args->instance : DEFAULT_INSTANCE);
        if (strchr(instance, '/') || instance[0] == '.' || instance[0] == '\0')
            return err_set(err, ERR_USAGE, "\"%s\" cannot be the name of an instance", instance);
        file = mem_printf(CONFIG_DIR "/%s.conf", instance);
        if (!args->instance && access(file, F_OK) < 0 && errno == ENOENT)
            mem_freep(&file), file = NULL; /* in a container all comes from the environment */
    }
    return settings_load(&(SettingsSource){ .instance = instance,
                                            .file = file,
                                            .environment = environ,
                                            .secrets_dir = SECRETS_DIR,
                                            .without_server = command->without_server },
                         ret, err);
}

/* The way of a command */

static int run_command(const Command *command, const Args *args, Err *err)
{
    _cleanup_settings_ Settings settings = { 0 };

    mem_forbid_core();
    int r = cancel_init();
    if (r < 0)
        return err_set_errno(err, -r, "could not set up signals");
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file size limit is an error of write(), not a death */

    r = load_settings(command, args, &settings, err);
    if (r < 0)
        return command->settings_failed ? command->settings_failed(err) : r;
    log_init(settings.log_format, settings.log_level);
    progress_init(log_is_human());

    r = command->run(&(CmdContext){ .settings = &settings, .args = args }, err);
    progress_done();
    return r;
}

static int dispatch(int argc, char **argv, Err *err)
{
    _cleanup_args_ Args args = { 0 };
    int next;

    int r = args_parse_global(argc, argv, &args, &next, err);
    if (r < 0)
        return r;
    if (args.version) {
        printf("pg-backup " PG_BACKUP_VERSION "\n");
        return EXIT_CODE_DONE;
    }
    if (args.help) {
        print_help();
        return EXIT_CODE_DONE;
    }
    if (next >= argc) {
        err_set(err, ERR_USAGE, "no command");
        err_hint(err, "\"pg-backup --help\" lists them.");
        return -1;
    }

    const Command *command = find_command(argv[next]);
    if (!command) {
        err_set(err, ERR_USAGE, "unknown command \"%s\"", argv[next]);
        err_hint(err, "\"pg-backup --help\" lists them.");
        return -1;
    }
    r = args_parse_command(command, argc - next, argv + next, &args, err);
    if (r < 0)
        return r;
    if (args.help) {
        print_command_help(command);
        return EXIT_CODE_DONE;
    }
    return run_command(command, &args, err);
}

/* What is wrong with the command line or the settings is told before there are settings. */
static LogFormat early_log_format(void)
{
    const char *text = getenv("LOG_FORMAT");
    LogFormat format = LOG_FORMAT_AUTO;

    if (text)
        (void)log_format_from_string(text, &format);
    return format;
}

/* A reader that has seen enough (a pager, head) is no failure worth a word; the exit code tells. */
static bool stdout_failed(bool *ret_silent)
{
    bool failed = fflush(stdout) != 0 || ferror(stdout);

    *ret_silent = errno == EPIPE;
    return failed;
}

int cmd_main(int argc, char **argv)
{
    _cleanup_err_ Err err = { 0 };
    bool silent;

    log_init(early_log_format(), LOG_LEVEL_INFO);
    int code = dispatch(argc, argv, &err);
    if (stdout_failed(&silent) && code == EXIT_CODE_DONE) {
        code = EXIT_CODE_FAILED;
        if (!silent)
            log_error("could not write to stdout");
    }

    if (err_is_set(&err)) {
        log_err(LOG_LEVEL_ERROR, LOG_EVENT_NONE, &err);
        progress_outcome(err.message);
        if (code < 0)
            code = err_kind_info(err.kind)->exit_code;
    }
    log_done();
    return code < 0 ? EXIT_CODE_FAILED : code;
}
