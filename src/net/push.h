#pragma once

/* Metrics to a Prometheus Pushgateway: PUT of the text exposition format to
 * URL/metrics/job/JOB/instance/INSTANCE, which replaces the group as a whole. */

#include "sys/err.h"

#include <stddef.h>

/* `url` is the gateway's base, with or without a slash at its end. A value that is empty or holds a
 * slash goes as base64url ("instance@base64/…"), as the gateway has it. ERR_METRICS unless it
 * answers 200 or 202; the message has the status and the gateway's own words. */
int push_metrics(const char *url, const char *job, const char *instance, const char *text,
                 size_t size, Err *err);

/* Whether the gateway answers that it is ready (GET URL/-/ready); sends nothing. */
int push_probe(const char *url, Err *err);
