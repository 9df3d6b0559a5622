#pragma once

/* Whether runs were missed since the last one: logs it, and returns how many. */

#include "conf/settings.h"

#include <stdint.h>

uint64_t look_back(const Settings *settings);
