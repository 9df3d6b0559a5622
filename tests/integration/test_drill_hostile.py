"""What a hostile backup does in a drill: it runs as nobody who owns anything, and does not outlive
it.

The source's owner has put a function into a constraint: whoever restores calls it, as a superuser.
"""

import ctypes
import glob
import hashlib
import os
import re
import shutil
import signal
import subprocess

import pgtest
from drills import DrillTestCase, give_backups, running
from pgbackup import BINARY

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

    # A command that fails would fail the restore.

    def test_it_runs_neither_as_root_nor_as_postgres(self):
        self.drill_of(f'[ "$(id -un)" = {pgtest.drill_user().pw_name} ]')

    def test_it_finds_no_network(self):
        self.drill_of('[ "$(sed 1,2d /proc/net/dev | cut -d: -f1 | tr -d " ")" = lo ]')

    def test_the_programs_that_restore_and_look_are_no_more_than_the_server(self):
        CLUSTER.create("looked_at", "CREATE TABLE t AS SELECT 1 AS i")
        self.addCleanup(CLUSTER.drop, "looked_at")
        os.mkdir(self.tmp + "/box")
        os.chmod(self.tmp + "/box", 0o777)
        confined = f"""#!/bin/sh
case $* in *drill_*)
    [ "$(id -un)" = {pgtest.drill_user().pw_name} ] || exit 70
    touch {self.tmp}/box/file 2>/dev/null && exit 71
    grep -q 'NoNewPrivs:.1' /proc/self/status || exit 72 ;;
esac
exec {CLUSTER.bindir}/$(basename $0) "$@"
"""
        names = ("psql", "pg_dump", "pg_amcheck", "pg_restore")
        bindir = self.bindir(CLUSTER, **{name: confined for name in names})
        for name in ("custom", "plain"):
            backup = self.installation(CLUSTER, "looked_at", BACKUP_FORMAT=name)
            backup.must("run")
            self.drill(backup, 0, PG_BINDIR=bindir)

    def test_what_it_starts_does_not_outlive_the_drill(self):
        self.drill_of(f"cd /; setsid {SLEEP} >/dev/null 2>&1 </dev/null & true")
        self.assertEqual(running(SLEEP), "")

    def test_what_outlives_a_killed_drill_goes_with_the_next(self):
        script = f"""#!/bin/sh
{CLUSTER.bindir}/pg_restore "$@" || exit
case $* in *drill_*) exec sleep 600 ;; esac
"""
        CLUSTER.create("hostile", HOSTILE.format(
            command=f"setsid {SLEEP} >/dev/null 2>&1 </dev/null & true"))
        self.addCleanup(CLUSTER.drop, "hostile")
        backup = self.installation(CLUSTER, "hostile")
        backup.must("run")
        give_backups(backup)
        drill = backup.start("drill", PG_BINDIR=self.bindir(CLUSTER, pg_restore=script))
        pgtest.wait_until(lambda: running("^" + SLEEP), "it runs", timeout=60)
        drill.send(signal.SIGKILL)
        drill.process.wait(timeout=60)
        self.assertNotEqual(running("^" + SLEEP), "")
        self.drill(backup, 0)
        self.assertEqual(running(SLEEP), "")

    def test_a_tree_deeper_than_the_limit_of_descriptors_goes_away(self):
        self.drill_of("for i in $(seq 1300); do mkdir x && cd -P x; done")

    def test_a_directory_without_rights_goes_away(self):
        self.drill_of("mkdir -p closed/within && touch closed/within/file && chmod 0 closed/within "
                      "&& chmod 500 closed")


def landlock_version():
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(444, None, ctypes.c_size_t(0), 1)


# Each is tried by a shell of the server's, beside the backup that is drilled; and once more, since
# what several connections could not restore is tried over one.
ATTEMPTS = {
    "read": "cat {old}.json",
    "lock": "flock -n {backups}/.lock true",
    "prove": "echo {{}} >{new}.proof.json",
    "add": "mkdir -p {backups}/another",
    "configure": "echo >>{conf}",
    "empty": "true >{data}.sha256",
    "append": "echo >>{old}.json",
    "overwrite": "echo >{inventory}",
    "rename": "mv {data}.sha256 {old}.gone",
    "take": "mv {inventory} .",
    "delete": "rm -f {data}",
    **({"kill": "kill {victim}"} if landlock_version() >= 6 else {}),  # none before keeps signals
}
TRYING = """
CREATE FUNCTION f(i int) RETURNS bool LANGUAGE plpgsql VOLATILE AS $f$ BEGIN
    IF (SELECT rolname FROM pg_roles WHERE oid = 10) LIKE 'drill%%' THEN
        CREATE TEMP TABLE said (line text);
        EXECUTE $q$COPY said FROM PROGRAM 'sh %s 2>/dev/null'$q$;
        IF EXISTS (SELECT FROM said) THEN
            RAISE EXCEPTION 'could: %%', (SELECT string_agg(line, ' ') FROM said);
        END IF;
    END IF;
    RETURN true;
END $f$;
CREATE TABLE t (i int CHECK (public.f(i)));
INSERT INTO t VALUES (1);
"""
# A kernel without Landlock, for what is started: its system calls are not there.
WITHOUT_LANDLOCK = """
import ctypes, os, struct, sys
code = b"".join(struct.pack("HBBI", *step) for step in (
    (0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50000 | 38), (0x06, 0, 0, 0x7fff0000)))
steps = ctypes.create_string_buffer(code)
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(steps)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter) == 0, ctypes.get_errno()
os.execv(sys.argv[1], sys.argv[1:])
"""


class Owner(DrillTestCase):
    """Who drills is who owns the backups, as everywhere but in root's hands: what the backup runs
    is that user's, too."""

    def setUp(self):
        super().setUp()
        user = pgtest.drill_user()
        self.prefix = ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}",
                       "--clear-groups", "--"] if os.getuid() == 0 else []
        self.program = shutil.copy(BINARY, self.tmp)  # a home need not be open to all
        self.victim = pgtest.spawn([*self.prefix, "sleep", "600"])

    def backed_up(self, **settings):
        """Two backups that try, when they are restored."""
        script = self.tmp + "/try"
        CLUSTER.create("hostile", TRYING % script)
        self.addCleanup(CLUSTER.drop, "hostile")
        backup = self.installation(CLUSTER, "hostile", **settings)
        self.assertEqual(backup.at("-1d", "run").code, 0)
        backup.must("run")
        old, new = backup.backups("hostile")
        names = {"old": old.path[:-len(".json")], "new": new.path[:-len(".json")],
                 "data": old.data, "inventory": old.inventory, "backups": backup.backup_dir,
                 "conf": self.write("pg-backup.conf", ""), "victim": self.victim.pid}
        tries = [f"{command.format(**names)} >/dev/null && echo {name}\n"
                 for name, command in ATTEMPTS.items()]
        self.write("try", "".join([*tries, "true\n"]))
        for path in (names["conf"], backup.state_dir):
            os.chown(path, pgtest.drill_user().pw_uid, -1)
        return backup

    def drill_as_owner(self, backup, code, *prefix):
        return self.drill(backup, code, prefix=[*self.prefix, *prefix], program=self.program)

    def files(self, backup):
        """What there is, with the contents, but for the proof."""
        found = {}
        for directory, _, names in os.walk(backup.backup_dir):
            for name in names:
                with open(f"{directory}/{name}", "rb") as f:
                    found[f"{directory}/{name}"] = f.read()
        return {path: text for path, text in found.items() if not path.endswith(".proof.json")}

    def assertKept(self, backup):
        before = self.files(backup)
        proof = self.drill_as_owner(backup, 0)
        self.assertEqual(self.files(backup), before)
        self.assertEqual((proof["result"], proof["differences"]), ("proven", []))
        self.assertIsNone(self.victim.poll())

    def test_what_an_archive_runs_reaches_neither_backups_nor_settings_nor_other_processes(self):
        self.assertKept(self.backed_up())

    def test_nor_does_what_sql_text_runs(self):
        self.assertKept(self.backed_up(BACKUP_FORMAT="plain", BACKUP_COMPRESSION="none"))

    def test_without_landlock_it_does_and_the_proof_says_so(self):
        backup = self.backed_up()
        proof = self.drill_as_owner(backup, 4, "/usr/bin/python3", "-c", WITHOUT_LANDLOCK)
        could = self.why(proof, "restore").partition("could: ")[2].split(" ")
        self.assertEqual(could, list(ATTEMPTS))
        self.assertIn("by this kernel's Landlock, what the backup runs was not kept from: "
                      "the files of its user, ending other processes of its user", proof["notes"])


COMPLETE = b"--\n-- PostgreSQL database dump complete\n--\n"

# Where a text has another one instead, and what the search says of it. psql 15.18 takes each for
# its command.
FORGERIES = {
    "a command": (b"SET ", b"\\! touch %s\nSET ", r"a command of psql's: \\! touch"),
    "backticks": (COMPLETE, COMPLETE + b"\\unrestrict `touch %s`\n",
                  r"a command of psql's: \\unrestrict `touch"),
    "COPY in small letters": (
        b"SET ", b"copy zz from stdin;\n'\n\\.\n\\! touch %s\n-- ';\nSET ",
        "not as pg_dump writes it: copy zz from stdin;"),
    "an end of rows": (b"\\.\n", b"\\.\r\n\\! touch %s\n/*\n\\.\n*/;\n", "with a carriage return"),
    "bits": (COMPLETE, b"SET standard_conforming_strings = off;\n"
             b"SET a = X'\\';\n\\! touch %s\n-- ';\n" + COMPLETE, "a literal behind a word"),
}


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
        self.text = self.stored.read()
        self.ran = self.tmp + "/ran"

    def forge(self, old, new, **members):
        text = self.text.replace(old, new % self.ran.encode() if b"%s" in new else new, 1)
        self.assertNotEqual(text, self.text)
        with open(self.stored.data, "wb") as f:
            f.write(text)
        digest = hashlib.sha256(text).hexdigest()
        self.stored.rewrite(stored_bytes=len(text), stored_sha256=digest, raw_bytes=len(text),
                            raw_sha256=digest, **members)

    def test_whoever_reads_it_finds_them_and_psql_does_not_see_them(self):
        for name, (old, new, says) in FORGERIES.items():
            with self.subTest(name):
                self.forge(old, new)
                self.assertRegex(self.why(self.drill(self.backup, 4), "decode"), says)
                self.assertEnded(self.backup("verify"), 4, "damaged", says)
                restored = self.backup("restore", self.stored.stem, "--to", "copy")
                self.assertEnded(restored, 4, "damaged", says)
                self.assertNotIn("copy", CLUSTER.databases())
                self.assertFalse(os.path.exists(self.ran))

    def test_a_server_that_puts_one_into_a_dump_gets_no_backup(self):
        for name, line in (("hostile1", f"\\! touch {self.ran}"),
                           ("hostile2", f"\\unrestrict `touch {self.ran}`")):
            CLUSTER.create(name, f"""CREATE VIEW v AS SELECT 1 AS a;
                SET allow_system_table_mods = on;
                CREATE OR REPLACE FUNCTION pg_catalog.pg_get_viewdef(oid) RETURNS text
                LANGUAGE sql STABLE AS $f$ SELECT $q$ SELECT 1 AS a;\n{line}\nSELECT 2;$q$ $f$;""")
            self.addCleanup(CLUSTER.drop, name)
            done = self.backup("run", PG_DATABASES=name, BACKUP_GLOBALS="no")
            self.assertEqual(done.code, 1, done)
            self.assertRegex(done.said, r"line \d+ of the SQL holds a command of psql's: \\")
            self.assertIn("BACKUP_FORMAT=custom", done.said)

    def test_psql_is_told_by_a_key_of_ours_to_take_no_command(self):
        box = self.tmp + "/box"
        os.mkdir(box)
        os.chmod(box, 0o777)
        script = f"""#!/bin/sh
tee {box}/text | {CLUSTER.bindir}/psql "$@"
"""
        self.addCleanup(CLUSTER.drop, "copy")
        self.backup.must("restore", "appdb", "--to", "copy",
                         PG_BINDIR=self.bindir(CLUSTER, psql=script))
        with open(box + "/text", "rb") as f:
            first, rest = f.read().split(b"\n", 1)
        self.assertRegex(first, rb"^\\restrict [0-9a-f]{32}$")
        self.assertRegex(self.text, rb"\n\\unrestrict \w+\n")
        self.assertEqual(rest, re.sub(rb"(?m)^\s*\\(un)?restrict \w+\n", b"", self.text))

    def test_text_that_nobody_has_looked_into_is_not_given_to_psql(self):
        os.unlink(self.stored.inventory)
        self.forge(b"SET ", b"\\! touch %s\nSET ", inventory_file=None, inventory_sha256=None)
        proof = self.drill(self.backup, 5)
        self.assertRegex(self.why(proof, "restore"), "no inventory")
        self.assertFalse(os.path.exists(self.ran))


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
        script = f"""#!/bin/sh
until [ -e {self.tmp}/go ]; do sleep 0.1; done
exec {CLUSTER.bindir}/pg_amcheck "$@"
"""
        mounts = pgtest.MountNamespace("true")
        self.addCleanup(mounts.close)
        bindir = self.bindir(CLUSTER, pg_amcheck=script)
        drill = self.backup.start("drill", prefix=mounts.prefix, PG_BINDIR=bindir)
        pgtest.wait_until(lambda: running(f"^/bin/sh {bindir}/pg_amcheck"), "pg_amcheck runs",
                          timeout=60)
        place, = glob.glob(self.drill_dir + "/*/data/pg_notify")
        subprocess.run([*mounts.prefix, "mount", "-t", "tmpfs", "none", place], check=True)
        self.write("go", "")
        done = drill.wait(60)
        self.assertEnded(done, 1, "io", "all is proven, but a copy of the data stays")
        self.assertRegex(done.said, "could not remove ")

