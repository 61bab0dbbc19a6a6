"""Products like another one: of its category, those with most of its values first."""

from django.db.models import Count, Q

from catalog.models import Product, ProductAttribute
from catalog.search.sql.grouping import group_key

# Products that are read for each one that is wanted, because several may be of one group.
READ_EACH = 5


def related_ids(product: Product, first: int) -> list[int]:
    """The `first` products like this one, best first. Of each group one, and none of the product's own."""
    products = Product.objects.filter(category=product.category_id, is_active=True).exclude(pk=product.pk)
    if product.group_id is not None:
        products = products.exclude(group=product.group_id)
    values = ProductAttribute.objects.filter(product=product.pk, value__isnull=False).values("value")
    shared = Count("attribute_rows", filter=Q(attribute_rows__value__in=values))
    ranked = products.annotate(key=group_key(), shared=shared).order_by("-shared", "-rating_low", "id")
    best: dict[int, int] = {}
    for pk, key in ranked.values_list("id", "key")[: first * READ_EACH]:
        best.setdefault(key, pk)
    return [*best.values()][:first]
