#pragma once

/* What a PostgreSQL server that is killed leaves outside its data directory: the System V segment
 * by which it guards the directory, and, as initdb runs it, POSIX segments in /dev/shm. PostgreSQL
 * removes them when a server starts there again; in a throwaway directory none ever does. */

/* Removes those of a data directory, on which no server runs any more. They are told by the device
 * and the inode of the directory in the segment's header, as PostgreSQL does it; a header that is
 * not understood is left alone. 0 or -errno. */
int pg_shared_memory_remove(int data_fd);
