"""What can be wrong with a synonym or a rule, without a look at the database."""

from collections.abc import Iterator, Sequence

from catalog.search.steering.inputs import RuleInput, SynonymInput
from catalog.search.steering.models import MAX_TERM_LENGTH, SynonymKind
from catalog.search.steering.phrases import Text, phrase_of
from catalog.search.validation import text_mistake
from catalog.text import squeeze
from core.errors import ErrorCode, FieldError
from core.parsing import UNSAFE_CHARACTERS, has_unsafe_characters

MAX_TERMS = 20
MAX_TERM_WORDS = 5
MAX_PINNED = 20
MAX_HIDDEN = 100

Errors = Iterator[FieldError]
NO_WORD = "There is no word in it, only punctuation."


def synonym_errors(synonym: SynonymInput) -> Errors:
    """The mistakes in a synonym, each at its field."""
    one_way = synonym.kind == SynonymKind.ONE_WAY
    if one_way and not synonym.term.strip():
        yield FieldError(("term",), "Give the term that shoppers type.", ErrorCode.REQUIRED)
    elif one_way and (mistake := _term_mistake(synonym.term)):
        yield FieldError(("term",), mistake)
    elif not one_way and synonym.term.strip():
        yield FieldError(("term",), "Only a synonym of one way has a searched term. Put it among the terms.")
    yield from _terms_errors(synonym.terms, at_least=1 if one_way else 2, taken=synonym.term if one_way else "")


def _terms_errors(terms: Sequence[str], *, at_least: int, taken: str) -> Errors:
    if len(terms) < at_least:
        message = f"Give at least {at_least} term{'' if at_least == 1 else 's'}, each on a line of its own."
        yield FieldError(("terms",), message, ErrorCode.REQUIRED)
    if len(terms) > MAX_TERMS:
        # They are not looked at one by one: there may be a million.
        message = f"At most {MAX_TERMS} terms belong to one synonym."
        yield FieldError(("terms",), message, ErrorCode.LIMIT_EXCEEDED, allowed=MAX_TERMS)
        return
    known = {} if not taken or _term_mistake(taken) else {phrase_of(taken): taken}
    for term in terms:
        if mistake := _term_mistake(term):
            yield FieldError(("terms",), f"“{term[:MAX_TERM_LENGTH]}”: {mistake}")
        elif (other := known.setdefault(phrase_of(term), term)) is not term:
            yield FieldError(("terms",), f"“{term}” and “{other}” are the same to a search. Leave one out.")


def _term_mistake(term: str) -> str | None:
    """The message about what is wrong with a term; None when nothing is."""
    if has_unsafe_characters(term):
        return UNSAFE_CHARACTERS
    if len(term) > MAX_TERM_LENGTH:
        return f"A term has at most {MAX_TERM_LENGTH} characters."
    term_words = Text(term).words
    if not term_words:
        return NO_WORD
    if len(term_words) > MAX_TERM_WORDS:
        return f"A term has at most {MAX_TERM_WORDS} words."
    return None


def rule_errors(rule: RuleInput) -> Errors:
    """The mistakes in a rule, each at its field."""
    if not squeeze(rule.query[: 10 * MAX_TERM_LENGTH]):
        yield FieldError(("query",), "Give the text that shoppers type.", ErrorCode.REQUIRED)
    elif mistake := text_mistake(rule.query):
        yield FieldError(("query",), mistake)
    elif not phrase_of(rule.query):
        yield FieldError(("query",), NO_WORD)
    if not rule.pinned and not rule.hidden and rule.redirect is None:
        message = "The rule does nothing yet. Pin or hide a product, or choose a category to redirect to."
        yield FieldError((), message, ErrorCode.REQUIRED)
    if rule.active_from and rule.active_until and rule.active_from >= rule.active_until:
        yield FieldError(("active_until",), "The end is not after the start.")
    for name, ids, most in (("pinned", rule.pinned, MAX_PINNED), ("hidden", rule.hidden, MAX_HIDDEN)):
        if len(ids) > most:
            message = f"A rule has at most {most} {name} products."
            yield FieldError((name,), message, ErrorCode.LIMIT_EXCEEDED, allowed=most)
        elif len(set(ids)) < len(ids):
            yield FieldError((name,), "A product is listed twice. Leave it in once.")
    if set(rule.pinned) & set(rule.hidden):
        yield FieldError(("hidden",), "A product is both pinned and hidden. Choose one of the two.")
