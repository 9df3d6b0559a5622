#pragma once

/* A BACKUP_DIR for tests, with backups of the three bytes "abc", inventory included. What goes
 * wrong fails the test. */

#include <stdbool.h>

#include "backup/catalog.h"
#include "sys/clock.h"
#include "sys/mem.h"

/* printf abc | sha256sum */
#define SHA256_ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define DAY(n) (USEC_PER_SEC * (7200 + 86400 * (n))) /* 02:00 on 1970-01-(n + 1) */

typedef struct Place {
    char *path;
    int fd;
} Place;

Place place_new(void);
void place_done(Place *p);
#define _cleanup_place_ _cleanup_(place_done)

/* Names are relative to the directory. */
bool place_has(const Place *p, const char *name);
void place_touch(const Place *p, const char *name);
void place_mkdir(const Place *p, const char *name);
void place_unlink(const Place *p, const char *name);
char *place_link(const Place *p, const char *name); /* where a link points; "" if there is none */

/* What stands in the way of a commit. */
typedef enum Obstacle {
    OBSTACLE_NONE,
    OBSTACLE_INVENTORY, /* its temporary name is a directory's */
    OBSTACLE_CHECKSUM,  /* likewise */
    OBSTACLE_MANIFEST,  /* likewise */
    OBSTACLE_LATEST,    /* a directory has the link's name */
} Obstacle;

typedef struct Attempt {
    const char *database; /* NULL: globals */
    usec_t when;
    const char *extension; /* ".dump" if NULL */
    Obstacle obstacle;
} Attempt;

/* Writes the data file and calls catalog_commit(). */
int place_attempt(const Place *p, const Attempt *a, Err *warning, Err *err);
void place_commit(const Place *p, const char *database, usec_t when);

void place_load(const Place *p, Catalog *ret);
