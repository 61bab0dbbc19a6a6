"""The views of the catalogue's REST API."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

from django.http import Http404, HttpRequest
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from rest_framework.fields import BooleanField
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from catalog.category_tree import CategoryTree
from catalog.costs import search_cost
from catalog.kept import category_tree
from catalog.models import Product
from catalog.parameters import GROUP, SLUG, ProductSearchSerializer, attribute_names
from catalog.policy import MayReadCatalogue
from catalog.search.counting import count_search
from catalog.search.criteria import Range, SearchCriteria, SortField
from catalog.search.cursors import Position, encode_cursor
from catalog.search.engine import engine
from catalog.search.pages import parse_page
from catalog.search.steering.selectors import redirect_of
from catalog.search.validation import SearchInput, parse_criteria
from catalog.selectors import SIBLING_COLUMNS, Relations, SiblingRelations, read_products
from catalog.serializers import (
    NamedSerializer,
    ProductDetailSerializer,
    ProductPageSerializer,
    ProductSerializer,
    facets_shown,
)
from catalog.slugs import normal_form
from core.caching import revision
from core.caching.conditions import stating
from core.errors import InvalidInput
from core.http.caching import allow_sharing
from core.parsing import DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, has_unsafe_characters
from core.rest.errors import api_exception, error_responses

# The parameter that each field of an error is shown at. An error of a whole range is shown at its lower end.
PARAMETERS = {
    "search": "q",
    "filter.category": "category",
    "filter.brand": "brand",
    "filter.slugs": "slug",
    "filter.attributes": "attr",
    "filter.createdAt": "created_at",
    "sortBy.field": "ordering",
    "sortBy.direction": "ordering",
    "first": "limit",
    "last": "limit",
    "after": "cursor",
    "before": "cursor",
    **{f"filter.{name}": f"min_{name}" for name in ("price", "quantity", "rating")},
    **{f"filter.{name}.{end}": f"{end}_{name}" for name in ("price", "quantity", "rating") for end in ("min", "max")},
}
# The first letter of a cursor says which way it pages.
FORWARD, BACKWARD = "n", "p"
SHOWN = Relations(category=True, brand=True, images=True, renditions=True, attributes=True, group=True)
SIBLINGS = SiblingRelations(
    columns=("id", "slug", "name", "quantity", "unlimited_stock", *SIBLING_COLUMNS), relations=Relations()
)


class _CatalogueView(APIView):
    """Only reads the catalogue: it may use what is kept, and shared caches may keep what it answers to everybody."""

    permission_classes = [MayReadCatalogue]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with revision.request(), stating() as conditions:
            response: Any = super().dispatch(request, *args, **kwargs)
        if response.status_code == 200 and conditions.may_be_kept:
            allow_sharing(request, response, conditions.valid_until)
        return response


class ProductSearchView(_CatalogueView):
    """Search, filter, sort and page the catalogue."""

    @staticmethod
    def cost(request: Request) -> int:
        """What the request costs of its budgets. Computed before its parameters are validated."""
        limit = request.query_params.get("limit", "")
        is_number = limit.isascii() and limit.isdecimal() and len(limit) <= len(str(MAX_PAGE_SIZE))
        size = min(int(limit), MAX_PAGE_SIZE) if is_number else DEFAULT_PAGE_SIZE
        facets = request.query_params.get("facets") in BooleanField.TRUE_VALUES
        grouped = request.query_params.get("group_by") == GROUP
        return search_cost(text=request.query_params.get("q"), grouped=grouped, facets=facets, size=size)

    @extend_schema(
        operation_id="products_search",
        summary="Search products",
        description="All parameters are optional. They combine with AND, and ranges include both ends. `next` and "
        "`previous` are complete URLs. A cursor is valid only with the parameters it was given for.",
        parameters=[
            ProductSearchSerializer,
            OpenApiParameter(
                "attr",
                {"type": "object", "additionalProperties": {"type": "string"}},
                style="form",
                explode=True,
                description="Parameters about attributes, each named after the slug of one: `attr.colour=Red` for a "
                "value as in `facets` (`true` or `false` for a BOOLEAN attribute), repeated for any of several; "
                "`attr.length.min=50` and `attr.length.max=80` for numbers. Several attributes combine with AND.",
                examples=[
                    OpenApiExample("none", value={}),
                    OpenApiExample("Red, 50 or longer", value={"attr.colour": "Red", "attr.length.min": "50"}),
                ],
            ),
        ],
        responses={200: ProductPageSerializer, **error_responses(400, 401)},
        tags=["products"],
        examples=[
            OpenApiExample(
                "Lamps up to 100, cheapest first",
                description="GET /api/v1/products/search/?q=lamp&max_price=100&ordering=price&limit=1",
                value={
                    "count": 7,
                    "next": "https://shop.example/api/v1/products/search/?q=lamp&max_price=100&ordering=price&limit=1"
                    "&cursor=nWzEsIjRj…",
                    "previous": None,
                    "results": [
                        {
                            "id": "UHJvZHVjdDox",
                            "name": "Alva table lamp",
                            "slug": "alva-table-lamp",
                            "sku": "LMP-0042",
                            "description": "A small lamp of brushed brass.",
                            "category": {"name": "Table lamps", "slug": "table-lamps"},
                            "brand": {"name": "Lumhaus", "slug": "lumhaus"},
                            "price": {"amount": "39.90", "currency": "EUR"},
                            "compare_at_price": None,
                            "quantity": 12,
                            "in_stock": True,
                            "rating": 4.5,
                            "created_at": "2026-05-04T09:30:00+00:00",
                            "updated_at": "2026-05-04T09:30:00+00:00",
                            "attributes": [
                                {
                                    **{"slug": "power", "name": "Power", "kind": "NUMBER", "unit": "W"},
                                    **{"text": "7.5", "number": 7.5, "boolean": None},
                                }
                            ],
                            "group": {"slug": "alva-table-lamp", "name": "Alva table lamp"},
                        }
                    ],
                    "redirect": None,
                },
                response_only=True,
            )
        ],
    )
    def get(self, request: Request) -> Response:
        serializer = ProductSearchSerializer(data=request.query_params)
        serializer.is_valid(raise_exception=True)
        parameters = serializer.validated_data
        tree = cache(category_tree)
        try:
            criteria = _criteria(parameters, tree)
            cursor, size = parameters.get("cursor"), parameters.get("limit")
            if cursor is None:
                page = parse_page(criteria, first=size)
            elif cursor.startswith(BACKWARD):
                page = parse_page(criteria, last=size, before=cursor[1:])
            elif cursor.startswith(FORWARD):
                page = parse_page(criteria, first=size, after=cursor[1:])
            else:
                raise InvalidInput.at("after", message="This is not a cursor that this service gave.")
        except InvalidInput as error:
            raise api_exception(error, PARAMETERS | attribute_names(parameters["attributes"])) from None
        search = engine().resolve(criteria, page.position)
        hits = search.page(page)
        count_search(criteria, page, hits)
        products = read_products(
            hits.ids,
            relations=replace(SHOWN, tree=tree() if criteria.categories else None),
        )
        first, last = (hits.positions[0], hits.positions[-1]) if hits.positions else (None, None)

        def link(way: str, position: Position | None, more: bool) -> str | None:
            if position is None or not more:
                return None
            query = request.query_params.copy()
            query["cursor"] = way + encode_cursor(criteria.digest, position)
            return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")

        answer: dict[str, Any] = {
            "count": search.total(),
            "next": link(FORWARD, last, hits.has_next),
            "previous": link(BACKWARD, first, hits.has_previous),
            "results": ProductSerializer(products, many=True, context={"request": request}).data,
            "redirect": NamedSerializer(redirect).data if (redirect := redirect_of(criteria, tree)) else None,
        }
        if parameters.get("facets"):
            answer["facets"] = facets_shown(search.facets(tree))
        return Response(answer)


class ProductView(_CatalogueView):
    """One product."""

    @extend_schema(
        operation_id="product",
        summary="One product by its slug",
        parameters=[SLUG],
        responses={200: ProductDetailSerializer, **error_responses(400, 401, 404)},
        tags=["products"],
    )
    def get(self, request: Request, slug: str) -> Response:
        if has_unsafe_characters(slug):
            raise Http404
        key = Product.objects.filter(slug=normal_form(slug), is_active=True).values_list("id", flat=True).first()
        products = read_products([key], relations=replace(SHOWN, siblings=SIBLINGS)) if key is not None else []
        if not products:
            raise Http404
        return Response(ProductDetailSerializer(products[0], context={"request": request}).data)


def _criteria(parameters: dict[str, Any], tree: Callable[[], CategoryTree]) -> SearchCriteria:
    """The validated parameters. Raises InvalidInput."""
    ordering = parameters.get("ordering")
    descending = None if ordering in (None, "relevance") else ordering.startswith("-")
    search_input = SearchInput(
        text=parameters.get("q"),
        categories=parameters.get("category"),
        brands=parameters.get("brand"),
        by_name=True,
        price=Range(parameters.get("min_price"), parameters.get("max_price")),
        quantity=Range(parameters.get("min_quantity"), parameters.get("max_quantity")),
        rating=Range(parameters.get("min_rating"), parameters.get("max_rating")),
        created=Range(parameters.get("created_at"), parameters.get("created_until")),
        in_stock=parameters.get("in_stock"),
        on_sale=parameters.get("on_sale"),
        slugs=parameters.get("slug"),
        attributes=parameters["attributes"],
        grouped=parameters.get("group_by") == GROUP,
        sort=SortField(ordering.removeprefix("-").upper()) if ordering else None,
        descending=descending,
    )
    return parse_criteria(search_input, tree=tree)
