"""The supervisor starts parts again and leaves none behind. The parts are real, small processes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings as here

# Real processes that are waited for.
pytestmark = pytest.mark.slow
# Each part says which process it is.
WEB = "echo pid $$; exec sleep 600"
STUBBORN = "trap '' TERM INT HUP; echo pid $$; while true; do sleep 0.1; done"
DRIVER = """
import sys
from pathlib import Path
from core.management.supervisor import Part, Supervisor
web, worker = Part("web", sys.argv[1]), Part("worker", sys.argv[2])
if len(sys.argv) > 3:
    worker.is_alive = lambda: not Path(sys.argv[3]).exists()
print("begins", flush=True)
supervisor = Supervisor(
    parts=[web, worker], essential="web", environment={"PATH": "/usr/bin:/bin"}, folder=Path("/"),
    first_pause=0.05, check_seconds=0.05, first_check_seconds=0.1, grace_seconds=0.5,
)
sys.exit(supervisor.run())
"""


def eventually(condition, seconds=60):
    """Waits until it holds; fails after so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def lives(pid):
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Run:
    """A supervisor in a process of its own, its output in a file."""

    def __init__(self, folder, *arguments, stdout=None, prefix=(), **environment):
        self.path = folder / "out"
        self.file = self.path.open("wb")
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter
            [*prefix, sys.executable, "-c", DRIVER, *arguments],
            cwd=here.BASE_DIR,
            env={"PATH": os.environ["PATH"], **environment},
            stdout=stdout or self.file,
            stderr=subprocess.STDOUT,
        )

    def text(self):
        return self.path.read_text()

    def pids(self, name):
        return [int(pid) for pid in re.findall(rf"^{name} *\| pid (\d+)$", self.text(), re.M)]

    def await_pid(self, name, count=1):
        eventually(lambda: len(self.pids(name)) >= count)
        return self.pids(name)[count - 1]


@pytest.fixture
def run(tmp_path):
    """Starts a supervisor with the commands of web and worker."""
    made = []

    def start(*arguments, **options):
        made.append(Run(tmp_path, *arguments, **options))
        return made[-1]

    yield start
    for each in made:
        if each.process.poll() is None:
            each.process.terminate()
            each.process.wait(60)
        each.file.close()


@pytest.mark.parametrize(
    ("command", "told"), [("exit 0", "exit status 0"), ("exit 3", "exit status 3"), ("kill -SEGV $$", "SIGSEGV")]
)
def test_a_worker_that_ends_is_told_of_and_started_again_after_a_growing_pause(run, command, told):
    it = run(WEB, f"echo pid $$; {command}")
    web = it.await_pid("web")
    it.await_pid("worker", 4)
    lines = [line for line in it.text().splitlines() if line.startswith("worker ended")]
    pauses = [float(re.search(r"again in ([0-9.]+) s$", line)[1]) for line in lines]
    assert pauses[:3] == [0.05, 0.1, 0.2]
    assert all(told in line for line in lines)
    assert it.pids("web") == [web]
    assert lives(web)


def test_a_killed_worker_leaves_none_of_its_children_beside_the_new_one(run):
    it = run(WEB, "sh -c 'echo pid $$; exec sleep 600' & echo pid $$; wait")
    it.await_pid("worker", 2)
    parent, child = sorted(it.pids("worker"))
    os.kill(parent, signal.SIGKILL)
    it.await_pid("worker", 4)
    assert "worker ended (killed by SIGKILL); starting it again" in it.text()
    assert not lives(child)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_stop_it_leaves_nobody_behind(run, number):
    """One part ignores the request, with a child that does too; the other is frozen."""
    # A test run that nohup started ignores SIGHUP, and so would the supervisor.
    ours = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    it = run(WEB, f"({STUBBORN}) & {STUBBORN}")
    signal.signal(signal.SIGHUP, ours)
    pids = [it.await_pid("web"), it.await_pid("worker", 2), *it.pids("worker")]
    os.kill(pids[0], signal.SIGSTOP)
    it.process.send_signal(number)
    assert it.process.wait(60) == 0
    eventually(lambda: not any(map(lives, pids)))


def test_asked_twice_it_does_not_wait(run, tmp_path):
    it = run(WEB, STUBBORN)
    worker = it.await_pid("worker")
    it.process.send_signal(signal.SIGINT)
    eventually(lambda: "Stopping" in it.text())
    it.process.send_signal(signal.SIGINT)
    assert it.process.wait(60) == 0
    assert not lives(worker)


@pytest.mark.parametrize(("command", "status"), [("exit 0", 1), ("exit 3", 3), ("kill -KILL $$", 1)])
def test_all_ends_when_web_does(run, command, status):
    it = run(f"sleep 0.3; {command}", WEB)
    worker = it.await_pid("worker")
    assert it.process.wait(60) == status
    assert "web ended (" in it.text()
    eventually(lambda: not lives(worker))


def test_all_ends_when_nobody_reads_any_more(run, tmp_path):
    """`make run | head -1`; the parts say nothing that would fail."""
    reader, writer = os.pipe()
    pids = tmp_path / "pids"
    it = run(f"echo $$ >>{pids}; exec sleep 600", f"echo $$ >>{pids}; exec sleep 600", stdout=writer)
    os.close(writer)
    eventually(lambda: pids.exists() and len(pids.read_text().split()) == 2)
    assert os.read(reader, 6) == b"begins"
    os.close(reader)
    assert it.process.wait(60) == 0
    assert not any(map(lives, pids.read_text().split()))


def test_a_killed_supervisor_takes_all_with_it(run):
    it = run(WEB, "sh -c 'echo pid $$; exec sleep 600' & echo pid $$; wait")
    pids = [it.await_pid("web"), it.await_pid("worker", 2), *it.pids("worker")]
    os.kill(pids[0], signal.SIGSTOP)
    it.process.kill()
    eventually(lambda: not any(map(lives, pids)))


def test_all_ends_when_make_was_killed(run):
    it = run(WEB, WEB, prefix=["/bin/sh", "-c", '"$@"; true', "make"], MAKELEVEL="1")
    pids = [it.await_pid("web"), it.await_pid("worker")]
    it.process.kill()
    eventually(lambda: not any(map(lives, pids)))


def test_a_worker_that_does_not_answer_is_ended_and_started_again(run, tmp_path):
    hung = tmp_path / "hung"
    it = run(WEB, STUBBORN, str(hung))
    worker = it.await_pid("worker")
    hung.touch()
    eventually(lambda: "worker does not answer; starting it again in 0.05 s" in it.text())
    hung.unlink()
    it.await_pid("worker", 2)
    assert not lives(worker)


def test_lines_stand_under_the_name_of_their_part(run):
    it = run(WEB, "printf 'one\\ntwo\\r\\nthree'; sleep 600")
    eventually(lambda: "worker | two\n" in it.text())
    assert "worker | one\nworker | two\n" in it.text()
