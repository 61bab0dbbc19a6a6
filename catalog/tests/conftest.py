"""The fixtures of search, for the other tests of the catalogue too."""

from catalog.search.tests.conftest import each_engine, index

__all__ = ["each_engine", "index"]
