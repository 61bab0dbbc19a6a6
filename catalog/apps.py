"""The catalogue: categories, brands, products and their search."""

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The catalogue app."""

    name = "catalog"

    def ready(self) -> None:
        """Keeps the index true and files with their images, and lets shop staff change all of it.

        Imported here: models are not there any earlier.
        """
        from catalog import metrics, models
        from catalog.images import (
            cleanup,  # noqa: F401
            pipeline,
        )
        from catalog.search import changes
        from catalog.search.index import updating
        from core.auth import shop_staff
        from core.jobs.readiness import register_jobs

        changes.follow([models.Product, models.Brand, models.Category])
        updating.start()
        register_jobs("image", pipeline.oldest_due)
        metrics.register()
        for model in (models.Product, models.Category, models.Brand, models.ProductImage):
            shop_staff.grant(model, ["add", "change", "delete", "view"])
