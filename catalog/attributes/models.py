"""Attributes, their values, which product has which, and groups of products."""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import blake2b
from typing import Any

from django.db import models, router, transaction
from django.db.models import F, Q

from catalog.attributes.ordering import ORDER_KEY_LENGTH, order_key, value_key
from catalog.search.changes import RecordedQuerySet
from catalog.slugs import normal_form, validate_slug
from catalog.text import plain, squeeze
from core.db.fields import BinaryCharField, BinaryTextField

ATTRIBUTE_NAME_LENGTH, UNIT_LENGTH, VALUE_LENGTH, GROUP_NAME_LENGTH = 100, 20, 255, 255
KEY_LENGTH = 300
# Of one product.
MAX_ATTRIBUTES, MAX_VALUES = 50, 200
# Numbers have at most fifteen digits, six of them decimals: a double holds each of them exactly.
MAX_NUMBER, NUMBER_DECIMALS = Decimal("999999999"), 6
NUMBER_STEP = Decimal(1).scaleb(-NUMBER_DECIMALS)


class AttributeKind(models.TextChoices):
    """What the values of an attribute are."""

    TEXT = "TEXT", "text"
    NUMBER = "NUMBER", "number"
    BOOLEAN = "BOOLEAN", "yes or no"


class Attribute(models.Model):
    """A fact that products are told apart by, such as their colour, size or power."""

    name = models.CharField(max_length=ATTRIBUTE_NAME_LENGTH)
    slug = BinaryCharField(max_length=ATTRIBUTE_NAME_LENGTH, unique=True, validators=[validate_slug])
    kind = models.CharField(max_length=7, choices=AttributeKind.choices, default=AttributeKind.TEXT)
    unit = models.CharField(
        max_length=UNIT_LENGTH, blank=True, default="", help_text="What numbers are measured in, such as cm, kg or W."
    )
    folded_name = BinaryTextField(editable=False)
    position = models.PositiveIntegerField(
        default=0, help_text="Attributes with a lower position come first; those with the same one by name."
    )

    objects = RecordedQuerySet.as_manager()
    change_kind = "attribute"

    class Meta:
        ordering = ["position", "name", "id"]
        constraints = [
            models.CheckConstraint(name="attribute_slug_not_empty", condition=~Q(slug="")),
            models.CheckConstraint(name="attribute_kind_known", condition=Q(kind__in=AttributeKind.values)),
            models.CheckConstraint(
                name="attribute_unit_of_numbers_only", condition=Q(unit="") | Q(kind=AttributeKind.NUMBER)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name, self.unit, self.slug = squeeze(self.name), squeeze(self.unit), normal_form(self.slug)
        self.folded_name = plain(self.name)
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "folded_name"}
        with transaction.atomic(using=kwargs.get("using") or router.db_for_write(type(self)), savepoint=False):
            super().save(*args, **kwargs)


class AttributeValue(models.Model):
    """One value of a TEXT attribute. All products with the value share this row, so it is spelled once."""

    attribute = models.ForeignKey(Attribute, models.CASCADE, related_name="values")
    text = models.CharField(max_length=VALUE_LENGTH)
    # By what spellings are compared, and what the database engine searches in.
    key = BinaryCharField(max_length=KEY_LENGTH, editable=False)
    folded_text = BinaryTextField(editable=False)
    position = models.PositiveIntegerField(
        default=0, help_text="Values with a lower position come first; those with the same one in natural order."
    )
    order_key = BinaryCharField(max_length=ORDER_KEY_LENGTH, editable=False)

    objects = RecordedQuerySet.as_manager()
    change_kind = "value"

    class Meta:
        ordering = ["attribute", "position", "order_key", "id"]
        constraints = [
            models.UniqueConstraint(name="attribute_value_spelled_once", fields=["attribute", "key"]),
            models.CheckConstraint(name="attribute_value_not_empty", condition=~Q(key="")),
        ]

    def __str__(self) -> str:
        return self.text

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.fill_keys()
        if kwargs.get("update_fields") is not None:
            kwargs["update_fields"] = {*kwargs["update_fields"], "key", "folded_text", "order_key"}
        with transaction.atomic(using=kwargs.get("using") or router.db_for_write(type(self)), savepoint=False):
            super().save(*args, **kwargs)

    def fill_keys(self) -> None:
        """Sets what follows from the text. `save` calls it; code that writes in bulk must call it too."""
        self.text = squeeze(self.text)
        self.key, self.folded_text = stored_key(self.text), plain(self.text)
        self.order_key = order_key(self.text)


class ProductGroup(models.Model):
    """Products that differ in options only: a shirt in its sizes and colours. A product is in one group or in none."""

    name = models.CharField(max_length=GROUP_NAME_LENGTH)
    slug = BinaryCharField(max_length=GROUP_NAME_LENGTH, unique=True, validators=[validate_slug])

    # A catalog.attributes.shown.Siblings, set by catalog.selectors.attach_relations.
    siblings: Any

    class Meta:
        ordering = ["name", "id"]
        constraints = [models.CheckConstraint(name="product_group_slug_not_empty", condition=~Q(slug=""))]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.name, self.slug = squeeze(self.name), normal_form(self.slug)
        super().save(*args, **kwargs)


class ProductAttribute(models.Model):
    """A value that a product has: any number of one TEXT attribute, one of a NUMBER or BOOLEAN attribute.

    Written by catalog.attributes.writing only, which keeps `Product.options_key` and the search index in step.
    """

    product = models.ForeignKey("catalog.Product", models.CASCADE, related_name="attribute_rows", db_index=False)
    attribute = models.ForeignKey(Attribute, models.PROTECT, related_name="product_rows", db_index=False)
    value = models.ForeignKey(AttributeValue, models.PROTECT, null=True, related_name="product_rows", db_index=False)
    number = models.DecimalField(max_digits=15, decimal_places=NUMBER_DECIMALS, null=True)
    boolean = models.BooleanField(null=True)
    # The value's key, or 0 for a number or boolean. MySQL has no unique index under a condition.
    slot = models.BigIntegerField(editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(name="product_attribute_once", fields=["product", "attribute", "slot"]),
            models.CheckConstraint(
                name="product_attribute_one_kind",
                condition=Q(value__isnull=False, number=None, boolean=None, slot=F("value"))
                | Q(value=None, number__isnull=False, boolean=None, slot=0)
                | Q(value=None, number=None, boolean__isnull=False, slot=0),
            ),
        ]
        indexes = [
            models.Index(name="product_attribute_by_number", fields=["attribute", "number", "product"]),
            models.Index(name="product_attribute_by_value", fields=["value", "product"]),
        ]

    def __str__(self) -> str:
        return f"{self.attribute}: {self.text}"

    @property
    def text(self) -> str:
        """The value as people read it, without the unit."""
        return text_of(self.value.text if self.value else None, self.number, self.boolean)


def text_of(text: str | None, number: Decimal | None, boolean: bool | None) -> str:
    """A value as people read it."""
    if number is not None:
        return f"{number.normalize():f}"
    return text if text is not None else ("Yes" if boolean else "No")


def stored_key(text: str) -> str:
    """The key of a value's text in the length of its column: the end of a longer one becomes a digest."""
    key = value_key(text)
    if len(key) <= KEY_LENGTH:
        return key
    return key[: KEY_LENGTH - 32] + blake2b(key.encode(), digest_size=16).hexdigest()


def options_key(rows: Iterable[ProductAttribute]) -> str:
    """A digest of all values that a product has. Products of one group must not have the same."""
    parts = sorted(
        (row.attribute_id, row.slot, "" if row.number is None else f"{row.number.normalize():f}", row.boolean or False)
        for row in rows
    )
    return blake2b(repr(parts).encode(), digest_size=16).hexdigest()
