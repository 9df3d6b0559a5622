"""What a hostile backup does in a drill: it runs as nobody who owns anything, and does not outlive
it.

The source's owner has put a function into a constraint: whoever restores calls it, as a superuser.
"""

import glob
import hashlib
import os
import subprocess

import pgtest
from drills import DrillTestCase, give_backups

CLUSTER = pgtest.Cluster()
SLEEP = f"sleep 4242.{os.getpid()}"  # nobody else's

# In the source it does nothing.
HOSTILE = """
CREATE FUNCTION f(i int) RETURNS bool LANGUAGE plpgsql VOLATILE AS $f$ BEGIN
    IF (SELECT rolname FROM pg_roles WHERE oid = 10) LIKE 'drill%' THEN
        EXECUTE $q$COPY (SELECT 1) TO PROGRAM 'cat >/dev/null; {command}'$q$;
    END IF;
    RETURN true;
END $f$;
CREATE TABLE t (i int CHECK (public.f(i)));
INSERT INTO t VALUES (1);
"""


def setUpModule():
    CLUSTER.start()


class Hostile(DrillTestCase):
    def drill_of(self, command, code=0, **settings):
        """A drill of a backup that runs a shell's command where it is restored."""
        CLUSTER.create("hostile", HOSTILE.format(command=command))
        self.addCleanup(CLUSTER.drop, "hostile")
        self.backup = self.installation(CLUSTER, "hostile", **settings)
        self.backup.must("run")
        return self.drill(self.backup, code)

    def open_box(self):
        """A directory for whatever it wants to write."""
        box = self.tmp + "/box"
        os.mkdir(box)
        os.chmod(box, 0o777)
        return box

    def test_it_runs_neither_as_root_nor_as_postgres(self):
        box = self.open_box()
        self.drill_of(f"id -un > {box}/id")
        with open(f"{box}/id", encoding="ascii") as f:
            self.assertEqual(f.read().strip(), pgtest.drill_user().pw_name)

    def test_it_finds_no_network(self):
        box = self.open_box()
        self.drill_of(f"cat /proc/net/dev > {box}/devices")
        with open(f"{box}/devices", encoding="ascii") as f:
            names = [line.partition(":")[0].strip() for line in f if ":" in line]
        self.assertEqual(names, ["lo"])

    def test_the_programs_that_restore_and_look_are_no_more_than_the_server(self):
        box = self.open_box()
        CLUSTER.create("looked_at", "CREATE TABLE t AS SELECT 1 AS i")
        self.addCleanup(CLUSTER.drop, "looked_at")
        said = f"""#!/bin/sh
case $* in *drill_*) id -un > {box}/$(basename $0) ;; esac
exec {CLUSTER.bindir}/$(basename $0) "$@"
"""
        names = ("psql", "pg_dump", "pg_amcheck", "pg_restore")
        bindir = self.bindir(CLUSTER, **{name: said for name in names})
        for name in ("custom", "plain"):
            backup = self.installation(CLUSTER, "looked_at", BACKUP_FORMAT=name)
            backup.must("run")
            self.drill(backup, 0, PG_BINDIR=bindir)
        for name in names:
            with open(f"{box}/{name}", encoding="ascii") as f:
                self.assertEqual(f.read().strip(), pgtest.drill_user().pw_name, name)

    def test_what_it_starts_does_not_outlive_the_drill(self):
        self.drill_of(f"cd /; setsid {SLEEP} >/dev/null 2>&1 </dev/null & true")
        self.assertEqual(running(SLEEP), "")

    def test_what_outlives_a_killed_drill_goes_with_the_next(self):
        script = f"""#!/bin/sh
{CLUSTER.bindir}/pg_restore "$@" || exit
case $* in *drill_*) kill -9 $(cat {self.tmp}/pid) ;; esac
"""
        CLUSTER.create("hostile", HOSTILE.format(
            command=f"setsid {SLEEP} >/dev/null 2>&1 </dev/null & true"))
        self.addCleanup(CLUSTER.drop, "hostile")
        backup = self.installation(CLUSTER, "hostile")
        backup.must("run")
        give_backups(backup)
        running_drill = backup.start("drill", PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))
        self.write("pid", str(running_drill.pid))
        running_drill.process.wait(timeout=60)
        self.drill(backup, 0)
        self.assertEqual(running(SLEEP), "")

    def test_a_tree_deeper_than_the_limit_of_descriptors_goes_away(self):
        self.drill_of("for i in $(seq 1300); do mkdir x && cd -P x; done")

    def test_a_directory_without_rights_goes_away(self):
        self.drill_of("mkdir -p closed/within && touch closed/within/file && chmod 0 closed/within "
                      "&& chmod 500 closed")


class Commands(DrillTestCase):
    """Text that would have psql run a program, in a backup whose digests are all right."""

    def setUp(self):
        super().setUp()
        CLUSTER.create("appdb", "CREATE TABLE t AS SELECT 1 AS i")
        self.addCleanup(CLUSTER.drop, "appdb")
        self.backup = self.installation(CLUSTER, "appdb", BACKUP_FORMAT="plain",
                                        BACKUP_COMPRESSION="none")
        self.backup.must("run")
        self.stored = self.backup.backup("appdb")
        text = self.stored.read().replace(b"SET ", b"\\! touch %s/ran\nSET " % self.tmp.encode(), 1)
        with open(self.stored.data, "wb") as f:
            f.write(text)
        digest = hashlib.sha256(text).hexdigest()
        self.members = {"stored_bytes": len(text), "stored_sha256": digest,
                        "raw_bytes": len(text), "raw_sha256": digest}

    def test_it_fails_before_psql_has_seen_it(self):
        self.stored.rewrite(**self.members)
        proof = self.drill(self.backup, 4)
        self.assertRegex(self.why(proof, "decode"), r"a command of psql's: \\! touch")
        self.assertFalse(os.path.exists(self.tmp + "/ran"))

    def test_text_that_nobody_has_looked_into_is_not_given_to_psql(self):
        os.unlink(self.stored.inventory)
        self.stored.rewrite(**self.members, inventory_file=None, inventory_sha256=None)
        proof = self.drill(self.backup, 5)
        self.assertRegex(self.why(proof, "restore"), "no inventory")
        self.assertFalse(os.path.exists(self.tmp + "/ran"))


class Directory(DrillTestCase):
    """DRILL_DIR: whoever may write there could lay a server of theirs in the place of ours."""

    def setUp(self):
        super().setUp()
        CLUSTER.create("appdb", "CREATE TABLE t AS SELECT 1 AS i")
        self.addCleanup(CLUSTER.drop, "appdb")
        self.backup = self.installation(CLUSTER, "appdb")
        self.backup.must("run")

    def test_others_may_not_write_into_it(self):
        for mode in (0o777, 0o1777, 0o770):
            os.chmod(self.drill_dir, mode)
            self.assertEnded(self.backup("drill"), 78, "settings",
                             "others may write into DRILL_DIR")
        self.assertEqual(os.listdir(self.drill_dir), [])

    def test_it_is_no_link(self):
        os.symlink(self.drill_dir, self.tmp + "/link")
        self.assertEnded(self.backup("drill", DRILL_DIR=self.tmp + "/link"), 78, "settings",
                         "is not a directory itself")

    def test_it_is_not_the_directory_of_the_backups(self):
        self.assertEnded(self.backup("drill", DRILL_DIR=self.backup.backup_dir), 78, "settings",
                         "is BACKUP_DIR itself")

    def test_a_copy_that_stays_is_no_success(self):
        box = self.tmp + "/box"
        os.mkdir(box)
        os.chmod(box, 0o777)
        script = f"""#!/bin/sh
touch {box}/there
until [ -e {box}/go ]; do sleep 0.1; done
exec {CLUSTER.bindir}/pg_amcheck "$@"
"""
        mounts = pgtest.MountNamespace("true")
        self.addCleanup(mounts.close)
        drill = self.backup.start("drill", prefix=mounts.prefix,
                                  PG_BINDIR=self.bindir(CLUSTER, pg_amcheck=script))
        pgtest.wait_until(lambda: os.path.exists(box + "/there"), "pg_amcheck runs", timeout=60)
        place, = glob.glob(self.drill_dir + "/*/data/pg_notify")
        subprocess.run([*mounts.prefix, "mount", "-t", "tmpfs", "none", place], check=True)
        open(box + "/go", "w", encoding="ascii").close()
        done = drill.wait(60)
        self.assertEnded(done, 1, "io", "all is proven, but a copy of the data stays")
        self.assertRegex(done.said, "could not remove ")


def running(command):
    done = subprocess.run(["pgrep", "-a", "-f", command], stdout=subprocess.PIPE, text=True,
                          check=False)
    return done.stdout
