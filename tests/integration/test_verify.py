"""Verifying: whatever was done to a stored backup is found, and what cannot be judged is not good.
"""

import hashlib
import json
import os
import shutil

import pgtest
from fake_pg_dump import FakeBindir
from pgbackup import BackupTestCase, PgBackup

CLUSTER = pgtest.Cluster()


def setUpModule():
    CLUSTER.start()
    CLUSTER.create_sample("appdb")
    CLUSTER.create("other", "CREATE TABLE t AS SELECT 1 AS a")


class VerifyTestCase(BackupTestCase):
    form = "custom"

    def setUp(self):
        super().setUp()
        self.backup = PgBackup(self, CLUSTER, PG_DATABASES="appdb other",
                               BACKUP_FORMAT=self.form)

    def assertFound(self, says, *args):
        """verify says that the backup of appdb is damaged, by exit code 4 and in these words."""
        done = self.backup("verify", *args)
        self.assertEqual(done.code, 4, done)
        self.assertRegex(done.stdout + done.stderr, says)
        self.assertRegex(done.stdout + done.stderr, "appdb_[0-9TZ]+")


class Damage(VerifyTestCase):
    def setUp(self):
        super().setUp()
        self.backup.must("run")
        self.stored = self.backup.backup("appdb")

    def rewrite(self, change):
        data = bytearray(self.stored.read())
        with open(self.stored.data, "wb") as f:
            f.write(change(data))

    def flip(self, position):
        def change(data):
            data[position] ^= 0x10
            return data
        self.rewrite(change)

    def test_an_intact_backup_verifies(self):
        done = self.backup.must("verify", "--all")
        for backup in self.backup.backups():
            self.assertIn(backup.stem, done.stdout + done.stderr)

    def test_a_flipped_bit_is_found_wherever_it_is(self):
        original = self.stored.read()
        for position in (0, 10, len(original) // 2, len(original) - 1):
            with self.subTest(position=position):
                self.flip(position)
                self.assertFound("SHA-256|digest|checksum|damaged:", "appdb")
            with open(self.stored.data, "wb") as f:
                f.write(original)
        self.backup.must("verify", "appdb")

    def test_a_truncation_is_found(self):
        self.rewrite(lambda data: data[:-1])
        self.assertFound("size|bytes", self.stored.stem)

    def test_an_older_good_backup_does_not_cover_for_the_newest(self):
        self.backup.must("run")
        self.stored = self.backup.backup("appdb")
        os.unlink(self.stored.data)
        for arguments in ((), ("appdb",)):
            with self.subTest(arguments=arguments):
                self.assertFound("missing", *arguments)

    def test_an_appended_byte_is_found(self):
        self.rewrite(lambda data: data + b"\0")
        self.assertFound("size|bytes", self.stored.stem)

    def test_an_emptied_file_is_found(self):
        self.rewrite(lambda data: b"")
        self.assertFound("size|bytes|empty", self.stored.stem)

    def test_another_backups_file_in_its_place_is_found(self):
        shutil.copy(self.backup.backup("other").data, self.stored.data)
        self.assertFound("size|bytes|SHA-256", self.stored.stem)

    def test_a_missing_file_is_found(self):
        os.unlink(self.stored.data)
        self.assertFound("missing|No such file|does not exist|gone", self.stored.stem)

    def test_an_unreadable_manifest_is_found(self):
        with open(self.stored.path, "w", encoding="ascii") as f:
            f.write('{"stem": ')
        self.assertFound("manifest|JSON", self.stored.stem)

    def test_a_manifest_that_names_a_file_elsewhere_is_not_believed(self):
        with open(self.stored.path, encoding="utf-8") as f:
            text = f.read()
        name = os.path.basename(self.stored.data)
        elsewhere = f"../other/{os.path.basename(self.backup.backup('other').data)}"
        with open(self.stored.path, "w", encoding="utf-8") as f:
            f.write(text.replace(f'"{name}"', f'"{elsewhere}"'))
        self.assertFound("manifest|file", self.stored.stem)

    def test_one_damaged_backup_does_not_keep_the_others_from_being_verified(self):
        self.flip(100)
        done = self.backup("verify", "--all")
        self.assertEqual(done.code, 4)
        self.assertIn(self.backup.backup("other").stem, done.stdout + done.stderr)

    def test_the_default_covers_the_newest_of_every_database(self):
        self.flip(100)
        self.assertFound("SHA-256|digest|checksum|damaged:")

    def test_a_damaged_backup_is_listed_as_such(self):
        self.rewrite(lambda data: data[:-1])
        listed = self.backup("list", "--json", "appdb").json["backups"]
        self.assertEqual([b["good"] for b in listed], [False])
        self.assertTrue(listed[0]["problem"])

    def test_verifying_changes_nothing(self):
        def state():
            found = {}
            for directory, _, files in os.walk(self.backup.backup_dir):
                for name in files:
                    status = os.lstat(os.path.join(directory, name))
                    found[name] = (status.st_ino, status.st_mtime_ns, status.st_size)
            return found
        before = state()
        self.backup.must("verify", "--all")
        self.assertEqual(state(), before)


class PlainDamage(Damage):
    form = "plain"


class MatchingDigest(VerifyTestCase):
    """Damage that the digest cannot show, because it was there when the digest was taken."""

    def setUp(self):
        super().setUp()
        self.backup.must("run")
        self.stored = self.backup.backup("appdb")

    def forge_data(self, change):
        """Makes manifest and checksums agree with a data file that is no dump any more."""
        data = change(self.stored.read())
        with open(self.stored.data, "wb") as f:
            f.write(data)
        self.stored.rewrite(stored_bytes=len(data), stored_sha256=self.stored.sha256())

    def test_an_archive_that_does_not_decode_is_found_though_its_digest_is_right(self):
        self.forge_data(lambda data: data[:len(data) * 3 // 4])
        self.assertFound("pg_restore|decode|read", "appdb")

    def test_contents_that_are_not_those_of_the_inventory_are_found(self):
        with open(self.stored.inventory, encoding="utf-8") as f:
            text = f.read()
        tables = [entry for entry in map(json.loads, text.splitlines()) if entry.get("rows")]
        digest = tables[-1]["digest"]
        text = text.replace(digest, digest[::-1])
        with open(self.stored.inventory, "w", encoding="utf-8") as f:
            f.write(text)
        digest = hashlib.sha256(text.encode()).hexdigest()
        self.stored.rewrite(inventory_sha256=digest)
        self.assertFound("differ from the inventory.*other contents", "appdb")

    def test_an_inventory_that_is_not_the_manifests_is_found(self):
        with open(self.stored.inventory, "a", encoding="utf-8") as f:
            f.write("\n")
        self.assertFound("SHA-256", "appdb")


class Undecided(VerifyTestCase):
    def test_without_client_programs_a_custom_backup_cannot_be_judged(self):
        self.backup.must("run")
        done = self.backup("verify", "appdb", PG_BINDIR=self.tmp)
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.stderr, self.tmp)

    def test_damage_outweighs_what_could_not_be_judged(self):
        self.backup.must("run")
        stored = self.backup.backup("appdb")
        with open(stored.data, "ab") as f:
            f.write(b"x")
        self.assertEqual(self.backup("verify", "--all", PG_BINDIR=self.tmp).code, 4)

    def verify_by(self, script, name="appdb"):
        """With a pg_restore that does no more than this."""
        fake = FakeBindir(self, CLUSTER, "warns")
        fake.replace("pg_restore", script)
        return self.backup("verify", name, PG_BINDIR=fake.path)

    def test_a_pg_restore_that_is_killed_says_nothing_of_damage(self):
        self.backup.must("run")
        done = self.verify_by("kill -9 $$")
        self.assertEqual(done.code, 5, done)
        self.assertRegex(done.stdout, "digest and inventory are right.*killed by signal 9")

    def test_damage_outweighs_that_pg_restore_is_too_old_for_it(self):
        CLUSTER.create("big")
        self.addCleanup(CLUSTER.drop, "big")
        CLUSTER.fill("big")
        self.backup.must("run", PG_DATABASES="big", BACKUP_COMPRESSION="none")
        with open(self.backup.backup("big").data, "r+b") as f:
            data = f.read()
            f.seek(len(data) - 1)
            f.write(bytes([data[-1] ^ 1]))
        done = self.verify_by("echo 'error: unsupported version (1.99) in file header' >&2; exit 1",
                              "big")
        self.assertEqual(done.code, 4, done)

    def test_an_empty_catalog_is_not_a_verified_one(self):
        self.assertEnded(self.backup("verify"), 5)

    def test_a_backup_that_does_not_exist_is_a_matter_of_usage(self):
        self.assertEnded(self.backup("verify", "absent"), 2, "not-found", '"absent"')

    def test_all_and_one_exclude_each_other(self):
        self.backup.must("run")
        self.assertEnded(self.backup("verify", "--all", "appdb"), 2, "usage", "--all")

    def test_verifying_needs_no_server(self):
        self.backup.must("run")
        self.backup.must("verify", "--all", PG_HOST=self.tmp)
