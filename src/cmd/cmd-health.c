#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backup/catalog.h"
#include "backup/health.h"
#include "backup/plan.h"
#include "backup/report.h"
#include "cmd/cmd.h"
#include "sys/clock.h"
#include "sys/json.h"
#include "sys/mem.h"

static void print_json(const Health *health, usec_t now)
{
    _cleanup_json_ Json *root = json_new_object();
    _cleanup_free_ char *text = NULL;

    json_set_flag(root, "healthy", health->healthy);
    json_set_text(root, "sentence", health->sentence);
    Json *list = json_set_child(root, "databases", json_new_array());
    for (size_t i = 0; i < health->count; i++) {
        const HealthEntry *e = &health->entries[i];
        char newest[CLOCK_RFC3339_SIZE];
        Json *o = json_add_child(list, json_new_object());

        clock_format_rfc3339(e->newest, newest);
        json_set_text(o, "database", e->database);
        json_set_flag(o, "healthy", e->healthy);
        json_set_text(o, "newest", e->ever ? newest : NULL);
        if (e->ever)
            json_set_uint(o, "age_seconds", now > e->newest ? (now - e->newest) / USEC_PER_SEC : 0);
        else
            json_set_text(o, "age_seconds", NULL);
        json_set_text(o, "sentence", e->sentence);
    }

    text = json_print(root);
    printf("%s\n", text);
}

/* Why it is not known which databases there are, in `ret`; empty where it is. What the settings
 * name literally is known in any case, what a pattern means is what the last run has recorded. */
static void load_planned(const Settings *s, Strv *ret, Err *ret_doubt)
{
    if (report_load_databases(s->state_dir, ret, ret_doubt) < 0)
        return;
    if (ret->count == 0 && plan_has_pattern(&s->pg_databases))
        err_set(ret_doubt, ERR_UNHEALTHY,
                "no run has recorded yet which databases there are (in \"%s\")", s->state_dir);
}

static int run_health(const CmdContext *ctx, Err *err)
{
    const Settings *s = ctx->settings;
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_strv_ Strv planned = { 0 }, databases = { 0 };
    _cleanup_err_ Err doubt = { 0 };
    usec_t now = clock_now();

    int r = catalog_load(s->backup_dir, &catalog, err);
    if (r < 0)
        return r;
    load_planned(s, &planned, &doubt);
    health_databases(&s->pg_databases, &planned, &catalog, &databases);

    Health health = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .globals = s->backup_globals,
        .now = now,
        .max_age_seconds = s->max_backup_age_seconds,
        .doubt = doubt.message,
    });
    if (ctx->args->flags & ARG_JSON)
        print_json(&health, now);
    else
        printf("%s\n", health.sentence);

    int code = health.healthy ? EXIT_CODE_DONE : EXIT_CODE_UNHEALTHY;
    health_done(&health);
    return code;
}

const Command command_health = {
    .name = "health",
    .operands = "",
    .max_operands = 0,
    .summary = "is the newest good backup of every database young enough?",
    .help =
        "Exits with 0 when every configured database, and the globals, have a good backup that is "
        "not\n"
        "older than MAX_BACKUP_AGE_SECONDS, with 3 when not: one sentence says why. It needs no "
        "server:\n"
        "what a pattern of PG_DATABASES stands for is what the last run has recorded in "
        "STATE_DIR.",
    .options = ARG_JSON,
    .run = run_health,
};
