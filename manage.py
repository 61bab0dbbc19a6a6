#!/usr/bin/env python
"""Django's command line for Vitrine."""

import os
import sys

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db.utils import DatabaseError

from core.history.ambient import VIA_LENGTH, acting
from core.management import running
from core.management.databases import explain

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")
    running.adopt(sys.argv[1:])
    try:
        with acting(None, via=f"command {sys.argv[1] if len(sys.argv) > 1 else 'help'}"[:VIA_LENGTH]):
            execute_from_command_line(sys.argv)
    except (DatabaseError, ImproperlyConfigured, SystemExit) as error:
        # Some commands of Django turn the database's error into a CommandError that says neither where nor what to do.
        cause = error.__context__ and error.__context__.__context__ if isinstance(error, SystemExit) else error
        explanation = explain(cause) if cause and "--traceback" not in sys.argv else None
        if explanation is None:
            raise
        sys.exit(f"{sys.argv[1]}: {explanation}")
