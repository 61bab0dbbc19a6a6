"""Registers the demo shop with the rest of the project."""

from django.apps import AppConfig

# How often the worker looks for pictures whose message was lost.
SWEEP_SECONDS = 10


class DemoConfig(AppConfig):
    """Registers the demo accounts for the pages and the drawing of pictures for the worker."""

    name = "catalog.demo"
    label = "demo"
    verbose_name = "demo shop"

    def ready(self) -> None:
        from catalog.demo import accounts
        from catalog.demo.pictures import TASK
        from core.celery import app
        from core.http import pages

        shopper, staff = accounts.ACCOUNTS
        pages.register_accounts(pages.Accounts(shopper, staff, accounts.PASSWORD))
        app.add_periodic_task(SWEEP_SECONDS, app.signature(TASK), name=TASK, expires=SWEEP_SECONDS)
