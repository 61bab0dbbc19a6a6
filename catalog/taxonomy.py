"""Creates, changes and deletes categories and brands. catalog.policy says who may."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar

from catalog import policy
from catalog.attributes.services import fill, locked, write
from catalog.models import SLUG_LENGTH, Brand, Category
from catalog.slugs import free_slug, normal_form
from core.auth.policy import Actor
from core.errors import ErrorCode, FieldError, InvalidInput

Row = TypeVar("Row", Category, Brand)


class BrandFields(TypedDict, total=False):
    """What staff give of a brand. Without a slug, a new one gets one that is made from its name."""

    name: str | None
    slug: str | None


class CategoryFields(BrandFields, total=False):
    """The parent is a slug. None makes the category a root."""

    parent: str | None


def create_category(*, actor: Actor, fields: CategoryFields) -> Category:
    """Creates a category. Raises InvalidInput."""
    policy.CREATE_CATEGORIES.check(actor)
    return _create(Category, fields)


def update_category(*, actor: Actor, category_id: int | None, fields: CategoryFields) -> Category:
    """Changes the given fields of a category. Raises InvalidInput."""
    policy.CHANGE_CATEGORIES.check(actor)
    return _update(Category, category_id, fields)


def delete_category(*, actor: Actor, category_id: int | None) -> Category:
    """Deletes a category that has no products and no children. Returns what it was. Raises InvalidInput."""
    policy.DELETE_CATEGORIES.check(actor)
    return _delete(Category, category_id)


def create_brand(*, actor: Actor, fields: BrandFields) -> Brand:
    """Creates a brand. Raises InvalidInput."""
    policy.CREATE_BRANDS.check(actor)
    return _create(Brand, fields)


def update_brand(*, actor: Actor, brand_id: int | None, fields: BrandFields) -> Brand:
    """Changes the given fields of a brand. Raises InvalidInput."""
    policy.CHANGE_BRANDS.check(actor)
    return _update(Brand, brand_id, fields)


def delete_brand(*, actor: Actor, brand_id: int | None) -> Brand:
    """Deletes a brand that has no products. Returns what it was. Raises InvalidInput."""
    policy.DELETE_BRANDS.check(actor)
    return _delete(Brand, brand_id)


def _create(model: type[Row], fields: Mapping[str, Any]) -> Row:
    values = {name: value for name, value in fields.items() if value is not None}
    is_made = "slug" not in values

    def create() -> Row:
        row = model()
        if is_made:
            row.slug = free_slug(model.objects, values.get("name", ""), SLUG_LENGTH, str(model._meta.model_name))
        # Whether it is still free shows when it is saved; if not, another one is made.
        _fill(row, values, exclude=["slug"] if is_made else [])
        row.save(force_insert=True)
        return row

    return write(create)


def _update(model: type[Row], key: int | None, fields: Mapping[str, Any]) -> Row:
    def update() -> Row:
        if "parent" in fields:
            # All of them, in the order in which `Category.clean` locks them, so that nobody waits in a circle.
            [*Category.objects.select_for_update().order_by("pk").values_list("pk")]
        row = locked(model, key)
        before = {name: getattr(row, name) for name in fields}
        _fill(row, fields)
        changed = [name for name in fields if getattr(row, name) != before[name]]
        if changed:
            row.save(update_fields=changed)
        return row

    return write(update)


def _fill(row: Category | Brand, fields: Mapping[str, Any], exclude: Sequence[str] = ()) -> None:
    """Sets and validates the fields. Raises InvalidInput with every mistake."""
    values = dict(fields)
    mistakes: list[FieldError] = []
    for name in ("name", "slug"):
        if name in values and values[name] is None:
            mistakes.append(FieldError((name,), "A value is required.", ErrorCode.REQUIRED))
            del values[name]
    if values.get("parent") is not None:
        values["parent"] = Category.objects.filter(slug=normal_form(values["parent"])).first()
        if values["parent"] is None:
            message = "There is no category with this slug."
            mistakes.append(FieldError(("parent",), message, ErrorCode.NOT_FOUND))
    try:
        fill(row, values, exclude=["folded_name", *exclude])
    except InvalidInput as error:
        mistakes += error.field_errors
    if mistakes:
        raise InvalidInput(mistakes)


def _delete(model: type[Row], key: int | None) -> Row:
    def delete() -> Row:
        row = locked(model, key)
        uses = [_counted(row.products.count(), "product", "products")]
        if isinstance(row, Category):
            uses.append(_counted(row.children.count(), "category below it", "categories below it"))
        if uses := [text for text in uses if text]:
            message = f"“{row}” still has {' and '.join(uses)}. Move them first."
            raise InvalidInput.at("id", message=message)
        pk = row.pk
        row.delete()
        row.pk = pk  # so that the answer names it
        return row

    return write(delete)


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}" if count else ""
