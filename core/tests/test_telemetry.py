"""Logs and metrics: every request and task has an id, a log line and a metric, and no line holds a secret."""

import json
import logging
import os
import re
import subprocess
import sys
from re import _parser as re_parser
from unittest import mock

import pytest
from celery import shared_task
from django.conf import settings as here
from django.db import connection
from django.test import Client
from structlog.contextvars import bind_contextvars, clear_contextvars, get_contextvars

from core.celery import app
from core.jobs import heartbeat
from core.telemetry import logs, metrics, scraping, tasks
from core.telemetry.recording import note, recorded

QUERY = "query Lamps { products(first: 1) { nodes { name } } }"


@pytest.fixture
def lines(caplog):
    """The structured lines so far, by their event."""
    caplog.set_level(logging.INFO)

    def told(event):
        return [r.msg for r in caplog.records if isinstance(r.msg, dict) and r.msg.get("event") == event]

    return told


@pytest.fixture
def scrape(db, settings):
    """The samples of /metrics as {name with labels: value}."""
    settings.METRICS_TOKEN = "t" * 20

    def get():
        answer = Client().get("/metrics", headers={"Authorization": "Bearer " + "t" * 20})
        assert answer.status_code == 200
        rows = [line.rpartition(" ") for line in answer.content.decode().splitlines() if line[:1] != "#"]
        return {name: float(value) for name, _, value in rows}

    return get


class TestRequests:
    """One line for each request."""

    def test_a_request_is_logged(self, shopper, lines):
        """Who, what, how long, how many queries, under which id."""
        answer = shopper.post(QUERY)
        line = lines("request")[-1]
        assert line["operation"] == "Lamps"
        assert line["operation_type"] == "query"
        assert (line["method"], line["path"], line["status"]) == ("POST", "/graphql/", 200)
        assert isinstance(line["user_id"], int)
        assert line["queries"] > 0
        assert line["duration_ms"] > 0
        assert line["request_id"] == answer["X-Request-ID"]

    def test_a_sane_request_id_is_kept(self, client, db, lines):
        assert client.get("/", headers={"X-Request-ID": "from-the-proxy.1"})["X-Request-ID"] == "from-the-proxy.1"
        assert lines("request")[-1]["request_id"] == "from-the-proxy.1"

    @pytest.mark.parametrize(
        "bad", ["short", "x" * 65, "white space in it", '{"a":"b"}', "ümläut-ümläut", "", "-leading-dash"]
    )
    def test_any_other_is_replaced(self, client, db, bad):
        given = client.get("/", headers={"X-Request-ID": bad})["X-Request-ID"]
        assert re.fullmatch("[0-9a-f]{32}", given)

    def test_nothing_of_one_request_is_left_for_the_next(self, client, db):
        client.get("/")
        assert get_contextvars() == {}

    def test_no_query_string_and_no_variables(self, shopper, caplog):
        """They are the user's business: a search for a name, a password reset."""
        caplog.set_level(logging.DEBUG)
        query = "query Q($s: String) { products(search: $s) { totalCount } }"
        shopper.post(query, s="hush-hush-1")
        shopper.client.get("/graphql/", {"query": "{ me { id } }", "variables": '{"hush": "hush-hush-2"}'})
        shopper.graphql("mutation M($p: String!) { tokenAuth(email: $p, password: $p) { token } }", p="hush-hush-3")
        assert "hush-hush" not in caplog.text

    def test_the_admin_session_is_not_read_for_the_logs_sake(self, client, db, lines):
        client.get("/", headers={"Cookie": "sessionid=abc"})
        assert lines("request")[-1]["user_id"] is None
        assert lines("request")[-1]["queries"] == 0

    def test_errors_are_counted(self, nobody, lines):
        nobody.post("query Mine { products { totalCount } }")
        assert lines("request")[-1]["errors"] == 1

    def test_a_slow_operation_tells_its_sql_without_values(self, shopper, settings, lines):
        settings.SLOW_OPERATION_MS = 0
        shopper.post('{ products(search: "hush") { totalCount } }')
        line = lines("slow operation")[-1]
        assert line["operation_type"] == "query"
        assert any("SELECT" in each["sql"] for each in line["statements"])
        assert "hush" not in str(line)

    def test_only_its_sql_makes_an_operation_slow(self, client, settings, lines):
        """A sign-in takes its time on purpose."""
        settings.SLOW_OPERATION_MS = 1_000
        with mock.patch("core.telemetry.recording.Recording.seconds", return_value=60.0):
            client.get("/readyz")
            client.get("/")
        assert lines("request")[-1]["duration_ms"] == 60_000
        assert lines("slow operation") == []

    def test_a_fast_one_does_not(self, shopper, settings, lines):
        settings.SLOW_OPERATION_MS = 60_000
        shopper.post(QUERY)
        assert lines("slow operation") == []


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdefgh.SECRET",
        "mysql://root:SECRET@db/shop refused",
        'password="SECRET"',
        "{'password': 'SECRET', 'a': 1}",
        "token=SECRET&x=1",
        "refresh_token: SECRET",
        "eyJhbGciOiJIUzI1NiJ9.SECRET.SECRET",
    ],
)
def test_a_secret_in_a_text_is_hidden(text):
    assert "SECRET" not in logs.hide(text)
    assert "SECRET" not in logs.hide(f"{'x' * 5_000} {text}")
    assert "SECRET" not in logs.hide(f"{text} {'x' * 5_000}")


def unbounded_repeats(parsed):
    """The operations of a pattern that may be tried again with fewer repetitions, however many there were."""
    for operation, argument in parsed:
        if operation in (re_parser.MAX_REPEAT, re_parser.MIN_REPEAT) and argument[1] == re_parser.MAXREPEAT:
            yield operation
        for part in argument if isinstance(argument, tuple) else [argument]:
            for branch in part if isinstance(part, list) else [part]:
                if isinstance(branch, re_parser.SubPattern):
                    yield from unbounded_repeats(branch)


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in logs._SECRETS], ids=lambda pattern: pattern.pattern[:20])
def test_no_pattern_goes_back_over_what_it_has_read(pattern):
    assert not list(unbounded_repeats(re_parser.parse(pattern.pattern)))
    assert list(unbounded_repeats(re_parser.parse(r"a(b|c+)d")))


@pytest.mark.parametrize(
    "piece", ["eyJ", "eyJ.", "bearer ", "a://", "a://b:", 'token="', "token='", "token= ", "password", "x", "😀", " "]
)
def test_what_a_client_chose_is_cut_before_it_is_looked_at(monkeypatch, piece):
    looked_at = []

    class Pattern:
        def sub(self, replacement, text):
            looked_at.append(text)
            return text

    monkeypatch.setattr(logs, "_SECRETS", [(Pattern(), "")])
    text = piece * (200_000 // len(piece))
    event = {"a": text, "b": [text] * 500, "c": {"d": {"e": text}}, text: 1, "exception": text, "f": ValueError(text)}
    logs.redact(None, "info", event)
    assert max(map(len, looked_at), default=0) <= logs.MAX_TRACE + 3
    assert sum(map(len, looked_at)) <= logs.MAX_TRACE + (logs.MAX_ITEMS + 4) * (logs.MAX_TEXT + 3)


@pytest.mark.parametrize("name", ["eyJ" * 33_000, "a" * 99_000])
def test_a_long_name_of_an_operation_is_cut(nobody, lines, name):
    assert nobody.graphql(f"query {name} {{ __typename }}")
    assert len(lines("request")[-1]["operation"]) <= 100
    assert metrics.operation_label(name) == "other"


@pytest.mark.slow
def test_the_last_word_before_a_line_is_written():
    """Whatever logger, level or exception it came from; as one JSON object, in a start without DEBUG."""
    script = """
import django, logging
django.setup()
log = logging.getLogger("anything")
log.warning("connecting to %s", "redis://:SECRET@cache/0")
try:
    raise ValueError("password=SECRET")
except ValueError:
    log.exception("failed")
import structlog
log = structlog.get_logger("x")
log.info("mail", body="SECRET", html="SECRET", user={"password": "SECRET", "id": 7}, all=["Bearer xxxxxxxx.SECRET"])
"""
    environment = {
        "PATH": os.environ["PATH"],
        "VAR_DIR": os.environ["VAR_DIR"],
        "DJANGO_SETTINGS_MODULE": "core.settings",
    }
    secrets = {"SECRET_KEY": "k" * 50, "JWT_SECRET_KEY": "j" * 50}
    secrets |= {"SITE_URL": "https://shop.example", "EMAIL_URL": "smtp://127.0.0.1"}
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", script],
        env={**environment, **secrets},
        cwd=here.BASE_DIR,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "SECRET" not in done.stderr
    told = [json.loads(line) for line in done.stderr.splitlines()]
    assert [line["level"] for line in told] == ["warning", "error", "info"]
    assert "ValueError" in told[1]["exception"]
    assert told[2]["user"]["id"] == 7


@shared_task
def _look() -> None:
    """A task that reads the database and says so."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    note(looked=True)


class TestTasks:
    """A task's line knows the request that sent it."""

    def test_the_request_id_goes_along(self):
        headers = {}
        clear_contextvars()
        bind_contextvars(request_id="the-request-1")
        try:
            tasks._send_request_id(headers=headers)
        finally:
            clear_contextvars()
        assert headers == {tasks.HEADER: "the-request-1"}

    def test_a_task_is_logged(self, db, lines):
        """As a worker runs it: signals before and after."""
        task = app.tasks[_look.name]
        task.push_request(id="t1", is_eager=False, **{tasks.HEADER: "the-request-2"})
        try:
            tasks._begin(task_id="t1", task=task)
            task.run()
            tasks._end(task_id="t1", task=task, state="SUCCESS")
        finally:
            task.pop_request()
        line = lines("task")[-1]
        assert (line["task"], line["task_id"], line["request_id"]) == (_look.name, "t1", "the-request-2")
        assert (line["state"], line["queries"], line["looked"]) == ("SUCCESS", 1, True)
        assert get_contextvars() == {}
        assert tasks._running == {}

    def test_an_eager_task_is_part_of_its_request(self, db, lines):
        with recorded() as recording:
            _look.apply()
        assert recording.queries == 1
        assert lines("task") == []


class TestMetrics:
    """What Prometheus gets."""

    def test_a_request_is_counted(self, shopper, scrape):
        before = scrape()
        shopper.post(QUERY)
        after = scrape()
        for name in (
            'vitrine_request_seconds_count{method="POST",route="/graphql/?$",status="200"}',
            'vitrine_graphql_operation_seconds_count{operation="Lamps",outcome="ok",type="query"}',
            'vitrine_search_seconds_count{engine="database",question="search"}',
        ):
            assert after[name] == before.get(name, 0) + 1
        assert 'vitrine_queue_depth{queue="celery"}' in after

    def test_clients_cannot_make_series_without_end(self, monkeypatch):
        monkeypatch.setattr(metrics, "_names", set())
        labels = {metrics.operation_label(f"Op{number}") for number in range(500)}
        assert len(labels) == metrics.MAX_NAMES + 1
        assert metrics.operation_label("Op1") == "Op1"
        assert metrics.operation_label("x" * 65) == "other"
        assert metrics.operation_label(None) == "anonymous"

    def test_a_token_when_there_is_one(self, client, db, settings):
        settings.METRICS_TOKEN = "t" * 20
        assert client.get("/metrics").status_code == 401
        assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
        assert client.get("/metrics", headers={"Authorization": "bearer " + "t" * 20}).status_code == 200

    def test_they_are_closed_without_one(self, client, db, settings):
        answer = client.get("/metrics", headers={"Authorization": "Bearer "})
        assert answer.status_code == 404
        assert b"METRICS_TOKEN" in answer.content
        assert b"vitrine_" not in answer.content
        settings.DEBUG = True
        assert client.get("/metrics").status_code == 200

    def test_the_workers_own_are_too(self, settings):
        def ask(**environ):
            told = []
            body = b"".join(
                scraping._worker_app({"PATH_INFO": "/metrics", **environ}, lambda *told_: told.append(told_))
            )
            return told[0][0], body

        status, body = ask()
        assert status == "404 Not Found"
        assert b"METRICS_TOKEN" in body
        settings.METRICS_TOKEN = "t" * 20
        assert ask(HTTP_AUTHORIZATION="Bearer wrong")[0] == "401 Unauthorized"
        assert ask(HTTP_AUTHORIZATION="Bearer " + "t" * 20)[0] == "200 OK"

    def test_gauges_are_looked_up_and_one_that_fails_hides_no_other(self, scrape, monkeypatch):
        monkeypatch.setattr(metrics, "_gauges", {})
        metrics.register_gauge("answer", "For tests.", lambda: 42)
        metrics.register_gauge("states", "For tests.", lambda: {"READY": 3, "FAILED": 1}, label="state")
        metrics.register_gauge("down", "For tests.", lambda: 1 / 0)
        found = scrape()
        assert found["vitrine_answer"] == 42
        assert found['vitrine_states{state="READY"}'] == 3
        assert found['vitrine_gauge_failed{gauge="down"}'] == 1
        assert "vitrine_down" not in found

    def test_cache_hits(self, scrape):
        from django.core.cache import cache

        before = scrape()
        cache.set("telemetry", None)
        assert cache.get("telemetry", 1) is None
        assert cache.get("telemetry-not-there", 1) == 1
        assert cache.get_many(["telemetry", "telemetry-not-there"]) == {"telemetry": None}
        after = scrape()
        for result in ("hit", "miss"):
            name = f'vitrine_cache_lookups_total{{result="{result}"}}'
            assert after[name] - before.get(name, 0) == 2

    def test_queues_are_those_that_tasks_go_to(self, monkeypatch):
        monkeypatch.setitem(app.conf, "task_routes", {"catalog.tasks.render": {"queue": "images"}})
        assert heartbeat.queue_names() == {"celery", "images"}

    @pytest.mark.slow
    def test_several_processes_add_up_and_a_new_one_goes_on_where_the_last_one_stood(self, tmp_path):
        script = "from core.telemetry import metrics; metrics.CACHE.labels('hit').inc()"
        everybody = (
            "import django; django.setup(); from core.telemetry import scraping; print(scraping.exposed().decode())"
        )
        base = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "DJANGO_SETTINGS_MODULE": "core.settings"}

        def run(code, slot):
            return subprocess.run(  # noqa: S603 - our own interpreter
                [sys.executable, "-c", code],
                env={**base, "METRICS_SLOT": slot},
                cwd=here.BASE_DIR,
                capture_output=True,
                text=True,
                check=True,
            ).stdout

        for slot in ("0", "1", "0"):
            run(script, slot)
        files = sorted(path.name for path in tmp_path.glob("counter_*"))
        assert files == ["counter_0.db", "counter_1.db"]
        assert 'vitrine_cache_lookups_total{result="hit"} 3.0' in run(everybody, "1")


def test_the_apps_tell_of_their_queues(scrape):
    found = scrape()
    assert found["vitrine_index_changes_waiting"] >= 0
    assert found['vitrine_images{state="PENDING"}'] == 0
    for status in ("DUE", "LATE", "FAILED", "UNCERTAIN"):
        assert found[f'vitrine_mails{{status="{status}"}}'] == 0
    assert not [name for name in found if name.startswith("vitrine_gauge_failed{")]
