"""A server before 15, and before what came with 14: pg_amcheck, multiranges."""

import pgtest
from drills import DrillTestCase

CLUSTER = pgtest.Cluster(major=13)


def setUpModule():
    CLUSTER.start()
    CLUSTER.create_awkward("awkward")


class Old(DrillTestCase):
    def assertOutcomes(self, proof, fixed_point, amcheck):
        """Of all levels, in their order."""
        self.assertEqual(list(self.outcomes(proof).values()),
                         4 * ["passed"] + [fixed_point, amcheck] + 2 * ["not-asked-for"], proof)

    def assertProven(self, form):
        backup = self.installation(CLUSTER, "awkward", BACKUP_FORMAT=form)
        backup.must("run")
        proof = self.drill(backup, 0)
        self.assertEqual(proof["result"], "proven", proof)
        self.assertOutcomes(proof, fixed_point="passed", amcheck="not-asked-for")
        self.assertRegex(proof["server_version"], r"^13\.")
        self.assertRegex(self.why(proof, "amcheck"), "13 has no pg_amcheck")

    def test_an_archive_is_proven_with_its_tablespaces(self):
        self.assertProven("custom")

    def test_text_is_proven(self):
        self.assertProven("plain")

    def test_a_newer_client_restores_it_and_cannot_compare_definitions(self):
        backup = self.installation(CLUSTER, "awkward", PG_BINDIR=pgtest.bindir_of(15))
        backup.must("run")
        proof = self.drill(backup, 5)
        self.assertOutcomes(proof, fixed_point="could-not-verify", amcheck="passed")
        self.assertRegex(self.why(proof, "fixed-point"), "definitions were not compared")
        self.assertRegex(proof["server_version"], r"^15\.")
