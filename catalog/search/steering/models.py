"""What staff decide about searches: synonyms, and rules that pin and hide products and name a category to open."""

from uuid import uuid4

from django.db import models
from django.db.models import Q

from core.db.fields import BinaryTextField

MAX_TERM_LENGTH = 100
# As long as the text of a search.
MAX_QUERY_LENGTH = 200
# The key of the only SteeringVersion.
ONLY_KEY = 1


class SynonymKind(models.TextChoices):
    BOTH_WAYS = "BOTH_WAYS", "Both ways: each term finds what the others find"
    ONE_WAY = "ONE_WAY", "One way: the searched term also finds what the terms find"


class RuleMatch(models.TextChoices):
    """Which texts a rule applies to. Case, accents and punctuation never count."""

    EQUALS = "EQUALS", "the text is exactly this"
    CONTAINS = "CONTAINS", "the text contains these words, in this order"


class Synonym(models.Model):
    """Terms that find the same products. A term is a word or a few."""

    kind = models.CharField(max_length=10, choices=SynonymKind.choices, default=SynonymKind.BOTH_WAYS)
    # ONE_WAY only: what a shopper types.
    term = models.CharField("searched term", max_length=MAX_TERM_LENGTH, blank=True, default="")
    # One on each line.
    terms = BinaryTextField()
    is_active = models.BooleanField("in use", default=True)
    # Grows with each change. A form that was opened before a change is refused.
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField("changed", auto_now=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        terms = self.terms.splitlines()
        if self.kind == SynonymKind.ONE_WAY:
            return f"{self.term} → {', '.join(terms)}"
        return " = ".join(terms)


class SearchRule(models.Model):
    """What happens when somebody searches for a certain text."""

    match = models.CharField("when", max_length=10, choices=RuleMatch.choices, default=RuleMatch.EQUALS)
    query = models.CharField("text", max_length=MAX_QUERY_LENGTH)
    redirect = models.ForeignKey(
        "catalog.Category", models.SET_NULL, null=True, blank=True, related_name="+", verbose_name="redirect to"
    )
    is_active = models.BooleanField("in use", default=True)
    active_from = models.DateTimeField("from", null=True, blank=True)
    active_until = models.DateTimeField("until", null=True, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    updated_at = models.DateTimeField("changed", auto_now=True)

    class Meta:
        ordering = ["query", "id"]
        constraints = [models.CheckConstraint(name="search_rule_query_not_empty", condition=~Q(query=""))]

    def __str__(self) -> str:
        return self.query


class RuleAction(models.TextChoices):
    """What a rule does with a product."""

    PIN = "PIN", "pinned"
    HIDE = "HIDE", "hidden"


class RuleProduct(models.Model):
    """A product that a rule pins or hides, never both. It goes with its product; the rule stays."""

    rule = models.ForeignKey(SearchRule, models.CASCADE, related_name="rule_products", db_index=False)
    product = models.ForeignKey("catalog.Product", models.CASCADE, related_name="+")
    action = models.CharField(max_length=4, choices=RuleAction.choices)
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(name="rule_product_once", fields=["rule", "product"])]

    def __str__(self) -> str:
        return f"{self.get_action_display()}: {self.product}"


class SteeringVersion(models.Model):
    """One row, whose token changes in every transaction that changes a synonym or a rule.

    Processes compare it with the token that they have read, so that they notice a change by one small query. A random
    token, unlike a number, never comes back when a backup is restored.
    """

    token = models.CharField(max_length=32)

    def __str__(self) -> str:
        return self.token


def mark_changed(using: str) -> None:
    """Tells every process that synonyms or rules changed, and holds off other such changes until the commit."""
    versions = SteeringVersion.objects.using(using)
    token = uuid4().hex
    if not versions.filter(pk=ONLY_KEY).update(token=token):
        versions.bulk_create([SteeringVersion(pk=ONLY_KEY, token="")], ignore_conflicts=True)
        # Another process may have created the row with a token of its own.
        versions.filter(pk=ONLY_KEY).update(token=token)
