"""Starts the catalogue app."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        """Starts following changes for the index and the files, and registers jobs, metrics and permissions."""
        # Models can be imported only now.
        from catalog import metrics, models
        from catalog.images import (
            cleanup,  # noqa: F401
            pipeline,
        )
        from catalog.importing import jobs as importing
        from catalog.search import changes
        from catalog.search.index import updating
        from catalog.search.steering import models as steering_models
        from core.auth import shop_staff
        from core.jobs.readiness import register_jobs

        changes.follow([models.Product, models.Brand, models.Category, models.Attribute, models.AttributeValue])
        updating.start()
        steering_models.follow()
        register_jobs("image", pipeline.oldest_awaited)
        register_jobs("import", importing.oldest_awaited)
        metrics.register()
        for model in (
            *(models.Product, models.Category, models.Brand, models.ProductImage),
            *(models.Synonym, models.SearchRule, models.Attribute, models.AttributeValue, models.ProductGroup),
        ):
            shop_staff.grant(model, ["add", "change", "delete", "view"])
        shop_staff.grant(models.SearchCount, ["view"])
        shop_staff.grant(models.ImportJob, ["view"])
