"""Measures how long each API takes to refuse a sign-in: the time must not tell whether an account exists. One table.

    python -m bench.sign_in_timing [--tries 200]      on SQLite in memory, or on DATABASE_URL's test database

Runs in process with the real argon2. The cases alternate in random order, so that other load affects all alike.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
from time import perf_counter

SIGN_IN = "mutation($email: String!, $password: String!) { tokenAuth(email: $email, password: $password) { token } }"
RESET = "mutation($email: String!) { passwordResetRequest(email: $email) { requested } }"
KNOWN, GONE, NOBODY, PASSWORD = "ann@example.com", "gone@example.com", "nobody@example.com", "correct-horse-7"
CASES = {
    "sign in: wrong password": (SIGN_IN, {"email": KNOWN, "password": "wrong"}),
    "sign in: unknown address": (SIGN_IN, {"email": NOBODY, "password": "wrong"}),
    "sign in: deactivated, right password": (SIGN_IN, {"email": GONE, "password": PASSWORD}),
    "reset request: known address": (RESET, {"email": KNOWN}),
    "reset request: unknown address": (RESET, {"email": NOBODY}),
}


def main() -> None:
    """Measures in a database of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tries", type=int, default=200)
    tries = parser.parse_args().tries
    off = {f"THROTTLE_{name}": "off" for name in ("SIGN_IN", "REGISTER", "RESET")}
    os.environ |= {"DJANGO_SETTINGS_MODULE": "core.settings", "DEBUG": "1", "LOG_LEVEL": "ERROR", **off}
    os.environ["VAR_DIR"] = tempfile.mkdtemp(prefix="vitrine-timing-")
    import django

    django.setup()
    from django.db import connection
    from django.test import Client
    from django.test.utils import setup_test_environment

    from users.models import User

    setup_test_environment()
    name = connection.settings_dict["NAME"]
    connection.creation.create_test_db(verbosity=0)
    User.objects.create_user(KNOWN, PASSWORD)
    User.objects.create_user(GONE, PASSWORD, is_active=False)
    client = Client()
    took: dict[str, list[float]] = {case: [] for case in CASES}
    for _ in range(tries):
        for case, (query, variables) in random.sample(list(CASES.items()), len(CASES)):
            body = json.dumps({"query": query, "variables": variables})
            began = perf_counter()
            client.post("/graphql/", body, content_type="application/json")
            took[case].append((perf_counter() - began) * 1000)
    connection.creation.destroy_test_db(name, verbosity=0)
    print(f"{tries} tries each, ms {'':<17}   q1  median    q3")
    for case, times in took.items():
        low, middle, high = statistics.quantiles(times, n=4)
        print(f"{case:<36}{low:>7.2f}{middle:>8.2f}{high:>7.2f}")


if __name__ == "__main__":
    main()
