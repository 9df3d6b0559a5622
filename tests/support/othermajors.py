"""PostgreSQL of a major that this machine does not have, out of a tree of the Debian release that
does (tree.sh).

Its programs run on the host itself, each by a script that hands it to the tree's own dynamic loader
with the tree's own libraries. So they need no chroot and no mounts, see every file and descriptor
that a host's program sees (a passfile in /proc/self/fd, a socket's directory), and can be started
as any user. The scripts stand in a shadow of the tree, DIRECTORY/usr/lib/postgresql/MAJOR/bin, and
are what the programs take themselves for (--argv0): there they find their siblings, which are
scripts again, and, by the usual way up and down, the tree's share and lib directories.
"""

import glob
import os
import subprocess

SUPPORT = os.path.dirname(os.path.abspath(__file__))
RELEASES = {15: "bookworm", 17: "trixie", 18: "forky"}
PROGRAMS = ("initdb", "postgres", "pg_amcheck", "pg_dump", "pg_dumpall", "pg_restore", "psql")


def make_bindir(major, directory):
    """Fills the directory, which has to be as long-lived as the programs; returns their path."""
    tree = subprocess.check_output(
        [SUPPORT + "/tree.sh", RELEASES[major], f"postgresql-{major}"], text=True).strip()
    home = f"/usr/lib/postgresql/{major}"
    os.makedirs(f"{directory}{home}/bin")
    os.symlink(f"{tree}{home}/lib", f"{directory}{home}/lib")
    os.symlink(f"{tree}/usr/share", f"{directory}/usr/share")

    loader, = glob.glob(tree + "/usr/lib/*-linux-gnu*/ld-linux*.so.*")
    run = f"exec {loader} --library-path {os.path.dirname(loader)}"
    for program in PROGRAMS:
        path = f"{directory}{home}/bin/{program}"
        with open(path, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\n{run} --argv0 {path} {tree}{home}/bin/{program} "$@"\n')
        os.chmod(path, 0o755)
    return f"{directory}{home}/bin"
