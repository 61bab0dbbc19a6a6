"""Attacks gunicorn as in production from outside. Prints one table of what each attack cost.

    .venv/bin/python -m bench.attacks [--only NAME] [--list]
    DATABASE_URL=mysql://…/empty CACHE_URL=redis://… .venv/bin/python -m bench.attacks

Starts docker/gunicorn.conf.py with DEBUG off, on SQLite or on the empty database of DATABASE_URL, with the Redis of
CACHE_URL or its own of 192 MB with volatile-lru (none where Redis is not installed). Each attack sends a bounded number
of requests and ends after 90 seconds. An attack passes when all of these hold:
- /healthz answered within a second all the time, and no web process died;
- no process grew beyond the attack's own limit, or by more than 100 MB for good;
- no answer was a server error, and the slowest request took no longer than the attack's own limit;
- the sign-in throttle still refuses.
At the end the memory of the web processes is searched for secrets that were sent (needs root). Exit status 1 when
anything failed.
"""

import argparse
import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

# Imported for the attacks that they register.
from bench.attacks import accounts, queries, stores  # noqa: F401
from bench.attacks.client import Stranger
from bench.attacks.registry import ATTACKS, MARKS, PASSWORD, SIGN_IN, account
from bench.attacks.service import MEGABYTE, Service, Watch

MAX_HEALTHZ_SECONDS, MAX_GROWTH_BYTES = 1.0, 100 * MEGABYTE
GUESSER = "192.0.2.10"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", default=[], help="attacks whose name holds this")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    chosen = [name for name in ATTACKS if not options.only or any(part in name for part in options.only)]
    if options.list:
        print("\n".join(chosen))
        return
    failed = 0
    with tempfile.TemporaryDirectory(prefix="vitrine-attacks-") as folder:
        service = Service(Path(folder))
        try:
            service.start()
            failed = run(service, chosen)
        finally:
            service.stop()
            log = Path(folder) / "gunicorn.log"
            trouble = [
                line
                for line in (log.read_text(errors="replace").splitlines() if log.exists() else [])
                if "Traceback" in line
            ]
            if trouble:
                print(f"\nThe log holds {len(trouble)} tracebacks; the first: {trouble[0][:400]}")
    sys.exit(1 if failed else 0)


def run(service: Service, chosen: list[str]) -> int:
    """Runs the attacks and prints a row for each; how many failed."""
    victim = _throttled_account(service)
    warm = Stranger(service.port, "198.51.100.200")
    warm.many(
        lambda n: warm.graphql('{ products(search: "lamp", first: 20) { totalCount nodes { name } } }'), range(40)
    )
    print(
        "| attack | requests | slowest s | all s | /healthz s | peak MB | kept MB | throttle | verdict |\n|"
        + "---|" * 9
    )
    failed = 0
    for number, name in enumerate(chosen):
        perform, max_seconds, peak = ATTACKS[name]
        stranger = Stranger(service.port, f"198.51.100.{number + 1}")
        service.settle()
        with Watch(service) as seen:
            began = time.perf_counter()
            reproach = perform(stranger)
            whole = time.perf_counter() - began
            time.sleep(1)
        slowest = max((answer.seconds for answer in stranger.answers), default=0)
        holds = _is_refused(service, victim)
        errors = [answer for answer in stranger.answers if answer.status >= 500 or "INTERNAL_ERROR" in answer.codes]
        silent = sum(answer.status == 0 for answer in stranger.answers)
        wrong = [
            *([f"/healthz {seen.healthz:.1f} s"] if seen.healthz > MAX_HEALTHZ_SECONDS else []),
            *([f"grew by {seen.peak / MEGABYTE:.0f} MB > {peak:g}"] if seen.peak > peak * MEGABYTE else []),
            *([f"kept {seen.kept / MEGABYTE:.0f} MB"] if seen.kept > MAX_GROWTH_BYTES else []),
            *(["a process died"] if seen.died else []),
            *([f"{len(errors)} server errors ({errors[0].text[:60]!r})"] if errors else []),
            *([f"{silent} without an answer"] if silent else []),
            *([f"slowest {slowest:.2f} s > {max_seconds:g}"] if slowest > max_seconds else []),
            *([] if holds else ["the throttle is gone"]),
            *([reproach] if reproach else []),
        ]
        failed += bool(wrong)
        print(
            f"| {name} | {stranger.statuses()} | {slowest:.2f} | {whole:.1f} | {seen.healthz:.2f} | {seen.peak / MEGABYTE:.0f} | {seen.kept / MEGABYTE:.0f} "
            f"| {'refuses' if holds else 'GONE'} | {'FAIL: ' + '; '.join(wrong).replace('|', '/') if wrong else 'pass'} |",
            flush=True,
        )
    return failed + _search_memory(service)


def _throttled_account(service: Service) -> str:
    """The address of an account at which GUESSER has guessed until it was refused."""
    stranger = Stranger(service.port, GUESSER)
    email, _ = account(stranger)
    for _ in range(12):
        answer = stranger.graphql(SIGN_IN, {"e": email, "p": "wrong"})
    if "THROTTLED" not in answer.codes:
        sys.exit(f"The sign-in throttle refuses nothing to begin with: {answer.text}")
    return email


def _is_refused(service: Service, email: str) -> bool:
    """Whether the guesser is still refused, with the right password too."""
    codes = Stranger(service.port, GUESSER).graphql(SIGN_IN, {"e": email, "p": PASSWORD}).codes
    return "THROTTLED" in codes


def _search_memory(service: Service) -> int:
    """Prints how many of the secrets stand in the memory of the web processes; 1 when any does."""
    if not MARKS:
        return 0
    if os.geteuid() != 0:
        print("\nMemory was not searched for secrets: that wants root.")
        return 0
    # What the last requests left in freed blocks is written over by others.
    stranger = Stranger(service.port, "198.51.100.250")
    with contextlib.suppress(OSError):
        stranger.many(
            lambda n: stranger.graphql(
                "{ products(first: 50) { nodes { name description } } }", address=f"198.51.101.{n % 250}"
            ),
            range(200),
        )
    counts = {mark: count for mark, count in service.occurrences(MARKS).items() if count}
    print(
        f"\nSecrets: {len(MARKS)} were sent, {len(counts)} are in memory ({sum(counts.values())} times): {'FAIL' if counts else 'pass'}"
    )
    return 1 if counts else 0


if __name__ == "__main__":
    main()
