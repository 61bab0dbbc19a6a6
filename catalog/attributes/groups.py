"""Creates, changes and deletes product groups, and moves products in and out. catalog.policy says who may."""

from collections.abc import Collection, Mapping, Sequence
from typing import TypedDict

from django.db.models import QuerySet
from django.utils import timezone

from catalog import policy
from catalog.attributes.models import GROUP_NAME_LENGTH, ProductAttribute, ProductGroup, options_key
from catalog.attributes.rewriting import MAX_NAMED, same_options
from catalog.attributes.services import fill, locked, write
from catalog.attributes.writing import stored_rows, write_options_keys
from catalog.models import Product
from catalog.slugs import free_slug
from core.auth.policy import Actor
from core.errors import ErrorCode, FieldError, InvalidInput

# Products that one call adds or takes out, and groups that one call deletes.
MAX_MOVED, MAX_DELETED = 1_000, 1_000


class GroupFields(TypedDict, total=False):
    name: str
    slug: str


def create_group(*, actor: Actor, fields: GroupFields, add: Collection[int] = ()) -> ProductGroup:
    """Creates a group of these products. Without a slug it gets one made from its name. Raises InvalidInput."""
    policy.CREATE_GROUPS.check(actor)
    return write(lambda: _created(fields, add))


def _created(fields: GroupFields, add: Collection[int]) -> ProductGroup:
    group = ProductGroup()
    if not fields.get("slug"):
        slug = free_slug(ProductGroup.objects, fields.get("name", ""), GROUP_NAME_LENGTH, "group")
        fields = {**fields, "slug": slug}
    fill(group, fields)
    group.save(force_insert=True)
    _move(group, add, ())
    return group


def update_group(
    *,
    actor: Actor,
    group_id: int,
    fields: GroupFields,
    add: Collection[int] = (),
    remove: Collection[int] = (),
) -> ProductGroup:
    """Changes the given fields, takes products into the group and others out. Raises InvalidInput at "add"."""
    policy.CHANGE_GROUPS.check(actor)

    def update() -> ProductGroup:
        group = locked(ProductGroup, group_id)
        fill(group, fields)
        group.save()
        _move(group, add, remove)
        return group

    return write(update)


def group_of(*, actor: Actor, product_id: int) -> ProductGroup:
    """The product's group. If it has none, one of its name is made with the product in it. Raises InvalidInput."""
    policy.CHANGE_PRODUCTS.check(actor)

    def find_or_create() -> ProductGroup:
        product = locked(Product, product_id)
        if product.group is not None:
            return product.group
        return _created({"name": product.name}, [product.pk])

    return write(find_or_create)


def delete_groups(*, actor: Actor, ids: Collection[int]) -> None:
    """Deletes groups. Their products stay, in no group. Raises InvalidInput."""
    policy.DELETE_GROUPS.check(actor)
    if len(ids) > MAX_DELETED:
        message = f"At most {MAX_DELETED} groups are deleted at once."
        raise InvalidInput.at("ids", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_DELETED)

    def delete() -> None:
        _leave(Product.objects.filter(group__in=ids))
        ProductGroup.objects.filter(pk__in=ids).delete()

    write(delete)


def take_out(*, actor: Actor, ids: Sequence[int]) -> int:
    """Takes products out of their groups, MAX_MOVED in a transaction. Returns how many were in one."""
    policy.CHANGE_GROUPS.check(actor)

    def leave(some: Sequence[int]) -> int:
        return write(lambda: _leave(Product.objects.filter(pk__in=some, group__isnull=False)))

    return sum(leave(ids[start : start + MAX_MOVED]) for start in range(0, len(ids), MAX_MOVED))


def _move(group: ProductGroup, add: Collection[int], remove: Collection[int]) -> None:
    # Locked one after the other by everybody, so that nobody waits in a circle.
    [*Product.objects.select_for_update().filter(pk__in={*add, *remove}).order_by("pk").values_list("pk")]
    new = check_moves(group, add=add, remove=remove)
    # First out, so that a product with the same options can come in.
    if remove:
        _leave(Product.objects.filter(pk__in=remove, group=group))
    if new:
        Product.objects.filter(pk__in=new).update(group=group, options_key=None, updated_at=timezone.now())
        write_options_keys(new)


def _leave(products: QuerySet[Product]) -> int:
    return products.update(group=None, options_key=None, updated_at=timezone.now())


def check_moves(group: ProductGroup, *, add: Collection[int], remove: Collection[int] = ()) -> list[int]:
    """The products of `add` that are not in the group yet. It may be new. Raises InvalidInput at "add"."""
    if max(len(add), len(remove)) > MAX_MOVED:
        message = f"At most {MAX_MOVED} products are taken in or out at once."
        raise InvalidInput.at("add", message=message, code=ErrorCode.LIMIT_EXCEEDED, allowed=MAX_MOVED)
    products = {row.pk: row for row in Product.objects.filter(pk__in=add).select_related("group")}
    if missing := {*add} - products.keys():
        message = f"{len(missing)} of the products to add do not exist. Somebody may have deleted them."
        raise InvalidInput.at("add", message=message, code=ErrorCode.NOT_FOUND)
    elsewhere = [row for row in products.values() if row.group is not None and row.group_id != group.pk]
    if elsewhere:
        raise InvalidInput(
            FieldError(("add",), f"“{row.name}” is in the group “{row.group}”. Take it out there first.")
            for row in elsewhere[:MAX_NAMED]
        )
    new = [pk for pk, row in products.items() if row.group_id is None]
    if clashes := options_clashes(group.pk, stored_rows(new), without=remove):
        raise InvalidInput.at("add", message=same_options(clashes), code=ErrorCode.ALREADY_EXISTS)
    return new


def options_clashes(
    group_id: int | None, wanted: Mapping[int, Sequence[ProductAttribute]], *, without: Collection[int] = ()
) -> list[tuple[int, int]]:
    """Pairs of products that would have the same options if the wanted ones, by their keys, were in the group.

    The group's products in `without` do not count. A group without a key is a new one.
    """
    first: dict[str | None, int] = {}
    if group_id is not None:
        others = Product.objects.filter(group=group_id).exclude(pk__in=[*wanted, *without]).order_by()
        first = {key: pk for pk, key in others.values_list("pk", "options_key")}
    clashes = []
    for pk, rows in wanted.items():
        other = first.setdefault(options_key(rows), pk)
        if other != pk:
            clashes.append((other, pk))
    return clashes[:MAX_NAMED]
