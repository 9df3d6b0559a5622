"""Drills for the tests: a backup, what a drill of it printed, and client programs that do harm.

    class Round(DrillTestCase):
        def test_a_claim(self):
            backup = self.installation(CLUSTER, "appdb", BACKUP_FORMAT="plain")
            backup.must("run")
            proof = self.drill(backup, 0)            the proof beside the newest backup of appdb
"""

import glob
import json
import os
import subprocess

import pgtest
from pgbackup import BackupTestCase, PgBackup


def give_backups(backup):
    """To the user that restores them, which need not be root."""
    for directory, _, names in os.walk(backup.backup_dir):
        for path in (directory, *(f"{directory}/{name}" for name in names)):
            os.chown(path, pgtest.drill_user().pw_uid, -1, follow_symlinks=False)


class DrillTestCase(BackupTestCase):
    seconds = 240

    def installation(self, cluster, database, **settings):
        self.database = database
        self.drill_dir = self.tmp + "/drill"
        pgtest.make_drill_directory(self.drill_dir)
        return PgBackup(self, cluster, PG_DATABASES=database, DRILL_DIR=self.drill_dir, **settings)

    def drill(self, backup, code, *args, timeout=180, **options):
        """Drills; gives the proof, or None where none was written. Nothing is left behind."""
        give_backups(backup)
        done = backup("drill", *args, timeout=timeout, **options)
        self.assertEqual(done.code, code, done)
        self.assertNotIn("Sanitizer", done.stderr)
        self.assertNothingIsLeft()
        self.printed = done
        return read_proof(backup.backup(self.database))

    def assertNothingIsLeft(self):
        left = [name for name in os.listdir(self.drill_dir) if name != ".lock"]
        self.assertEqual(left, [])
        self.assertEqual(servers_in(self.drill_dir), [])

    def outcomes(self, proof):
        return {level["level"]: level["outcome"] for level in proof["levels"]}

    def why(self, proof, level):
        return next(entry["why"] for entry in proof["levels"] if entry["level"] == level)

    def bindir(self, cluster, **replaced):
        """A directory of the cluster's programs, some of which are others: a script's text, or None
        for one that is not there."""
        directory = self.tmp + "/bin"
        os.makedirs(directory)
        for path in glob.glob(cluster.bindir + "/*"):
            name = os.path.basename(path)
            if name not in replaced:
                os.symlink(path, f"{directory}/{name}")
            elif replaced[name] is not None:
                with open(f"{directory}/{name}", "w", encoding="utf-8") as f:
                    f.write(replaced[name])
                os.chmod(f"{directory}/{name}", 0o755)
        return directory

    def drill_meanwhile(self, backup, cluster, action, *args):
        """A drill in which something is done before its pg_restore begins, which waits for it."""
        script = f"""#!/bin/sh
case $* in *--dbname*) until [ -e {self.tmp}/go ]; do sleep 0.1; done ;; esac
exec {cluster.bindir}/pg_restore "$@"
"""
        give_backups(backup)
        bindir = self.bindir(cluster, pg_restore=script)
        drill = backup.start("drill", *args, PG_BINDIR=bindir)
        pgtest.wait_until(lambda: running(f"{bindir}/pg_restore .*--dbname"), "pg_restore waits",
                          timeout=60)
        action()
        self.write("go", "")
        return drill.wait(120)


def running(command):
    """The command lines of processes that match it."""
    done = subprocess.run(["pgrep", "-a", "-f", "--", command], stdout=subprocess.PIPE, text=True,
                          check=False)
    return done.stdout


def read_proof(stored):
    path = stored.path[:-len(".json")] + ".proof.json"
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def servers_in(directory):
    """The command lines of the processes that have to do with a directory."""
    return running(directory + "/pg-backup-drill-").splitlines()


def restore_then(cluster, sql, program="pg_restore"):
    """A pg_restore (or psql) that, once the real one has restored, runs statements in the copy: the
    damage that a defect of a restore would do."""
    return f"""#!/bin/sh
{cluster.bindir}/{program} "$@" || exit
for argument; do
    case $argument in --dbname=*) target=${{argument#--dbname=}} ;; esac
done
[ -n "$target" ] || exit 0
exec {cluster.bindir}/psql -X -q -v ON_ERROR_STOP=1 -d "$target" >/dev/null <<'END'
{sql}
END
"""
