"""Products, the tree of categories, and brands."""

from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, router, transaction
from django.db.models import F, Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from catalog.attributes.models import Attribute, AttributeKind, AttributeValue, ProductAttribute, ProductGroup
from catalog.attributes.shown import ShownAttribute
from catalog.bulk.models import BulkBatch, BulkChange
from catalog.images.models import ImageJob, ImageStatus, ProductImage, Rendition
from catalog.importing.models import ImportJob
from catalog.search.changes import IndexChange, RecordedQuerySet
from catalog.search.counts import SearchCount
from catalog.search.steering.models import RuleProduct, SearchRule, SteeringVersion, Synonym
from catalog.slugs import normal_form, validate_slug
from catalog.text import SORT_KEY_LENGTH, plain, search_text_of, sort_key, squeeze
from core.db.fields import BinaryCharField, BinaryTextField, MovingDateTimeField

__all__ = ["Brand", "Category", "ImageJob", "ImageStatus", "ImportJob", "IndexChange", "Product", "ProductImage"]
__all__ += ["Attribute", "AttributeKind", "AttributeValue", "ProductAttribute", "ProductGroup"]
__all__ += ["BulkBatch", "BulkChange"]
__all__ += ["Rendition", "RuleProduct", "SearchCount", "SearchRule", "SteeringVersion", "Synonym"]

NAME_LENGTH = 255
SLUG_LENGTH = 255
SKU_LENGTH = 100
# Levels of the tree of categories.
MAX_DEPTH = 10
MAX_PRICE, CENT = Decimal("9999999999.99"), Decimal("0.01")
MAX_QUANTITY = 2_147_483_647
MIN_CREATED_AT = datetime(1000, 1, 1, tzinfo=UTC)  # The beginning of MySQL's DATETIME.
# What `in_stock` says, as conditions of queries.
IN_STOCK = Q(quantity__gt=0) | Q(unlimited_stock=True)
OUT_OF_STOCK = Q(quantity=0, unlimited_stock=False)
# Unrated products come last in both directions, so there is a sort key for each: one puts them below 0, one above 5.
UNRATED_LOW, UNRATED_HIGH = -1.0, 6.0


def not_reserved(slug: str) -> None:
    """Raises ValidationError for a slug that is a path of the REST API (products/search/)."""
    if slug == "search":
        raise ValidationError("The slug “search” is reserved. Choose another.")


class _Named(models.Model):
    """A name, its slug, and the folded name that searches and look-ups by name use."""

    name = models.CharField(max_length=NAME_LENGTH)
    slug = BinaryCharField(max_length=SLUG_LENGTH, unique=True, validators=[validate_slug])
    folded_name = BinaryTextField(editable=False)

    objects = RecordedQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name = squeeze(self.name)
        self.folded_name = plain(self.name)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "folded_name"}
        # One transaction for the row and the record of its change (catalog.search.changes).
        with transaction.atomic(using=kwargs.get("using") or router.db_for_write(type(self)), savepoint=False):
            super().save(*args, **kwargs)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        # The normal form is stored, so its uniqueness is checked.
        self.slug = normal_form(self.slug)
        super().clean_fields(exclude)


class Category(_Named):
    parent = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="children")
    # The number of categories above this one. Only the admin's list sets it.
    depth = 0

    class Meta(_Named.Meta):
        verbose_name_plural = "categories"
        constraints = [
            models.CheckConstraint(name="category_slug_not_empty", condition=~Q(slug="")),
        ]

    def clean(self) -> None:
        """Raises ValidationError when a new parent is this category, lies below it or makes the tree too deep.

        Locks all categories until the transaction ends when one moves. Otherwise two moves at once, each right by
        itself, could make a cycle.
        """
        with transaction.atomic(savepoint=False):
            locked = Category.objects.select_for_update().order_by("pk")
            stored = [] if self._state.adding else [*locked.filter(pk=self.pk).values_list("parent_id", flat=True)]
            if self.parent_id is None or self.parent_id in stored:
                return
            parents = dict((locked if stored else Category.objects.order_by()).values_list("pk", "parent_id"))
        above: set[int | None] = {self.pk}
        ancestor: int | None = self.parent_id
        while ancestor is not None:
            if ancestor in above:
                raise ValidationError({"parent": "A category cannot lie below itself."})
            above.add(ancestor)
            ancestor = parents.get(ancestor)
        level = {self.pk} if stored else set()
        height = 0 if stored else 1
        while level and height <= MAX_DEPTH:
            height, level = height + 1, {pk for pk, parent in parents.items() if parent in level}
        if len(above) - 1 + height > MAX_DEPTH:
            raise ValidationError({"parent": f"Categories lie at most {MAX_DEPTH} levels deep."})


class Brand(_Named):
    """The maker of a product."""

    class Meta(_Named.Meta):
        constraints = [models.CheckConstraint(name="brand_slug_not_empty", condition=~Q(slug=""))]


class Product(models.Model):
    """Something to buy. An archived product (is_active False) leaves the shop, but stays in carts."""

    name = models.CharField(max_length=NAME_LENGTH)
    slug = BinaryCharField(max_length=SLUG_LENGTH, unique=True, validators=[validate_slug, not_reserved])
    sku = BinaryCharField("SKU", max_length=SKU_LENGTH, unique=True, null=True, blank=True)
    description = models.TextField(blank=True, default="")
    # No index of their own: the composite indexes below begin with these columns, and MySQL uses them for foreign keys.
    category = models.ForeignKey(Category, models.PROTECT, related_name="products", db_index=False)
    brand = models.ForeignKey(Brand, models.PROTECT, related_name="products", db_index=False)
    group = models.ForeignKey(
        ProductGroup,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="products",
        db_index=False,
        help_text="The products that differ from this one in options only.",
    )
    # A digest of the values of all attributes. Null without a group, and while values are being written.
    options_key = BinaryCharField(max_length=32, null=True, editable=False)
    price = models.DecimalField(max_digits=12, decimal_places=2, validators=[MinValueValidator(0)])
    compare_at_price = models.DecimalField(
        "price before",
        max_digits=12,
        decimal_places=2,
        null=True,
        blank=True,
        help_text="What the product cost before. Above the price; empty when it is not reduced.",
    )
    quantity = models.PositiveIntegerField("units in stock", default=0, validators=[MaxValueValidator(MAX_QUANTITY)])
    # The default of the database is for processes of the release before, which run on while a new one is deployed.
    unlimited_stock = models.BooleanField(
        "unlimited stock",
        default=False,
        db_default=False,
        help_text="Sold without limit, because its units are not counted or it may be ordered ahead. "
        "The units in stock are then only information.",
    )
    rating = models.FloatField(null=True, blank=True, validators=[MinValueValidator(0), MaxValueValidator(5)])
    is_active = models.BooleanField("in the shop", default=True, help_text="Off: archived.")
    created_at = models.DateTimeField(default=timezone.now, validators=[MinValueValidator(MIN_CREATED_AT)])
    updated_at = MovingDateTimeField()

    name_key = BinaryCharField(max_length=SORT_KEY_LENGTH, editable=False)
    # The name, SKU and description, folded for searching, one a line. The database engine searches in it.
    search_text = BinaryTextField(editable=False)
    rating_low = models.GeneratedField(
        expression=Coalesce(F("rating"), models.Value(UNRATED_LOW)), output_field=models.FloatField(), db_persist=True
    )
    rating_high = models.GeneratedField(
        expression=Coalesce(F("rating"), models.Value(UNRATED_HIGH)), output_field=models.FloatField(), db_persist=True
    )

    objects = RecordedQuerySet.as_manager()

    # The fields that `fill_keys` may change, by those that they follow. See `following`.
    _FOLLOWED = {
        "name_key": {"name"},
        "search_text": {"name", "sku", "description"},
        "compare_at_price": {"price"},
    }

    # Set by catalog.images.selectors.attach_images and by catalog.selectors.attach_relations.
    shown_images: list[ProductImage]
    shown_attributes: list[ShownAttribute]
    shown_group: ProductGroup | None

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(name="product_slug_not_empty", condition=~Q(slug="")),
            models.CheckConstraint(name="product_sku_null_or_not_empty", condition=~Q(sku="")),
            models.CheckConstraint(name="product_price_not_negative", condition=Q(price__gte=0)),
            models.CheckConstraint(
                name="product_compare_at_price_above_price", condition=Q(compare_at_price__gt=F("price"))
            ),
            models.UniqueConstraint(name="product_options_once_in_group", fields=["group", "options_key"]),
            models.CheckConstraint(name="product_quantity_not_negative", condition=Q(quantity__gte=0)),
            models.CheckConstraint(name="product_rating_0_to_5", condition=Q(rating__gte=0, rating__lte=5)),
        ]
        # One index for each sort, and one for each of the three most common pairs of a filter and a sort. The database
        # reads a range of the index and sorts nothing. The id at the end of each index breaks ties.
        indexes = [
            models.Index(name="product_by_name", fields=["is_active", "name_key", "id"]),
            models.Index(name="product_by_price", fields=["is_active", "price", "id"]),
            models.Index(name="product_by_quantity", fields=["is_active", "quantity", "id"]),
            # For counting what is sold out or nearly so: the index alone answers.
            models.Index(name="product_by_stock", fields=["is_active", "unlimited_stock", "quantity"]),
            models.Index(name="product_by_created", fields=["is_active", "created_at", "id"]),
            models.Index(name="product_by_rating_desc", fields=["is_active", "rating_low", "id"]),
            models.Index(name="product_by_rating_asc", fields=["is_active", "rating_high", "id"]),
            models.Index(name="product_category_price", fields=["category", "is_active", "price", "id"]),
            models.Index(name="product_category_created", fields=["category", "is_active", "created_at", "id"]),
            models.Index(name="product_reduced", fields=["is_active", "compare_at_price", "id"]),
            models.Index(name="product_brand_price", fields=["brand", "is_active", "price", "id"]),
        ]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.fill_keys()
        if kwargs.get("update_fields") is not None:
            changed = set(kwargs["update_fields"])
            kwargs["update_fields"] = changed | self.following(changed) | {"updated_at"}
        with transaction.atomic(using=kwargs.get("using") or router.db_for_write(type(self)), savepoint=False):
            super().save(*args, **kwargs)

    def clean_fields(self, exclude: Collection[str] | None = None) -> None:
        # The normal form is stored, so its uniqueness is checked.
        self.slug = normal_form(self.slug)
        super().clean_fields(exclude)

    def clean(self) -> None:
        """Raises ValidationError when the price before is not above the price."""
        if self.price is not None and self.compare_at_price is not None and self.compare_at_price <= self.price:
            raise ValidationError({"compare_at_price": "The price before must be above the price."})

    @property
    def in_stock(self) -> bool:
        return self.has_units(1)

    def has_units(self, count: int) -> bool:
        """Whether this many can be sold."""
        return self.unlimited_stock or self.quantity >= count

    @classmethod
    def following(cls, changed: Collection[str]) -> set[str]:
        """The fields that `fill_keys` may change when these changed. Code that updates in bulk must write them too."""
        return {name for name, followed in cls._FOLLOWED.items() if followed & set(changed)}

    def clear_outdated_compare_at_price(self) -> None:
        """A product whose price has risen to the price before is no longer reduced."""
        if self.compare_at_price is not None and self.compare_at_price <= self.price:
            self.compare_at_price = None

    def fill_keys(self) -> None:
        """Sets what follows from other fields. `save` calls it; code that writes in bulk must call it too."""
        self.clear_outdated_compare_at_price()
        self.name = squeeze(self.name)
        self.sku = self.sku or None
        self.name_key = sort_key(self.name)
        self.search_text = search_text_of(self.name, self.sku, self.description)
