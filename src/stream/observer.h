#pragma once

/* Takes the inventory of what pg_dump wrote, compressed or not, in pieces of any size: what parses,
 * decompresses, counts and digests, in one. Bounded memory. */

#include "archive/inventory.h"
#include "stream/codec.h"

typedef struct Observer Observer;

/* A custom archive with any compression that it may have inside. */
Observer *observer_new_archive(void);
/* An SQL dump, compressed by `codec`. */
Observer *observer_new_sql(Codec codec);

/* Before the first byte: rows are digested with their fields in the order of the columns' names. */
void observer_by_name(Observer *o);

/* ERR_DAMAGED, ERR_ARCHIVE_VERSION; after either, there is nothing more to be had. */
int observer_write(Observer *o, const void *data, size_t size, Err *err);
/* ERR_DAMAGED when the input has ended before its format did. */
int observer_finish(Observer *o, Err *err);
/* After finish: hands over the inventory. */
void observer_take(Observer *o, Inventory *ret);
/* "1.14" of an archive whose header was understood, else NULL. Owned by the observer. */
const char *observer_archive_version(const Observer *o);
void observer_free(Observer *o);
