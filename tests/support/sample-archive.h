#pragma once

/* Small archives that have something of everything: for tests and as seeds for fuzzing. */

#include "archive/archive.h"
#include "sys/buf.h"

/* Appends a whole custom archive of version 1.minor, uncompressed: two tables, one of them empty; a
 * sequence; three large objects, one of them empty. */
void sample_archive(Buf *b, unsigned minor);
/* The toc.dat of the same database in directory format. */
void sample_archive_toc(Buf *b, unsigned minor);
