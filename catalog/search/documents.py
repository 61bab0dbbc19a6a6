"""Makes documents of products, brands and categories, in a form that each engine turns into its own."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

from catalog.attributes.models import Attribute, text_of
from catalog.category_tree import CategoryTree
from catalog.models import UNRATED_HIGH, UNRATED_LOW, Brand, Category
from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import Tokens, reversed_tokens, sku_tokens, subject_of, tokens_of
from catalog.search.attribute_codes import Held, codes_of, number_path, to_fixed_point
from catalog.search.cursors import EPOCH, MICROSECOND
from catalog.search.price_ranges import SCALE
from catalog.text import sort_key

# Raise this when the documents or their tokens change: indexes of other versions are rebuilt. test_documents.py fails
# if it was forgotten.
VERSION = 6
# How many names of brands, paths of categories and values of attributes are kept with their tokens.
MAX_KEPT_TEXTS = 50_000
PRODUCT, BRAND, CATEGORY = "product", "brand", "category"


class ProductRow(NamedTuple):
    """What the document of a product is made of: columns of its row, and the values of its attributes in order."""

    id: int
    name: str
    sku: str | None
    description: str
    category_id: int
    brand_id: int
    price: Decimal
    quantity: int
    rating: float | None
    created_at: datetime
    unlimited_stock: bool
    compare_at_price: Decimal | None
    group_id: int | None
    attributes: tuple[Held, ...] = ()


# The columns of a product, without its attributes.
COLUMNS = ProductRow._fields[:-1]
# All codes of attributes, the attributes by their keys, and the numbers of NUMBER attributes, by attribute.
VALUES, ATTRIBUTES, ATTRIBUTE_NUMBERS = "values", "attributes", "numbers"
# Fields and their values: a number, a text, or tokens with spaces between them; of some fields several numbers.
Document = dict[str, Any]


def fingerprint_of(*parts: Any) -> str:
    """Changes with the documents, their tokens and the parts, by which an engine tells the form of its index."""
    return _fingerprint(VERSION, languages().codes, parts)


# Kept, because each search compares it. It changes in tests only.
@lru_cache(maxsize=16)
def _fingerprint(number: int, codes: tuple[str, ...], parts: tuple[Any, ...]) -> str:
    return blake2b(repr((number, unicodedata.unidata_version, codes, parts)).encode(), digest_size=8).hexdigest()


def named_key(kind: str, pk: int) -> int:
    """The key of a brand's or category's document; a product's is its id."""
    return pk * 2 + (kind == CATEGORY)


def group_key(pk: int, group: int | None) -> int:
    """What products of one group have in common, and no other product has."""
    return 2 * pk if group is None else 2 * group + 1


def name_term(key: str) -> str:
    """A stored sort key in the form of the index: hexadecimal, so that texts are in the order of their UTF-8 bytes."""
    return f"n{key.encode().hex()}"


def cents(price: Decimal) -> int:
    """The price in hundredths."""
    return int(price.scaleb(2))


def content_digest(*content: Any) -> int:
    """63 bits of a hash of a document's content, by which the check of the index compares it with the database."""
    return int.from_bytes(blake2b(repr(content).encode(), digest_size=8).digest()) >> 1


class Documents:
    """Makes documents of rows, with the names of categories, brands and attributes of one moment."""

    def __init__(self, tree: CategoryTree, brands: dict[int, str], attributes: Iterable[Attribute] = ()) -> None:
        self._tree, self._brands = tree, brands
        self._attributes = {attribute.pk: attribute for attribute in attributes}
        self._texts: dict[int, str] = {}
        self._paths: dict[int, str] = {}
        self._tokens: dict[str, Tokens] = {}

    def unknown_values(self, rows: Iterable[ProductRow]) -> set[int]:
        """The values of attributes, by their keys, whose texts `learn` must be given."""
        return {held.value for row in rows for held in row.attributes if held.value is not None} - self._texts.keys()

    def learn(self, texts: Mapping[int, str]) -> None:
        """Remembers the texts of values."""
        self._texts.update(texts)

    def knows(self, row: ProductRow) -> bool:
        """Whether the row's category, brand and attributes existed at that moment."""
        return (
            row.category_id in self._tree.by_id
            and row.brand_id in self._brands
            and all(
                held.attribute in self._attributes and (held.value is None or held.value in self._texts)
                for held in row.attributes
            )
        )

    def _tokens_of(self, text: str) -> Tokens:
        """The tokens of a text that other products probably have too."""
        tokens = self._tokens.get(text)
        if tokens is None:
            if len(self._tokens) >= MAX_KEPT_TEXTS:
                self._tokens.clear()
            tokens = self._tokens[text] = tokens_of(text)
        return tokens

    def _path(self, category_id: int) -> str:
        """The names from the root down."""
        path = self._paths.get(category_id)
        if path is None:
            names = (category.name for category in self._tree.path(self._tree.by_id[category_id]))
            path = self._paths[category_id] = "\x1f".join(names)
        return path

    def _text(self, held: Held) -> str:
        """The words by which a value is found: a yes by the name of its attribute, a number with its unit."""
        if held.value is not None:
            return self._texts[held.value]
        attribute = self._attributes[held.attribute]
        if held.number is not None:
            return f"{text_of(None, held.number, None)} {attribute.unit}"
        return attribute.name if held.boolean else ""

    def product_digest(self, row: ProductRow) -> int:
        """The digest of the document that `product` makes of the row."""
        # The database may answer 4 where 4.0 was written, and a price with more zeros.
        price, rating = cents(row.price), None if row.rating is None else float(row.rating)
        created = (row.created_at - EPOCH) // MICROSECOND
        names = self._path(row.category_id), self._brands[row.brand_id]
        attributes = [(*held[:2], held.boolean, self._text(held)) for held in row.attributes]
        more = row.compare_at_price is not None, row.group_id, attributes
        return content_digest(*row[:6], price, row.quantity, rating, created, bool(row.unlimited_stock), *names, *more)

    def product(self, row: ProductRow) -> Document:
        """The document of an active product's row."""
        brand = self._tokens_of(self._brands[row.brand_id])
        context = [self._tokens_of(self._path(row.category_id).replace("\x1f", " "))]
        named, described = tokens_of(row.name), tokens_of(row.description)
        in_name = {*named.stems.split(), *named.words.split()}
        context += [_without(self._tokens_of(self._text(held)), in_name) for held in row.attributes]
        # Adding 0.0 turns -0.0 into 0.0. An index would sort -0.0 before it.
        rating = None if row.rating is None else row.rating + 0.0
        return {
            "id": row.id,
            "category": row.category_id,
            "brand": row.brand_id,
            "group": group_key(row.id, row.group_id),
            "price": cents(row.price),
            "price_step": bisect_right(SCALE, row.price),
            "quantity": row.quantity,
            "in_stock": int(row.quantity > 0 or row.unlimited_stock),
            "on_sale": int(row.compare_at_price is not None),
            "rating_low": UNRATED_LOW if rating is None else rating,
            "rating_high": UNRATED_HIGH if rating is None else rating,
            "created": (row.created_at - EPOCH) // MICROSECOND,
            "digest": self.product_digest(row),
            "kind": PRODUCT,
            "name_key": name_term(sort_key(row.name)),
            "name": named.stems,
            "brand_name": brand.stems,
            "context": " ".join(tokens.stems for tokens in context),
            "sku": sku_tokens(row.sku) if row.sku else "",
            "description": described.stems,
            "subject": subject_of(row.name),
            "name_words": named.words,
            "context_words": " ".join(tokens.words for tokens in (brand, *context)),
            "description_words": described.words,
            "name_ends": reversed_tokens(named),
            **attribute_fields(row.attributes),
        }


def _without(tokens: Tokens, in_name: set[str]) -> Tokens:
    """The tokens that the name does not have: a name that ends in its colour does not count for it twice."""
    kinds = (tokens.stems, tokens.words)
    stems, words = (" ".join(token for token in kind.split() if token not in in_name) for kind in kinds)
    return Tokens(stems, words)


def attribute_fields(attributes: Sequence[Held]) -> Document:
    """What a document says of a product's attributes, by number."""
    if not attributes:
        return {}
    numbers = {
        number_path(held.attribute): to_fixed_point(held.number) for held in attributes if held.number is not None
    }
    keys = [*dict.fromkeys(held.attribute for held in attributes)]
    return {VALUES: codes_of(attributes), ATTRIBUTES: keys, **({ATTRIBUTE_NUMBERS: numbers} if numbers else {})}


def named_digest(kind: str, row: Brand | Category) -> int:
    """The digest of the document that `named_document` makes of the row."""
    return content_digest(kind, row.pk, row.name)


def named_document(kind: str, row: Brand | Category) -> Document:
    """The document of a brand or category."""
    return {
        "named": named_key(kind, row.pk),
        "digest": named_digest(kind, row),
        "kind": kind,
        "label": tokens_of(row.name).words,
    }
