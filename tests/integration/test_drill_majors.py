"""The awkward database, with all that a dump has to carry, is proven on each major."""

import pgtest
from drills import DrillTestCase


class Major:
    major = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = pgtest.Cluster(major=cls.major)
        cls.cluster.start()
        cls.cluster.create_awkward("awkward")

    @classmethod
    def tearDownClass(cls):
        cls.cluster.stop()
        super().tearDownClass()

    def assertProven(self, form):
        backup = self.installation(self.cluster, "awkward", BACKUP_FORMAT=form)
        backup.must("run")
        proof = self.drill(backup, 0)
        self.assertEqual(proof["result"], "proven", proof)
        self.assertEqual(int(proof["server_version"].split(".")[0]), self.major)

    def test_an_archive_is_proven(self):
        self.assertProven("custom")

    def test_text_is_proven(self):
        self.assertProven("plain")


class Major15(Major, DrillTestCase):
    major = 15


class Major17(Major, DrillTestCase):
    major = 17


class Major18(Major, DrillTestCase):
    major = 18
