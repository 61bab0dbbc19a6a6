"""What asking the catalogue costs, in the units of core.graphql.limits (an object of an answer is 1).

Measured as processor time on an index of 100,000 products, with the dearest texts that were found: a page takes 60 ms,
its total 25, its facets 50, suggestions 30, a highlight 0.3. A search of two common words takes a tenth of that. With
these numbers a document of the highest cost keeps a processor busy for some two seconds at most.
"""

SEARCH, TOTAL, FACETS, SUGGESTIONS, HIGHLIGHT = 150, 20, 100, 75, 1
# The brands' names are few: a scan of them takes a millisecond.
BRAND_SEARCH, BRAND_TOTAL = 5, 2
# A product with its category, brand, price and picture.
PRODUCT = 5
COSTS = {
    "Query.products(search:)": SEARCH,
    "Query.suggestions": SUGGESTIONS,
    "Query.brands(search:)": BRAND_SEARCH,
    "ProductConnection.totalCount": TOTAL,
    "ProductConnection.facets": FACETS,
    "ProductEdge.highlight": HIGHLIGHT,
    "BrandConnection.totalCount": BRAND_TOTAL,
}


def search_cost(*, text: str | None, facets: bool, size: int) -> int:
    """What a page of `size` products costs that comes with its total, as the REST API's does."""
    return TOTAL + PRODUCT * size + (SEARCH if text else 0) + (FACETS if facets else 0)
