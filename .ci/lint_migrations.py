"""Refuses migrations that the code of the release before could not live with; prints each and the reason.

While a release rolls out, processes of the last one still run on the migrated database. What must be done in two
releases (dropping and renaming columns, NOT NULL without a default) is found by django-migration-linter in the SQL.
"""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "core.settings")

import django  # noqa: E402
from django_migration_linter import MigrationLinter  # noqa: E402

OUR_APPS = ["cart", "catalog", "core", "users"]
# Migrations that may break the rules, by name, each with the reason. What makes an app's first tables breaks nobody.
EXEMPT = {
    "0002_tokens_and_mail": "adds users_user.token_generation without a default in the database: nothing older runs.",
    "0003_images": "rebuilds, on SQLite only, tables that it has just made, to add their constraints.",
    "0005_indexchange_created_at": "adds created_at without a default in the database: nothing older runs.",
    "0006_image_jobs_of_images_only": "SQLite rebuilds the table, with the NOT NULL columns that it had before.",
    "0010_compare_at_price_and_unlimited_stock": "the same on SQLite; the new column has a default in every database.",
    "0004_sample_mails": "SQLite rebuilds the table; the new column has a default in every database.",
    "0005_own_account": "the same on SQLite; the new columns have defaults in every database, or are null.",
    "0003_guest_carts": "the same on SQLite; the new column is null, and unique per user as the key was.",
    "0007_keys_of_guests": "SQLite rebuilds the table, with the NOT NULL columns that it had before.",
    "0012_attributes": "the same on SQLite; new columns of products are null, and the other tables are new.",
}


def main() -> int:
    """The number of migrations that are neither safe nor exempt."""
    django.setup()
    linter = MigrationLinter(
        str(ROOT),
        include_apps=OUR_APPS,
        ignore_name=list(EXEMPT),
        ignore_initial_migrations=True,
        no_cache=True,
        all_warnings_as_errors=True,
        quiet=["ok", "ignore"],
    )
    linter.lint_all_migrations()
    for name, reason in EXEMPT.items():
        print(f"Exempt: {name} {reason}")
    print(f"{linter.nb_valid} migrations are safe, {linter.nb_erroneous} are not.")
    return linter.nb_erroneous


sys.exit(main())
