"""The smallest run of bench.graphql, without Node; its questions and documents."""

import os
import subprocess
import sys

import pytest

from bench.graphql import cold, mixed
from bench.graphql.client import _unchunked, quantile
from bench.graphql.documents import QUERIES, requests
from bench.graphql.shop import Shop
from bench.graphql.variants import ROOT


def test_no_two_fresh_requests_are_the_same_and_repeated_ones_are():
    made = requests(QUERIES["20 products, fresh"], "", "token", "line")
    assert len({next(made) for _ in range(3_000)}) == 3_000
    made = requests(QUERIES["20 products, repeated"], "", "token", "line")
    assert len({next(made) for _ in range(10)}) == 1
    made = requests(QUERIES["cart mutation"], "", "token", "line")
    assert len({next(made) for _ in range(10)}) == 2


def test_cold_documents_and_questions_differ_and_are_the_same_in_each_run():
    assert cold.documents(200) == cold.documents(200)
    assert len(set(cold.documents(200))) == 200
    shop = Shop("", "token", "line", ["a", "b"], ["c"], [f"p{number}" for number in range(100)])
    assert mixed.questions(200, shop) == mixed.questions(200, shop)
    assert len(set(mixed.questions(200, shop))) == 200


def test_times_and_chunks_are_read():
    assert (quantile([3.0, 1.0, 2.0], 0.5), quantile([1.0], 0.99)) == (2.0, 1.0)
    assert _unchunked(b"3\r\nabc\r\na\r\nabcdefghij\r\n0\r\n\r\n") == b"abcabcdefghij"


@pytest.mark.slow
def test_the_smallest_run_prints_all_tables(tmp_path):
    sizes = {"products": 60, "rounds": 1, "seconds": 0.05, "documents": 10, "questions": 20, "requests": 110}
    options = [f"--{name}={value}" for name, value in sizes.items()]
    command = [sys.executable, "-m", "bench.graphql", "--only=compiled,fresh,handwritten", *options]
    environment = {**os.environ, "DATABASE_URL": "", "TMPDIR": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for query in (*QUERIES, cold.NAME, mixed.NAME):
        assert f"| {query} | Vitrine, compiled |" in done.stdout
    assert "graphql-core: parse, validate, execute" in done.stdout
    assert "RSS of the process that answers" in done.stdout
    assert list(tmp_path.iterdir()) == []
