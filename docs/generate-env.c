#include "generate-env.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "conf/settings.h"
#include "sys/mem.h"

#define LINE_MAX 98

static const char intro[] =
    "# The container's settings: copy this file to .env. What is commented out shows the default.\n"
    "#\n"
    "# Made by generate-docs from src/conf/setting-table.c: edit that.\n"
    "#\n"
    "# The server, the role, its password and what is backed up are secrets, one file each: see\n"
    "# secrets/README.md.\n"
    "\n"
    "\n"
    "## compose.yaml\n"
    "\n"
    "# The time zone of BACKUP_SCHEDULE and DRILL_SCHEDULE.\n"
    "#TZ=UTC\n"
    "\n"
    "# The user and group that the containers run as. They must own data/backups, data/state and\n"
    "# data/drill, and be able to read secrets/*.txt.\n"
    "#PG_BACKUP_USER=10001:10001\n"
    "\n"
    "# The most memory that each of them may use.\n"
    "#PG_BACKUP_MEMORY=1g\n"
    "\n"
    "# Ports on the loopback interface, and how long Prometheus keeps what it knows.\n"
    "#PROMETHEUS_PORT=9090\n"
    "#GRAFANA_PORT=3000\n"
    "#PROMETHEUS_RETENTION=90d\n";

/* What the image and compose.yaml decide: NULL is not for .env, else it is the default there. */
static const struct {
    const char *key, *value;
} decided[] = {
    { "PG_HOST", NULL },
    { "PG_PORT", NULL },
    { "PG_USER", NULL },
    { "PG_PASSWORD", NULL },
    { "PG_DATABASES", NULL },
    { "BACKUP_DIR", NULL },
    { "STATE_DIR", NULL },
    { "BACKUP_SCHEDULE", "0 2 * * *" },
    { "DRILL_SCHEDULE", "0 12 * * 6" },
    { "PUSHGATEWAY_URL", "http://pushgateway:9091" },
    { "METRICS_INSTANCE", "pg-backup:main" },
    { "LOG_FORMAT", "json" },
};

/* False: it is not for .env. */
static bool find_default(const SettingInfo *info, const char **ret)
{
    *ret = info->default_text;
    for (size_t i = 0; i < ELEMENTSOF(decided); i++)
        if (strcmp(decided[i].key, info->key) == 0)
            *ret = decided[i].value;
    return *ret != NULL;
}

/* Text as lines of comment. */
static void print_comment(const char *text)
{
    size_t column = 0;

    for (size_t size; *text; text += size) {
        text += strspn(text, " ");
        size = strcspn(text, " ");
        if (column > 0 && column + 1 + size > LINE_MAX) {
            putchar('\n');
            column = 0;
        }
        column += (size_t)printf("%s%.*s", column == 0 ? "# " : " ", (int)size, text);
    }
    putchar('\n');
}

void generate_env_example(void)
{
    const SettingInfo *info;
    const char *group = "", *value;

    fputs(intro, stdout);
    for (size_t i = 0; (info = settings_info(i)); i++) {
        if (!find_default(info, &value))
            continue;
        if (strcmp(info->group, group) != 0)
            printf("\n\n## %s\n", info->group);
        group = info->group;

        putchar('\n');
        print_comment(info->description);
        _cleanup_free_ char *values = mem_printf("Values: %s.", info->values);
        print_comment(values);
        printf("#%s=%s\n", info->key, value);
    }
}
