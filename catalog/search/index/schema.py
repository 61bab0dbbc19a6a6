"""The fields of the index on disk, and documents in its form."""

from importlib.metadata import version

import tantivy

from catalog.attributes.models import MAX_ATTRIBUTES, MAX_VALUES
from catalog.search.analysis.tokens import MAX_TOKEN_BYTES
from catalog.search.documents import ATTRIBUTE_NUMBERS, ATTRIBUTES, VALUES, Document, fingerprint_of

# Columns of one code of an attribute each, which are counted three times as fast as one column of many. Further codes,
# which few products have, are in one column for counting, and in columns of one code each, because only those can be
# read.
NUM_COLUMNS = 16
COLUMNS = tuple(f"value_{n}" for n in range(NUM_COLUMNS))
FURTHER_COLUMNS = tuple(f"value_{n}" for n in range(NUM_COLUMNS, MAX_VALUES + MAX_ATTRIBUTES))
MORE = "more_values"
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
    *((column, "unsigned", False) for column in (*COLUMNS, *FURTHER_COLUMNS)),
    (MORE, "unsigned", False),
)
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


_FORM = (version("tantivy"), _NUMBERS, _TEXTS)


def fingerprint() -> str:
    """Changes with everything that decides whether this code can read an index on disk and keep it up to date."""
    return fingerprint_of(*_FORM)


def register_tokenizers(index: tantivy.Index) -> None:
    """Registers the tokenizers of the fields. Call it for every index that is created or opened."""
    index.register_tokenizer("words", _WORDS)


def tantivy_document(document: Document) -> tantivy.Document:
    """The document in the form of the index."""
    codes = document.get(VALUES, ())
    columns = dict(zip((*COLUMNS, *FURTHER_COLUMNS), codes, strict=False))
    if len(codes) > NUM_COLUMNS:
        columns[MORE] = codes[NUM_COLUMNS:]
    fields = document | columns
    # The codes tell them.
    fields.pop(ATTRIBUTES, None)
    return tantivy.Document.from_dict(fields, SCHEMA)
