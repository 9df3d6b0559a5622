#pragma once

/* Whose fault is it? Judges by what a client program of a restore has said, and, of an error that
 * the server has told it, by the SQLSTATE that the server's log has for it. Pure. */

#include "sys/strv.h"

#include <stdbool.h>

typedef struct DrillCircumstances {
    bool other_major;     /* than that which made the backup: words may not be understood */
    bool foreign_globals; /* no roles and tablespaces, or those of another run, were restored */
    bool without_mapping; /* the server cannot map tablespaces away */
    const char *log;      /* of the server (pg/cluster-log.h); NULL: words alone tell */
} DrillCircumstances;

/* Why a failed restore says nothing about the backup: a remedy as a full sentence. NULL when
 * nothing of the kind is to be seen: then the backup does not restore. Static. */
const char *drill_judge_failure(const Strv *lines, const DrillCircumstances *c);
