"""The catalogue: categories, brands, products and their search."""

from functools import partial

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    """The catalogue app."""

    name = "catalog"

    def ready(self) -> None:
        """Keeps the index true and files with their images. Imported here: models are not there any earlier."""
        from catalog import changes, figures, models
        from catalog.images import removal  # noqa: F401
        from catalog.search import indexing
        from core import delayed
        from core.jobs.readiness import register_jobs

        changes.follow([models.Product, models.Brand, models.Category])
        indexing.start()
        register_jobs("image", partial(delayed.oldest_due, models.ImageJob))
        figures.register()
