#pragma once

/* The settings table: the one place that knows every setting. It drives the loader (settings.c),
 * the documentation (settings_info()) and the tests. A new setting is a row here and a member of
 * Settings. */

#include "conf/setting-value.h"
#include "conf/settings.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct SettingRow {
    SettingInfo info;
    SettingParser parse;
    SettingRange range;     /* of a number or a port */
    size_t offset;          /* of the member of Settings that `parse` fills */
    bool default_is_made;   /* info.default_text only describes it; settings.c makes it */
    bool value_is_a_secret; /* never quoted in a message */
} SettingRow;

/* The i-th row, NULL past the end. */
const SettingRow *setting_table_row(size_t i);

/* The row of a key, or of its KEY_FILE (*ret_is_file); NULL if there is none. */
const SettingRow *setting_table_find(const char *key, bool *ret_is_file);

/* The known key (or KEY_FILE) that is nearest to an unknown one, NULL if none is near. Caller
 * frees. */
char *setting_table_nearest(const char *key);
