#pragma once

/* What goes wrong without being a failure: it is logged, and stands in the report of the run, where
 * there is one; else `report` is NULL. */

#include "backup/report.h"
#include "sys/err.h"
#include "sys/log.h"
#include "sys/strv.h"

void warning_tell(Report *report, LogEvent event, const Err *err);
void warning_tell_all(Report *report, const Strv *sentences);
