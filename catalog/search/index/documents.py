"""Makes the index's documents of products, brands and categories, and defines their fields."""

import unicodedata
from bisect import bisect_right
from decimal import Decimal
from hashlib import blake2b
from importlib.metadata import version
from typing import Any

import tantivy

from catalog.category_tree import CategoryTree
from catalog.models import UNRATED_HIGH, UNRATED_LOW, Brand, Category
from catalog.search.analysis.languages import languages
from catalog.search.analysis.tokens import MAX_TOKEN_BYTES, Tokens, reversed_tokens, sku_tokens, subject_of, tokens_of
from catalog.search.cursors import EPOCH, MICROSECOND
from catalog.search.price_ranges import SCALE
from catalog.text import sort_key

# Raise this when the documents or their tokens change: indexes of other versions are rebuilt. test_documents.py fails
# if it was forgotten.
VERSION = 5
PRODUCT, BRAND, CATEGORY = "product", "brand", "category"
# The columns of a product that its document is made of, in the order that `Documents.product` takes.
COLUMNS = (
    *("id", "name", "sku", "description", "category_id", "brand_id", "price", "quantity", "rating"),
    *("created_at", "unlimited_stock"),
)
# Fields of numbers, all for sorting, ranges and facets: name, type, whether single values are looked up.
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
    ("rating_low", "float", True),
    ("rating_high", "float", True),
    ("created", "integer", False),
    ("digest", "unsigned", False),
)
# Fields of text: name, tokenizer, what is kept of a token, whether rows can be sorted by it.
_TEXTS = (
    ("kind", "raw", "basic", False),
    ("name_key", "raw", "basic", True),
    ("name", "words", "position", False),
    ("brand_name", "words", "freq", False),
    ("category_path", "words", "freq", False),
    ("sku", "words", "freq", False),
    ("description", "words", "freq", False),
    # What the product is.
    ("subject", "words", "basic", False),
    # As written, for the exact form, prefixes and typos: the name; brand and category; the description.
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
    parts = (VERSION, version("tantivy"), unicodedata.unidata_version, _NUMBERS, _TEXTS, languages().codes)
    return blake2b(repr(parts).encode(), digest_size=8).hexdigest()


def register_tokenizers(index: tantivy.Index) -> None:
    """Registers the tokenizers of the fields. Call it for every index that is created or opened."""
    index.register_tokenizer("words", _WORDS)


def named_key(kind: str, pk: int) -> int:
    """The key of a brand's or category's document; a product's is its id."""
    return pk * 2 + (kind == CATEGORY)


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
    """Makes documents of rows, with the categories' paths and the brands' names of one moment."""

    def __init__(self, tree: CategoryTree, brands: dict[int, str]) -> None:
        self._tree, self._brands = tree, brands
        self._paths: dict[int, tuple[str, Tokens]] = {}
        self._brand_tokens: dict[int, Tokens] = {}

    def _path(self, category_id: int) -> tuple[str, Tokens]:
        """The names from the root down, and their tokens."""
        if category_id not in self._paths:
            path = "\x1f".join(category.name for category in self._tree.path(self._tree.by_id[category_id]))
            self._paths[category_id] = path, tokens_of(path.replace("\x1f", " "))
        return self._paths[category_id]

    def knows(self, row: tuple[Any, ...]) -> bool:
        """Whether the row's category and brand existed at that moment."""
        return row[4] in self._tree.by_id and row[5] in self._brands

    def product_digest(self, row: tuple[Any, ...]) -> int:
        """The digest of the document that `product` makes of the row."""
        # The database may answer 4 where 4.0 was written, and a price with more zeros.
        price, rating = cents(row[6]), None if row[8] is None else float(row[8])
        created = (row[9] - EPOCH) // MICROSECOND
        names = self._path(row[4])[0], self._brands[row[5]]
        return content_digest(*row[:6], price, row[7], rating, created, bool(row[10]), *names)

    def product(self, row: tuple[Any, ...]) -> tantivy.Document:
        """The document of an active product's row in the order of COLUMNS."""
        pk, name, sku, description, category_id, brand_id, price, quantity, rating, created, unlimited = row
        path = self._path(category_id)[1]
        brand = self._brand_tokens.get(brand_id)
        if brand is None:
            brand = self._brand_tokens[brand_id] = tokens_of(self._brands[brand_id])
        named, described = tokens_of(name), tokens_of(description)
        document = tantivy.Document()
        document.add_unsigned("id", pk)
        document.add_unsigned("category", category_id)
        document.add_unsigned("brand", brand_id)
        document.add_integer("price", cents(price))
        document.add_unsigned("price_step", bisect_right(SCALE, price))
        document.add_integer("quantity", quantity)
        document.add_unsigned("in_stock", int(quantity > 0 or unlimited))
        # Adding 0.0 turns -0.0 into 0.0. The index would sort -0.0 before it.
        document.add_float("rating_low", UNRATED_LOW if rating is None else rating + 0.0)
        document.add_float("rating_high", UNRATED_HIGH if rating is None else rating + 0.0)
        document.add_integer("created", (created - EPOCH) // MICROSECOND)
        document.add_unsigned("digest", self.product_digest(row))
        document.add_text("kind", PRODUCT)
        document.add_text("name_key", name_term(sort_key(name)))
        document.add_text("name", named.stems)
        document.add_text("brand_name", brand.stems)
        document.add_text("category_path", path.stems)
        document.add_text("sku", sku_tokens(sku) if sku else "")
        document.add_text("description", described.stems)
        document.add_text("subject", subject_of(name))
        document.add_text("name_words", named.words)
        document.add_text("context_words", f"{brand.words} {path.words}")
        document.add_text("description_words", described.words)
        document.add_text("name_ends", reversed_tokens(named))
        return document


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
