"""Directories of client programs that are not what they should be, for PG_BINDIR."""

import os
import subprocess

import pgtest

PROGRAMS = ("pg_dump", "pg_dumpall", "pg_restore", "psql")


class FakeBindir:
    """The real client programs, but pg_dump behaves as fake-pg_dump's MODE says.

    For `is-held`, `is-held-late` and `hangs`: wait_until_reached() returns when half of a dump has been written,
    release() lets it go on.
    """

    def __init__(self, test, cluster, mode):
        self.path = test.tmp + "/bin-" + mode
        self.state = test.tmp + "/state-" + mode
        os.mkdir(self.path)
        os.mkdir(self.state)
        for program in PROGRAMS:
            os.symlink(f"{cluster.bindir}/{program}", f"{self.path}/{program}")
        self.replace("pg_dump", f'exec {pgtest.SUPPORT}/fake-pg_dump {mode}'
                                f' {cluster.bindir}/pg_dump {self.state} "$@"')

    def replace(self, program, script):
        path = f"{self.path}/{program}"
        os.unlink(path)
        with open(path, "w", encoding="ascii") as f:
            f.write("#!/bin/sh\n" + script + "\n")
        os.chmod(path, 0o755)

    def say_version(self, version):
        with open(self.state + "/version", "w", encoding="ascii") as f:
            f.write(f"pg_dump (PostgreSQL) {version}\n")

    def calls(self):
        """How often a database was dumped."""
        with open(self.state + "/calls", encoding="ascii") as f:
            return len(f.readlines())

    def wait_until_reached(self):
        pgtest.wait_until(lambda: os.path.exists(self.state + "/reached"), "the dump is half-way")

    def release(self):
        with open(self.state + "/release", "w", encoding="ascii"):
            pass


def held_run(test, backup, cluster, *operands, mode="is-held", **settings):
    """A run whose pg_dump is stopped in the middle of its data, and that pg_dump."""
    fake = FakeBindir(test, cluster, mode)
    running = backup.start("run", *operands, PG_BINDIR=fake.path, **settings)
    fake.wait_until_reached()
    return running, fake


def older_bindir(test, cluster, version="14.9"):
    """Client programs that say they are of another version, and are no more than that."""
    path = test.tmp + "/bin-" + version
    os.mkdir(path)
    for program in PROGRAMS:
        with open(f"{path}/{program}", "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\necho "{program} (PostgreSQL) {version}"\n')
        os.chmod(f"{path}/{program}", 0o755)
    assert subprocess.check_output([path + "/pg_dump", "--version"])
    return path
