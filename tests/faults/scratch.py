"""Directories in memory, where there is room for them: what these tests do, they do thousands of
times, and a disk's fsync would be most of it."""

import os
import shutil
import tempfile

import pgtest

MEMORY = "/dev/shm"
ROOM = 512 << 20


def make_directory():
    """A directory that goes away at exit."""
    if not os.path.isdir(MEMORY) or shutil.disk_usage(MEMORY).free < ROOM:
        return pgtest.make_directory("faults-")
    path = tempfile.mkdtemp(prefix="faults-", dir=MEMORY)
    pgtest.close_at_exit(lambda: shutil.rmtree(path, ignore_errors=True))
    return path
