/* Prints the documents that are made from the program's own tables:
 *
 *     build/docs/generate-docs settings > docs/SETTINGS.md
 *     build/docs/generate-docs reasons > docs/REASONS.md
 *     build/docs/generate-docs env > .env.example
 *
 * tests/lint/docs-fresh.sh says when one of them is stale. The others are made by each build:
 * manual pages, the journal's catalog, the example of a configuration file (generate-*.c). */

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "conf/settings.h"
#include "generate-env.h"
#include "generate.h"
#include "sys/err.h"
#include "sys/mem.h"

static const char settings_intro[] =
    "# Settings\n"
    "\n"
    "<!-- Made by generate-docs from src/conf/setting-table.c: edit that. -->\n"
    "\n"
    "A setting is `KEY=VALUE`, by the same key everywhere. `pg-backup check` tells whether they "
    "are\n"
    "right.\n"
    "\n"
    "## Where a value comes from\n"
    "\n"
    "The first place that has one wins; an empty value counts as not set.\n"
    "\n"
    "1. The environment: `KEY`, or the file that `KEY_FILE` names there.\n"
    "2. The configuration file: `KEY`, or the file that `KEY_FILE` names there. `-c FILE` names "
    "it;\n"
    "   `-i NAME` means `/etc/pg-backup/NAME.conf`; without either, it is\n"
    "   `/etc/pg-backup/main.conf` if that exists.\n"
    "3. For the [connection to the server](#credentials-and-secrets):\n"
    "   `$CREDENTIALS_DIRECTORY/key` (systemd's `LoadCredential=`), then `/run/secrets/key`\n"
    "   (containers), the file's name being the key in lower case; then libpq's own variable.\n"
    "4. The default.\n"
    "\n"
    "The value of a file is all that it holds, without the line break at its end. `KEY` beside\n"
    "`KEY_FILE` in one place is an error.\n"
    "\n"
    "INSTANCE below is the NAME of `-i`, the file name of `-c` without `.conf`, or `main`.\n"
    "\n"
    "## Syntax of the file\n"
    "\n"
    "That of systemd's `EnvironmentFile=`. Lines that are empty or begin with `#` or `;` are\n"
    "skipped; white space around keys and values is dropped. A value may be in single quotes, "
    "which\n"
    "keep everything as it is, or in double quotes, where a backslash escapes `\"`, `\\`, `` ` `` "
    "and\n"
    "`$`. Without quotes, a backslash keeps the character behind it. A backslash at the end of a\n"
    "line continues it, except in single quotes. No variables are expanded.\n"
    "\n"
    "Refused is what other programs read differently: a line without `=`, text behind a closing\n"
    "quote, and an unquoted value with a `#` behind white space. A comment needs a line of its "
    "own.\n"
    "\n"
    "## Mistakes\n"
    "\n"
    "Unknown keys, keys given twice and bad values are errors. All of them are reported at once, "
    "and\n"
    "nothing starts (exit code 78):\n"
    "\n"
    "```\n"
    "/etc/pg-backup/main.conf:3: unknown setting \"BACKUP_KEEP_DAY\"; did you mean "
    "\"BACKUP_KEEP_DAYS\"?\n"
    "/etc/pg-backup/main.conf:7: BACKUP_DIR must be an absolute path, not \"backups\"\n"
    "environment: LOG_LEVEL must be error, warning, notice, info or debug, not \"loud\"\n"
    "```\n"
    "\n"
    "In the environment, only an unknown key that begins with `BACKUP_` can be recognised. "
    "Passwords\n"
    "and values from files of their own are never shown.\n";

static const char credentials_intro[] =
    "\n"
    "## Credentials and secrets\n"
    "\n"
    "These are also looked for in files of `$CREDENTIALS_DIRECTORY` and `/run/secrets`, then in\n"
    "libpq's own variables.\n"
    "\n"
    "| Key | File | libpq's variable |\n"
    "|---|---|---|\n";

static const char reasons_intro[] =
    "# Exit codes and reasons\n"
    "\n"
    "<!-- Made by generate-docs from src/sys/err.c: edit that. -->\n"
    "\n"
    "## Exit codes\n"
    "\n"
    "| Code | Meaning |\n"
    "|---|---|\n";

static const char reasons_list_intro[] =
    "\n"
    "## Reasons\n"
    "\n"
    "Every failure has one of these reasons: `reason` in the log, in reports and in `--json`,\n"
    "`PG_BACKUP_REASON` in the journal, where the entry also has the message id. The exit code is\n"
    "that of a command that ends for this reason; a run that goes on with the other databases "
    "ends\n"
    "with 1.\n";

/* Text in a paragraph or in a table's cell, with what Markdown would take for itself escaped. */
static void print_text(const char *text)
{
    for (const char *c = text; *c; c++) {
        if (strchr("*|<`", *c))
            putchar('\\');
        putchar(*c);
    }
}

static void print_setting(const SettingInfo *info)
{
    printf("| `%s` | ", info->key);
    if (info->default_text[0] != '\0')
        printf("`%s`", info->default_text);
    printf(" | ");
    print_text(info->values);
    printf(" | ");
    print_text(info->description);
    printf(" |\n");
}

static void print_credential(const SettingInfo *info)
{
    printf("| `%s` | `", info->key);
    for (const char *c = info->key; *c; c++)
        putchar(tolower((unsigned char)*c));
    printf("` | ");
    if (info->libpq)
        printf("`%s`", info->libpq);
    printf(" |\n");
}

static void print_settings(void)
{
    fputs(settings_intro, stdout);

    const SettingInfo *info;
    const char *group = "";
    for (size_t i = 0; (info = settings_info(i)); i++) {
        if (strcmp(info->group, group) != 0)
            printf("\n## %s\n\n| Key | Default | Values | Meaning |\n|---|---|---|---|\n",
                   info->group);
        group = info->group;
        print_setting(info);
    }

    fputs(credentials_intro, stdout);
    for (size_t i = 0; (info = settings_info(i)); i++)
        if (info->secret_lookup)
            print_credential(info);
}

static void print_reason(const ErrKindInfo *info)
{
    printf("\n### %s\n\n", info->name);
    print_text(info->cause);
    printf("\n\n*Remedy:* ");
    print_text(info->remedy);
    printf("\n\nExit code %d; message id `%s`.\n", (int)info->exit_code, info->message_id);
}

static void print_reasons(void)
{
    fputs(reasons_intro, stdout);
    for (int code = 0; code < 256; code++) {
        const char *meaning = exit_code_meaning((ExitCode)code);
        if (!meaning)
            continue;
        printf("| %d | ", code);
        print_text(meaning);
        printf(" |\n");
    }

    fputs(reasons_list_intro, stdout);
    for (ErrKind kind = ERR_NONE + 1; kind < _ERR_KIND_MAX; kind++)
        print_reason(err_kind_info(kind));
}

static const struct {
    const char *name;
    void (*print)(void);
} documents[] = {
    { "settings", print_settings },
    { "reasons", print_reasons },
    { "pg-backup.1", generate_manual },
    { "pg-backup.conf.5", generate_conf_manual },
    { "pg-backup.catalog", generate_catalog },
    { "example.conf", generate_example_conf },
    { "env", generate_env_example },
};

int main(int argc, char **argv)
{
    for (size_t i = 0; i < ELEMENTSOF(documents); i++)
        if (argc == 2 && strcmp(argv[1], documents[i].name) == 0) {
            documents[i].print();
            return fflush(stdout) == 0 ? EXIT_CODE_DONE : EXIT_CODE_FAILED;
        }

    fprintf(stderr, "usage: generate-docs DOCUMENT\n");
    return EXIT_CODE_USAGE;
}
