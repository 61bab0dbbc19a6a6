"""The fixtures of search, for the other tests of the catalogue too."""

from catalog.search.tests.conftest import cluster, each_engine, index

__all__ = ["cluster", "each_engine", "index"]
