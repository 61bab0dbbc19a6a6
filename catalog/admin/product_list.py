"""The admin's list of products: what it reads, how it is searched and sorted, and the rows that are edited in it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.core.paginator import InvalidPage, Paginator
from django.db.models import Case, QuerySet, Value, When
from django.forms.utils import ErrorList, flatatt
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from catalog.admin.filters import ChoiceFilter
from catalog.admin.finding import MAX_FOUND, Found, find_products
from catalog.images.models import ImageStatus, ProductImage, Rendition
from catalog.images.sizes import ImageFormat, ImageSize
from catalog.models import Product
from core.admin.versions import RowFormSet, VersionedForm
from core.errors import InvalidInput
from core.money import digits_of

# Rows that are counted and paged through. Whoever looks for a product further down searches or filters.
MAX_COUNTED = 5_000
# Columns of an index.
SORTABLE = {"name_key", "sku", "price", "quantity", "rating_low", "created_at"}
STATE = "is_active__exact"
# With this parameter, an SKU finds what is similar, too.
SIMILAR = "similar"
# The links above the list: each is one address, which can be kept as a bookmark.
VIEWS: list[tuple[str, dict[str, str]]] = [
    ("All", {}),
    ("In the shop", {STATE: "1"}),
    ("Archived", {STATE: "0"}),
    ("Sold out", {STATE: "1", "stock": "none"}),
    ("Low stock", {STATE: "1", "stock": "low"}),
    ("On sale", {STATE: "1", "sale": "yes"}),
    ("Without a picture", {STATE: "1", "pictures": "none"}),
]


class ProductList(ChangeList):
    """The list of products. A page costs the same number of queries at 1 and at 100 rows.

    Every sort is one column of an index that begins with `is_active`, so active and archived products are read apart,
    each in the order of the index, and merged.
    """

    found: Found | None = None
    # Whether the text is a product's SKU, and that product alone is shown.
    is_alone = False
    shown_count: str
    # Whether there are more rows than are counted.
    is_cut = False

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        text, self.query = self.query, ""
        products: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        self.query = text
        if not text.strip():
            return products
        try:
            self.found = find_products(text, narrow=self._narrow(), active=self._active)
        except InvalidInput as error:
            messages.error(request, str(error))
            self.found = Found([], 0)
        if self.found.by_sku and SIMILAR not in self.params:
            alone = products.filter(pk__in=self.found.by_sku)
            if alone.exists():
                self.is_alone = True
                return alone
        return products.filter(pk__in=self.found.ids)

    def get_filters_params(self, params: Any = None) -> dict[str, Any]:
        return {name: value for name, value in super().get_filters_params(params).items() if name != SIMILAR}

    def _narrow(self) -> dict[str, Any]:
        fields: dict[str, Any] = {}
        for spec in self.filter_specs:
            if isinstance(spec, ChoiceFilter) and (value := spec.value()) is not None:
                fields |= spec.narrow(value)
        return fields

    @property
    def _active(self) -> bool | None:
        """Whether the list has active products only (True), archived ones only (False), or both."""
        return {"1": True, "0": False}.get(self.params.get(STATE, ""))

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        """One column and the key, in the same direction: what an index serves."""
        column = str(super().get_ordering(request, queryset)[0])
        if column.removeprefix("-") not in SORTABLE:
            column = "-created_at"
        return [column, "-pk" if column.startswith("-") else "pk"]

    def get_results(self, request: HttpRequest) -> None:
        count = 0
        for part in self._parts():
            count += part.order_by().values("pk")[: MAX_COUNTED + 1 - count].count()
        self.result_count = min(count, MAX_COUNTED)
        self.shown_count = f"{self.result_count:,}" if count <= MAX_COUNTED else f"more than {MAX_COUNTED:,}"
        self.is_cut = count > MAX_COUNTED
        self.full_result_count = None
        self.show_full_result_count = self.can_show_all = self.show_all = False
        self.show_admin_actions = bool(self.result_count)
        self.paginator = Paginator(range(self.result_count), self.list_per_page)
        self.multi_page = self.paginator.num_pages > 1
        try:
            page = self.paginator.page(self.page_num)
        except InvalidPage:
            raise IncorrectLookupParameters from None
        start = (page.number - 1) * self.list_per_page
        self.show_rows(self._ids(min(start + self.list_per_page, self.result_count))[start:])

    def _ids(self, stop: int) -> Sequence[int]:
        """The ids of the first `stop` rows."""
        if self.found is not None and "o" not in self.params:
            matching = set(self.queryset.order_by().values_list("pk", flat=True))
            return [pk for pk in self.found.ids if pk in matching][:stop]
        column = self.queryset.query.order_by[0]
        states = [True, False] if self._active is None else [self._active]
        parts = [
            self.queryset.filter(is_active=state).values_list(column.removeprefix("-"), "pk")[:stop] for state in states
        ]
        rows = heapq.merge(*parts, key=lambda row: (row[0] is not None, *row), reverse=column.startswith("-"))
        return [pk for (_, pk), _ in zip(rows, range(stop), strict=False)]

    def _parts(self) -> list[QuerySet[Any]]:
        """The active and the archived products of the list."""
        states = [True, False] if self._active is None else [self._active]
        return [self.queryset.filter(is_active=state) for state in states]

    def show_rows(self, ids: Sequence[int]) -> None:
        """Reads the rows of these ids, in their order, each with its thumbnail."""
        order = Case(*(When(pk=pk, then=Value(place)) for place, pk in enumerate(ids)), default=Value(0))
        rows = Product.objects.filter(pk__in=ids).select_related("category", "brand")
        self.result_list = rows.defer("description", "search_text").order_by(order)
        attach_thumbnails([*self.result_list])

    def follow_forms(self) -> None:
        """Shows the rows of a posted page whose forms have errors, in the order of the forms."""
        formset: Any = self.formset
        self.show_rows([form.instance.pk for form in formset.forms])

    @property
    def notes(self) -> list[str | SafeString]:
        """What the list leaves out."""
        if self.is_alone:
            link = self.get_query_string({SIMILAR: "1"})
            return [format_html('This product has that SKU. <a href="{}">Show similar ones, too</a>', link)]
        if self.found is not None and self.found.is_cut:
            return [f"The best {MAX_FOUND:,} of {self.found.total:,} hits. Add a word or a filter to see others."]
        if self.is_cut:
            return [f"The first {MAX_COUNTED:,} products can be paged through. Search or filter to see others."]
        return []

    @property
    def views(self) -> list[dict[str, Any]]:
        filters = {name: value for name, value in self.params.items() if value and name not in ("o", SIMILAR)}
        return [
            {"name": name, "query": self.get_query_string(query, [*self.filter_params]), "is_current": query == filters}
            for name, query in VIEWS
        ]


def attach_thumbnails(products: Sequence[Any]) -> None:
    """Sets each product's first READY image as `thumbnail`, and its smallest rendition as `thumbnail.file`."""
    images = ProductImage.objects.filter(product__in=[product.pk for product in products], status=ImageStatus.READY)
    first: dict[int, Any] = {}
    for image in images.order_by("product_id", "position", "id").only("product", "placeholder"):
        first.setdefault(image.product_id, image)
    renditions = Rendition.objects.filter(
        image__in=[image.pk for image in first.values()], size=ImageSize.THUMBNAIL, format=ImageFormat.WEBP
    )
    files = {rendition.image_id: rendition for rendition in renditions} if first else {}
    for product in products:
        product.thumbnail = first.get(product.pk)
        if product.thumbnail is not None:
            product.thumbnail.file = files.get(product.thumbnail.pk)


class PlainInput(forms.NumberInput):
    """Written without a template, which takes four times as long: a page has hundreds of them."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        own = {"type": self.input_type, "name": name, "value": self.format_value(value)}
        return format_html("<input{}>", flatatt(own | self.build_attrs(self.attrs, attrs)))


class PlainHidden(PlainInput):
    input_type = "hidden"


class PriceInput(PlainInput):
    """A price with the digits of the currency, and the currency beside it."""

    def format_value(self, value: Any) -> str | None:
        return f"{value:.{digits_of(value)}f}" if isinstance(value, Decimal) else super().format_value(value)

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> SafeString:
        box = super().render(name, value, attrs, renderer)
        return format_html('<span class="amount">{} <span class="currency">{}</span></span>', box, settings.CURRENCY)


class PlainErrors(ErrorList):
    """Nothing without errors, and then no template either."""

    def render(self, template_name: Any = None, context: Any = None, renderer: Any = None) -> SafeString:
        return super().render(template_name, context, renderer) if self else SafeString()

    __str__ = __html__ = render


class UnlimitedStock(forms.Widget):
    """Stands in the place of a number of units that is not sold by."""

    def render(self, name: str, value: Any, attrs: Any = None, renderer: Any = None) -> Any:
        return "unlimited"


class RowForm(VersionedForm):
    """A row of the list, in which the price and the stock are edited."""

    class Meta:
        model = Product
        fields = ["price", "quantity"]
        widgets = {"price": PriceInput(attrs={"inputmode": "decimal"}), "quantity": PlainInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **{"error_class": PlainErrors, **kwargs})
        price, quantity = self.fields["price"], self.fields["quantity"]
        price.widget.attrs["aria-label"] = f"Price of {self.instance}"
        quantity.widget.attrs["aria-label"] = f"Units of {self.instance} in stock"
        if self.instance.unlimited_stock:
            quantity.disabled, quantity.show_hidden_initial, quantity.widget = True, False, UnlimitedStock()

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        before = self.instance.compare_at_price
        if before is not None and cleaned.get("price", 0) >= before:
            # As the service does: what costs more than before is not reduced any more.
            self.instance.compare_at_price = None
        return cleaned


class ProductRowFormSet(RowFormSet):
    def add_fields(self, form: Any, index: int | None) -> None:
        super().add_fields(form, index)
        form.fields["id"].widget = PlainHidden()
