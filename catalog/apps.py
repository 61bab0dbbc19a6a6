"""Starts the catalogue app."""

from functools import partial

from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "catalog"

    def ready(self) -> None:
        """Starts following changes for the index and the files, and registers jobs, metrics and permissions."""
        # Models can be imported only now.
        from catalog import front_page, metrics, models
        from catalog.images import (
            cleanup,  # noqa: F401
            pipeline,
        )
        from catalog.search import changes
        from catalog.search.index import updating
        from catalog.search.steering import models as steering_models
        from core.auth import shop_staff
        from core.caching import revision
        from core.history.recording import track
        from core.jobs.job import oldest_awaited
        from core.jobs.readiness import register_jobs

        product_fields = ["name", "slug", "sku", "description", "category", "brand", "group", "price"]
        product_fields += ["compare_at_price", "quantity", "unlimited_stock", "rating", "is_active", "created_at"]
        track(models.Product, product_fields, moving="updated_at")
        track(models.Category, ["name", "slug", "parent"])
        track(models.Brand, ["name", "slug"])
        changes.follow([models.Product, models.Brand, models.Category, models.Attribute, models.AttributeValue])
        # What no API shows of the catalogue itself: work to be done, and counts. Any other table is part of it.
        unseen = {models.IndexChange, models.SearchCount, models.ImportJob, models.BulkBatch, models.BulkChange}
        unseen |= {models.SteeringVersion, models.ImageJob}
        revision.watch(model for model in self.get_models(include_auto_created=True) if model not in unseen)
        revision.watch([models.Synonym, models.SearchRule, models.RuleProduct], then=steering_models.mark_changed)
        updating.start()
        register_jobs("image", pipeline.oldest_awaited)
        register_jobs("import", partial(oldest_awaited, models.ImportJob))
        register_jobs("bulk", partial(oldest_awaited, models.BulkChange))
        metrics.register()
        front_page.register()
        for model in (
            *(models.Product, models.Category, models.Brand, models.ProductImage),
            *(models.Synonym, models.SearchRule, models.Attribute, models.AttributeValue, models.ProductGroup),
        ):
            shop_staff.grant(model, ["add", "change", "delete", "view"])
        shop_staff.grant(models.SearchCount, ["view"])
        shop_staff.grant(models.ImportJob, ["view"])
        shop_staff.grant(models.BulkChange, ["view"])
