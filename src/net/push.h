#pragma once

/* Metrics to a Prometheus Pushgateway: the text exposition format to
 * URL/metrics/job/JOB/instance/INSTANCE. PUT replaces the group as a whole; POST replaces the
 * metrics of the same names and keeps the others. */

#include "sys/err.h"

typedef struct PushGroup {
    const char *url; /* the gateway's base, with or without a slash at its end */
    /* A value that is empty or holds a slash goes as base64url ("instance@base64/…"), as the
     * gateway has it. */
    const char *job, *instance;
} PushGroup;

/* ERR_METRICS unless it answers 200 or 202; the message has the status and the gateway's own words.
 */
int push_put(const PushGroup *group, const char *text, Err *err);
int push_post(const PushGroup *group, const char *text, Err *err);

/* Whether the gateway answers that it is ready (GET URL/-/ready); sends nothing. */
int push_probe(const char *url, Err *err);
