#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup/catalog.h"
#include "backup/health.h"
#include "backup/plan.h"
#include "backup/report.h"
#include "backup/schedule.h"
#include "cmd/cmd.h"
#include "cmd/writable.h"
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
        Json *o = json_add_child(list, json_new_object());

        json_set_text(o, "database", e->database);
        json_set_flag(o, "healthy", e->healthy);
        json_set_time(o, "newest", e->ever ? e->newest : 0);
        if (e->ever)
            json_set_uint(o, "age_seconds", now > e->newest ? (now - e->newest) / USEC_PER_SEC : 0);
        else
            json_set_text(o, "age_seconds", NULL);
        json_set_text(o, "sentence", e->sentence);
    }

    text = json_print(root);
    fputs(text, stdout);
}

/* Why it is not known which databases there are, in `ret`; empty where it is. What the settings
 * name literally is known in any case, what a pattern means is what the last run has recorded;
 * until the first one should have ended, nobody expects that. */
static void load_planned(const Settings *s, bool grace, Strv *ret, Err *ret_doubt)
{
    if (report_load_databases(s->state_dir, ret, ret_doubt) < 0)
        return;
    if (ret->count == 0 && !grace && plan_has_pattern(&s->pg_databases))
        err_set(ret_doubt, ERR_UNHEALTHY,
                "no run has recorded yet which databases there are (in \"%s\")", s->state_dir);
}

/* As in a container beside that of the runs, whose health tells how old backups are. */
static bool schedules_drills_only(const Settings *s)
{
    return s->drill_schedule && !s->backup_schedule;
}

/* Why nothing will start the next run, though we are to do that ourselves; and when that began. In
 * a directory that cannot be written to a record would be that of an earlier start. */
static void load_schedule(const Settings *s, usec_t *ret_first_start, Err *ret_doubt)
{
    _cleanup_schedule_ Schedule schedule = { 0 };
    bool ours = s->backup_schedule || s->drill_schedule;

    if (ours && access(s->state_dir, F_OK) == 0 &&
        writable_check(s->state_dir, "STATE_DIR", ret_doubt) < 0)
        return;
    if (schedule_load(s->state_dir, &schedule, ret_doubt) < 0)
        return;

    *ret_first_start = schedule.first_start;
    if (schedule.problem)
        err_set(ret_doubt, ERR_UNHEALTHY, "no %s is scheduled: %s",
                schedules_drills_only(s) ? "drill" : "run", schedule.problem);
    else if (ours && schedule.first_start == 0)
        err_set(ret_doubt, ERR_UNHEALTHY, "pg-backup schedule has left no record in \"%s\"",
                s->state_dir);
}

/* 0 where there is none. */
static usec_t end_of_grace(const Settings *s, usec_t first_start)
{
    return first_start > 0 ? first_start + s->health_grace_seconds * USEC_PER_SEC : 0;
}

static int run_health(const CmdContext *ctx, Err *err)
{
    const Settings *s = ctx->settings;
    _cleanup_catalog_ Catalog catalog = CATALOG_INIT;
    _cleanup_strv_ Strv planned = { 0 }, databases = { 0 };
    _cleanup_err_ Err doubt = { 0 };
    usec_t now = clock_now(), first_start = 0;
    bool drills_only = schedules_drills_only(s);

    int r = catalog_load(s->backup_dir, &catalog, err);
    if (r < 0)
        return r;
    load_schedule(s, &first_start, &doubt);
    usec_t grace_until = end_of_grace(s, first_start);
    if (!drills_only)
        load_planned(s, now < grace_until, &planned, &doubt);
    health_databases(&s->pg_databases, &planned, &catalog, &databases);

    _cleanup_free_ char *doubt_text =
        doubt.hint ? mem_printf("%s. %s", doubt.message, doubt.hint) : mem_strdup(doubt.message);
    Health health = health_judge(&(HealthInput){
        .catalog = &catalog,
        .databases = &databases,
        .globals = s->backup_globals && !drills_only,
        .now = now,
        .max_age_seconds = s->max_backup_age_seconds,
        .drills_only = drills_only,
        .max_drill_age_seconds = s->max_drill_age_seconds,
        .keep_days = s->keep_days,
        .grace_until = grace_until,
        .doubt = doubt_text,
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
        "older than MAX_BACKUP_AGE_SECONDS, no drill that failed, and a proof that is not older "
        "than\n"
        "MAX_DRILL_AGE_SECONDS where that is set, with 3 when not: one sentence says why. A first "
        "drill has\n"
        "that long from the first backup on. It needs no server:\n"
        "what a pattern of PG_DATABASES stands for is what the last run has recorded in "
        "STATE_DIR. Where BACKUP_SCHEDULE is set, it also fails when nothing starts runs any more, "
        "and lets\n"
        "HEALTH_GRACE_SECONDS pass for the first backup. Where DRILL_SCHEDULE alone is set, only "
        "that schedule\n"
        "and the drills are judged.",
    .options = ARG_JSON,
    .run = run_health,
};
