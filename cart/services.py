"""Changes carts. Each mutation is applied completely or not at all, and a retry is not applied again.

Concurrency: a transaction first locks the cart's row, so the mutations of one cart run one after the other, and what is
read after the lock cannot change. Products are read without a lock. A cart reserves nothing, so stock and price may
change right after the transaction anyway, and a lock would make the shoppers of a popular product wait for each other.
New lines are written in the order of their products' ids: the foreign key locks the products' rows against deletion,
and one order for all mutations rules out a deadlock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from cart.models import Cart, CartLine
from cart.planning import LineChange, Plan, plan_add, plan_clear, plan_remove, plan_update
from cart.selectors import empty_cart, lock_cart, read_cart
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput
from core.idempotency import claim_key, input_digest


@dataclass(frozen=True)
class Conditions:
    """What decides whether a mutation is applied at all: the version that the client saw, and its idempotency key."""

    mutation: str
    expected_version: int | None = None
    idempotency_key: str | None = None
    input_digest: str = ""


def add_cart_lines(
    *,
    actor: AbstractBaseUser,
    lines: Sequence[LineChange],
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> Cart:
    """Adds products to the actor's cart, in new lines or existing ones. Returns the cart. Raises InvalidInput."""
    _check_count("lines", len(lines))
    conditions = Conditions("add", expected_version, idempotency_key, _digest(lines))
    return _mutate(actor, conditions, lambda cart: plan_add(cart, lines), create=True)


def update_cart_lines(
    *,
    actor: AbstractBaseUser,
    lines: Sequence[LineChange],
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> Cart:
    """Sets the quantities of lines in the actor's cart; 0 removes a line. Returns the cart. Raises InvalidInput."""
    _check_count("lines", len(lines))
    conditions = Conditions("update", expected_version, idempotency_key, _digest(lines))
    return _mutate(actor, conditions, lambda cart: plan_update(cart, lines))


def remove_cart_lines(
    *, actor: AbstractBaseUser, line_ids: Sequence[int | None], expected_version: int | None = None
) -> Cart:
    """Removes lines from the actor's cart. Returns the cart. Raises InvalidInput."""
    _check_count("lineIds", len(line_ids))
    return _mutate(actor, Conditions("remove", expected_version), lambda cart: plan_remove(cart, line_ids))


def clear_cart(*, actor: AbstractBaseUser, expected_version: int | None = None) -> Cart:
    """Removes every line from the actor's cart. Returns the cart. Raises InvalidInput when the version is stale."""
    return _mutate(actor, Conditions("clear", expected_version), plan_clear)


def _check_count(name: str, count: int) -> None:
    """Bounds the work before any is done. Raises InvalidInput."""
    if not count:
        raise InvalidInput.at(name, message="Name at least one line.")
    if count > settings.CART_MAX_LINES:
        message = f"At most {settings.CART_MAX_LINES} lines can be changed at once; these are {count}."
        raise InvalidInput.at(name, message=message, code=ErrorCode.LIMIT_EXCEEDED)


def _digest(lines: Sequence[LineChange]) -> str:
    # An invalid id may become any number: it fails the mutation, and a failed mutation does not keep its key.
    return input_digest(sorted((line.key or 0, line.quantity) for line in lines))


def _mutate(
    actor: AbstractBaseUser, conditions: Conditions, plan_for: Callable[[Cart], Plan], *, create: bool = False
) -> Cart:
    """Runs one transaction: locks the cart, recognises a retry, plans, writes. Raises InvalidInput and writes nothing.

    When a product is deleted between the plan and the write, an IntegrityError starts the transaction over.
    """
    user_id = actor.pk

    def mutate() -> Cart:
        cart = lock_cart(user_id) or (_create_cart(user_id) if create else empty_cart(user_id))
        claim = claim_key(
            user_id=user_id,
            mutation=conditions.mutation,
            key=conditions.idempotency_key,
            digest=conditions.input_digest,
        )
        if claim.is_retry:
            return read_cart(user_id)
        field_errors = [*claim.field_errors]
        if conditions.expected_version not in (None, cart.version):
            message = f"The cart is at version {cart.version} by now, not {conditions.expected_version}."
            field_errors.append(FieldError(("expectedVersion",), message, ErrorCode.VERSION_CONFLICT))
        plan = plan_for(cart)
        if field_errors or plan.field_errors:
            raise InvalidInput([*field_errors, *plan.field_errors])
        if plan.write or plan.remove:
            _write(cart, plan)
        return read_cart(user_id)

    return run_in_transaction(mutate, again_on=(IntegrityError,))


def _create_cart(user_id: int) -> Cart:
    """Creates the cart's row and locks it. A concurrent first mutation may have created it already.

    This is an upsert because INSERT IGNORE takes a shared lock on a row that exists: two transactions that hold it and
    then want to write would deadlock. The upsert moves created_at of an existing row by milliseconds.
    """
    Cart.objects.bulk_create(
        [Cart(user_id=user_id)], update_conflicts=True, update_fields=["created_at"], unique_fields=_target("user")
    )
    cart = lock_cart(user_id)
    if cart is None:
        raise IntegrityError("The cart was deleted right after it was created.")
    return cart


def _write(cart: Cart, plan: Plan) -> None:
    """Writes the plan with three statements at most, however many lines it has."""
    if plan.remove:
        CartLine.objects.filter(pk__in=plan.remove).delete()
    if plan.write:
        CartLine.objects.bulk_create(
            sorted(plan.write, key=lambda line: line.product_id),
            update_conflicts=True,
            update_fields=["quantity", "unit_price_when_added"],
            unique_fields=_target("cart", "product"),
        )
    Cart.objects.filter(pk=cart.pk).update(version=F("version") + 1, updated_at=timezone.now())


def _target(*fields: str) -> list[str] | None:
    """The `unique_fields` of an upsert. MySQL accepts none and uses every unique index."""
    return list(fields) if connection.features.supports_update_conflicts_with_target else None
