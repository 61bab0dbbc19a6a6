"""What can be done with a cart: all or nothing, one user's mutations one after the other, each retry applied once.

How two clicks at the same moment come out right: a transaction first locks the cart's row, so the mutations of one cart
queue up, and what is read after that is nobody else's to change. Products are read without a lock. A cart reserves
nothing, so stock and price may move the moment after whatever is locked before, and a lock would make the shoppers of
one popular product wait for each other. New lines are written in the order of their products' ids: the foreign key
locks the products' rows against deletion, and in one order for all there is no circle to wait in.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from cart.idempotency import Claim, claim, digest_of
from cart.models import KEY_LENGTH, Cart, CartLine
from cart.planning import Plan, Wanted, plan_add, plan_clear, plan_remove, plan_update
from cart.selectors import empty_cart, lock_cart, read_cart
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput


@dataclass(frozen=True)
class Terms:
    """What a mutation comes with besides its lines; the digest is its lines', to tell a retry from a new wish."""

    mutation: str
    expected_version: int | None = None
    key: str | None = None
    digest: str = ""


def cart_lines_add(
    *, user_id: int, lines: Sequence[Wanted], idempotency_key: str | None = None, expected_version: int | None = None
) -> Cart:
    """Adds products, to the lines that are there or as new ones; the cart as it then stands. Raises InvalidInput."""
    _check_size("lines", len(lines))
    terms = Terms("add", expected_version, idempotency_key, _digest(lines))
    return _mutate(user_id, terms, lambda cart: plan_add(cart, lines), make=True)


def cart_lines_update(
    *, user_id: int, lines: Sequence[Wanted], idempotency_key: str | None = None, expected_version: int | None = None
) -> Cart:
    """Sets the quantities of lines, 0 takes them out; the cart as it then stands. Raises InvalidInput."""
    _check_size("lines", len(lines))
    terms = Terms("update", expected_version, idempotency_key, _digest(lines))
    return _mutate(user_id, terms, lambda cart: plan_update(cart, lines))


def cart_lines_remove(*, user_id: int, lines: Sequence[int | None], expected_version: int | None = None) -> Cart:
    """Takes the lines of these keys out; the cart as it then stands. Raises InvalidInput."""
    _check_size("lineIds", len(lines))
    return _mutate(user_id, Terms("remove", expected_version), lambda cart: plan_remove(cart, lines))


def cart_clear(*, user_id: int, expected_version: int | None = None) -> Cart:
    """Takes every line out; the cart as it then stands. Raises InvalidInput for a stale version."""
    return _mutate(user_id, Terms("clear", expected_version), plan_clear)


def _check_size(name: str, count: int) -> None:
    """Bounds the work before any is done. Raises InvalidInput."""
    if not count:
        raise InvalidInput.at(name, message="Name at least one line.")
    if count > settings.CART_MAX_LINES:
        message = f"At most {settings.CART_MAX_LINES} lines can be changed at once; these are {count}."
        raise InvalidInput.at(name, message=message, code=ErrorCode.LIMIT_EXCEEDED)


def _digest(lines: Sequence[Wanted]) -> str:
    # An id that was none is a mistake, and a mistake never keeps its key: any number does for it.
    return digest_of((line.key or 0, line.quantity) for line in lines)


def _mutate(user_id: int, terms: Terms, plan_for: Callable[[Cart], Plan], *, make: bool = False) -> Cart:
    """One transaction: lock the cart, look whether it is a retry, plan, write; or nothing at all. Raises InvalidInput.

    An IntegrityError is worth a fresh look: a product that was there has gone before its line was written.
    """

    def work() -> Cart:
        cart = lock_cart(user_id) or (_make_cart(user_id) if make else empty_cart(user_id))
        field_errors = _claim(user_id, terms)
        if field_errors is None:
            return read_cart(user_id)
        if terms.expected_version not in (None, cart.version):
            message = f"The cart is at version {cart.version} by now, not {terms.expected_version}."
            field_errors.append(FieldError(("expectedVersion",), message, ErrorCode.VERSION_CONFLICT))
        plan = plan_for(cart)
        if field_errors or plan.field_errors:
            raise InvalidInput([*field_errors, *plan.field_errors])
        if plan.write or plan.remove:
            _write(cart, plan)
        return read_cart(user_id)

    return run_in_transaction(work, again_on=(IntegrityError,))


def _claim(user_id: int, terms: Terms) -> list[FieldError] | None:
    """What is wrong with the idempotency key, if anything; None when it tells a retry of what was applied."""
    if terms.key is None:
        return []
    if not 0 < len(terms.key) <= KEY_LENGTH:
        return [FieldError(("idempotencyKey",), f"The key must have 1 to {KEY_LENGTH} characters.")]
    found = claim(user_id=user_id, mutation=terms.mutation, key=terms.key, digest=terms.digest)
    if found is Claim.REPLAY:
        return None
    if found is Claim.OTHER_INPUT:
        return [FieldError(("idempotencyKey",), "This key was used with other input: a new wish wants a new key.")]
    return []


def _make_cart(user_id: int) -> Cart:
    """The cart's row, made unless another first mutation just did, and locked.

    An upsert, since INSERT IGNORE leaves a shared lock on a row that is there already: two such would then both want
    to write, and wait for each other. What it sets in a row that is there is the moment of its making, by milliseconds.
    """
    Cart.objects.bulk_create(
        [Cart(user_id=user_id)], update_conflicts=True, update_fields=["created_at"], unique_fields=_named("user")
    )
    cart = lock_cart(user_id)
    if cart is None:
        raise IntegrityError("The cart has gone while it was being made.")
    return cart


def _write(cart: Cart, plan: Plan) -> None:
    """Three statements at most, however many lines."""
    if plan.remove:
        CartLine.objects.filter(pk__in=plan.remove).delete()
    if plan.write:
        CartLine.objects.bulk_create(
            sorted(plan.write, key=lambda line: line.product_id),
            update_conflicts=True,
            update_fields=["quantity", "unit_price_when_added"],
            unique_fields=_named("cart", "product"),
        )
    Cart.objects.filter(pk=cart.pk).update(version=F("version") + 1, updated_at=timezone.now())


def _named(*fields: str) -> list[str] | None:
    """The unique fields that an upsert goes by, for databases that want them named; MySQL goes by all."""
    return list(fields) if connection.features.supports_update_conflicts_with_target else None
