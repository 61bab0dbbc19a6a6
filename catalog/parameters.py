"""The query parameters of the catalogue's REST API."""

from collections.abc import Sequence
from typing import Any, cast

from django.http import QueryDict
from drf_spectacular.utils import OpenApiExample, OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from catalog.search.attribute_conditions import AttributeFilter
from core.parsing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, parse_decimal
from core.rest.parameters import (
    DateTimeParameter,
    DecimalParameter,
    FloatParameter,
    IntegerParameter,
    ParametersSerializer,
)

NONE, GROUP = "none", "group"
# Begins the name of a parameter about an attribute: attr.colour, attr.length.min.
ATTRIBUTE = "attr."
ORDERINGS = [
    *("name", "-name", "price", "-price", "rating", "-rating", "quantity", "-quantity"),
    *("created_at", "-created_at", "relevance"),
]


# The one in the path of a product.
SLUG = OpenApiParameter(
    "slug",
    str,
    OpenApiParameter.PATH,
    description="The product's slug.",
    examples=[OpenApiExample("From a search", "alva-arc-floor-lamp-in-brushed-brass")],
)


class ProductSearchSerializer(ParametersSerializer):
    """The parameters of `products/search/`. Those of attributes are validated as one, "attributes"."""

    q = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Words to look for in name, brand, category, attributes, SKU and description; at most 200 "
        "characters.",
    )
    category = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="A category's slug or exact name. It includes its whole subtree. Repeat it for any of several.",
    )
    brand = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="A brand's slug or exact name. Repeat it for any of several.",
    )
    min_price = DecimalParameter(required=False, help_text="The lowest price.")
    max_price = DecimalParameter(required=False, help_text="The highest price.")
    min_quantity = IntegerParameter(required=False, help_text="The lowest number of units in stock.")
    max_quantity = IntegerParameter(required=False, help_text="The highest number of units in stock.")
    min_rating = FloatParameter(required=False, help_text="The lowest rating, 0 to 5.")
    max_rating = FloatParameter(required=False, help_text="The highest rating, 0 to 5.")
    created_at = DateTimeParameter(required=False, help_text="Created at this time or later.")
    created_until = DateTimeParameter(required=False, help_text="Created at this time or earlier.")
    in_stock = serializers.BooleanField(
        required=False, help_text="true: products in stock or sold without limit. false: all others."
    )
    on_sale = serializers.BooleanField(
        required=False, help_text="true: products reduced from their `compare_at_price`. false: all others."
    )
    slug = serializers.ListField(
        child=serializers.CharField(allow_blank=True),
        required=False,
        help_text="A product's slug. Repeat it for any of several. Unknown slugs match nothing.",
    )
    group_by = serializers.ChoiceField(
        [NONE, GROUP],
        required=False,
        help_text="`group`: of products that differ in options only (a shirt in its sizes), the first one found stands "
        "for all; `count` and `facets` count so too. Default: `none`.",
    )
    ordering = serializers.ChoiceField(
        ORDERINGS,
        required=False,
        help_text="`-` in front means descending. `relevance` (best first) needs `q`. Default: `relevance` with `q`, "
        "else `-created_at`. The id breaks ties. Unrated products come last.",
    )
    limit = IntegerParameter(
        required=False, help_text=f"Products on a page: 1 to {MAX_PAGE_SIZE}, default {DEFAULT_PAGE_SIZE}."
    )
    cursor = serializers.CharField(required=False, help_text="Taken from the URLs in `next` and `previous`.")
    facets = serializers.BooleanField(required=False, help_text="true: adds `facets` to the answer.")

    def __init__(self, data: QueryDict | None = None) -> None:
        data = QueryDict() if data is None else data
        self.attributes = QueryDict(mutable=True)
        others = data.copy()
        for name in data:
            if name.startswith(ATTRIBUTE):
                self.attributes.setlist(name, others.pop(name))
        super().__init__(others)

    def to_internal_value(self, data: Any) -> Any:
        errors: dict[str, Any] = {}
        values: dict[str, Any] = {}
        # All mistakes are told at once.
        for read in (self._attribute_filters, super().to_internal_value):
            try:
                values |= read(data)
            except ValidationError as error:
                errors |= cast(dict[str, Any], error.detail)
        if errors:
            raise ValidationError(errors)
        return values

    def _attribute_filters(self, data: Any) -> dict[str, list[AttributeFilter]]:
        """The filters that the parameters of each attribute make together."""
        filters: dict[str, dict[str, Any]] = {}
        errors: dict[str, list[ErrorDetail]] = {}
        for name, texts in self.attributes.lists():
            slug, _, end = name.removeprefix(ATTRIBUTE).partition(".")
            given = filters.setdefault(slug, {})
            if end == "" and not name.endswith("."):
                given["values"] = texts
            elif end not in ("min", "max"):
                errors[name] = [ErrorDetail("There is no such parameter.", code="unknown")]
            elif len(texts) > 1:
                errors[name] = [ErrorDetail("Give this parameter once.", code="invalid")]
            else:
                try:
                    given[end] = parse_decimal(texts[0])
                except ValueError:
                    errors[name] = [ErrorDetail("A number is wanted, such as 7.5.", code="invalid")]
        if errors:
            raise ValidationError(errors)
        return {"attributes": [AttributeFilter(attribute=slug, **given) for slug, given in filters.items()]}


def attribute_names(filters: Sequence[AttributeFilter]) -> dict[str, str]:
    """The parameter that each field of an error about these filters is shown at."""
    names: dict[str, str] = {}
    for place, given in enumerate(filters):
        path, name = f"filter.attributes.{place}", f"{ATTRIBUTE}{given.attribute}"
        # A mistake of all that is asked is shown at the first of its parameters.
        first = name if given.values is not None else f"{name}.{'min' if given.min is not None else 'max'}"
        names |= {path: first, f"{path}.attribute": name, f"{path}.values": name}
        names |= {f"{path}.{end}": f"{name}.{end}" for end in ("min", "max")}
    return names
