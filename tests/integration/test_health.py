"""health and check: what a container's HEALTHCHECK and an administrator ask."""

import json
import os

import pgtest
from fake_pg_dump import FakeBindir, older_bindir
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.sql("CREATE ROLE poor LOGIN")
    CLUSTER.create("appdb", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 2 AS a")


class Health(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")

    def assertUnhealthy(self, done, says):
        self.assertEqual(done.code, 3, done)
        self.assertRegex(done.stdout + done.stderr, says)

    def test_never_backed_up_is_unhealthy(self):
        self.assertUnhealthy(self.backup("health"), "no (good )?backup|never|none")

    def test_a_young_backup_is_healthy(self):
        self.backup.must("run")
        self.backup.must("health")
        judged = self.backup.must("health", "--json").json
        self.assertTrue(judged["healthy"])
        self.assertEqual({e["database"]: e["healthy"] for e in judged["databases"]},
                         {None: True, "appdb": True})

    def test_an_old_backup_is_unhealthy_by_default_after_26_hours(self):
        self.backup.at("-25h", "run")
        self.backup.must("health")
        self.assertUnhealthy(self.backup.at("+2h", "health"), "appdb|globals")

    def test_the_allowed_age_is_a_setting(self):
        self.backup.at("-1h", "run")
        self.assertUnhealthy(self.backup("health", MAX_BACKUP_AGE_SECONDS="60"), "1 h|60 min")
        self.backup.must("health", MAX_BACKUP_AGE_SECONDS="7200")

    def test_one_database_without_a_backup_among_others_is_unhealthy_and_named(self):
        self.backup.must("run")
        done = self.backup("health", "--json", PG_DATABASES="appdb other")
        self.assertEqual(done.code, 3)
        judged = done.json
        self.assertFalse(judged["healthy"])
        self.assertIn("other", judged["sentence"])
        self.assertEqual({e["database"]: e["healthy"] for e in judged["databases"]},
                         {None: True, "appdb": True, "other": False})

    def test_health_stays_while_every_dump_fails_until_the_age_is_reached(self):
        self.backup.at("-25h", "run")
        fake = FakeBindir(self, CLUSTER, "fails-half-way")
        self.backup("run", PG_BINDIR=fake.path)
        self.backup.must("health")
        self.assertUnhealthy(self.backup.at("+2h", "health"), "appdb")

    def test_a_database_that_a_run_planned_by_pattern_but_never_got_is_missed(self):
        CLUSTER.create("unlucky", "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL"
                                  " SECURITY; GRANT SELECT ON t TO poor")
        self.addCleanup(CLUSTER.drop, "unlucky")
        self.backup("run", PG_DATABASES="unlu*", PG_USER="poor")
        self.assertUnhealthy(self.backup("health", PG_DATABASES="unlu*", PG_USER="poor"),
                             "unlucky")

    def test_a_record_of_the_last_run_that_cannot_be_read_is_unhealthy(self):
        for text in ("", '{"run_id": ', "[]"):
            with self.subTest(text=text):
                self.backup.must("run")
                self.backup.must("health")
                with open(self.backup.state_dir + "/last-run.json", "w", encoding="ascii") as f:
                    f.write(text)
                self.assertUnhealthy(self.backup("health"), "/state/last-run.json")
        self.backup.must("run")
        self.backup.must("health")

    def test_without_a_record_it_is_not_known_what_a_pattern_stands_for(self):
        self.backup.must("run", PG_DATABASES="app*")
        self.backup.must("health", PG_DATABASES="app*")
        os.unlink(self.backup.state_dir + "/last-run.json")
        self.assertUnhealthy(self.backup("health", PG_DATABASES="app*"), "no run has recorded yet")
        self.backup.must("health", PG_DATABASES="appdb")

    def test_a_run_that_never_got_as_far_as_planning_has_recorded_nothing(self):
        self.backup("run", PG_DATABASES="app*", PG_HOST=self.tmp)
        self.assertUnhealthy(self.backup("health", PG_DATABASES="app*"), "no run has recorded yet")

    def test_a_damaged_backup_does_not_count(self):
        self.backup.must("run")
        os.unlink(self.backup.backup("appdb").data)
        self.assertUnhealthy(self.backup("health"), "appdb")

    def test_health_asks_no_server(self):
        self.backup.must("run")
        self.backup.must("health", PG_HOST=self.tmp)


class Check(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")

    def failed(self, done):
        checked = done.json
        self.assertFalse(checked["ok"])
        return {c["reason"]: c for c in checked["checks"] if c["result"] == "failed"}

    def test_a_good_setup_passes_every_check(self):
        checked = self.backup.must("check", "--json").json
        self.assertTrue(checked["ok"])
        self.assertEqual([c for c in checked["checks"] if c["result"] == "failed"], [])
        self.assertGreaterEqual(len(checked["checks"]), 4)
        text = self.backup.must("check").stdout
        for check in checked["checks"]:
            self.assertIn(check["message"].split("\n")[0], text)

    def test_checking_changes_nothing(self):
        before = sorted(os.listdir(self.backup.backup_dir))
        self.backup.must("check")
        self.assertEqual(sorted(os.listdir(self.backup.backup_dir)), before)
        self.assertEqual(os.listdir(self.backup.state_dir), [])
        self.assertFalse(os.path.exists(self.backup.textfile))

    def test_an_unreachable_server_is_found(self):
        done = self.backup("check", "--json", PG_HOST=self.tmp)
        self.assertEqual(done.code, 75, done)
        self.assertIn("unreachable", self.failed(done))

    def test_a_wrong_password_is_found(self):
        done = self.backup("check", "--json", PG_HOST="127.0.0.1", PG_PASSWORD="wrong")
        self.assertEqual(done.code, 78, done)
        self.assertIn("authentication", self.failed(done))
        self.assertNotIn("wrong", json.dumps(done.json))

    def test_an_old_client_is_found(self):
        done = self.backup("check", "--json", PG_BINDIR=older_bindir(self, CLUSTER))
        self.assertEqual(done.code, 78, done)
        self.assertIn("client-too-old", self.failed(done))

    def test_a_missing_backup_directory_is_found(self):
        done = self.backup("check", "--json", BACKUP_DIR=self.tmp + "/absent")
        self.assertEqual(done.code, 78, done)
        self.assertIn("/absent", json.dumps(self.failed(done)))

    def test_a_state_directory_that_no_run_could_write_to_is_found(self):
        for state in (self.tmp + "/absent/state", self.write("file", "")):
            with self.subTest(state=state):
                done = self.backup("check", "--json", STATE_DIR=state)
                self.assertEqual(done.code, 78, done)
                self.assertIn("STATE_DIR", self.failed(done)["settings"]["hint"])
        self.backup.must("check", STATE_DIR=self.tmp + "/absent")

    def test_a_record_of_the_last_run_that_cannot_be_read_is_a_warning(self):
        with open(self.backup.state_dir + "/last-run.json", "w", encoding="ascii"):
            pass
        warned = self.backup.must("check", "--json").warned
        self.assertEqual([c["name"] for c in warned], ["state"])

    def test_a_named_database_that_does_not_exist_is_found(self):
        done = self.backup("check", "--json", PG_DATABASES="appdb absent")
        self.assertNotEqual(done.code, 0, done)
        self.assertIn("absent", json.dumps(self.failed(done)))

    def test_all_named_databases_that_do_not_exist_are_found_at_once(self):
        done = self.backup("check", "--json", PG_DATABASES="appdb absent gone")
        self.assertEqual(done.code, 1, done)
        self.assertRegex(self.failed(done)["no-database"]["message"], '"absent".*"gone"')

    def test_a_pattern_that_matches_no_database_is_a_warning(self):
        warned = self.backup.must("check", "--json", PG_DATABASES="appdb orders_*").warned
        self.assertEqual([c["reason"] for c in warned], ["no-database"])
        self.assertIn("orders_*", warned[0]["message"])

    def test_a_role_without_the_needed_privileges_is_told(self):
        done = self.backup("check", "--json", PG_USER="poor")
        told = [c for c in done.json["checks"] if c["result"] != "ok"]
        self.assertIn("pg_read_all_data", json.dumps(told))

    def test_several_problems_are_found_at_once(self):
        done = self.backup("check", "--json", PG_HOST=self.tmp, BACKUP_DIR=self.tmp + "/absent")
        self.assertGreaterEqual(len(self.failed(done)), 2)
