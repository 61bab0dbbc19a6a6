"""The query parameters of the catalogue's REST API."""

from rest_framework import serializers

from core.parsing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE
from core.rest.parameters import (
    DateTimeParameter,
    DecimalParameter,
    FloatParameter,
    IntegerParameter,
    ParametersSerializer,
)

ORDERINGS = [
    *("name", "-name", "price", "-price", "rating", "-rating", "quantity", "-quantity"),
    *("created_at", "-created_at", "relevance"),
]


class ProductSearchSerializer(ParametersSerializer):
    """The parameters of `products/search/`."""

    q = serializers.CharField(
        required=False,
        allow_blank=True,
        help_text="Words to look for in name, brand, category, SKU and description; at most 200 characters.",
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
