"""Changes carts. Each mutation is applied completely or not at all, and a retry is not applied again.

Concurrency: a transaction claims its idempotency key, then locks the cart's row. So the mutations of one cart run one
after the other, and what is read after the lock cannot change. Products are read without a lock. A cart reserves
nothing, so stock and price may change right after the transaction anyway, and a lock would make the shoppers of a
popular product wait for each other. When a guest signs in, the guest's cart is locked before that of the account.
New lines are written in the order of their products' ids: the foreign key locks the products' rows against deletion,
and one order for all mutations rules out a deadlock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import IntegrityError, connection
from django.db.models import F
from django.utils import timezone

from cart.models import Cart, CartLine
from cart.planning import LineChange, Plan, plan_add, plan_clear, plan_merge, plan_remove, plan_update
from cart.selectors import Owner, cart_key, empty_cart, lock_cart, read_cart
from core.auth.guests import Guest
from core.db.transactions import run_in_transaction
from core.errors import ErrorCode, FieldError, InvalidInput
from core.idempotency import claim_key, copy_keys, drop_old_keys, input_digest
from core.throttling import attempts
from core.throttling.limits import client_limits

# The keys of a guest that are kept: these newest, and up to as many again until they are counted.
MAX_GUEST_KEYS = 100


@dataclass(frozen=True)
class Conditions:
    """What decides whether a mutation is applied at all: the version that the client saw, and its idempotency key."""

    mutation: str
    expected_version: int | None = None
    idempotency_key: str | None = None
    input_digest: str = ""


def add_cart_lines(
    *,
    actor: Owner,
    lines: Sequence[LineChange],
    address: str,
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> Cart:
    """Adds products to the actor's cart, in new lines or existing ones. Returns the cart. Raises InvalidInput.

    `address` is the client's network address, by which the new carts of guests are counted. Raises Throttled.
    """
    _check_count("lines", len(lines))
    conditions = Conditions("add", expected_version, idempotency_key, _digest(lines))
    return _mutate(actor, conditions, lambda cart: plan_add(cart, lines), lambda: _begin_cart(actor, address))


def update_cart_lines(
    *,
    actor: Owner,
    lines: Sequence[LineChange],
    idempotency_key: str | None = None,
    expected_version: int | None = None,
) -> Cart:
    """Sets the quantities of lines in the actor's cart; 0 removes a line. Returns the cart. Raises InvalidInput."""
    _check_count("lines", len(lines))
    conditions = Conditions("update", expected_version, idempotency_key, _digest(lines))
    return _mutate(actor, conditions, lambda cart: plan_update(cart, lines))


def remove_cart_lines(*, actor: Owner, line_ids: Sequence[int | None], expected_version: int | None = None) -> Cart:
    """Removes lines from the actor's cart. Returns the cart. Raises InvalidInput."""
    _check_count("lineIds", len(line_ids))
    return _mutate(actor, Conditions("remove", expected_version), lambda cart: plan_remove(cart, line_ids))


def clear_cart(*, actor: Owner, expected_version: int | None = None) -> Cart:
    """Removes every line from the actor's cart. Returns the cart. Raises InvalidInput when the version is stale."""
    return _mutate(actor, Conditions("clear", expected_version), plan_clear)


def merge_guest_cart(*, guest: Guest, user: AbstractBaseUser, **signal: Any) -> tuple[FieldError, ...]:
    """Moves the guest's cart into the user's, within the transaction of the sign-in. An error names what does not fit.

    The guest's row goes: a second merge waits for the first, and finds nothing.
    """
    guest_cart = lock_cart(guest.cart_key)
    if guest_cart is None:
        return ()
    plan = Plan()
    if guest_cart.contents:
        cart = lock_cart(user.pk) or _create_cart(user)
        plan = plan_merge(cart, guest_cart)
        if plan.write:
            _write(cart, plan)
    # For the guest they hold on, whose retry must not begin another cart.
    copy_keys(owner=guest_cart.pk, to=user.pk)
    Cart.objects.filter(pk=guest_cart.pk).delete()
    return tuple(plan.field_errors)


def _check_count(name: str, count: int) -> None:
    """Bounds the work before any is done. Raises InvalidInput."""
    if not count:
        raise InvalidInput.at(name, message="Name at least one line.")
    if count > settings.CART_MAX_LINES:
        message = f"At most {settings.CART_MAX_LINES} lines can be changed at once; these are {count}."
        raise InvalidInput.at(name, message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=settings.CART_MAX_LINES)


def _digest(lines: Sequence[LineChange]) -> str:
    # An invalid id may become any number: it fails the mutation, and a failed mutation does not keep its key.
    return input_digest(sorted((line.key or 0, line.quantity) for line in lines))


def _mutate(
    actor: Owner, conditions: Conditions, plan_for: Callable[[Cart], Plan], create: Callable[[], Cart] | None = None
) -> Cart:
    """Runs one transaction: recognises a retry, locks the cart, plans, writes. Raises InvalidInput and writes nothing.

    When a product is deleted between the plan and the write, an IntegrityError starts the transaction over.
    """
    key = cart_key(actor)

    def mutate() -> Cart:
        claim = claim_key(
            owner=key,
            mutation=conditions.mutation,
            key=conditions.idempotency_key,
            digest=conditions.input_digest,
        )
        if claim.is_retry:
            return read_cart(key)
        cart = lock_cart(key) or (create() if create else empty_cart(key))
        field_errors = [*claim.field_errors]
        if conditions.expected_version not in (None, cart.version):
            message = f"The cart is at version {cart.version} by now, not {conditions.expected_version}."
            field_errors.append(FieldError(("expectedVersion",), message, ErrorCode.VERSION_CONFLICT))
        plan = plan_for(cart)
        if field_errors or plan.field_errors:
            raise InvalidInput([*field_errors, *plan.field_errors])
        if plan.write or plan.remove:
            _write(cart, plan)
            # Guests are strangers, who cost nothing: their keys must not fill the database.
            if isinstance(actor, Guest) and (cart.version + 1) % MAX_GUEST_KEYS == 0:
                drop_old_keys(owner=key, keep=MAX_GUEST_KEYS)
        elif claim.row is not None:
            claim.row.delete()
        return read_cart(key)

    return run_in_transaction(mutate, again_on=(IntegrityError,))


def _begin_cart(owner: Owner, address: str) -> Cart:
    """Creates the cart's row and locks it. Raises Throttled when the address has begun too many carts of guests."""
    if isinstance(owner, Guest):
        # In the same transaction: a mutation that writes nothing does not count.
        attempts.record(*client_limits(settings.THROTTLE_GUEST_CART, "guest-cart", address=address))
    return _create_cart(owner)


def _create_cart(owner: Owner) -> Cart:
    """Creates the cart's row and locks it. A concurrent first mutation may have created it already.

    This is an upsert because INSERT IGNORE takes a shared lock on a row that exists: two transactions that hold it and
    then want to write would deadlock. The upsert moves created_at of an existing row by milliseconds.
    """
    key, user_id = cart_key(owner), owner.pk
    Cart.objects.bulk_create(
        [Cart(pk=key, user_id=user_id)],
        update_conflicts=True,
        update_fields=["created_at"],
        unique_fields=_target("id"),
    )
    cart = lock_cart(key)
    if cart is None:
        raise IntegrityError("The cart was deleted right after it was created.")
    # The foreign key has waited for whoever was ending the account, which takes its cart along.
    if user_id and not get_user_model()._default_manager.filter(pk=user_id, is_active=True).exists():
        message = "The account has just been signed out everywhere. Sign in again."
        raise InvalidInput.at(message=message, code=ErrorCode.INVALID_TOKEN)
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
