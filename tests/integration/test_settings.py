"""Settings and command line: every problem at once, before anything starts."""

import os

import pgtest
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()
COMMANDS = ("run", "list", "verify", "drill", "restore", "prune", "check", "health")


def setUpModule():
    CLUSTER.start()
    CLUSTER.create("appdb", "CREATE TABLE t AS SELECT 1 AS a")
    CLUSTER.sql("CREATE ROLE keeper LOGIN SUPERUSER PASSWORD 'pass word'")


class SettingsTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")

    def file(self, text, name="nightly.conf"):
        """A configuration file with all of the settings; none of them in the environment."""
        known = "".join(f'{key}="{value}"\n' for key, value in self.backup.settings.items())
        self.backup.settings = {}
        return self.write(name, known + text)

    def with_file(self, text, *command):
        return self.backup("-c", self.file(text), *command)


class Problems(SettingsTestCase):
    def test_all_problems_are_reported_at_once_with_their_lines_and_nothing_starts(self):
        path = self.file("# here it begins\n"
                         "BACKUP_FORMAT=tarball\n"
                         "BACKUP_KEEP_DAYZ=3\n"
                         "BACKUP_KEEP_MIN_COUNT=many\n"
                         "LOG_FORMAT=json\n"
                         "LOG_FORMAT=logfmt\n")
        with open(path, encoding="utf-8") as f:
            first = f.read().split("\n").index("BACKUP_FORMAT=tarball") + 1
        done = self.backup("-c", path, "run")
        self.assertEqual(done.code, 78, done)
        self.assertIn(f"nightly.conf:{first}:", done.stderr)
        self.assertIn(f"nightly.conf:{first + 1}:", done.stderr)
        self.assertIn(f"nightly.conf:{first + 2}:", done.stderr)
        self.assertIn(f"nightly.conf:{first + 4}:", done.stderr)
        self.assertEqual(os.listdir(self.backup.backup_dir), [])
        self.assertEqual(os.listdir(self.backup.state_dir), [])

    def test_an_unknown_key_is_answered_with_the_nearest_known_one(self):
        done = self.with_file("BACKUP_KEEP_DAYZ=3\n", "run")
        self.assertEqual(done.code, 78, done)
        self.assertRegex(done.stderr, "BACKUP_KEEP_DAYZ.*BACKUP_KEEP_DAYS")

    def test_an_unknown_key_in_the_environment_is_found_where_it_is_plainly_ours(self):
        done = self.backup("run", BACKUP_KEEP_DAYZ="3")
        self.assertEqual(done.code, 78, done)
        self.assertRegex(done.stderr, "BACKUP_KEEP_DAYZ.*BACKUP_KEEP_DAYS")

    def test_other_peoples_environment_is_none_of_our_business(self):
        self.backup.must("run", EDITOR="ed", TERM="dumb", KUBERNETES_PORT="tcp://10.0.0.1")

    def test_every_command_refuses_bad_settings(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                arguments = ["appdb", "--stdout"] if command == "restore" else []
                done = self.backup(command, *arguments, BACKUP_FORMAT="tarball")
                self.assertEqual(done.code, 78, done)
                self.assertIn("tarball", done.stderr)

    def test_a_value_and_a_file_of_the_same_key_contradict_each_other(self):
        done = self.backup("run", PG_PASSWORD="a", PG_PASSWORD_FILE=self.write("password", "b"))
        self.assertEqual(done.code, 78, done)
        self.assertIn("PG_PASSWORD_FILE", done.stderr)

    def test_a_secret_is_not_shown_in_a_message_about_it(self):
        done = self.with_file("PG_PASSWORD='tell nobody\n", "run")
        self.assertEqual(done.code, 78, done)
        self.assertNotIn("tell nobody", done.stderr)

    def test_a_file_that_does_not_exist_is_named(self):
        done = self.backup("-c", self.tmp + "/absent.conf", "run")
        self.assertEqual(done.code, 78, done)
        self.assertIn("absent.conf", done.stderr)

    def test_an_instance_that_does_not_exist_is_named(self):
        done = self.backup("-i", "no-such-instance", "run")
        self.assertEqual(done.code, 78, done)
        self.assertIn("/etc/pg-backup/no-such-instance.conf", done.stderr)


class Places(SettingsTestCase):
    def tcp(self, **more):
        return {"PG_HOST": "127.0.0.1", "PG_USER": "keeper", **more}

    def test_a_file_alone_is_enough(self):
        done = self.with_file("", "run")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.backup.databases(), {"appdb"})
        self.assertEqual(self.backup.report()["instance"], "nightly")

    def test_the_environment_beats_the_file(self):
        path = self.file("BACKUP_FORMAT=plain\n")
        self.backup.must("-c", path, "run", BACKUP_FORMAT="custom")
        self.assertEqual(self.backup.backup("appdb").manifest["format"], "custom")

    def test_a_password_comes_from_the_environment(self):
        self.backup.must("run", **self.tcp(PG_PASSWORD="pass word"))

    def test_a_password_comes_from_a_file_with_a_newline_at_its_end(self):
        self.backup.must("run", **self.tcp(PG_PASSWORD_FILE=self.write("p", "pass word\n", 0o600)))

    def test_a_password_comes_from_a_systemd_credential(self):
        os.mkdir(self.tmp + "/credentials")
        self.write("credentials/pg_password", "pass word\n", 0o440)
        self.backup.must("run", **self.tcp(CREDENTIALS_DIRECTORY=self.tmp + "/credentials"))

    def test_a_password_comes_from_run_secrets(self):
        secret = self.write("secret", "pass word\n", 0o600)
        space = pgtest.MountNamespace(
            f"mount -t tmpfs tmpfs /run; mkdir /run/secrets; cp {secret} /run/secrets/pg_password")
        self.addCleanup(space.close)
        self.backup.must("run", prefix=space.prefix, **self.tcp())

    def test_an_instance_is_a_file_below_etc(self):
        path = self.file("", "shop.conf")
        copy = self.tmp + "/etc"
        space = pgtest.MountNamespace(
            f"cp -a /etc {copy}; mount --bind {copy} /etc; mkdir -p /etc/pg-backup;"
            f" mv {path} /etc/pg-backup/shop.conf; cp /etc/pg-backup/shop.conf"
            " /etc/pg-backup/main.conf")
        self.addCleanup(space.close)
        for arguments, instance in ((["-i", "shop"], "shop"), ([], "main")):
            self.backup.must(*arguments, "run", prefix=space.prefix)
            self.assertEqual(self.backup.report()["instance"], instance)

    def test_ones_own_libpq_variables_work_where_no_setting_says_otherwise(self):
        settings = {key: None for key in ("PG_HOST", "PG_PORT", "PG_USER")}
        self.backup.must("run", PGHOST=CLUSTER.host, PGPORT=CLUSTER.port, PGUSER="postgres",
                         **settings)


class CommandLine(SettingsTestCase):
    def test_version_is_printed_and_no_settings_are_read(self):
        done = self.backup("--version", BACKUP_FORMAT="tarball")
        self.assertEqual(done.code, 0)
        self.assertRegex(done.stdout, r"\Apg-backup \d+\.\d+")

    def test_help_names_every_command(self):
        done = self.backup("--help", BACKUP_FORMAT="tarball")
        self.assertEqual(done.code, 0)
        for command in COMMANDS:
            self.assertRegex(done.stdout, rf"(?m)^\s+{command}\b")

    def test_every_command_has_help(self):
        for command in COMMANDS:
            with self.subTest(command=command):
                done = self.backup(command, "--help", BACKUP_FORMAT="tarball")
                self.assertEqual(done.code, 0, done)
                self.assertIn(command, done.stdout)
                self.assertEqual(done.stderr, "")

    def test_what_is_not_known_is_a_matter_of_usage(self):
        for arguments in ([], ["rum"], ["--no-such"], ["run", "--no-such"], ["-c"],
                          ["prune", "appdb"], ["check", "appdb"], ["health", "appdb"]):
            with self.subTest(arguments=arguments):
                done = self.backup(*arguments)
                self.assertEqual(done.code, 2, done)
                self.assertEqual(done.stdout, "")
                self.assertIn("--help", done.stderr)
        self.assertEqual(os.listdir(self.backup.backup_dir), [])
