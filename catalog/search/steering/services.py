"""Creates, changes and deletes synonyms and search rules, each in one transaction. catalog.policy says who may."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from django.db import DEFAULT_DB_ALIAS, models

from catalog import policy
from catalog.models import Category, Product
from catalog.search.steering.checks import rule_errors, synonym_errors
from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import RuleAction, RuleProduct, SearchRule, Synonym, mark_changed
from catalog.text import squeeze
from core.auth.policy import Actor
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput

# Every process keeps all synonyms and all rules in memory.
MAX_ROWS = 1000

Row = TypeVar("Row", Synonym, SearchRule)


def create_synonym(*, actor: Actor, synonym: SynonymInput) -> Synonym:
    """Creates a synonym. Raises InvalidInput."""
    policy.CREATE_SYNONYMS.check(actor)
    _check(synonym_errors(synonym))
    return run_in_transaction(lambda: _save_synonym(_new(Synonym), synonym))


def update_synonym(*, actor: Actor, synonym_id: int, version: int | None, synonym: SynonymInput) -> Synonym:
    """Replaces a synonym, if it has this version. Raises InvalidInput, also VERSION_CONFLICT and NOT_FOUND."""
    policy.CHANGE_SYNONYMS.check(actor)
    _check(synonym_errors(synonym))
    return run_in_transaction(lambda: _save_synonym(_lock(Synonym, synonym_id, version), synonym))


def delete_synonyms(*, actor: Actor, ids: Collection[int]) -> int:
    """Deletes the synonyms of these ids, and returns how many there were. Raises InvalidInput."""
    policy.DELETE_SYNONYMS.check(actor)
    return _delete(Synonym, ids)


def create_rule(*, actor: Actor, rule: RuleInput) -> SearchRule:
    """Creates a search rule. Raises InvalidInput."""
    policy.CREATE_RULES.check(actor)
    _check(rule_errors(rule))
    return run_in_transaction(lambda: _save_rule(_new(SearchRule), rule))


def update_rule(*, actor: Actor, rule_id: int, version: int | None, rule: RuleInput) -> SearchRule:
    """Replaces a search rule, if it has this version. Raises InvalidInput, also VERSION_CONFLICT and NOT_FOUND."""
    policy.CHANGE_RULES.check(actor)
    _check(rule_errors(rule))
    return run_in_transaction(lambda: _save_rule(_lock(SearchRule, rule_id, version), rule))


def delete_rules(*, actor: Actor, ids: Collection[int]) -> int:
    """Deletes the search rules of these ids, and returns how many there were. Raises InvalidInput."""
    policy.DELETE_RULES.check(actor)
    return _delete(SearchRule, ids)


def conflict() -> InvalidInput:
    """The error for a change of what was changed after it was read."""
    message = "Somebody else changed this after you opened it. Open it again and repeat your change."
    return InvalidInput.at(message=message, code=ErrorCode.VERSION_CONFLICT)


def _check(field_errors: Iterable[FieldError]) -> None:
    if field_errors := list(field_errors):
        raise InvalidInput(field_errors)


def _new(model: type[Row]) -> Row:
    """A new row. Raises LIMIT_EXCEEDED when there are MAX_ROWS."""
    # Holds off other creations until the commit, so that the count is exact.
    mark_changed(DEFAULT_DB_ALIAS)
    if model._default_manager.count() >= MAX_ROWS:
        message = (
            f"There are {MAX_ROWS} {model._meta.verbose_name_plural} already. Delete one that is not used any more."
        )
        raise InvalidInput.at(message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_ROWS)
    return model()


def _lock(model: type[Row], key: int, version: int | None) -> Row:
    """The row, locked until the transaction ends, with its next version."""
    row = model._default_manager.select_for_update().filter(pk=key).first()
    if row is None:
        message = f"This {model._meta.verbose_name} was deleted meanwhile."
        raise InvalidInput.at(message=message, code=ErrorCode.NOT_FOUND)
    if row.version != version:
        raise conflict()
    row.version += 1
    return row


def _delete(model: type[models.Model], ids: Collection[int]) -> int:
    rows = model._default_manager.filter(pk__in=ids)
    return run_in_transaction(lambda: rows.delete()[1].get(model._meta.label, 0))


def _save_synonym(row: Synonym, synonym: SynonymInput) -> Synonym:
    row.kind, row.term, row.is_active = synonym.kind, squeeze(synonym.term), synonym.is_active
    row.terms = "\n".join(map(squeeze, synonym.terms))
    row.save()
    return row


def _save_rule(row: SearchRule, rule: RuleInput) -> SearchRule:
    """Raises InvalidInput when a product or the category does not exist."""
    _check(_missing(rule))
    row.match, row.query, row.redirect_id = rule.match, squeeze(rule.query), rule.redirect
    row.is_active, row.active_from, row.active_until = rule.is_active, rule.active_from, rule.active_until
    row.save()
    row.rule_products.all().delete()
    RuleProduct.objects.bulk_create(
        RuleProduct(rule=row, product_id=product_id, action=action, position=position)
        for action, ids in ((RuleAction.PIN, rule.pinned), (RuleAction.HIDE, rule.hidden))
        for position, product_id in enumerate(ids)
    )
    return row


def _missing(rule: RuleInput) -> Iterable[FieldError]:
    """A field error for each field that names something that does not exist."""
    ids = {*rule.pinned, *rule.hidden}
    existing = set(Product.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    for name, chosen in (("pinned", rule.pinned), ("hidden", rule.hidden)):
        if not existing.issuperset(chosen):
            yield FieldError((name,), "A product was deleted meanwhile. Take it out.", ErrorCode.NOT_FOUND)
    if rule.redirect is not None and not Category.objects.filter(pk=rule.redirect).exists():
        yield FieldError(("redirect",), "There is no such category.", ErrorCode.NOT_FOUND)
