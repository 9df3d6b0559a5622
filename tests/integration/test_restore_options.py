"""Restoring a part, another way, or elsewhere: every option of restore beside --to and --force."""

import gzip
import hashlib
import os
import re
import shlex
import signal

import pgtest
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()
OTHER = pgtest.Cluster()

SHOP = """
CREATE SCHEMA shop;
CREATE TYPE shop.kind AS ENUM ('new', 'paid');
CREATE FUNCTION shop.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO shop.audit VALUES (NEW.id); RETURN NEW; END $$;
CREATE TABLE shop.customers (id int PRIMARY KEY, name text);
CREATE TABLE shop.orders (id serial PRIMARY KEY, kind shop.kind,
                          customer int REFERENCES shop.customers);
CREATE TABLE shop.audit (id int);
CREATE INDEX orders_kind ON shop.orders (kind);
COMMENT ON TABLE shop.orders IS 'what was bought';
GRANT SELECT ON shop.orders TO reader;
CREATE TABLE shop.events (at date, what text, PRIMARY KEY (at)) PARTITION BY RANGE (at);
CREATE TABLE shop.events_2025 PARTITION OF shop.events FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE shop.events_2026 PARTITION OF shop.events FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE "Odd name" AS SELECT 1 AS a;
SELECT lo_from_bytea(4711, 'large');
INSERT INTO shop.customers VALUES (1, 'Ada'), (2, 'Grace');
INSERT INTO shop.orders (kind, customer) VALUES ('new', 1), ('paid', 2);
INSERT INTO shop.events VALUES ('2025-05-05', 'then'), ('2026-06-06', 'now');
CREATE TRIGGER stamp AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION shop.stamp();
"""


def setUpModule():
    CLUSTER.start()
    CLUSTER.sql("CREATE ROLE reader; CREATE ROLE plain LOGIN CREATEDB PASSWORD 'plain''s own'")
    CLUSTER.create("shop", SHOP)


class OptionTestCase(BackupTestCase):
    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="shop")
        CLUSTER.drop("copy", *self.unfinished())
        self.addCleanup(CLUSTER.drop, "copy")

    def unfinished(self):
        return sorted(name for name in CLUSTER.databases() if "_restoring_" in name)

    def restore(self, *options, **settings):
        return self.backup("restore", "shop", "--to", "copy", *options, **settings)

    def must_restore(self, *options, **settings):
        done = self.restore(*options, **settings)
        self.assertEqual(done.code, 0, done)
        return done

    def tables(self, database="copy"):
        return CLUSTER.sql("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND"
                           " relnamespace::regnamespace::text !~ '^(pg_|information)'"
                           " ORDER BY 1", database).split("\n")

    def assertSame(self, query, target="copy"):
        self.assertEqual(CLUSTER.sql(query, target), CLUSTER.sql(query, "shop"))


class Tables(OptionTestCase):
    def test_a_name_longer_than_a_database_can_have_is_refused(self):
        self.backup.must("run")
        for name, code in (("x" * 64, 2), ("ä" * 32, 2), ("x" * 63, 0)):
            with self.subTest(name=name):
                self.addCleanup(CLUSTER.drop, name)
                done = self.backup("restore", "shop", "--to", name)
                self.assertEqual(done.code, code, done)
                self.assertEqual("at most 63 bytes" in done.said, code == 2)

    def test_a_table_comes_back_into_a_new_database_with_all_that_it_needs(self):
        for form in ("custom", "directory"):
            with self.subTest(form=form):
                self.backup.must("run", BACKUP_FORMAT=form)
                done = self.must_restore("--table", "shop.orders")
                self.assertEqual(self.tables(), ["orders"])
                self.assertSame("SELECT * FROM shop.orders ORDER BY id")
                self.assertSame("SELECT last_value, is_called FROM shop.orders_id_seq")
                self.assertSame("SELECT indexdef FROM pg_indexes WHERE schemaname = 'shop' AND"
                                " tablename = 'orders' ORDER BY 1")
                self.assertSame("SELECT tgname FROM pg_trigger WHERE NOT tgisinternal")
                self.assertSame("SELECT relacl, obj_description(oid) FROM pg_class"
                                " WHERE relname = 'orders'")
                self.assertRegex(done.said, 'foreign key "shop.orders orders_customer_fkey" was left'
                                            ' out: the table "shop.customers"')
                CLUSTER.drop("copy")

    def test_a_partitioned_table_comes_with_its_partitions(self):
        self.backup.must("run")
        self.must_restore("--table", "shop.events")
        self.assertEqual(self.tables(), ["events", "events_2025", "events_2026"])
        self.assertSame("SELECT tableoid::regclass, * FROM shop.events ORDER BY at")

    def test_a_partition_alone_is_a_table_and_can_be_attached_as_it_is_said(self):
        self.backup.must("run")
        done = self.must_restore("--table", "events_2026")
        self.assertEqual(self.tables(), ["events_2026"])
        self.assertSame("SELECT * FROM shop.events_2026")
        CLUSTER.sql("CREATE TABLE shop.events (at date NOT NULL, what text) PARTITION BY RANGE (at)",
                    "copy")
        CLUSTER.sql(re.search("to attach it: (.*;)", done.said)[1], "copy")
        self.assertSame("SELECT * FROM shop.events WHERE at > '2026-01-01'")

    def test_patterns_choose_by_schema_and_name_whatever_the_case(self):
        self.backup.must("run")
        self.must_restore("--table", "Odd *", "--table", "sh*.cust*")
        self.assertEqual(self.tables(), ["Odd name", "customers"])

    def test_a_table_that_was_dropped_comes_back_where_it_was(self):
        self.backup.must("run")
        self.must_restore()
        CLUSTER.sql("DROP TABLE shop.orders; INSERT INTO shop.customers VALUES (3, 'new')", "copy")
        self.must_restore("--table", "shop.orders")
        self.assertSame("SELECT * FROM shop.orders ORDER BY id")
        self.assertSame("SELECT conname FROM pg_constraint WHERE contype = 'f'")
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.customers", "copy"), "3")

    def test_a_table_that_is_there_is_refused_and_left_as_it_is(self):
        self.backup.must("run")
        self.must_restore()
        CLUSTER.sql("DELETE FROM shop.orders", "copy")
        done = self.restore("--table", "shop.orders")
        self.assertEnded(done, 2, "refused", '"shop.orders".* in "copy" already')
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.orders", "copy"), "0")

    def test_a_table_that_is_there_is_replaced_by_force_and_clean(self):
        self.backup.must("run")
        self.must_restore()
        CLUSTER.sql("UPDATE shop.orders SET kind = 'paid'; DELETE FROM shop.customers WHERE id = 3",
                    "copy")
        self.must_restore("--table", "shop.orders", "--force", "--clean")
        self.assertSame("SELECT * FROM shop.orders ORDER BY id")
        self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("shop"))

    def test_a_table_that_others_depend_on_is_not_replaced_but_left_as_it_is(self):
        self.backup.must("run")
        self.must_restore()
        before = CLUSTER.contents("copy")
        done = self.restore("--table", "shop.customers", "--force", "--clean")
        self.assertEnded(done, 1, "restore", "other objects depend on it")
        self.assertIn("All was left as it is", done.said)
        self.assertEqual(CLUSTER.contents("copy"), before)

    def test_partitions_that_pg_restore_cannot_replace_are_left_as_they_are(self):
        self.backup.must("run")
        self.must_restore()
        before = CLUSTER.contents("copy")
        done = self.restore("--table", "shop.events", "--force", "--clean")
        self.assertEnded(done, 1, "restore", "cannot drop inherited constraint")
        self.assertIn("DROP TABLE the partitioned tables first", done.said)
        self.assertEqual(CLUSTER.contents("copy"), before)
        CLUSTER.sql("DROP TABLE shop.events", "copy")
        self.must_restore("--table", "shop.events")
        self.assertEqual(CLUSTER.contents("copy"), before)

    def test_a_view_without_what_it_shows_is_answered_with_the_way(self):
        CLUSTER.create("viewed", "CREATE TABLE t AS SELECT 1 AS a; CREATE VIEW v AS TABLE t")
        self.addCleanup(CLUSTER.drop, "viewed")
        self.backup.must("run", PG_DATABASES="viewed")
        done = self.backup("restore", "viewed", "--to", "copy", "--table", "v")
        self.assertEnded(done, 1, "restore", 'relation "public.t" does not exist')
        self.assertIn("another --table", done.said)
        self.backup.must("restore", "viewed", "--to", "copy", "--table", "v", "--table", "t")
        self.assertEqual(CLUSTER.sql("SELECT a FROM v", "copy"), "1")

    def test_a_damaged_archive_is_refused_before_a_table_is_touched(self):
        self.backup.must("run")
        with open(self.backup.backup("shop").data, "r+b") as f:
            f.seek(-9, os.SEEK_END)
            f.write(b"x")
        self.assertEnded(self.restore("--table", "shop.orders"), 4, "damaged", "SHA-256")
        self.assertEqual([*self.unfinished(), *({"copy"} & CLUSTER.databases())], [])

    def test_a_pattern_that_fits_nothing_names_what_is_near_and_makes_nothing(self):
        self.backup.must("run")
        done = self.restore("--table", "shop.order")
        self.assertEnded(done, 2, "not-found", '"shop.order"')
        self.assertIn('"shop.orders"', done.said)
        self.assertNotIn("copy", CLUSTER.databases())

    def test_of_sql_text_nothing_can_be_chosen(self):
        self.backup.must("run", BACKUP_FORMAT="plain")
        for option in (["--table", "x"], ["--schema-only"], ["--data-only"], ["--jobs", "2"]):
            with self.subTest(option=option):
                self.assertEnded(self.restore(*option), 2, "usage", "SQL text")
        self.assertNotIn("copy", CLUSTER.databases())


class SchemaAndData(OptionTestCase):
    def test_schema_only_restores_definitions_and_data_only_the_rows(self):
        for form in ("custom", "directory"):
            with self.subTest(form=form):
                self.backup.must("run", BACKUP_FORMAT=form)
                self.must_restore("--schema-only")
                self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("shop"))
                self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.orders", "copy"), "0")
                self.must_restore("--data-only")
                self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("shop"))
                CLUSTER.drop("copy")

    def test_data_only_never_doubles_rows(self):
        self.backup.must("run")
        self.must_restore()
        before = CLUSTER.contents("copy")
        done = self.restore("--data-only")
        self.assertEnded(done, 2, "refused", '"shop.customers".* have rows already')
        self.assertEqual(CLUSTER.contents("copy"), before)

    def test_rows_that_come_while_the_backup_is_read_are_not_doubled(self):
        self.backup.must("run")
        self.must_restore("--schema-only")
        holder = CLUSTER.session("copy")
        self.addCleanup(holder.close)
        holder.do("BEGIN; LOCK TABLE shop.orders")  # which is looked into after the customers
        running = self.backup.start("restore", "shop", "--to", "copy", "--data-only")
        CLUSTER.wait_for_lock("copy")
        CLUSTER.sql("INSERT INTO shop.customers VALUES (7, 'Margaret')", "copy")
        holder.do("COMMIT")
        self.assertEnded(running.wait(), 2, "refused", '"shop.customers" in "copy" has rows already')
        self.assertEqual(CLUSTER.sql("SELECT * FROM shop.customers", "copy"), "7|Margaret")

    def test_data_only_never_doubles_rows_of_what_is_partitioned_by_now(self):
        CLUSTER.create("grown", "CREATE TABLE t AS SELECT 1 AS a")
        self.addCleanup(CLUSTER.drop, "grown")
        self.backup.must("run", PG_DATABASES="grown")
        CLUSTER.create("copy", "CREATE TABLE t (a int) PARTITION BY RANGE (a);"
                       "CREATE TABLE t_0 PARTITION OF t DEFAULT; INSERT INTO t VALUES (1)")
        done = self.backup("restore", "grown", "--to", "copy", "--data-only")
        self.assertEnded(done, 2, "refused", '"public.t" in "copy" has rows already')
        self.assertEqual(CLUSTER.sql("SELECT a FROM t", "copy"), "1")

    def test_data_only_never_sets_a_sequence_back_that_no_table_owns(self):
        for kind, ahead in (("CREATE SEQUENCE s START 48", "setval('s', 50)"),
                            ("CREATE SEQUENCE s START 48", "setval('s', 48)"),
                            ("CREATE SEQUENCE s INCREMENT -1 START -48", "setval('s', -50)")):
            with self.subTest(kind=kind, ahead=ahead):
                CLUSTER.create("bills", kind)
                CLUSTER.create("copy", f"{kind}; SELECT {ahead}")
                self.backup.must("run", PG_DATABASES="bills")
                before = CLUSTER.contents("copy")
                restore = ("restore", "bills", "--to", "copy", "--data-only")
                self.assertEnded(self.backup(*restore), 2, "refused",
                                 'the sequence "public.s" in "copy" .* further')
                self.assertEqual(CLUSTER.contents("copy"), before)
                CLUSTER.sql("ALTER SEQUENCE s RESTART", "copy")
                self.backup.must(*restore)
                CLUSTER.drop("bills", "copy")

    def test_schema_only_does_not_empty_tables_by_replacing_them(self):
        self.backup.must("run")
        self.must_restore()
        before = CLUSTER.contents("copy")
        done = self.restore("--schema-only", "--force", "--clean")
        self.assertEnded(done, 2, "usage", "--schema-only --clean would empty")
        self.assertEqual(CLUSTER.contents("copy"), before)

    def test_data_only_of_a_table_asks_for_the_rows_of_that_table_alone(self):
        self.backup.must("run")
        self.must_restore()
        CLUSTER.sql("TRUNCATE shop.orders", "copy")
        self.must_restore("--data-only", "--table", "shop.orders")
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("shop"))

    def test_data_only_adds_rows_when_it_is_forced(self):
        self.backup.must("run")
        self.must_restore()
        CLUSTER.sql("UPDATE shop.events SET at = at + 1", "copy")
        self.must_restore("--data-only", "--table", "shop.events", "--force")
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.events", "copy"), "4")

    def test_a_superusers_rows_fire_no_trigger_and_change_none(self):
        self.backup.must("run")
        self.must_restore("--schema-only")
        CLUSTER.sql("CREATE TRIGGER off AFTER INSERT ON shop.orders FOR EACH ROW EXECUTE FUNCTION"
                    " shop.stamp(); ALTER TABLE shop.orders DISABLE TRIGGER off", "copy")
        done = self.must_restore("--data-only")
        self.assertIn("no trigger fires", done.said)
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.audit", "copy"), "0")
        self.assertEqual(CLUSTER.sql("SELECT tgname, tgenabled FROM pg_trigger WHERE NOT"
                                     " tgisinternal ORDER BY 1", "copy"), "off|D\nstamp|O")

    def test_a_service_whose_options_would_hide_ours_is_refused(self):
        self.backup.must("run")
        self.must_restore("--schema-only")
        services = self.write("services", f"[shop]\nhost={CLUSTER.host}\noptions=-c work_mem=8MB\n")
        done = self.restore("--data-only", PG_SERVICE="shop", PGSERVICEFILE=services)
        self.assertEnded(done, 78, "settings", 'service .* "options"')
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.audit", "copy"), "0")
        self.must_restore("--data-only", PGOPTIONS="-c work_mem=8MB")
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM shop.audit", "copy"), "0")

    def test_anybody_elses_rows_fire_triggers_and_it_is_said(self):
        CLUSTER.create("fired", "SET ROLE plain; CREATE TABLE log (a int); CREATE TABLE t (a int);"
                       "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS"
                       " $$ BEGIN INSERT INTO public.log VALUES (1); RETURN NEW; END $$;"
                       "INSERT INTO t VALUES (1);"
                       "CREATE TRIGGER x AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION f()",
                       owner="plain")
        self.addCleanup(CLUSTER.drop, "fired")
        self.backup.must("run", PG_DATABASES="fired")
        self.backup.must("restore", "fired", "--to", "copy", "--schema-only", PG_USER="plain")
        done = self.backup.must("restore", "fired", "--to", "copy", "--data-only", PG_USER="plain")
        self.assertIn("triggers fire for the rows", done.said)
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM log", "copy"), "1")

    def test_data_only_wants_a_database(self):
        self.backup.must("run")
        self.assertEnded(self.restore("--data-only"), 2, "usage", "makes no tables")
        self.assertNotIn("copy", CLUSTER.databases())


class Jobs(OptionTestCase):
    def test_an_archive_is_restored_over_several_connections(self):
        for form in ("custom", "directory"):
            with self.subTest(form=form):
                self.backup.must("run", BACKUP_FORMAT=form)
                self.must_restore("--jobs", "3")
                self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("shop"))
                self.assertEqual(CLUSTER.schema("copy"), CLUSTER.schema("shop"))
                CLUSTER.drop("copy")

    def test_an_existing_database_takes_one(self):
        self.backup.must("run")
        CLUSTER.create("copy", options="TEMPLATE template0")
        self.assertEnded(self.restore("--jobs", "2"), 2, "usage", "one transaction")
        self.must_restore("--jobs", "1")

    def test_jobs_are_a_number(self):
        self.backup.must("run")
        for jobs in ("0", "65", "two", "2x", "-1", ""):
            with self.subTest(jobs=jobs):
                self.assertEnded(self.restore(f"--jobs={jobs}"), 2, "usage", "from 1 to 64")


class Elsewhere(OptionTestCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        OTHER.start()
        OTHER.sql("CREATE ROLE reader; CREATE ROLE arriving LOGIN SUPERUSER PASSWORD 'arriving'")

    def setUp(self):
        super().setUp()
        self.addCleanup(OTHER.drop, "copy")
        self.backup.must("run")

    def target(self, **settings):
        lines = {"PG_HOST": "127.0.0.1", "PG_PORT": OTHER.port, "PG_USER": "arriving",
                 "PG_PASSWORD_FILE": self.write("target.password", "arriving\n"),
                 "PG_BINDIR": OTHER.bindir, **settings}
        return self.write("target.conf", "".join(f"{key}={value}\n" for key, value in lines.items()
                                                 if value is not None))

    def test_the_file_alone_says_where_whatever_the_environment_says(self):
        self.write("pg_password", "somebody else's")
        done = self.must_restore("--into", self.target(), PGHOST="/nowhere", PGOPTIONS="-c x=y",
                                 CREDENTIALS_DIRECTORY=self.tmp)
        self.assertEqual(OTHER.contents("copy"), CLUSTER.contents("shop"))
        self.assertNotIn("copy", CLUSTER.databases())
        self.assertIn(f"--port='{OTHER.port}' --username='arriving' --dbname='copy'", done.said)

    def test_an_instances_whole_file_will_do(self):
        self.must_restore("--into", self.target(BACKUP_KEEP_DAYS="3", PG_DATABASES="other"))
        self.assertEqual(OTHER.contents("copy"), CLUSTER.contents("shop"))

    def test_what_is_wrong_in_the_file_is_told_by_its_line(self):
        done = self.restore("--into", self.target(PG_HOTS="x"))
        self.assertEnded(done, 78, "settings", r'target.conf:\d+: unknown setting "PG_HOTS"')

    def test_a_file_that_does_not_say_where_is_refused(self):
        for host in (None, ""):
            with self.subTest(host=host):
                done = self.restore("--into", self.target(PG_HOST=host))
                self.assertEnded(done, 78, "settings", "target.conf\" does not say where the server is")

    def test_the_closing_line_says_on_which_server(self):
        done = self.must_restore("--into", self.target())
        self.assertRegex(done.said, f'into the new database "copy" on 127.0.0.1:{OTHER.port}')

    def test_an_instance_is_named_without_a_slash(self):
        self.assertEnded(self.restore("--into", "nowhere"), 78, "settings",
                         "/etc/pg-backup/nowhere.conf")

    def test_no_database_is_ever_guessed(self):
        done = self.backup("restore", "shop", "--into", self.target())
        self.assertEnded(done, 2, "usage", "--into SERVER takes --to DATABASE")


class Globals(OptionTestCase):
    """Into a server that has never heard of the roles."""

    def setUp(self):
        super().setUp()
        self.other = pgtest.Cluster().start()
        self.addCleanup(self.other.stop, "immediate")
        self.target = self.write("other.conf", f"PG_HOST={self.other.host}\nPG_PORT={self.other.port}\n"
                                 f"PG_USER=postgres\nPG_BINDIR={self.other.bindir}\n")

    def test_roles_come_first_and_those_that_are_there_stay_as_they_are(self):
        self.backup.must("run")
        self.other.sql("CREATE ROLE plain NOLOGIN CONNECTION LIMIT 7;"
                       "ALTER ROLE postgres PASSWORD 'its own'")
        before = self.other.sql("SELECT * FROM pg_authid WHERE rolname IN ('plain', 'postgres')")
        failed = self.restore("--into", self.target)
        self.assertEnded(failed, 1, "restore", 'role "reader" does not exist')
        self.assertIn("--globals", failed.said)

        done = self.must_restore("--into", self.target, "--globals")
        self.assertEqual(self.other.contents("copy"), CLUSTER.contents("shop"))
        self.assertIn(f"the roles and tablespaces of {self.backup.globals().stem}", done.said)
        self.assertRegex(done.said, 'left as they are: .*"plain"')
        self.assertEqual(
            self.other.sql("SELECT * FROM pg_authid WHERE rolname IN ('plain', 'postgres')"), before)

    def test_roles_have_their_passwords(self):
        self.backup.must("run")
        self.must_restore("--into", self.target, "--globals")
        hashes = "SELECT rolpassword FROM pg_authid WHERE rolname = 'plain'"
        self.assertEqual(self.other.sql(hashes), CLUSTER.sql(hashes))

    def test_the_nearest_globals_before_the_backup_are_taken_and_named(self):
        self.backup.at("-3d", "run", PG_DATABASES="postgres")
        self.backup.at("-1d", "run", PG_DATABASES="shop", BACKUP_GLOBALS="no")
        self.backup.must("run", PG_DATABASES="postgres")
        oldest = min(b.stem for b in self.backup.backups() if b.manifest["kind"] == "globals")
        done = self.must_restore("--into", self.target, "--globals")
        self.assertIn(f"{oldest}, which is of another run", done.said)

    def test_without_globals_it_is_refused_before_anything_is_touched(self):
        self.backup.must("run", BACKUP_GLOBALS="no")
        done = self.restore("--into", self.target, "--globals")
        self.assertEnded(done, 2, "not-found", "no good backup of the globals")
        self.assertNotIn("copy", self.other.databases())

    def test_a_line_that_psql_would_obey_does_nothing(self):
        CLUSTER.sql('CREATE ROLE "hostile\n\\! touch ' + self.tmp + '/obeyed"')
        self.addCleanup(CLUSTER.sql, 'DROP ROLE "hostile\n\\! touch ' + self.tmp + '/obeyed"')
        self.backup.must("run")
        self.must_restore("--into", self.target, "--globals")
        self.assertEqual(self.other.sql("SELECT count(*) FROM pg_roles WHERE rolname ~ 'hostile'"),
                         "1")
        self.assertFalse(os.path.exists(self.tmp + "/obeyed"))

    def test_what_is_there_is_given_nothing_back(self):
        place = '"of, ON ROLE x"'
        self.other.sql("CREATE ROLE plain; ALTER ROLE postgres SET allow_in_place_tablespaces = on")
        self.other.sql(f"CREATE TABLESPACE {place} LOCATION ''")
        self.globals_of(
            "CREATE ROLE plain;", "CREATE ROLE reader;",
            "SECURITY LABEL FOR selinux ON ROLE plain IS 'theirs';",
            f"CREATE TABLESPACE {place} OWNER plain LOCATION '/nowhere';",
            f"ALTER TABLESPACE {place} SET (random_page_cost=1);",
            f"COMMENT ON TABLESPACE {place} IS 'theirs';",
            f"SECURITY LABEL FOR selinux ON TABLESPACE {place} IS 'theirs';",
            f"REVOKE ALL ON TABLESPACE {place} FROM postgres;",
            f"GRANT ALL ON TABLESPACE {place} TO reader;",
            "GRANT SET ON PARAMETER work_mem TO plain;",
            "GRANT ALTER SYSTEM ON PARAMETER work_mem TO reader;")
        done = self.must_restore("--into", self.target, "--globals")
        self.assertEqual(
            self.other.sql("SELECT spcoptions, spcacl, shobj_description(oid, 'pg_tablespace')"
                           " FROM pg_tablespace WHERE spcname ~ 'ROLE'"), "||")
        self.assertEqual(self.other.sql("SELECT paracl FROM pg_parameter_acl"),
                         "{postgres=sA/postgres,reader=A/postgres}")
        self.assertNotIn("selinux", done.said)
        self.assertIn(f"tablespaces that are there already were left as they are: {place}",
                      done.said)

    def globals_of(self, *lines):
        """A backup whose globals are of a server that writes what it likes."""
        self.backup.must("run")
        backup = self.backup.globals()
        raw = "\n".join(lines).encode("latin-1") + b"\n"
        stored = gzip.compress(raw)
        with open(backup.data, "wb") as f:
            f.write(stored)
        backup.rewrite(stored_sha256=hashlib.sha256(stored).hexdigest(), stored_bytes=len(stored),
                       raw_sha256=hashlib.sha256(raw).hexdigest(), raw_bytes=len(raw))

    def hostile_restore(self, *lines):
        self.globals_of("CREATE ROLE reader;", *lines)
        done = self.restore("--into", self.target, "--globals")
        self.assertEqual(self.other.sql("SELECT 'reader'::regrole, to_regclass('obeyed')"),
                         "reader|", done)
        return done

    def test_a_literal_that_ends_elsewhere_for_the_server_hides_no_statement(self):
        self.hostile_restore("SET standard_conforming_strings = off;",
                             r"ALTER ROLE reader SET a.b TO '\''; CREATE TABLE public.obeyed (); --';")

    def test_a_comment_that_ends_earlier_for_the_server_hides_no_statement(self):
        self.hostile_restore("CREATE ROLE x --\r; CREATE TABLE public.obeyed ();\n;")

    def test_a_server_that_reads_strings_in_another_way_is_told_to_read_them_as_we_do(self):
        self.other.sql("ALTER ROLE postgres SET standard_conforming_strings = off")
        self.hostile_restore(
            r"ALTER ROLE reader SET a.b TO '\''; CREATE TABLE public.obeyed (); --';")

    def test_the_encoding_of_the_globals_is_not_that_of_the_names_behind_them(self):
        self.globals_of("CREATE ROLE reader;", "SET client_encoding = 'LATIN1';")
        done = self.backup("restore", "shop", "--to", "müller", "--into", self.target, "--globals")
        self.assertEqual(done.code, 0, done)
        self.assertEqual(self.other.databases(), {"müller"})

    def test_an_encoding_that_no_server_has_is_damage(self):
        done = self.hostile_restore(
            "SET client_encoding = 'SJIS';",
            "ALTER ROLE reader SET a.b TO E'\x83\\'; CREATE TABLE public.obeyed (); --';")
        self.assertEnded(done, 4, "damaged",
                         "not a setting of globals: SET client_encoding = 'SJIS'")

    def test_a_setting_in_another_form_is_damage(self):
        done = self.hostile_restore("SET standard_conforming_strings = 0;")
        self.assertEnded(done, 4, "damaged", "not a setting of globals")


class Proven(OptionTestCase):
    def test_a_restored_database_is_proven_equal_in_every_format(self):
        for form in ("custom", "directory", "plain"):
            with self.subTest(form=form):
                self.backup.must("run", BACKUP_FORMAT=form)
                manifest = self.backup.backup("shop").manifest
                done = self.must_restore("--prove")
                self.assertEqual(done.stdout, f"proven: {manifest['tables']} tables, "
                                              f"{manifest['rows']} rows equal\n")
                CLUSTER.drop("copy")

    def test_what_differs_is_named(self):
        self.backup.must("run")
        CLUSTER.create("copy", """CREATE FUNCTION meddle() RETURNS event_trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF to_regclass('shop.orders_kind') IS NOT NULL THEN
                    DELETE FROM shop.events_2025;
                END IF;
            END $$;
            CREATE EVENT TRIGGER meddle ON ddl_command_end WHEN TAG IN ('CREATE INDEX')
                EXECUTE FUNCTION meddle()""", "TEMPLATE template0")
        done = self.restore("--force", "--prove")
        self.assertIn("differs: table shop.events_2025: 1 row became 0\n", done.stdout)
        self.assertIn("differs: definition of EVENT TRIGGER meddle", done.stdout)
        self.assertNotIn("proven: ", done.stdout)
        self.assertEnded(done, 4, "not-proven", '"copy" is restored, but not proven')

    def test_what_cannot_be_compared_is_no_proof(self):
        self.backup.must("run")
        self.backup.backup("shop").rewrite(server_version="14.3")
        CLUSTER.create("copy", "COMMENT ON SCHEMA public IS 'worded otherwise'",
                       "TEMPLATE template0")
        done = self.restore("--force", "--prove")
        self.assertEnded(done, 5, "could-not-verify", "the definitions were not compared")
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("shop"))

    def test_settings_of_the_original_that_change_a_dumps_text_do_not_count(self):
        CLUSTER.create("texts", "CREATE TABLE t AS SELECT 'x'::bytea AS a, 5::money AS b;"
                       "ALTER DATABASE texts SET bytea_output = 'escape'")
        self.addCleanup(CLUSTER.drop, "texts")
        self.backup.must("run", PG_DATABASES="texts")
        done = self.backup.must("restore", "texts", "--to", "copy", "--prove")
        self.assertEqual(done.stdout, "proven: 1 table, 1 row equal\n")

    def test_a_part_is_not_proven(self):
        self.backup.must("run")
        for option in (["--schema-only"], ["--data-only"], ["--table", "x"]):
            with self.subTest(option=option):
                self.assertEnded(self.restore("--prove", *option), 2, "usage", "not for a part")


class Afterwards(OptionTestCase):
    """What a restore tells somebody to do."""

    def test_the_command_that_it_names_makes_the_statistics(self):
        self.backup.must("run")
        said = self.must_restore().said
        command = re.search("vacuumdb .*", said)[0]
        self.assertRegex(command, "--analyze-in-stages .*--dbname='copy'")
        tool, *arguments = shlex.split(command)
        CLUSTER.tool(tool, *arguments)
        statistics = "SELECT count(*) FROM pg_stats WHERE schemaname = 'shop'"
        self.assertNotEqual(CLUSTER.sql(statistics, "copy"), "0")

    def test_subscriptions_and_extensions_are_told_of(self):
        CLUSTER.create("subscribed", "CREATE EXTENSION pgcrypto; CREATE SUBSCRIPTION news CONNECTION"
                       " 'dbname=x' PUBLICATION p WITH (connect = false, slot_name = NONE)")
        self.addCleanup(CLUSTER.sql, "DROP SUBSCRIPTION news", "subscribed")
        self.backup.must("run", PG_DATABASES="subscribed")
        self.addCleanup(CLUSTER.sql, "ALTER SUBSCRIPTION news SET (slot_name = NONE);"
                                     "DROP SUBSCRIPTION news", "copy")
        said = self.backup.must("restore", "subscribed", "--to", "copy").said
        self.assertRegex(said, "1 subscription was restored disabled: ALTER SUBSCRIPTION")
        self.assertRegex(said, r"the versions of this server.*: pgcrypto \d")

    def test_sequences_and_views_that_a_half_leaves_behind_are_told_of(self):
        CLUSTER.create("begun", "CREATE TABLE t AS SELECT 1 AS a; CREATE SEQUENCE s;"
                       "SELECT nextval('s'); CREATE MATERIALIZED VIEW m AS TABLE t")
        self.addCleanup(CLUSTER.drop, "begun")
        self.backup.must("run", PG_DATABASES="begun")
        said = self.backup.must("restore", "begun", "--to", "copy", "--schema-only").said
        self.assertIn("1 sequence stands at its beginning: --data-only brings its value", said)
        self.assertIn("1 materialized view needs a REFRESH when there are rows", said)
        said = self.backup.must("restore", "begun", "--to", "copy", "--data-only").said
        self.assertNotIn("sequence", said)
        self.assertIn("1 materialized view needs a REFRESH", said)
        self.assertEqual(CLUSTER.sql("REFRESH MATERIALIZED VIEW m; TABLE m", "copy"), "1")
        CLUSTER.drop("copy")
        said = self.backup.must("restore", "begun", "--to", "copy").said
        self.assertNotRegex(said, "sequence|materialized view")

    def test_definitions_alone_need_no_statistics(self):
        self.backup.must("run")
        self.assertNotIn("ANALYZE", self.must_restore("--schema-only").said)


class Interrupted(OptionTestCase):
    def killed(self):
        """Kills a restore in mid-way; the database that it was filling."""
        CLUSTER.create("slow", "CREATE TABLE t AS SELECT 1 AS i;"
                       "CREATE FUNCTION slow(i int) RETURNS int IMMUTABLE LANGUAGE sql AS $$ SELECT i"
                       " FROM pg_sleep(CASE current_database() WHEN 'slow' THEN 0 ELSE 60 END) $$;"
                       "CREATE INDEX ON t (slow(i))")
        self.addCleanup(CLUSTER.drop, "slow")
        self.backup.must("run", PG_DATABASES="slow")
        running = self.backup.start("restore", "slow", "--to", "copy")
        working = "FROM pg_stat_activity WHERE datname LIKE 'copy%' AND wait_event = 'PgSleep'"
        name = pgtest.wait_until(lambda: CLUSTER.sql("SELECT datname " + working), "it is at work")
        running.send(signal.SIGKILL)
        running.wait()
        CLUSTER.sql("SELECT pg_terminate_backend(pid) " + working)
        CLUSTER.wait_for_no_session(f"datname = '{name}'")
        return name

    def test_a_killed_restore_leaves_nothing_of_the_final_name_and_the_next_tells_what(self):
        name = self.killed()
        self.assertEqual(self.unfinished(), [name])
        self.assertNotIn("copy", CLUSTER.databases())
        self.backup.must("run")
        done = self.must_restore()
        self.assertEqual(CLUSTER.contents("copy"), CLUSTER.contents("shop"))
        CLUSTER.sql(re.search('to remove it: (DROP DATABASE ".*")', done.said)[1])
        self.assertEqual(self.unfinished(), [])
        CLUSTER.drop("copy")
        self.assertNotIn("to remove it", self.must_restore().said)

    def test_what_it_says_to_type_is_quoted_whatever_the_name(self):
        CLUSTER.sql('CREATE DATABASE "co""py_restoring_0123abcd"')
        self.backup.must("run")
        said = self.backup.must("restore", "shop", "--to", 'co"py').said
        self.addCleanup(CLUSTER.sql, 'DROP DATABASE "co""py"')
        self.assertIn("which may be incomplete", said)
        CLUSTER.sql(re.search('to remove it: (DROP DATABASE ".*")', said)[1])
        self.assertEqual(self.unfinished(), [])

    def held(self, condition):
        """A restore that does not end before the condition is true of its server."""
        CLUSTER.create("held", f"""CREATE TABLE t AS SELECT 1 AS i;
            CREATE FUNCTION held() RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN
                WHILE current_database() <> 'held' AND NOT ({condition}) LOOP
                    PERFORM pg_sleep(0.05), pg_stat_clear_snapshot();
                END LOOP;
                RETURN true;
            END $$;
            ALTER TABLE t ADD CHECK (held())""")
        self.addCleanup(CLUSTER.drop, "held")
        self.backup.must("run", PG_DATABASES="held")
        running = self.backup.start("restore", "held", "--to", "copy")
        name, = pgtest.wait_until(self.unfinished, "the database is there")
        return running, name

    def test_somebody_who_looks_into_the_new_database_does_not_keep_its_name_from_it(self):
        running, name = self.held("EXISTS (SELECT FROM pg_stat_activity WHERE datname ="
                                  " current_database() AND application_name = 'psql')")
        visitor = CLUSTER.session(name)
        self.addCleanup(visitor.close)
        visitor.do("SELECT 1")
        self.assertEqual(running.wait().code, 0)
        self.assertEqual(CLUSTER.sql("SELECT i FROM t", "copy"), "1")

    def test_who_ends_it_while_the_name_is_waited_for_hears_that_it_was_ended(self):
        running, name = self.held("EXISTS (SELECT FROM pg_roles WHERE rolname = 'go')")
        self.addCleanup(CLUSTER.drop, name)
        visitor = CLUSTER.session(name)
        self.addCleanup(visitor.close)
        pid = int(visitor.do("SELECT pg_backend_pid()"))
        os.kill(pid, signal.SIGSTOP)  # it stays although it is asked to leave
        self.addCleanup(os.kill, pid, signal.SIGCONT)
        CLUSTER.sql("CREATE ROLE go")
        self.addCleanup(CLUSTER.sql, "DROP ROLE go")
        attempt = ("SELECT query_start FROM pg_stat_activity WHERE query LIKE 'ALTER DATABASE%RENAME%'"
                   " AND pid <> pg_backend_pid() AND state = 'active'")
        first = pgtest.wait_until(lambda: CLUSTER.sql(attempt), "the first attempt")
        pgtest.wait_until(lambda: CLUSTER.sql(attempt) not in ("", first), "the second")
        running.send(signal.SIGTERM)
        done = running.wait()
        self.assertEnded(done, 1, "cancelled", f'may still be called "{name}"')

    def test_a_name_that_was_taken_meanwhile_costs_nothing_but_the_name(self):
        running, name = self.held("EXISTS (SELECT FROM pg_database WHERE datname = 'copy')")
        self.addCleanup(CLUSTER.drop, name)
        CLUSTER.create("copy")
        done = running.wait()
        self.assertEnded(done, 2, "refused", f'complete, but is still called "{name}"')
        self.assertIn(f'ALTER DATABASE "{name}" RENAME TO "copy"', done.said)
        self.assertEqual(CLUSTER.sql("SELECT i FROM t", name), "1")
