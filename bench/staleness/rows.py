"""The rows that are written and read, and what is known of their versions."""

import ctypes
from multiprocessing.sharedctypes import RawArray

# Rows of each kind.
ROWS = 6
KINDS = ("product", "category", "brand", "attribute", "value", "group", "alt", "price", "synonym", "redirect")
# What can be written over HTTP.
OVER_HTTP = ("product", "category", "brand", "price")
# What each writer writes.
WRITERS = (("product", "group"), ("category", "brand"), ("attribute", "value", "alt"), ("price", "synonym", "redirect"))
NEVER = " never"


class Ledger:
    """For each row of each kind the newest version that was tried, and the newest that was acknowledged; shared."""

    def __init__(self) -> None:
        size = len(KINDS) * ROWS
        # Without locks, because their holders are killed. Only one process writes each row.
        self.tried, self.acknowledged = RawArray(ctypes.c_int64, size), RawArray(ctypes.c_int64, size)
        self.counts = RawArray(ctypes.c_int64, 4096)
        # The writers that wait for an answer over HTTP.
        self.asking = RawArray(ctypes.c_int64, len(WRITERS))

    @staticmethod
    def place(kind: str, row: int) -> int:
        return KINDS.index(kind) * ROWS + row


def fill() -> dict[str, int]:
    """The rows at version 0. The keys that writers need."""
    from django.contrib.auth import get_user_model

    from catalog import models as m
    from catalog.search.steering.models import RuleMatch, SynonymKind

    m.Product.objects.all().delete()
    for n in range(ROWS):
        m.Category.objects.create(name=f"category {n} v0", slug=f"category-{n}")
        brand = m.Brand.objects.create(name=f"brand {n} v0", slug=f"brand-{n}")
        group = m.ProductGroup.objects.create(name=f"group {n} v0", slug=f"group-{n}")
        attribute = m.Attribute.objects.create(name=f"attribute {n} v0", slug=f"attribute-{n}")
        value = m.AttributeValue.objects.create(attribute=attribute, text=f"value {n} v0")
        product = m.Product.objects.create(
            name=f"product {n} v0",
            slug=f"product-{n}",
            sku=f"sku-{n}",
            description=f"target{n}",
            price=f"0.0{n}",
            quantity=5,
            category=m.Category.objects.get(slug=f"category-{n}"),
            brand=brand,
            group=group,
        )
        product.attribute_rows.create(attribute=attribute, value=value, slot=value.pk)
        m.ProductImage.objects.create(
            product=product,
            alt=f"alt {n} v0",
            status="READY",
            width=1,
            height=1,
            source="JPEG",
            bytes=1,
            sha256="0" * 64,
        )
    m.Synonym.objects.create(kind=SynonymKind.ONE_WAY, term="moving", terms="target0")
    m.SearchRule.objects.create(
        match=RuleMatch.EQUALS, query="moving", redirect=m.Category.objects.get(slug="category-0")
    )
    get_user_model().objects.filter(email="u0@example.com").update(is_staff=True, is_superuser=True)
    return {f"{kind} {n}": pk for kind, n, pk in _keys()}


def _keys() -> list[tuple[str, int, int]]:
    from catalog import models as m

    models = {
        "product": m.Product,
        "category": m.Category,
        "brand": m.Brand,
        "attribute": m.Attribute,
        "group": m.ProductGroup,
    }
    return [(kind, n, model.objects.get(slug=f"{kind}-{n}").pk) for kind, model in models.items() for n in range(ROWS)]
