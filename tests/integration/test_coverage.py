"""Is everything that the policy names in the backup? What the catalogue has and a dump lacks is told
in the manifest where there is a reason, and fails the backup where there is none."""

import pgtest
from fake_pg_dump import FakeBindir
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()

MANY = 5000


def setUpModule():
    CLUSTER.start()
    # pg_dump locks every table.
    CLUSTER.sql("ALTER SYSTEM SET max_locks_per_transaction = 256")
    CLUSTER.stop()
    CLUSTER.launch()
    CLUSTER.sql("CREATE ROLE keeper LOGIN BYPASSRLS; GRANT pg_read_all_data TO keeper;"
                "ALTER ROLE keeper SET default_transaction_read_only = on;"
                "CREATE ROLE humble LOGIN")


class CoverageTestCase(BackupTestCase):
    """Each test makes the database appdb as it needs it."""

    def setUp(self):
        super().setUp()
        CLUSTER.drop("appdb")
        self.back_up_from(CLUSTER)

    def back_up_from(self, cluster):
        self.backup = PgBackup(self, cluster, PG_DATABASES="appdb", BACKUP_GLOBALS="no")

    def omissions(self, **settings):
        """Backs up appdb; gives what its manifest says is missing, "!" before a warning."""
        self.backup.must("run", **settings)
        manifest = self.backup.backup("appdb").manifest
        return [("!" if o["warning"] else "") + o["what"] for o in manifest["omissions"]]

    def assertNothingMissing(self, **settings):
        for output in ("custom", "plain"):
            with self.subTest(format=output):
                self.assertEqual(self.omissions(BACKUP_FORMAT=output, **settings), [])


class Contained(CoverageTestCase):
    """Nothing is said of what is in the backup."""

    def test_a_database_without_any_table(self):
        CLUSTER.create("appdb")
        self.assertNothingMissing()

    def test_every_kind_of_object(self):
        CLUSTER.create_sample("appdb")
        self.assertNothingMissing()

    def test_partitions_and_inherited_tables(self):
        CLUSTER.create("appdb", """
            CREATE TABLE p (a int, b int) PARTITION BY LIST (a);
            CREATE TABLE p1 PARTITION OF p FOR VALUES IN (1) PARTITION BY LIST (b);
            CREATE TABLE p1_1 PARTITION OF p1 DEFAULT;
            CREATE TABLE p2 PARTITION OF p DEFAULT;
            CREATE TABLE parent (a int);
            CREATE TABLE child (b int) INHERITS (parent);
            INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO child VALUES (1, 2);""")
        self.assertNothingMissing()

    def test_partitions_that_are_loaded_through_their_root(self):
        CLUSTER.create("appdb", """
            CREATE TYPE mood AS ENUM ('glad', 'sad');
            CREATE TABLE moods (mood mood) PARTITION BY HASH (mood);
            CREATE TABLE moods_0 PARTITION OF moods FOR VALUES WITH (modulus 2, remainder 0);
            CREATE TABLE moods_1 PARTITION OF moods FOR VALUES WITH (modulus 2, remainder 1);
            INSERT INTO moods VALUES ('glad'), ('sad');""")
        self.assertNothingMissing()

    def test_views_of_both_kinds(self):
        CLUSTER.create("appdb", """
            CREATE TABLE t AS SELECT 1 AS a;
            CREATE VIEW v AS SELECT * FROM t;
            CREATE MATERIALIZED VIEW filled AS SELECT * FROM t;
            CREATE MATERIALIZED VIEW not_filled AS SELECT * FROM t WITH NO DATA;""")
        self.assertNothingMissing()

    def test_sequences_of_each_origin(self):
        CLUSTER.create("appdb", """
            CREATE TABLE t (a int GENERATED ALWAYS AS IDENTITY, b serial, c int);
            CREATE SEQUENCE alone; SELECT nextval('alone');""")
        self.assertNothingMissing()

    def test_unlogged_tables_of_a_primary(self):
        CLUSTER.create("appdb", "CREATE UNLOGGED TABLE u AS SELECT 1 AS a")
        self.assertNothingMissing()

    def test_temporary_tables_of_others_do_not_count(self):
        CLUSTER.create("appdb")
        session = CLUSTER.session("appdb")
        session.do("CREATE TEMPORARY TABLE t AS SELECT 1 AS a; CREATE TEMPORARY SEQUENCE s")
        self.assertNothingMissing()
        session.close()

    def test_names_that_are_hard_to_write(self):
        CLUSTER.create("appdb", """
            CREATE SCHEMA "a.b"; CREATE TABLE "a.b".c (a int);
            CREATE SCHEMA a; CREATE TABLE a."b.c" (a int);
            CREATE TABLE "new
line; Type: TABLE; Schema: x" (a int GENERATED ALWAYS AS IDENTITY);
            CREATE TABLE "--; \\. ' "" $$ é" (a int);
            CREATE TABLE zero_columns ();""")
        self.assertNothingMissing()

    def test_names_of_another_encoding(self):
        CLUSTER.create("appdb", 'CREATE TABLE "é" AS SELECT 1 AS a', "ENCODING 'LATIN1'"
                       " LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
        self.assertNothingMissing()

    def test_the_environment_does_not_choose_the_encoding(self):
        CLUSTER.create("appdb", 'CREATE TABLE "é" AS SELECT 1 AS a')
        self.assertNothingMissing(PGCLIENTENCODING="LATIN1")

    def test_publications_event_triggers_and_servers(self):
        CLUSTER.create("appdb", """
            CREATE TABLE t (a int); CREATE PUBLICATION everything FOR ALL TABLES;
            CREATE FUNCTION f() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
            CREATE EVENT TRIGGER watcher ON ddl_command_start EXECUTE FUNCTION f();
            CREATE FOREIGN DATA WRAPPER w; CREATE SERVER films FOREIGN DATA WRAPPER w;""")
        self.assertNothingMissing()

    def test_a_table_that_is_created_after_the_snapshot_is_no_matter(self):
        CLUSTER.create("appdb", "CREATE TABLE t (a int)")
        fake = FakeBindir(self, CLUSTER, "warns")
        psql = f"{CLUSTER.bindir}/psql -X -q -h {CLUSTER.host} -p {CLUSTER.port} -U postgres"
        fake.replace("pg_dump", f"""
            [ "$1" = --version ] || {psql} -d appdb -c 'CREATE TABLE late (a int)' || exit
            exec {CLUSTER.bindir}/pg_dump "$@" """)
        self.assertEqual(self.omissions(PG_BINDIR=fake.path), [])
        self.assertEqual(CLUSTER.sql("SELECT count(*) FROM late", "appdb"), "0")


class Many(CoverageTestCase):
    seconds = 180

    def test_thousands_of_tables(self):
        CLUSTER.create("appdb", f"""DO $$ BEGIN FOR i IN 1..{MANY} LOOP
            EXECUTE format('CREATE TABLE t%s (a int)', i); END LOOP; END $$""")
        self.assertEqual(self.omissions(timeout=120), [])
        self.assertEqual(self.backup.backup("appdb").manifest["tables"], MANY)


class Registered(CoverageTestCase):
    """Of an extension's own tables, pg_dump takes those that it has registered."""

    def setUp(self):
        super().setUp()
        # As a script of the extension would do by pg_extension_config_dump().
        CLUSTER.create("appdb", """
            CREATE EXTENSION tablefunc;
            CREATE TABLE config AS SELECT i AS a FROM generate_series(1, 10) i;
            CREATE TABLE fixed AS SELECT 1 AS a;
            ALTER EXTENSION tablefunc ADD TABLE config;
            ALTER EXTENSION tablefunc ADD TABLE fixed;
            UPDATE pg_extension SET extconfig = ARRAY['config'::regclass::oid],
                extcondition = ARRAY['WHERE a > 7'] WHERE extname = 'tablefunc';""")

    def test_configuration_is_in_the_backup_by_its_condition(self):
        self.omissions()
        self.assertEqual(self.backup.backup("appdb").manifest["rows"], 3)

    def test_a_table_that_is_not_registered_is_noted(self):
        self.assertEqual(self.omissions(),
                         ['the contents of an extension\'s own table "public.fixed"'])
        self.assertEqual(self.entry(self.backup, "appdb")["warnings"], 0)

    def test_the_identity_sequence_of_an_extensions_table_goes_where_the_table_goes(self):
        for table in ("config", "fixed"):
            CLUSTER.sql(f"ALTER TABLE {table} ADD id int GENERATED ALWAYS AS IDENTITY", "appdb")
        self.assertEqual(self.omissions(),
                         ["the contents of an extension's own sequence \"public.config_id_seq\","
                          ' table "public.fixed", sequence "public.fixed_id_seq"'])


class NotContained(CoverageTestCase):
    """What no dump by the role can hold is told, and the backup is made."""

    def create_subscription(self):
        CLUSTER.create("appdb", "CREATE SUBSCRIPTION news CONNECTION 'host=nowhere password=s'"
                                " PUBLICATION p WITH (connect = false)")
        self.addCleanup(CLUSTER.sql, "ALTER SUBSCRIPTION news SET (slot_name = NONE);"
                                     "DROP SUBSCRIPTION news", "appdb")

    def test_a_superuser_dumps_subscriptions(self):
        self.create_subscription()
        self.assertNothingMissing()

    def test_subscriptions_are_missing_where_the_role_is_no_superuser(self):
        self.create_subscription()
        for role in ("keeper", "humble"):
            with self.subTest(role=role):
                self.assertEqual(self.omissions(PG_USER=role), ['!subscription "news"'])

    def test_a_catalogue_that_may_not_be_read_is_named(self):
        self.create_subscription()
        CLUSTER.sql("REVOKE SELECT (subname) ON pg_subscription FROM public", "appdb")
        self.assertEqual(self.omissions(PG_USER="humble"), ["!subscriptions, if there are any"])

    def create_mappings(self):
        CLUSTER.create("appdb", """
            CREATE FOREIGN DATA WRAPPER w; CREATE SERVER films FOREIGN DATA WRAPPER w;
            CREATE USER MAPPING FOR keeper SERVER films OPTIONS (password 's');
            CREATE USER MAPPING FOR humble SERVER films;""")

    def test_a_superuser_dumps_the_options_of_user_mappings(self):
        self.create_mappings()
        self.assertNothingMissing()

    def test_options_of_user_mappings_are_missing_where_the_role_is_no_superuser(self):
        self.create_mappings()
        self.assertEqual(self.omissions(PG_USER="keeper"),
                         ['!the options of user mapping "keeper on films"'])

    def test_whether_a_mapping_has_options_may_be_hidden_too(self):
        self.create_mappings()
        self.assertEqual(self.omissions(PG_USER="humble"),
                         ['!the options, if there are any, of user mapping "humble on films",'
                          ' user mapping "keeper on films"'])

    def test_the_rows_of_foreign_tables_are_noted(self):
        CLUSTER.create("appdb", """
            CREATE FOREIGN DATA WRAPPER w; CREATE SERVER films FOREIGN DATA WRAPPER w;
            CREATE FOREIGN TABLE movies (a int) SERVER films;""")
        done = self.backup.must("run")
        self.assertIn("public.movies", done.stderr)
        self.assertEqual(self.omissions(), ['the rows of foreign table "public.movies"'])

    def test_a_table_in_a_system_schema_is_told(self):
        CLUSTER.create("appdb", "CREATE TABLE information_schema.mine (a int)")
        self.assertEqual(self.omissions(), ['!the whole of table "information_schema.mine"'])


class Hole(CoverageTestCase):
    """What nothing explains is no backup."""

    def setUp(self):
        super().setUp()
        CLUSTER.create("appdb", """
            CREATE TABLE kept AS SELECT 1 AS a;
            CREATE TABLE forgotten (a serial); INSERT INTO forgotten VALUES (1);
            CREATE VIEW v AS SELECT 1 AS a;
            SELECT lo_from_bytea(0, 'large'); CREATE PUBLICATION p FOR TABLE kept;""")

    def run_with(self, *options, **settings):
        """A pg_dump that is told to leave something out."""
        fake = FakeBindir(self, CLUSTER, "warns")
        fake.replace("pg_dump", f'exec {CLUSTER.bindir}/pg_dump "$@" {" ".join(options)}')
        return self.backup("run", PG_BINDIR=fake.path, **settings)

    def assertHole(self, done, says):
        self.assertDatabaseFailed(self.backup, done, "appdb", "dump-incomplete", says)

    def test_a_table_that_is_left_out_fails_the_backup(self):
        self.assertHole(self.run_with("--exclude-table=forgotten"),
                        'the catalogue has table "public.forgotten", the dump does not')

    def test_so_it_does_in_sql_text(self):
        done = self.run_with("--exclude-table=forgotten", BACKUP_FORMAT="plain")
        self.assertHole(done, 'the catalogue has table "public.forgotten", the dump does not')

    def test_rows_that_are_left_out_fail_the_backup(self):
        self.assertHole(self.run_with("--exclude-table-data=forgotten"), 'table "public.forgotten"')

    def test_a_sequence_whose_value_is_left_out_fails_the_backup(self):
        self.assertHole(self.run_with("--exclude-table-data=forgotten_a_seq"),
                        'sequence "public.forgotten_a_seq"')

    def test_a_view_that_is_left_out_fails_the_backup(self):
        self.assertHole(self.run_with("--exclude-table=v"), 'the definition of view "public.v"')

    def test_large_objects_that_are_left_out_fail_the_backup(self):
        self.assertHole(self.run_with("--no-blobs"), "of 1 large objects in the catalogue, the dump has 0")

    def test_a_publication_that_is_left_out_fails_the_backup(self):
        self.assertHole(self.run_with("--no-publications"), 'PUBLICATION "p"')


class OnAStandby(CoverageTestCase):
    def test_unlogged_tables_have_no_contents(self):
        CLUSTER.create("appdb", "CREATE UNLOGGED TABLE counters AS SELECT 1 AS a;"
                                "CREATE TABLE orders AS SELECT 1 AS a")
        standby = pgtest.Standby(CLUSTER).start()
        self.addCleanup(standby.stop, "immediate")
        self.back_up_from(standby)
        self.assertEqual(self.omissions(),
                         ['!the contents of unlogged table "public.counters"'])
        self.assertEqual(self.entry(self.backup, "appdb")["warnings"], 1)
