#include "cmd/warning.h"

void warning_tell(Report *report, LogEvent event, const Err *err)
{
    log_err(LOG_LEVEL_WARNING, event, err);
    if (report)
        strv_add(&report->warnings, err->message);
}

void warning_tell_all(Report *report, const Strv *sentences)
{
    for (size_t i = 0; i < sentences->count; i++)
        log_warning("%s", sentences->items[i]);
    if (report)
        strv_copy(&report->warnings, sentences);
}
