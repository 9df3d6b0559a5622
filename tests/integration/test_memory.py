"""What a run and a verify have in memory does not depend on the size of a database, and little on
the number of its objects."""

import os
import subprocess

import pgtest
from measure import Measured
from pgbackup import BINARY, BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster(settings={"max_locks_per_transaction": 1024})

MANY = 2000
# For each table with key, index, sequence, default and comment, beside rows that fill all buffers.
# docs/PERFORMANCE.md has what it is where there are more of them; these leave room for lists that
# have just been doubled.
RUN_BYTES_PER_TABLE = 2500
VERIFY_BYTES_PER_TABLE = 2700


def setUpModule():
    CLUSTER.start()
    for database, tables in (("few", 1), ("many", MANY)):
        CLUSTER.create(database)
        CLUSTER.sql(fr"""
            SELECT format('CREATE TABLE table_number_%s (id bigserial PRIMARY KEY, name text);
                           CREATE INDEX ON table_number_%s (name);
                           COMMENT ON TABLE table_number_%s IS %L', i, i, i, 'number ' || i)
            FROM generate_series(1, {tables}) i \gexec
            CREATE TABLE rows AS
            SELECT md5(i::text) AS a, md5((-i)::text) AS b FROM generate_series(1, 300000) i""",
                    database, timeout=120)


class ManyTables(BackupTestCase):
    seconds = 180  # some 20 on a quiet machine

    def peak(self, database, *command):
        backup = PgBackup(self, CLUSTER, PG_DATABASES=database, BACKUP_GLOBALS="no",
                          BACKUP_DIR=os.path.join(self.tmp, database))
        os.makedirs(backup.settings["BACKUP_DIR"], exist_ok=True)
        done = Measured([BINARY, *command], env=backup.environment(), stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL)
        self.assertEqual(done.code, 0)
        return done.peak

    def test_a_table_takes_no_more_than_its_names_and_digests(self):
        for command, limit in (("run", RUN_BYTES_PER_TABLE), ("verify", VERIFY_BYTES_PER_TABLE)):
            with self.subTest(command):
                grown = self.peak("many", command) - self.peak("few", command)
                self.assertLess(grown / MANY, limit)
