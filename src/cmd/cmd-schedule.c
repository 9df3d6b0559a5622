#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "backup/schedule.h"
#include "cmd/cmd.h"
#include "cmd/writable.h"
#include "sys/buf.h"
#include "sys/cancel.h"
#include "sys/clock.h"
#include "sys/fs.h"
#include "sys/log.h"
#include "sys/mem.h"
#include "sys/supervise.h"

/* The main process of a container. What goes wrong here would go wrong after a restart, too, and a
 * container that restarts for ever shows its reason to nobody: so we say it, leave it on record for
 * health, and stay. The container is then unhealthy until somebody acts. */

#define CRONTAB_FILE "crontab"

static int stay_until_stopped(Err *err)
{
    int code = err_kind_info(err->kind)->exit_code;
    struct pollfd fd = { .fd = cancel_fd(), .events = POLLIN };

    log_err(LOG_LEVEL_ERROR, LOG_EVENT_NONE, err);
    log_notice("nothing is scheduled: waiting to be stopped");
    err_done(err);
    while (!cancel_requested())
        (void)poll(&fd, 1, -1);
    return code;
}

static int check_settings(const Settings *s, Err *err)
{
    if (!s->backup_schedule && !s->drill_schedule) {
        err_set(err, ERR_SETTINGS, "neither BACKUP_SCHEDULE nor DRILL_SCHEDULE is set");
        err_hint(err, "Five fields as in a crontab say when to run: \"0 2 * * *\".");
        return -EINVAL;
    }
    return writable_check(s->backup_dir, "BACKUP_DIR", err);
}

/* The record of this start, which keeps when the first one was. */
static int begin_record(const Settings *s, Schedule *record, Err *err)
{
    _cleanup_err_ Err damaged = { 0 };

    int r = access(s->state_dir, F_OK) < 0 /* it is made */
                ? 0
                : writable_check(s->state_dir, "STATE_DIR", err);
    if (r < 0)
        return r;
    if (schedule_load(s->state_dir, record, &damaged) < 0) /* no reason not to take backups */
        log_err(LOG_LEVEL_WARNING, LOG_EVENT_NONE, &damaged);

    if (record->first_start == 0)
        record->first_start = clock_now();
    mem_freep(&record->problem);
    record->problem = NULL;
    return schedule_save(s->state_dir, record, err);
}

static void end_record(const Settings *s, Schedule *record, const Err *err)
{
    _cleanup_err_ Err unsaved = { 0 };

    if (record->first_start == 0)
        return; /* it has not been begun: what is there is the last start's, and health knows */
    free(record->problem);
    record->problem =
        err->hint ? mem_printf("%s. %s", err->message, err->hint) : mem_strdup(err->message);
    if (schedule_save(s->state_dir, record, &unsaved) < 0)
        log_err(LOG_LEVEL_ERROR, LOG_EVENT_NONE, &unsaved);
}

/* How it ended needs no word of ours: a run logs that. */
static int run_now(Err *err)
{
    char name[] = "pg-backup", verb[] = "run";
    char *argv[] = { name, verb, NULL };
    int status;

    log_info("BACKUP_ON_START: beginning with a run");
    return supervise(argv, &status, err);
}

/* What a drill prints for people is in its proof and its events, too, and a container's log holds
 * JSON alone. */
static void add_jobs(const Settings *s, Buf *text)
{
    if (s->backup_schedule) {
        log_info("runs are scheduled: \"%s\"", s->backup_schedule);
        buf_addf(text, "%s exec pg-backup run\n", s->backup_schedule);
    }
    if (s->drill_schedule) {
        log_info("drills are scheduled: \"%s\"", s->drill_schedule);
        buf_addf(text, "%s exec pg-backup drill >/dev/null\n", s->drill_schedule);
    }
}

static int write_crontab(const Settings *s, char **ret_path, Err *err)
{
    _cleanup_close_ int fd = open(s->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_free_ char *path = mem_printf("%s/" CRONTAB_FILE, s->state_dir);
    _cleanup_buf_ Buf text = { 0 };

    buf_adds(&text, "# Made anew by each start of pg-backup schedule, from BACKUP_SCHEDULE and "
                    "DRILL_SCHEDULE.\n");
    add_jobs(s, &text);
    int r = fd < 0 ? -errno
                   : fs_write_durable(fd, CRONTAB_FILE, text.data, text.size, FS_PUBLISH_REPLACE);
    if (r < 0)
        return err_set_errno(err, -r, "could not write \"%s\"", path);
    *ret_path = TAKE_PTR(path);
    return 0;
}

/* Until we are asked to stop; anything else is an error. supercronic itself starts no run of a job
 * while the last one is under way. Runs log as they do everywhere, not through supercronic. */
static int keep_schedule(const Settings *s, Err *err)
{
    char name[] = "supercronic", json[] = "-json", passthrough[] = "-passthrough-logs";
    _cleanup_free_ char *crontab = NULL;
    int status;

    int r = write_crontab(s, &crontab, err);
    if (r < 0)
        return r;
    char *argv[] = { name, json, passthrough, crontab, NULL };
    r = supervise(argv, &status, err);
    if (r < 0 || cancel_requested())
        return r;

    _cleanup_free_ char *end = supervise_describe(name, status);
    err_set(err, ERR_CHILD, "the scheduler is gone: %s", end);
    err_hint(err, "Restart the container; the log tells what supercronic said.");
    return -ECHILD;
}

static int run_schedule(const CmdContext *ctx, Err *err)
{
    const Settings *s = ctx->settings;
    _cleanup_schedule_ Schedule record = { 0 };

    if (ctx->args->config_file || ctx->args->instance)
        return err_set(err, ERR_USAGE, "schedule takes its settings from the environment alone");

    int r = begin_record(s, &record, err);
    if (r == 0)
        r = check_settings(s, err);
    if (r == 0 && s->backup_on_start && s->backup_schedule)
        r = run_now(err);
    if (r == 0 && !cancel_requested())
        r = keep_schedule(s, err);
    if (r < 0) {
        end_record(s, &record, err);
        return stay_until_stopped(err);
    }

    log_notice("stopped, as requested");
    return EXIT_CODE_DONE;
}

const Command command_schedule = {
    .name = "schedule",
    .operands = "",
    .max_operands = 0,
    .summary = "a container's main process: starts runs and drills by their schedules",
    .help =
        "Starts \"pg-backup run\" whenever BACKUP_SCHEDULE says so, by supercronic, and once at "
        "the start\n"
        "with BACKUP_ON_START, and \"pg-backup drill\" by DRILL_SCHEDULE; either may be unset. A "
        "stop is\n"
        "passed on to what is under way. What makes a schedule impossible is logged, and "
        "\"pg-backup\n"
        "health\" fails with it until the container is stopped.\n"
        "On a host, a timer of systemd does this.",
    .options = 0,
    .run = run_schedule,
    .settings_failed = stay_until_stopped,
};
