#pragma once

/* A real Pushgateway on a free port of the loopback interface, for one test. */

#include <sys/types.h>

typedef struct Gateway {
    pid_t pid;
    int stderr_fd; /* kept open: what it logs must not kill it */
    char *address; /* "127.0.0.1:45897" */
    char *url;     /* "http://" before it */
} Gateway;

/* Returns when it listens. `config` is the file for --web.config.file, or NULL. */
Gateway gateway_start(const char *config);
void gateway_stop(Gateway *g);
#define _cleanup_gateway_ _cleanup_(gateway_stop)
