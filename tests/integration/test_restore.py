"""Restoring: the copy equals the original, and nothing is ever overwritten by accident."""

import gzip
import os
import re
import shlex
import signal

import pgtest
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.sql("CREATE ROLE owner; CREATE ROLE limited LOGIN CREATEDB")
    CLUSTER.create_sample("appdb", owner="owner")


class RestoreTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb")
        CLUSTER.drop("copy")
        self.addCleanup(CLUSTER.drop, "copy")

    def assertCopied(self, source="appdb", target="copy"):
        self.assertEqual(CLUSTER.contents(target), CLUSTER.contents(source))
        self.assertEqual(CLUSTER.schema(target), CLUSTER.schema(source))


class ToADatabase(RestoreTestCase):
    def test_a_custom_backup_restores_to_an_equal_database(self):
        self.backup.must("run")
        self.backup.must("restore", "appdb", "--to", "copy")
        self.assertCopied()

    def test_a_plain_backup_restores_to_an_equal_database(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        self.backup.must("restore", "appdb", "--to", "copy")
        self.assertCopied()

    def test_text_that_nobody_has_searched_for_commands_is_not_given_to_psql(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        stored = self.backup.backup("appdb")
        os.unlink(stored.inventory)
        stored.rewrite(inventory_file=None, inventory_sha256=None)
        done = self.backup("restore", "appdb", "--to", "copy")
        self.assertEnded(done, 2, "refused", "nobody has looked for commands in it")
        self.assertEqual(CLUSTER.databases(), {"appdb"})

    def test_an_uncompressed_backup_restores_to_an_equal_database(self):
        for form in ("plain", "custom"):
            with self.subTest(form=form):
                self.backup.must("run", BACKUP_FORMAT=form, BACKUP_COMPRESSION="none")
                self.backup.must("restore", "appdb", "--to", "copy")
                self.assertCopied()
                CLUSTER.drop("copy")

    def test_a_stem_names_an_older_backup(self):
        self.backup.at("-1d", "run")
        stem = self.backup.backup("appdb").stem
        CLUSTER.create("changed", "CREATE TABLE appeared (a int)", "TEMPLATE appdb")
        self.addCleanup(CLUSTER.drop, "changed")
        self.backup.must("run", PG_DATABASES="changed")
        self.backup.must("restore", stem, "--to", "copy")
        self.assertCopied()

    def test_a_name_means_the_newest_good_backup(self):
        CLUSTER.create("changing", "CREATE TABLE t AS SELECT 1 AS a")
        self.addCleanup(CLUSTER.drop, "changing")
        self.backup.at("-1d", "run", PG_DATABASES="changing")
        CLUSTER.sql("UPDATE t SET a = 2", "changing")
        self.backup.must("run", PG_DATABASES="changing")
        self.backup.must("restore", "changing", "--to", "copy")
        self.assertEqual(CLUSTER.sql("SELECT a FROM t", "copy"), "2")

    def test_the_copy_has_the_originals_encoding_and_locale(self):
        # The column with the provider's own locale has another name from 17 on.
        traits = ("SELECT pg_encoding_to_char(encoding), datcollate, datctype, datlocprovider,"
                  " coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')"
                  " FROM pg_database d WHERE datname = ")
        for name, form, options in (
                ("latin", "custom", "ENCODING 'LATIN1' LOCALE 'C'"),
                ("latin_sql", "plain", "ENCODING 'LATIN1' LOCALE 'C'"),
                ("icu", "custom", "LOCALE_PROVIDER icu ICU_LOCALE 'de-AT'"),
                ("mixed", "custom", "LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'")):
            with self.subTest(name=name):
                CLUSTER.create(name, "CREATE TABLE t AS SELECT 'grün' AS word",
                               "TEMPLATE template0 " + options)
                self.addCleanup(CLUSTER.drop, name)
                self.backup.must("run", PG_DATABASES=name, BACKUP_FORMAT=form)
                self.backup.must("restore", name, "--to", "copy")
                self.assertEqual(CLUSTER.sql(traits + "'copy'"), CLUSTER.sql(f"{traits}'{name}'"))
                self.assertCopied(source=name)
                CLUSTER.drop("copy")

    def test_a_role_that_may_not_create_databases_is_told_so(self):
        self.backup.must("run")
        CLUSTER.sql("CREATE ROLE looker LOGIN; CREATE ROLE watcher LOGIN CREATEDB;"
                    "ALTER ROLE watcher SET default_transaction_read_only = on")
        self.addCleanup(CLUSTER.sql, "DROP ROLE looker; DROP ROLE watcher")
        for role, remedy in (("looker", "CREATEDB"), ("watcher", "can only read")):
            with self.subTest(role=role):
                done = self.backup("restore", "appdb", "--to", "copy", PG_USER=role)
                self.assertEnded(done, 1, "permission", "copy")
                self.assertIn(remedy, done.said)
                self.assertNotIn("copy", CLUSTER.databases())

    def test_a_locale_that_the_server_lacks_is_named(self):
        self.backup.must("run")
        self.backup.backup("appdb").rewrite(collate="xx_XX.UTF-8")
        done = self.backup("restore", "appdb", "--to", "copy")
        self.assertEnded(done, 1, "restore", "invalid (LC_COLLATE )?locale name")
        self.assertRegex(done.said, 'encoding UTF8, LC_COLLATE "xx_XX.UTF-8"')
        self.assertNotIn("copy", CLUSTER.databases())

    def create_with_properties(self):
        CLUSTER.create("special", "CREATE TABLE t ()")
        self.addCleanup(CLUSTER.drop, "special")
        CLUSTER.sql("""ALTER DATABASE special SET work_mem = '8MB';
            ALTER ROLE owner IN DATABASE special SET search_path = shop, public;
            ALTER ROLE owner IN DATABASE special SET work_mem = '16MB';
            REVOKE CONNECT ON DATABASE special FROM public;
            COMMENT ON DATABASE special IS 'not for everybody'""")

    def test_what_a_custom_restore_leaves_out_is_named_with_the_way_to_it(self):
        self.create_with_properties()
        self.backup.must("run", PG_DATABASES="special")
        self.assertEqual(self.backup.backup("special").manifest["omissions"], [])
        done = self.backup.must("restore", "special", "--to", "copy")
        said = re.search(r"not restored: 3 settings, privileges, a comment .* pg_restore (.*)",
                         done.said)
        self.assertTrue(said, done)
        properties = "SELECT setconfig, ARRAY(SELECT unnest(datacl)::text ORDER BY 1)," \
                     " shobj_description(d.oid, 'pg_database') FROM pg_database d LEFT JOIN" \
                     " pg_db_role_setting ON setdatabase = d.oid WHERE datname = 'special' ORDER BY 1"
        before = CLUSTER.sql(properties)
        CLUSTER.drop("special")
        CLUSTER.tool("pg_restore", *shlex.split(said[1]))
        self.assertEqual(CLUSTER.sql(properties), before)

    def test_what_a_plain_backup_leaves_out_is_told_by_backup_and_restore(self):
        self.create_with_properties()
        self.backup.must("run", PG_DATABASES="special", BACKUP_FORMAT="plain")
        manifest = self.backup.backup("special").manifest
        self.assertEqual(manifest["database_properties"], "3 settings, privileges, a comment")
        self.assertEqual([o["what"] for o in manifest["omissions"]],
                         ["database settings and privileges: 3 settings, privileges, a comment"])
        done = self.backup.must("restore", "special", "--to", "copy")
        self.assertRegex(done.said, "not restored: 3 settings, privileges, a comment")

    def test_privileges_that_were_granted_and_revoked_are_none(self):
        CLUSTER.create("special")
        self.addCleanup(CLUSTER.drop, "special")
        CLUSTER.sql("GRANT CREATE ON DATABASE special TO owner;"
                    "REVOKE CREATE ON DATABASE special FROM owner")
        self.assertNotEqual(CLUSTER.sql("SELECT datacl FROM pg_database WHERE datname = 'special'"),
                            "")
        self.backup.must("run", PG_DATABASES="special", BACKUP_FORMAT="plain")
        self.assertIsNone(self.backup.backup("special").manifest["database_properties"])

    def test_a_database_without_properties_of_its_own_leaves_nothing_out(self):
        for form in ("plain", "custom"):
            with self.subTest(form=form):
                self.backup.must("run", PG_DATABASES="appdb postgres", BACKUP_FORMAT=form)
                for backup in self.backup.backups("appdb") + self.backup.backups("postgres"):
                    self.assertIsNone(backup.manifest["database_properties"])
                    self.assertEqual(backup.manifest["omissions"], [])
                done = self.backup.must("restore", "appdb", "--to", "copy")
                self.assertNotIn("not restored", done.said)
                CLUSTER.drop("copy")

    def test_an_empty_existing_database_is_filled(self):
        self.backup.must("run")
        CLUSTER.create("copy", options="TEMPLATE template0")
        self.backup.must("restore", "appdb", "--to", "copy")
        self.assertCopied()

    def test_a_database_that_is_not_empty_is_refused_and_left_as_it_is(self):
        self.backup.must("run")
        CLUSTER.create("copy", "CREATE TABLE precious AS SELECT 42 AS answer")
        done = self.backup("restore", "appdb", "--to", "copy")
        self.assertEnded(done, 2, "refused", '"copy".*(--force|not empty)')
        self.assertEqual(CLUSTER.sql("SELECT answer FROM precious", "copy"), "42")
        self.assertEqual(len(CLUSTER.contents("copy")), 2)

    def test_clean_replaces_what_a_custom_backup_holds(self):
        self.backup.must("run")
        CLUSTER.create("copy", "CREATE SCHEMA shop; CREATE TABLE shop.customers (x int)")
        self.backup.must("restore", "appdb", "--to", "copy", "--force", "--clean")
        self.assertCopied()

    def test_force_alone_replaces_nothing(self):
        self.backup.must("run")
        CLUSTER.create("copy", "CREATE SCHEMA shop; CREATE TABLE shop.customers AS SELECT 1 AS x")
        before = CLUSTER.contents("copy")
        done = self.backup("restore", "appdb", "--to", "copy", "--force")
        self.assertEnded(done, 1, "restore", '"shop" already exists')
        self.assertIn("--force --clean replaces", done.said)
        self.assertEqual(CLUSTER.contents("copy"), before)

    def test_clean_is_nothing_without_force(self):
        self.backup.must("run")
        CLUSTER.create("copy", "CREATE TABLE precious AS SELECT 42 AS answer")
        done = self.backup("restore", "appdb", "--to", "copy", "--clean")
        self.assertEnded(done, 2, "usage", "--clean .* --force")
        self.assertEqual(CLUSTER.sql("SELECT answer FROM precious", "copy"), "42")

    def test_force_puts_a_plain_backup_beside_what_is_there(self):
        CLUSTER.create("small", "CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 7 AS a")
        self.addCleanup(CLUSTER.drop, "small")
        self.backup.must("run", PG_DATABASES="small", BACKUP_FORMAT="plain")
        CLUSTER.create("copy", "CREATE TABLE precious AS SELECT 42 AS answer")
        self.backup.must("restore", "small", "--to", "copy", "--force")
        copied = CLUSTER.contents("copy")
        self.assertIn("precious", copied)
        self.assertEqual({**copied, **CLUSTER.contents("small")}, copied)

    def test_a_plain_backup_whose_own_commit_would_leave_half_of_it_is_refused(self):
        # pg_dump puts BEGIN and COMMIT around large objects, with the indexes behind.
        self.backup.must("run", BACKUP_FORMAT="plain")
        CLUSTER.create("copy", options="TEMPLATE template0")
        before = CLUSTER.contents("copy")
        done = self.backup("restore", "appdb", "--to", "copy")
        self.assertEnded(done, 1, "restore", "large objects .* restore into a new one")
        self.assertEqual(CLUSTER.contents("copy"), before)

    def test_a_kill_in_mid_restore_leaves_an_existing_database_as_it_was(self):
        CLUSTER.create("large", "CREATE TABLE first AS SELECT 1 AS a")
        self.addCleanup(CLUSTER.drop, "large")
        CLUSTER.fill("large", 100000)
        CLUSTER.sql("ALTER TABLE noise ADD CHECK (CASE WHEN i = 1 AND current_database() = 'copy'"
                    " THEN pg_advisory_lock(1) IS NOT NULL ELSE true END)", "large")
        for form in ("plain", "custom"):
            with self.subTest(form=form):
                self.backup.must("run", PG_DATABASES="large", BACKUP_FORMAT=form,
                                 BACKUP_COMPRESSION="none")
                CLUSTER.create("copy", options="TEMPLATE template0")
                self.kill_in_copy("restore", "large", "--to", "copy")
                self.assertEqual(list(CLUSTER.contents("copy")), ["large objects"])
                CLUSTER.drop("copy")

    def test_force_cannot_replace_from_a_plain_backup_and_leaves_all_as_it_was(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        CLUSTER.create("copy", "CREATE SCHEMA shop; CREATE TABLE shop.customers (x int)")
        before = CLUSTER.schema("copy")
        done = self.backup("restore", "appdb", "--to", "copy", "--force")
        self.assertEnded(done, 1, "restore", '"shop" already exists')
        self.assertIn("SQL text cannot replace", done.said)
        self.assertEqual(CLUSTER.schema("copy"), before)

    def test_a_database_is_its_own_target_only_with_force(self):
        self.backup.must("run")
        before = CLUSTER.contents("appdb")
        self.assertEnded(self.backup("restore", "appdb", "--to", "appdb"), 2, "refused")
        self.assertEqual(CLUSTER.contents("appdb"), before)

    def test_a_failing_restore_says_what_the_server_said(self):
        self.backup.must("run")
        # The owner of what the backup holds is not somebody whom this role may set.
        done = self.backup("restore", "appdb", "--to", "copy", PG_USER="limited")
        self.assertEnded(done, 1, says="must be|permission denied")

    def test_a_failed_restore_leaves_no_database_behind_that_it_made(self):
        self.backup.must("run")
        self.assertEqual(
            self.backup("restore", "appdb", "--to", "copy", PG_USER="limited").code, 1)
        self.assertNotIn("copy", CLUSTER.databases())

    def test_a_missing_role_is_answered_with_a_careful_way_to_restore_the_globals(self):
        CLUSTER.sql("CREATE ROLE passing")
        CLUSTER.create("owned", "CREATE TABLE t (); ALTER TABLE t OWNER TO passing")
        self.backup.must("run", PG_DATABASES="owned")
        CLUSTER.drop("owned")
        CLUSTER.sql("DROP ROLE passing")
        done = self.backup("restore", "owned", "--to", "copy")
        self.assertEnded(done, 1, "restore", 'role "passing" does not exist')
        self.assertRegex(done.said, "begins with a backslash.*psql -X -d postgres")
        refused = self.backup("restore", "globals", "--to", "copy")
        self.assertEnded(refused, 2, "usage", "begins with a backslash.*psql -X")

    def test_the_globals_are_restored_by_their_name(self):
        self.backup.must("run")
        sql = self.backup.must("restore", "globals", "--stdout").stdout
        self.assertIn("CREATE ROLE limited", sql)

    def kill_in_copy(self, *args):
        """Kills pg-backup alone, in the middle of the rows: the client sees its input end."""
        holder = CLUSTER.session("copy")
        self.addCleanup(holder.close)
        holder.do("SELECT pg_advisory_lock(1)")
        running = self.backup.start(*args)
        copying = "SELECT pid FROM pg_stat_activity WHERE datname = 'copy' AND" \
                  " query LIKE 'COPY public.noise%' AND wait_event = 'advisory'"
        pgtest.wait_until(lambda: CLUSTER.sql(copying), "the rows arrive")
        running.send(signal.SIGKILL)
        running.wait()
        holder.close()
        CLUSTER.wait_for_no_session("application_name = 'pg-backup'")

    def stop_while_an_index_is_built(self, before=lambda database: None, **settings):
        """Sends SIGTERM while the server works for minutes and nobody sends it anything."""
        CLUSTER.drop("slow")
        CLUSTER.create("slow", """SET ROLE limited;
            CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE sql AS $$
                SELECT i FROM pg_sleep(CASE current_database() WHEN 'slow' THEN 0 ELSE 60 END) $$;
            CREATE TABLE t AS SELECT 1 AS i; CREATE INDEX ON t (slow(i))""", owner="limited")
        self.addCleanup(CLUSTER.drop, "slow")
        self.backup.must("run", PG_DATABASES="slow", **settings)
        running = self.backup.start("restore", "slow", "--to", "copy", PG_USER="limited")
        working = "SELECT datname FROM pg_stat_activity WHERE datname LIKE 'copy%' AND" \
                  " query LIKE 'CREATE INDEX%' AND wait_event = 'PgSleep'"
        before(pgtest.wait_until(lambda: CLUSTER.sql(working), "it builds the index"))
        running.send(signal.SIGTERM)
        done = running.wait(timeout=15)
        self.assertEnded(done, 1, "cancelled")
        return done

    def visit(self, database):
        """A superuser's session, which an ordinary role cannot end."""
        visitor = CLUSTER.session(database)
        self.addCleanup(visitor.close)
        visitor.do("SELECT 1")

    def assertNothingIsLeft(self):
        CLUSTER.wait_for_no_session("application_name = 'pg-backup'")
        self.assertEqual(self.unfinished(), [])
        self.assertNotIn("copy", CLUSTER.databases())

    def unfinished(self):
        """The databases that are not, or not yet, a restored copy."""
        return [name for name in CLUSTER.databases() if name.startswith("copy_restoring_")]

    def test_sigterm_drops_the_database_that_the_server_is_still_at_work_in(self):
        for form in ("plain", "custom"):
            with self.subTest(form=form):
                done = self.stop_while_an_index_is_built(BACKUP_FORMAT=form)
                self.assertNotIn("by hand", done.said)
                self.assertNothingIsLeft()

    def test_a_database_that_could_not_be_dropped_is_named(self):
        done = self.stop_while_an_index_is_built(before=self.visit)
        left, = self.unfinished()
        self.addCleanup(CLUSTER.drop, left)
        self.assertRegex(done.said, f'the unfinished database "{left}" by hand'
                                    '.*(superuser|permission denied)')

    def test_sigterm_while_the_database_is_made_leaves_none(self):
        self.backup.must("run")
        blocker = CLUSTER.session()
        self.addCleanup(blocker.close)
        blocker.do("BEGIN; LOCK TABLE pg_database IN SHARE MODE")
        running = self.backup.start("restore", "appdb", "--to", "copy")
        CLUSTER.wait_for_lock("postgres")
        running.send(signal.SIGTERM)
        self.assertEnded(running.wait(timeout=15), 1, "cancelled")
        blocker.do("ROLLBACK")
        self.assertNothingIsLeft()

    def test_sigterm_in_mid_restore_ends_it(self):
        self.backup.must("run")
        CLUSTER.create("copy", "CREATE SCHEMA shop; CREATE TABLE shop.customers (x int)")
        blocker = CLUSTER.session("copy")
        self.addCleanup(blocker.close)
        blocker.do("BEGIN; LOCK TABLE shop.customers")
        running = self.backup.start("restore", "appdb", "--to", "copy", "--force",
                                    "--clean")
        CLUSTER.wait_for_lock("copy")
        running.send(signal.SIGTERM)
        self.assertEnded(running.wait(timeout=10), 1, "cancelled")


class ToAFile(RestoreTestCase):
    def test_a_custom_backup_to_a_file_is_the_archive(self):
        self.backup.must("run")
        target = self.tmp + "/out.dump"
        self.backup.must("restore", "appdb", "--output", target)
        with open(target, "rb") as f:
            self.assertEqual(f.read(), self.backup.backup("appdb").read())
        CLUSTER.tool("pg_restore", "--list", target)

    def test_a_plain_backup_to_a_file_is_sql(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        target = self.tmp + "/out.sql"
        self.backup.must("restore", "appdb", "--output", target)
        with open(target, "rb") as f:
            self.assertEqual(f.read(), gzip.decompress(self.backup.backup("appdb").read()))

    def test_a_plain_backup_to_stdout_goes_through_psql(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        done = self.backup.must("restore", "appdb", "--stdout")
        CLUSTER.create("copy", options="TEMPLATE template0")
        CLUSTER.tool("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", database="copy",
                     stdin=done.stdout_bytes)
        self.assertCopied()

    def test_a_custom_backup_to_stdout_goes_through_pg_restore(self):
        self.backup.must("run")
        done = self.backup.must("restore", "appdb", "--stdout")
        CLUSTER.create("copy", options="TEMPLATE template0")
        CLUSTER.tool("pg_restore", "--exit-on-error", "-d", "copy", stdin=done.stdout_bytes)
        self.assertCopied()

    def test_an_existing_file_is_refused_and_left_as_it_is(self):
        self.backup.must("run")
        target = self.write("precious", "precious")
        self.assertEnded(self.backup("restore", "appdb", "--output", target), 2, "refused", target)
        with open(target, encoding="ascii") as f:
            self.assertEqual(f.read(), "precious")

    def test_files_need_no_server(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        done = self.backup("restore", "appdb", "--output", self.tmp + "/out", PG_HOST=self.tmp)
        self.assertEnded(done, 0)

    def test_a_full_disk_leaves_no_half_file(self):
        self.backup.must("run", BACKUP_FORMAT="plain", BACKUP_COMPRESSION="none")
        os.mkdir(self.tmp + "/full")
        space = pgtest.MountNamespace(f"mount -t tmpfs -o size=64k tmpfs {self.tmp}/full")
        self.addCleanup(space.close)
        done = self.backup("restore", "appdb", "--output", self.tmp + "/full/out",
                           prefix=space.prefix)
        self.assertEnded(done, 1, "disk-full", "No space left on device")
        self.assertEqual(os.listdir(space.path(self.tmp + "/full")), [])


class Damaged(RestoreTestCase):
    def damage(self, **settings):
        self.backup.must("run", **settings)
        backup = self.backup.backup("appdb")
        data = bytearray(backup.read())
        data[len(data) // 2] ^= 1
        with open(backup.data, "wb") as f:
            f.write(data)

    def test_a_damaged_backup_is_refused_before_a_database_is_touched(self):
        for form in ("custom", "plain"):
            with self.subTest(form=form):
                self.damage(BACKUP_FORMAT=form)
                done = self.backup("restore", "appdb", "--to", "copy")
                self.assertEnded(done, 4, "damaged", "SHA-256|digest|checksum")
                self.assertNotIn("copy", CLUSTER.databases())

    def test_a_damaged_backup_is_refused_with_force_too(self):
        self.damage()
        CLUSTER.create("copy", "CREATE TABLE precious AS SELECT 42 AS answer")
        self.assertEnded(self.backup("restore", "appdb", "--to", "copy", "--force"), 4, "damaged")
        self.assertEqual(CLUSTER.sql("SELECT answer FROM precious", "copy"), "42")

    def test_a_damaged_backup_makes_no_file(self):
        self.damage()
        target = self.tmp + "/out"
        self.assertEnded(self.backup("restore", "appdb", "--output", target), 4, "damaged")
        self.assertFalse(os.path.exists(target))

    def test_a_damaged_backup_writes_nothing_to_stdout(self):
        self.damage(BACKUP_FORMAT="plain")
        done = self.backup("restore", "appdb", "--stdout")
        self.assertEnded(done, 4, "damaged")
        self.assertEqual(done.stdout_bytes, b"")


class Usage(RestoreTestCase):
    def test_a_backup_that_does_not_exist_is_named_with_the_nearest(self):
        self.backup.must("run")
        done = self.backup("restore", "apdb", "--to", "copy")
        self.assertEnded(done, 2, "not-found", '"apdb"')
        self.assertIn("appdb", done.stderr)

    def test_the_globals_go_into_no_database_and_the_hint_says_what_to_do(self):
        self.backup.must("run")
        done = self.backup("restore", "globals", "--to", "copy")
        self.assertEnded(done, 2, "usage", "psql")

    def test_a_target_must_be_given_and_only_one(self):
        self.backup.must("run")
        self.assertEqual(self.backup("restore", "appdb").code, 2)
        done = self.backup("restore", "appdb", "--to", "copy", "--stdout")
        self.assertEqual(done.code, 2, done)
        self.assertNotIn("copy", CLUSTER.databases())
