"""The conditions for one word: whether a product has it, and where."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_

from django.db.models import F, Q, QuerySet, Value
from django.db.models.expressions import Expression, Func
from django.db.models.functions import Lower, Replace, StrIndex, Substr
from django.db.models.lookups import Contains, Exact, GreaterThan, Range

from catalog.models import Attribute, AttributeValue, Brand, Category, ProductAttribute
from catalog.search.analysis.tokens import Word
from catalog.search.sql.needles import Edges, Needles, needles_of

# `search_text` has the name in its first line.
END_OF_NAME = StrIndex(F("search_text"), Value("\n"))
# What stands before and after a word. Other characters make it a part of a longer one.
SEPARATORS = " \n\t,.;:!?/|()[]{}-–—_'’\"“”„«»&+*×、。，（）【】・"
# How many levels above its own a product's category is looked for.
LEVELS_ABOVE = 3
SKU_SEPARATORS = " -./_"


def bare_sku() -> Func:
    """The SKU in small letters, without what separates its parts."""
    sku: Func = Lower("sku")
    for separator in SKU_SEPARATORS:
        sku = Replace(sku, Value(separator), Value(""))
    return sku


def place_of(string: str) -> StrIndex:
    """Where the string first comes in `search_text`, counted from 1; 0 without it."""
    return StrIndex(F("search_text"), Value(string))


def is_in_name(string: str) -> Q:
    return Q(Range(place_of(string), (Value(1), END_OF_NAME)))


@dataclass(frozen=True)
class WordMatching:
    """One word, or all words of a synonym, which must be in the same text."""

    words: tuple[Word, ...]
    levels_above: int = LEVELS_ABOVE

    @cached_property
    def needles(self) -> Needles:
        if len(self.words) == 1:
            return needles_of(self.words[0])
        needles = list(map(needles_of, self.words))
        spelling = " ".join(word.whole for word in self.words)
        return Needles(tuple(group for each in needles for group in each.groups), (spelling,))

    @property
    def anywhere(self) -> Q:
        """The product has the word in one of its texts, or in the name of its brand or of a category above it."""
        return self._all(lambda needle: Q(search_text__contains=needle)) | self._elsewhere

    @property
    def named(self) -> Q:
        """The same without its description."""
        in_sku = self._all(lambda needle: Q(Contains(Lower("sku"), needle)))
        return self.in_name | in_sku | self._elsewhere

    @property
    def in_name(self) -> Q:
        return self._all(is_in_name)

    @property
    def as_written_in_name(self) -> Q:
        """Of products with the word in their names: the name has one of the word's usual spellings."""
        return reduce(or_, map(self._is_spelled, self.needles.spellings))

    @property
    def ranks_as_named(self) -> Q:
        """Of products without the word in their names: as `named`, but SKUs count only for words with a digit.

        To look into the SKU of each product costs nearly as much as all else.
        """
        return self.named if any(c.isdigit() for c in self._whole) else self._elsewhere

    @property
    def _elsewhere(self) -> Q:
        named = self._all(lambda needle: Q(folded_name__contains=needle))
        category = named
        for _ in range(self.levels_above):
            category = named | Q(parent__in=Category.objects.filter(category))
        elsewhere = Q(brand__in=Brand.objects.filter(named)) | Q(category__in=Category.objects.filter(category))
        elsewhere |= Q(pk__in=self._with_value.values("product_id"))
        token = self._whole
        if token.isascii() and token.isalnum() and not token.isalpha() and not token.isdigit():
            # An SKU typed without its hyphens.
            elsewhere |= Q(Exact(bare_sku(), token))
        return elsewhere

    @property
    def _with_value(self) -> QuerySet[ProductAttribute]:
        """Attributes of products that have the word in a value, or a yes to an attribute with it in its name."""
        in_value = AttributeValue.objects.filter(self._all(lambda needle: Q(folded_text__contains=needle)))
        in_name = Attribute.objects.filter(self._all(lambda needle: Q(folded_name__contains=needle)))
        return ProductAttribute.objects.filter(Q(value__in=in_value) | Q(attribute__in=in_name, boolean=True))

    @property
    def _whole(self) -> str:
        return "".join(word.whole for word in self.words)

    def _all(self, has: Callable[[str], Q]) -> Q:
        """One string of each group is there."""
        return reduce(and_, (reduce(or_, map(has, group)) for group in self.needles.groups))

    def _is_spelled(self, spelling: str) -> Q:
        if self.needles.edges is Edges.NONE:
            return is_in_name(spelling)
        place = place_of(spelling)
        separate = Q(Exact(place, 1)) | _is_separator(place - 1)
        if self.needles.edges is Edges.BOTH:
            separate &= _is_separator(place + len(spelling))
        # Of products with the word in their names, no more is to be asked.
        is_known = self.needles.groups == ((spelling,),)
        return separate if is_known else is_in_name(spelling) & separate


def _is_separator(place: Expression) -> Q:
    """Whether a separator is at this place of `search_text`."""
    return Q(GreaterThan(StrIndex(Value(SEPARATORS), Substr(F("search_text"), place, 1)), 0))
