"""The costs of the catalogue's queries, in the units of core.graphql.limits: an object of an answer costs 1.

The costs follow processor time. With the slowest known texts, on an index of 100,000 products, a page takes 60 ms, its
total 25, its facets 50, suggestions 30 and a highlight 0.3. A search for two common words takes a tenth of this. The
most expensive document that is allowed keeps a processor busy for about two seconds.
"""

SEARCH, TOTAL, FACETS, SUGGESTIONS, HIGHLIGHT = 150, 20, 100, 75, 1
# What these add. A grouped search reads what it counts: of 100,000 products in groups the total takes 60 ms, all facets
# half a second, most of it for attributes.
GROUPED, ATTRIBUTE_FACETS = 300, 300
# A search of its own.
RELATED = 10
# Brands are few: a scan of their names takes a millisecond.
BRAND_SEARCH, BRAND_TOTAL = 5, 2
# The attributes of a product, or the options of a group.
ATTRIBUTES = 1
TAXONOMY_CHANGE = 50
# A product with its category, brand, price and image.
PRODUCT = 5
COSTS = {
    "Query.products(search:)": SEARCH,
    "Query.products(groupBy:)": GROUPED,
    "Query.suggestions": SUGGESTIONS,
    "Query.brands(search:)": BRAND_SEARCH,
    "ProductConnection.totalCount": TOTAL,
    "ProductConnection.facets": FACETS,
    "ProductFacets.attributes": ATTRIBUTE_FACETS,
    "ProductEdge.highlight": HIGHLIGHT,
    # The rows of a product's attributes cost little each, and their objects nothing: attributes and options are few
    # different ones. How many values an answer lists is bounded when they are read (catalog.attributes.selectors).
    "Product.attributes": ATTRIBUTES,
    "ProductGroup.options": ATTRIBUTES,
    **dict.fromkeys(("ProductAttribute", "ProductOption", "Attribute", "AttributeValueCount"), 0),
    "Product.related": RELATED,
    "BrandConnection.totalCount": BRAND_TOTAL,
    # Up to 1,000 products are locked, written and recorded for the index, which takes up to half a second.
    "Mutation.inventoryUpdate": 1_000,
    # All categories are locked and read, or the products of one are counted.
    **dict.fromkeys(("Mutation.categoryUpdate", "Mutation.categoryDelete", "Mutation.brandDelete"), TAXONOMY_CHANGE),
}


def search_cost(*, text: str | None, grouped: bool, facets: bool, size: int) -> int:
    """The cost of a page of the REST API, which comes with its total."""
    more = (SEARCH if text else 0) + (GROUPED if grouped else 0) + (FACETS + ATTRIBUTE_FACETS if facets else 0)
    return TOTAL + PRODUCT * size + more
