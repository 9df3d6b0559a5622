#pragma once

/* The retention policy that the settings describe. */

#include "backup/retention.h"
#include "conf/settings.h"

static inline RetentionPolicy policy_of(const Settings *s)
{
    return (RetentionPolicy){
        .keep_days = s->keep_days,
        .keep_min_count = s->keep_min_count,
        .keep_daily = s->keep_daily,
        .keep_weekly = s->keep_weekly,
        .keep_monthly = s->keep_monthly,
        .keep_yearly = s->keep_yearly,
    };
}
