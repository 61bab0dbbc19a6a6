"""`make chaos` starts a second system in Docker, loads it, breaks it part by part and checks the books.

    python -m bench.chaos [--rate 15] [--calm 8] [--only redis mysql] [--keep]

It has its own project, volumes, secrets and loopback ports, so it harms no other system, and it is removed at the end.
The rate (requests per second) and the time (about 7 minutes) are bounded. Exit status 1 when the books do not balance,
when a request failed while nothing was broken, or when the system did not recover.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from graphql import build_schema

from .actions import ACTIONS
from .books import CHECKS
from .faults import FAULTS, System
from .load import RECOVERY, Load, balance, prepare, recover, settings

ROOT = Path(__file__).resolve().parents[2]
PORT, MAIL_PORT, SUBNET = 18080, 18025, "172.30.78"
# Where the logs go when something was wrong.
SAID = ROOT / "var/chaos.log"


def main() -> int:
    """Runs all of it; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=15, help="requests a second (at most 100)")
    parser.add_argument("--calm", type=float, default=8, help="seconds between two faults")
    parser.add_argument("--only", nargs="*", help=f"of {', '.join(fault.__name__ for fault, _ in FAULTS)}")
    parser.add_argument("--keep", action="store_true", help="leave the system running")
    options = parser.parse_args()
    # Told to stop, it takes its system along.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    known = build_schema((ROOT / "schema.graphql").read_text()).mutation_type
    mutations = set(known.fields) if known else set()
    with tempfile.NamedTemporaryFile("w", prefix="chaos-", suffix=".env") as environment:
        environment.write(settings(PORT, MAIL_PORT, SUBNET))
        environment.flush()
        os.environ["ENV_FILE"] = environment.name
        files = ["--file", str(ROOT / "docker/compose.yaml"), "--file", str(ROOT / "bench/chaos/compose.yaml")]
        compose = ["docker", "compose", "--project-name", "vitrine-chaos", "--env-file", environment.name, *files]
        system = System(compose)
        try:
            system.run("up", "--build", "--detach", "--wait", "--wait-timeout", "300", "--scale", "web=2")
            return rehearse(system, mutations, options)
        finally:
            if not options.keep:
                subprocess.run([*compose, "--profile", "*", "down", "--volumes"], capture_output=True)


def rehearse(system: System, mutations: set[str], options: argparse.Namespace) -> int:
    """Load, faults and books on the running system; the exit status."""
    world, failures = prepare(system, PORT), []
    built = [action for action in ACTIONS if action.needs is None or action.needs in mutations]
    for action in ACTIONS:
        if action not in built:
            print(f"SKIPPED load {action.run.__name__}: not built yet ({action.needs} is not in schema.graphql)")
    load = Load(world, built, min(options.rate, 100))
    load.start()
    time.sleep(options.calm)
    for fault, unnoticed in FAULTS:
        if options.only and fault.__name__ not in options.only:
            continue
        began = time.monotonic()
        load.begin(fault.__name__)
        fault(system)
        broken = time.monotonic() - began
        recovered = recover(load)
        after = "never" if recovered is None else f"{recovered:.1f} s later"
        print(f"{fault.__name__:16} mended after {broken:5.1f} s, last failure {after}", flush=True)
        if recovered is None:
            failures.append(f"{fault.__name__}: the system did not come back within {RECOVERY} s")
        if unnoticed and load.outcomes[fault.__name__]["no answer"]:
            failures.append(f"{fault.__name__}: should have gone unnoticed")
        world.renew_tokens()
        load.phase = "calm"
        time.sleep(options.calm)
    load.stop()
    failures += load.report()
    checked, wrong = balance(world, system, MAIL_PORT, mutations)
    failures += wrong
    if failures:
        SAID.parent.mkdir(exist_ok=True)
        SAID.write_text(system.run("logs", "--no-color", "--timestamps"))
        failures.append(f"What the services said is in {SAID.relative_to(ROOT)}.")
    verdict = f"{checked} of {len(CHECKS)} books were checked and balance; everything came back."
    print("\n" + ("\n".join(failures) if failures else verdict))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
