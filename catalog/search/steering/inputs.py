"""What a synonym and a rule say, whether they are stored or not yet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from catalog.search.steering.models import RuleAction, RuleMatch, SearchRule, Synonym, SynonymKind


@dataclass(frozen=True, kw_only=True)
class SynonymInput:
    """Both ways: each of the `terms` also finds what the others find. One way: `term` also finds what they find."""

    kind: SynonymKind
    term: str = ""
    terms: Sequence[str]
    is_active: bool = True

    @classmethod
    def of(cls, synonym: Synonym) -> "SynonymInput":
        return cls(
            kind=SynonymKind(synonym.kind),
            term=synonym.term,
            terms=synonym.terms.splitlines(),
            is_active=synonym.is_active,
        )


@dataclass(frozen=True, kw_only=True)
class RuleInput:
    """For texts that match `query`: product ids to pin, in this order, and to hide, and a category's id to open."""

    match: RuleMatch
    query: str
    pinned: Sequence[int] = ()
    hidden: Sequence[int] = ()
    redirect: int | None = None
    is_active: bool = True
    active_from: datetime | None = None
    active_until: datetime | None = None

    @classmethod
    def of(cls, rule: SearchRule, products: Iterable[tuple[int, str]]) -> "RuleInput":
        """The stored rule. `products` are ids with what happens to each (RuleAction), in order."""
        by_action: dict[str, list[int]] = {RuleAction.PIN: [], RuleAction.HIDE: []}
        for product_id, action in products:
            by_action[action].append(product_id)
        return cls(
            match=RuleMatch(rule.match),
            query=rule.query,
            pinned=by_action[RuleAction.PIN],
            hidden=by_action[RuleAction.HIDE],
            redirect=rule.redirect_id,
            is_active=rule.is_active,
            active_from=rule.active_from,
            active_until=rule.active_until,
        )
