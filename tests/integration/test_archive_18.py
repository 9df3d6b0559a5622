"""Archives of PostgreSQL 18: what stock tools make of ours, and what their inventories say."""

import archives

GROUND = archives.Ground(18)


def setUpModule():
    GROUND.start()


class StockTools(archives.StockTools):
    ground = GROUND


class Inventories(archives.Inventories):
    ground = GROUND


class Changes(archives.Changes):
    ground = GROUND
