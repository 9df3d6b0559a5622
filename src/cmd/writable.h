#pragma once

/* Whether this user may make files in a directory that a setting names, without making one. */

#include "sys/err.h"

/* ERR_SETTINGS says who we are, whose it is, and what to do about it. */
int writable_check(const char *path, const char *setting, Err *err);
