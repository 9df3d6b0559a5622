"""PostgreSQL of a major that this machine does not have, out of a tree of the Debian release that
does (tree.sh).

Its programs run on the host itself, each by a script that hands it to the tree's own dynamic loader
with the tree's own libraries. So they need no chroot and no mounts, see every file and descriptor
that a host's program sees (a passfile in /proc/self/fd, a socket's directory), and can be started
as any user. The scripts stand in a shadow of the tree, DIRECTORY/usr/lib/postgresql/MAJOR/bin, and
are what the programs take themselves for (--argv0): there they find their siblings, which are
scripts again, and, by the usual way up and down, the tree's share and lib directories.

A loader before glibc 2.33 does not know --argv0. The programs of such a release, whose /lib is not
merged into /usr yet, are given the host's loader and C library, which run what was made for an
older one.
"""

import glob
import os
import subprocess

SUPPORT = os.path.dirname(os.path.abspath(__file__))
RELEASES = {13: "bullseye", 15: "bookworm", 17: "trixie", 18: "forky"}
WITHOUT_ARGV0 = ("bullseye",)
PROGRAMS = ("initdb", "postgres", "pg_amcheck", "pg_dump", "pg_dumpall", "pg_restore", "psql")
C_LIBRARY = ("libc.so.6", "libdl.so.2", "libm.so.6", "libpthread.so.0", "libresolv.so.2",
             "librt.so.1", "libutil.so.1")


def make_bindir(major, directory):
    """Fills the directory, which has to be as long-lived as the programs; returns their path."""
    tree = subprocess.check_output(
        [SUPPORT + "/tree.sh", RELEASES[major], f"postgresql-{major}"], text=True).strip()
    home = f"/usr/lib/postgresql/{major}"
    os.makedirs(f"{directory}{home}/bin")
    os.symlink(f"{tree}{home}/lib", f"{directory}{home}/lib")
    os.symlink(f"{tree}/usr/share", f"{directory}/usr/share")

    run = "exec " + (_host_loader(tree, directory) if RELEASES[major] in WITHOUT_ARGV0
                     else _own_loader(tree))
    for program in PROGRAMS:
        original = f"{tree}{home}/bin/{program}"
        if not os.path.exists(original):  # pg_amcheck begins with 14
            continue
        path = f"{directory}{home}/bin/{program}"
        with open(path, "w", encoding="ascii") as f:
            f.write(f'#!/bin/sh\n{run} --argv0 {path} {original} "$@"\n')
        os.chmod(path, 0o755)
    return f"{directory}{home}/bin"


def _loader_of(root):
    loader, = glob.glob(root + "/usr/lib/*-linux-gnu*/ld-linux*.so.*")
    return loader


def _own_loader(tree):
    loader = _loader_of(tree)
    return f"{loader} --library-path {os.path.dirname(loader)}"


def _host_loader(tree, directory):
    loader = _loader_of("")
    os.mkdir(directory + "/libc")
    for name in C_LIBRARY:
        os.symlink(f"{os.path.dirname(loader)}/{name}", f"{directory}/libc/{name}")
    others = glob.glob(tree + "/lib/*-linux-gnu*") + glob.glob(tree + "/usr/lib/*-linux-gnu*")
    return f"{loader} --library-path {':'.join([directory + '/libc', *others])}"
