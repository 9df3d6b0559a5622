#pragma once

/* The fixed point: a restored copy is dumped as the original was, to nowhere; its inventory, taken
 * by the stage that takes that of every dump, is compared with the backup's. Equal inventories are
 * the proof. */

#include "backup/catalog.h"
#include "backup/comparison.h"
#include "pg/client.h"
#include "pg/server.h"
#include "sys/clock.h"
#include "sys/err.h"
#include "sys/strv.h"

#include <stdbool.h>

typedef struct FixedPoint {
    const Catalog *catalog;
    const Series *series;
    const Backup *backup;
    const PgClient *client;
    const PgTarget *server;
    int server_major;
    const char *database; /* the copy */
    usec_t stall_timeout;
    Strv *notes; /* what is to be known of a copy that is equal */
} FixedPoint;

/* Whether another major version restored the copy, or dumps it: what a dump says of definitions
 * cannot be compared then. */
bool fixed_point_is_of_another_major(const Backup *backup, int client_major, int server_major);

/* 0: they are equal. 1: they are not, `tell` has had each difference, and `err` (ERR_DAMAGED) has
 * their number and the first. Negative: nobody knows; ERR_COULD_NOT_VERIFY where everything but the
 * definitions is equal, which could not be compared. */
int fixed_point_compare(const FixedPoint *f, ComparisonTell tell, void *userdata, Err *err);
