#include "cmd/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup/metrics.h"
#include "cmd/warning.h"
#include "net/push.h"
#include "sys/fs.h"
#include "sys/log.h"
#include "sys/mem.h"

#define METRICS_JOB "pg_backup"

/* Atomic, and readable for everybody: the collector is another user. */
static int write_textfile(const char *path, const char *text, Err *err)
{
    _cleanup_free_ char *dir_copy = mem_strdup(path), *name_copy = mem_strdup(path);
    const char *name = basename(name_copy);
    _cleanup_close_ int dir_fd = open(dirname(dir_copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    _cleanup_close_ int fd = -1;

    int r = dir_fd < 0 ? -errno : fs_create_tmp(dir_fd, name, &fd);
    if (r == 0)
        r = fchmod(fd, 0644) < 0 ? -errno : fs_write_all(fd, text, strlen(text));
    if (r == 0)
        r = fs_publish(dir_fd, name, fd, FS_PUBLISH_REPLACE);
    if (r == 0)
        return 0;

    if (fd >= 0) {
        _cleanup_free_ char *tmp = fs_tmp_name(name);
        (void)fs_remove(dir_fd, tmp);
    }
    return err_set(err, ERR_METRICS, "could not write \"%s\": %s", path, strerror(-r));
}

static uint64_t free_bytes(const Catalog *catalog)
{
    uint64_t available = 0, total;

    if (catalog)
        (void)fs_space(catalog->dir_fd, &available, &total);
    return available;
}

void publish_metrics(const Settings *settings, const Catalog *catalog, Report *report)
{
    if (!settings->metrics_textfile && !settings->pushgateway_url)
        return;

    _cleanup_free_ char *text = metrics_render(&(MetricsInput){
        .report = report,
        .catalog = catalog,
        .version = PG_BACKUP_VERSION,
        .repository_free_bytes = free_bytes(catalog),
    });
    if (settings->metrics_textfile) {
        _cleanup_err_ Err err = { 0 };
        if (write_textfile(settings->metrics_textfile, text, &err) < 0)
            warning_tell(report, LOG_EVENT_METRICS_FAILED, &err);
    }
    if (settings->pushgateway_url) {
        _cleanup_err_ Err err = { 0 };
        const PushGroup group = {
            .url = settings->pushgateway_url,
            .job = METRICS_JOB,
            .instance = settings->metrics_instance,
        };
        int r = catalog ? push_put(&group, text, &err) : push_post(&group, text, &err);
        if (r < 0)
            warning_tell(report, LOG_EVENT_METRICS_FAILED, &err);
    }
}

void publish_report(const Settings *settings, Report *report)
{
    _cleanup_err_ Err err = { 0 };

    /* A run that could not begin has said why; that its report is nowhere follows from that. */
    if (report_save(report, settings->state_dir, &err) < 0 && !err_is_set(&report->err))
        warning_tell(report, LOG_EVENT_NONE, &err);
}
