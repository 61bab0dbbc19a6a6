"""Makes the index's documents of products, brands and categories, and defines their fields."""

import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from importlib.metadata import version
from typing import Any, NamedTuple

import tantivy

from catalog.attributes.models import Attribute, text_of
from catalog.category_tree import CategoryTree
from catalog.models import UNRATED_HIGH, UNRATED_LOW, Brand, Category
from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import MAX_TOKEN_BYTES, Tokens, reversed_tokens, sku_tokens, subject_of, tokens_of
from catalog.search.cursors import EPOCH, MICROSECOND
from catalog.search.index import attribute_codes
from catalog.search.index.attribute_codes import FURTHER_COLUMNS, MORE, Held, codes_of, number_path, to_fixed_point
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
# Fields of numbers for sorting, ranges and facets: name, type, whether single values are looked up.
_NUMBERS = (
    ("id", "unsigned", True),
    ("named", "unsigned", True),
    ("category", "unsigned", True),
    ("brand", "unsigned", True),
    ("price", "integer", True),
    # How many bounds of SCALE are at or below the price: facets count a few steps faster than ranges of prices.
    ("price_step", "unsigned", False),
    ("quantity", "integer", True),
    # 1: there are units, or the stock is unlimited. Else 0.
    ("in_stock", "unsigned", True),
    ("on_sale", "unsigned", True),
    # The key of the group, or one of the product alone, so that each product has one: see `group_key`.
    ("group", "unsigned", True),
    ("rating_low", "float", True),
    ("rating_high", "float", True),
    ("created", "integer", False),
    ("digest", "unsigned", False),
    *((column, "unsigned", False) for column in (*attribute_codes.COLUMNS, *FURTHER_COLUMNS)),
    (MORE, "unsigned", False),
)
# All codes of attributes, to look them up, and the numbers of NUMBER attributes, by attribute.
VALUES, ATTRIBUTE_NUMBERS = "values", "numbers"
# Fields of text: name, tokenizer, what is kept of a token, whether rows can be sorted by it.
_TEXTS = (
    ("kind", "raw", "basic", False),
    ("name_key", "raw", "basic", True),
    ("name", "words", "position", False),
    ("brand_name", "words", "freq", False),
    # The path of the category, and the values of attributes.
    ("context", "words", "freq", False),
    ("sku", "words", "freq", False),
    ("description", "words", "freq", False),
    # What the product is.
    ("subject", "words", "basic", False),
    # As written, for the exact form, prefixes and typos: the name; brand, category and attributes; the description.
    ("name_words", "words", "basic", False),
    ("context_words", "words", "basic", False),
    ("description_words", "words", "basic", False),
    # The words and stems of the name from their last letter on, for the last parts of compounds.
    ("name_ends", "words", "basic", False),
    # The name of a brand or category: what suggestions complete.
    ("label", "words", "basic", False),
)


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name, kind, indexed in _NUMBERS:
        getattr(builder, f"add_{kind}_field")(name, indexed=indexed, fast=True)
    builder.add_unsigned_field(VALUES, indexed=True, fast=False)
    builder.add_json_field(ATTRIBUTE_NUMBERS, fast=True, tokenizer_name="raw", index_option="basic")
    for name, tokenizer, option, fast in _TEXTS:
        builder.add_text_field(name, tokenizer_name=tokenizer, index_option=option, fast=fast)
    return builder.build()


SCHEMA = _schema()
# Texts are split and stemmed before they reach the index.
_WORDS = (
    tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    .filter(tantivy.Filter.remove_long(MAX_TOKEN_BYTES + 1))
    .build()
)


def fingerprint() -> str:
    """Changes with everything that decides whether this code can read an index on disk and keep it up to date."""
    return _fingerprint(VERSION, languages().codes)


# Kept, because each search compares it. It changes in tests only.
@lru_cache(maxsize=16)
def _fingerprint(number: int, codes: tuple[str, ...]) -> str:
    parts = (number, version("tantivy"), unicodedata.unidata_version, _NUMBERS, _TEXTS, codes)
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def register_tokenizers(index: tantivy.Index) -> None:
    """Registers the tokenizers of the fields. Call it for every index that is created or opened."""
    index.register_tokenizer("words", _WORDS)


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

    def product(self, row: ProductRow) -> tantivy.Document:
        """The document of an active product's row."""
        brand = self._tokens_of(self._brands[row.brand_id])
        context = [self._tokens_of(self._path(row.category_id).replace("\x1f", " "))]
        named, described = tokens_of(row.name), tokens_of(row.description)
        in_name = {*named.stems.split(), *named.words.split()}
        context += [_without(self._tokens_of(self._text(held)), in_name) for held in row.attributes]
        document = tantivy.Document()
        document.add_unsigned("id", row.id)
        document.add_unsigned("category", row.category_id)
        document.add_unsigned("brand", row.brand_id)
        document.add_unsigned("group", group_key(row.id, row.group_id))
        document.add_integer("price", cents(row.price))
        document.add_unsigned("price_step", bisect_right(SCALE, row.price))
        document.add_integer("quantity", row.quantity)
        document.add_unsigned("in_stock", int(row.quantity > 0 or row.unlimited_stock))
        document.add_unsigned("on_sale", int(row.compare_at_price is not None))
        # Adding 0.0 turns -0.0 into 0.0. The index would sort -0.0 before it.
        document.add_float("rating_low", UNRATED_LOW if row.rating is None else row.rating + 0.0)
        document.add_float("rating_high", UNRATED_HIGH if row.rating is None else row.rating + 0.0)
        document.add_integer("created", (row.created_at - EPOCH) // MICROSECOND)
        document.add_unsigned("digest", self.product_digest(row))
        document.add_text("kind", PRODUCT)
        document.add_text("name_key", name_term(sort_key(row.name)))
        document.add_text("name", named.stems)
        document.add_text("brand_name", brand.stems)
        document.add_text("context", " ".join(tokens.stems for tokens in context))
        document.add_text("sku", sku_tokens(row.sku) if row.sku else "")
        document.add_text("description", described.stems)
        document.add_text("subject", subject_of(row.name))
        document.add_text("name_words", named.words)
        document.add_text("context_words", " ".join(tokens.words for tokens in (brand, *context)))
        document.add_text("description_words", described.words)
        document.add_text("name_ends", reversed_tokens(named))
        _add_attributes(document, row.attributes)
        return document


def _without(tokens: Tokens, in_name: set[str]) -> Tokens:
    """The tokens that the name does not have: a name that ends in its colour does not count for it twice."""
    kinds = (tokens.stems, tokens.words)
    stems, words = (" ".join(token for token in kind.split() if token not in in_name) for kind in kinds)
    return Tokens(stems, words)


def _add_attributes(document: tantivy.Document, attributes: Sequence[Held]) -> None:
    codes = codes_of(attributes)
    for number in codes:
        document.add_unsigned(VALUES, number)
    for column, number in zip((*attribute_codes.COLUMNS, *FURTHER_COLUMNS), codes, strict=False):
        document.add_unsigned(column, number)
    for number in codes[attribute_codes.NUM_COLUMNS :]:
        document.add_unsigned(MORE, number)
    numbers = {
        number_path(held.attribute): to_fixed_point(held.number) for held in attributes if held.number is not None
    }
    if numbers:
        document.add_json(ATTRIBUTE_NUMBERS, numbers)


def named_digest(kind: str, row: Brand | Category) -> int:
    """The digest of the document that `named_document` makes of the row."""
    return content_digest(kind, row.pk, row.name)


def named_document(kind: str, row: Brand | Category) -> tantivy.Document:
    """The document of a brand or category."""
    document = tantivy.Document()
    document.add_unsigned("named", named_key(kind, row.pk))
    document.add_unsigned("digest", named_digest(kind, row))
    document.add_text("kind", kind)
    document.add_text("label", tokens_of(row.name).words)
    return document
