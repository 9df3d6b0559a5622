"""Archives of PostgreSQL 15: what stock tools make of ours, and what their inventories say."""

import os
import subprocess

import archives
from measure import Measured

GROUND = archives.Ground(15)


def setUpModule():
    GROUND.start()


class StockTools(archives.StockTools):
    ground = GROUND


class Inventories(archives.Inventories):
    ground = GROUND


class Changes(archives.Changes):
    ground = GROUND


class Large(archives.ArchiveTestCase):
    """A large object of 200 MiB, a row of 300 MiB: memory does not grow with them."""

    ground = GROUND
    threads = 2
    max_peak = (64 + 4 * threads) << 20
    seconds = 900  # some 30 on a quiet machine

    @classmethod
    def setUpClass(cls):
        cls.database = GROUND.cluster.create_large("large", large_object_mib=200, row_mib=300)

    def shell(self, script, **variables):
        env = GROUND.cluster.environment(self.database)
        env.update(variables, PATH=f"{GROUND.cluster.bindir}:{env['PATH']}")
        done = subprocess.run(["sh", "-ec", script], env=env, capture_output=True, check=False,
                              timeout=600)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        return done.stdout

    def sha256_of_sql(self, archive):
        """Of the SQL that pg_restore makes of it, without noise."""
        return self.shell(r"""pg_restore -f - "$FILE" |
            LC_ALL=C sed '/^\\\(un\)\?restrict /d' | sha256sum""", FILE=archive)

    def measured(self, command, source, *options):
        target = os.path.join(self.tmp, "through")
        with open(source, "rb") as stdin, open(target, "wb") as stdout:
            done = Measured([archives.TOOL, command, f"--inventory={self.tmp}/inventory", *options],
                            stdin=stdin, stdout=stdout)
        self.assertEqual(done.code, 0)
        self.assertLessEqual(done.peak, self.max_peak)
        with open(self.tmp + "/inventory", encoding="utf-8") as f:
            return target, archives.Inventory(f.read())

    def test_they_go_through_in_bounded_memory_and_come_out_the_same(self):
        untouched, sql = self.tmp + "/untouched", self.tmp + "/sql"
        self.shell('pg_dump -Fc -Z0 | cat >"$FILE"; pg_dump -Fp >"$SQL"', FILE=untouched, SQL=sql)
        expected = self.measured("scan", untouched)[1]
        self.assertEqual(expected.tables["public", "wide"]["rows"], 4)

        ours, inventory = self.measured("transcode", untouched, "--codec=gzip:1",
                                        f"--threads={self.threads}")
        self.assertEqual(inventory.lines, expected.lines)
        os.rename(ours, ours + ".dump")
        self.assertEqual(self.sha256_of_sql(ours + ".dump"), self.sha256_of_sql(untouched))
        self.assertEqual(self.measured("observe", ours + ".dump")[1].lines, expected.lines)
        self.assertEqual(self.measured("observe-sql", sql)[1].contents, expected.contents)
