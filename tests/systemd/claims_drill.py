"""A drill in its unit: failed, stopped, killed, proven; and what a hostile dump gets hold of."""

import json

import machine

# What the dump runs in the drill, by a constraint of its table: each line is a thing tried.
HOSTILE = """#!/bin/bash
exec 2>/dev/null
try() { "$@" >/dev/null && echo "could: $*"; }
try true
try bash -c ': >/var/lib/pg-backup/hostile/file'
try ls /var/lib/pg-backup/hostile/globals
try bash -c ': >>/var/lib/pg-backup/hostile/hostile/hostile_latest.dump'
try bash -c 'kill -0 $(sed -n "s/^PPid:.//p" /proc/$(head -n 1 postmaster.pid)/status)'
try touch /var/lib/pg-backup/other/file
try cat /var/lib/pg-backup/other/backup
try cat /etc/pg-backup/hostile.password
try cat /etc/pg-backup/main.conf
try bash -c 'echo >/dev/tcp/127.0.0.1/5432'
try psql -X -h /var/run/postgresql -d postgres -c 'SELECT 1'
try touch /srv/open/file
env | sed -n 's/^.*\\(CREDENTIALS\\|PASSWORD\\).*/could: &/p'
exit 0
"""
CONSTRAINT = """
    CREATE FUNCTION public.run(i int) RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
        IF current_setting('cluster_name') LIKE 'pg-backup-drill-%' THEN
            CREATE TEMP TABLE said (line text);
            COPY said FROM PROGRAM '/opt/hostile';
            IF (SELECT string_agg(line, '; ') FROM said) IS DISTINCT FROM 'could: true' THEN
                RAISE EXCEPTION '%', (SELECT string_agg(line, '; ') FROM said);
            END IF;
        END IF;
        RETURN true;
    END $$;
    CREATE TABLE t (i int CHECK (public.run(i)));
    INSERT INTO t VALUES (1);
"""


class Drill(machine.TestCase):
    def backed_up(self, name, sql="CREATE TABLE t AS SELECT 1 AS a", **settings):
        """An instance with a backup, and its drill."""
        self.database(name, sql)
        instance = self.instance(name, PG_DATABASES=name, **settings)
        instance.run()
        return instance, instance.beside("pg-backup-drill")

    def held(self, name):
        """A drill that has come to an assertion and stays there, and the assertion's file."""
        assertions = f"/etc/pg-backup/{name}"
        self.machine.write(assertions + "/hold.sql", "SELECT pg_sleep(600) IS NOT NULL;\n")
        _, drill = self.backed_up(name, DRILL_ASSERTIONS=assertions)
        self.assertEqual(drill.start().returncode, 0, drill.story())
        drill.wait_for_status("asserting")
        self.assertNotEqual(self.left(drill), "")
        return drill, assertions + "/hold.sql"

    def left(self, drill):
        """Directories of throwaway servers, and processes of a drill."""
        return self.sh(f"ls -d {drill.directory}/.state/drill/pg-backup-drill-*",
                       check=False) + self.programs()

    def proof(self, instance):
        stem = instance.stems(instance.name)[-1]
        return json.loads(self.machine.read(f"{instance.directory}/{instance.name}/{stem}.proof.json"))

    def test_a_backup_that_is_wrong_fails_the_unit_with_status_4_and_sets_off_the_alert(self):
        instance, drill = self.backed_up("wrong")
        dump = f"{instance.directory}/wrong/{instance.stems('wrong')[0]}.dump"
        self.sh(f"printf x | dd of={dump} bs=1 seek=100 conv=notrunc status=none")
        drill.start()
        self.assertEqual(drill.wait_until_over(), "failed")
        self.assertEqual((drill.show("Result"), drill.show("ExecMainStatus")), ("exit-code", "4"),
                         drill.story())
        self.assertEqual(drill.reasons(), ["not-proven"])
        self.assertEqual(self.proof(instance)["result"], "failed")
        handler = f"_SYSTEMD_UNIT=pg-backup-alert@{drill.service}.service"
        alert = machine.wait_until(lambda: self.machine.journal(handler, "_TRANSPORT=stdout"),
                                   "the handler has said something")
        self.assertIn("pg-backup-drill@wrong.service failed: exit-code (exited, status 4)",
                      alert[0]["MESSAGE"])

    def test_drills_by_hand_of_root_and_of_pg_backup_are_no_obstacle_to_the_unit(self):
        instance, drill = self.backed_up("hands")
        self.sh("cd /; pg-backup -i hands drill hands")
        self.sh("cd /; runuser -u pg-backup -- pg-backup -i hands drill")
        drill.run()
        self.assertEqual(len(drill.wait_for_events("drill-finished")), 1, drill.story())
        self.assertEqual(self.proof(instance)["result"], "proven")
        self.assertEqual(self.sh(f"find {drill.directory} ! -user pg-backup"), "")

    def test_a_stop_in_mid_drill_leaves_no_server_and_no_process(self):
        drill, _ = self.held("stopped")
        self.sh(f"systemctl stop {drill.service}")
        self.assertEqual(drill.show("Result"), "exit-code", drill.story())
        self.assertEqual(drill.reasons(), ["cancelled"], drill.story())
        self.assertEqual(self.left(drill), "")

    def test_what_a_killed_drill_leaves_the_next_one_sweeps(self):
        drill, hold = self.held("killed")
        self.sh(f"systemctl kill --kill-whom=all --signal=SIGKILL {drill.service}")
        self.assertEqual(drill.wait_until_over(), "failed")
        self.assertRegex(self.left(drill), r"\A\S+\n\Z")  # the directory
        self.machine.write(hold, "SELECT true;\n")
        drill.run()
        self.assertEqual(len(drill.events("swept")), 1, drill.story())
        self.assertEqual(self.left(drill), "")
        self.assertEqual([e["PG_BACKUP_STEM"] for e in drill.wait_for_events("drill-finished")],
                         drill.stems("killed"))
        self.assertRegex(self.sh(f"BACKUP_DIR={drill.directory} pg-backup list killed"),
                         r"(?m)^killed +killed_\S+ .* good, proven \d+ \w+ ago$")

    def test_what_a_hostile_dump_runs_has_no_network_no_credential_and_no_backups(self):
        self.machine.write("/opt/hostile", HOSTILE, 0o755)
        self.sh("mkdir -p /srv/open /var/lib/pg-backup/other; chmod 1777 /srv/open"
                " /var/lib/pg-backup/other; echo x >/var/lib/pg-backup/other/backup")
        self.addCleanup(self.sh, "rm -rf /srv/open /var/lib/pg-backup/other")
        instance, drill = self.backed_up("hostile", CONSTRAINT)
        self.machine.write("/etc/pg-backup/hostile.password", "secret\n", 0o600)
        instance.drop_in(instance.service, "[Service]\n"
                         "LoadCredential=pg_password:/etc/pg-backup/hostile.password\n")
        unconfined = self.sh("cd $(runuser -u pg-backup -- mktemp -d); runuser -u pg-backup -- bash -c"
                             " 'sleep 60 & echo $! >postmaster.pid; /opt/hostile; kill $!'"
                             ).splitlines()
        self.assertEqual(len(unconfined), 11, unconfined)  # all but the password
        instance.configure(PG_DATABASES="hostile", PG_HOST="db.invalid", PG_PASSWORD_FILE="/run/"
                           "credentials/pg-backup@hostile.service/pg_password")
        drill.run()
        proof = self.proof(instance)
        self.assertEqual((proof["result"], proof["differences"]), ("proven", []))
        self.assertNotIn("Landlock", "".join(proof["notes"]))
        self.assertNotIn("could-not-verify", [level["outcome"] for level in proof["levels"]])
