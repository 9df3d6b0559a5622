/* Manual pages, in the man(7) macros: what the program's tables know, in a frame that is written
 * here. pg-backup@.service(8) is written by hand (docs/pg-backup@.service.8). */

#include <stdio.h>
#include <string.h>

#include "cmd/args.h"
#include "cmd/cmd.h"
#include "conf/settings.h"
#include "generate.h"
#include "sys/err.h"
#include "sys/mem.h"

/* Text as roff takes it: no line of it is a request, and nothing in it an escape. */
static void print_roff(const char *text)
{
    bool line_start = true;

    for (const char *c = text; *c; c++) {
        if (line_start && strchr(".'", *c))
            printf("\\&");
        switch (*c) {
        case '\\':
            printf("\\(rs");
            break;
        case '-':
            printf("\\-");
            break;
        default:
            putchar(*c);
        }
        line_start = *c == '\n';
    }
}

static void print_paragraph(const char *text)
{
    print_roff(text);
    putchar('\n');
}

static void print_head(const char *title, const char *section, const char *name,
                       const char *summary)
{
    printf(".\\\" Made by generate-docs from the program's tables.\n"
           ".TH %s %s \"\" \"pg-backup " PG_BACKUP_VERSION "\" \"PostgreSQL backups\"\n"
           ".SH NAME\n",
           title, section);
    print_roff(name);
    printf(" \\- %s\n", summary);
}

/* pg-backup(1) */

static void print_option(const char *option, const char *argument, const char *help)
{
    printf(".TP\n.B ");
    print_roff(option);
    if (argument)
        printf(" \\fI%s\\fR", argument);
    putchar('\n');
    print_paragraph(help);
}

static void print_command(const Command *command)
{
    printf(".SS \"");
    print_roff(command->name);
    if (command->operands[0] != '\0') {
        putchar(' ');
        print_roff(command->operands);
    }
    printf("\"\n");
    print_paragraph(command->help);

    const ArgOption *option;
    for (size_t i = 0; (option = args_option(i)); i++) {
        _cleanup_free_ char *name = mem_printf("--%s", option->name);
        if (command->options & option->flag)
            print_option(name, option->argument, option->help);
    }
}

static void print_exit_codes(void)
{
    printf(".SH EXIT STATUS\n");
    for (int code = 0; code < 256; code++) {
        const char *meaning = exit_code_meaning((ExitCode)code);
        if (!meaning)
            continue;
        printf(".TP\n.B %d\n", code);
        print_paragraph(meaning);
    }
}

static void print_reasons(void)
{
    printf(".SH REASONS\n"
           "Every failure has one of these, in the log, in reports and metrics, and as\n"
           "PG_BACKUP_REASON in the journal, where\n"
           ".B journalctl \\-x\n"
           "shows the same words.\n");
    for (ErrKind kind = ERR_NONE + 1; kind < _ERR_KIND_MAX; kind++) {
        const ErrKindInfo *info = err_kind_info(kind);
        printf(".TP\n.B ");
        print_paragraph(info->name);
        print_paragraph(info->cause);
        printf(".br\n");
        print_paragraph(info->remedy);
    }
}

void generate_manual(void)
{
    const Command *command;

    print_head("PG-BACKUP", "1", "pg-backup", "logical backups of PostgreSQL that can be trusted");
    printf(".SH SYNOPSIS\n"
           ".B pg\\-backup\n"
           "[\\fB\\-c\\fR \\fIFILE\\fR | \\fB\\-i\\fR \\fIINSTANCE\\fR]\n"
           ".I COMMAND\n"
           "[\\fIOPTION\\fR...] [\\fIOPERAND\\fR...]\n"
           ".SH DESCRIPTION\n"
           "Takes backups of a PostgreSQL server by\n"
           ".BR pg_dump (1),\n"
           "checks them before they count, keeps what the policy says, and reports to the\n"
           "journal, to systemd and to Prometheus. Tables and JSON go to standard output, the\n"
           "log to standard error.\n"
           ".PP\n"
           "A \\fIBACKUP\\fR is named by its database (the newest good one of it), by\n"
           "\"globals\", or by its stem, such as appdb_20261122T020000Z.\n"
           ".SH OPTIONS\n");
    print_option("-c, --config", "FILE", "Settings from this file.");
    print_option("-i, --instance", "INSTANCE",
                 "Settings from /etc/pg-backup/INSTANCE.conf; main, if that is there, without "
                 "this option.");
    print_option("--help", NULL, "Print a summary; behind a command, all about it.");
    print_option("--version", NULL, "Print the version.");

    printf(".SH COMMANDS\n");
    for (size_t i = 0; (command = cmd_command(i)); i++)
        print_command(command);
    print_exit_codes();
    print_reasons();
    printf(".SH FILES\n"
           ".TP\n.I /etc/pg\\-backup/INSTANCE.conf\nThe settings, see\n"
           ".BR pg\\-backup.conf (5).\n"
           ".TP\n.I /var/lib/pg\\-backup/INSTANCE\nThe backups.\n"
           ".SH SEE ALSO\n"
           ".BR pg\\-backup.conf (5),\n"
           ".BR pg\\-backup@.service (8),\n"
           ".BR pg_dump (1),\n"
           ".BR pg_restore (1)\n");
}

/* pg-backup.conf(5) */

static void print_setting(const SettingInfo *info)
{
    printf(".TP\n.B ");
    print_paragraph(info->key);
    print_paragraph(info->description);
    printf(".br\nTakes ");
    print_roff(info->values);
    if (info->default_text[0] != '\0') {
        printf("; default: ");
        print_roff(info->default_text);
    }
    printf(".\n");
    if (!info->secret_lookup)
        return;

    printf("Also looked for among credentials and secrets");
    if (info->libpq)
        printf(", then in %s", info->libpq);
    printf(".\n");
}

void generate_conf_manual(void)
{
    const char *group = "";
    const SettingInfo *info;

    print_head("PG-BACKUP.CONF", "5", "pg-backup.conf", "settings of pg\\-backup");
    printf(".SH SYNOPSIS\n"
           ".I /etc/pg\\-backup/INSTANCE.conf\n"
           ".SH DESCRIPTION\n"
           "KEY=VALUE, one a line, in the syntax of systemd's EnvironmentFile=. Lines that are\n"
           "empty or begin with # or ; are skipped. Unknown keys, keys given twice and bad\n"
           "values are errors: all of them are reported at once, and nothing starts.\n"
           ".PP\n"
           "The first place that has a value wins: the environment (KEY, or the file that\n"
           "KEY_FILE names); this file (KEY or KEY_FILE); for secrets and connection\n"
           "parameters the files \\fI$CREDENTIALS_DIRECTORY/key\\fR and\n"
           "\\fI/run/secrets/key\\fR, the key in lower case, and libpq's own variable; the\n"
           "default.\n");
    for (size_t i = 0; (info = settings_info(i)); i++) {
        if (strcmp(info->group, group) != 0)
            printf(".SH \"%s\"\n", info->group);
        group = info->group;
        print_setting(info);
    }
    printf(".SH SEE ALSO\n"
           ".BR pg\\-backup (1),\n"
           ".BR pg\\-backup@.service (8)\n");
}
