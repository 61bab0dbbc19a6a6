"""The group "Shop staff": the permissions of a shop's employee, which each app names for its own models.

`migrate` creates the group when it is missing. Later it only adds the permissions of models that the same run of
`migrate` has created, and those that came with a migration of this run, so that the shop owner's changes to the group
stay.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from django.apps import AppConfig
from django.apps import apps as global_apps
from django.contrib.auth import get_permission_codename
from django.db.models import Model, Q
from django.db.models.signals import post_migrate

NAME = "Shop staff"
# (app, model, codename, since) of each `grant`.
_granted: set[tuple[str, str, str, str]] = set()


def grant(model: type[Model], actions: Iterable[str], *, since: str = "") -> None:
    """Gives the group permissions ("add", "change", "delete", "view") on the model. For an app's ready().

    `since`: when the model is older than the grant, a migration of the release that brought the grant, such as
    "users.0005_own_account". A group that exists gets the permissions when that runs.
    """
    options = model._meta
    for action in actions:
        codename = get_permission_codename(action, options)
        _granted.add((options.app_label, str(options.model_name), codename, since))


def start() -> None:
    """Makes `migrate` and `flush` create and complete the group."""
    post_migrate.connect(_after_migrate, dispatch_uid="core.auth.shop_staff")


def _after_migrate(
    app_config: AppConfig, using: str, plan: Sequence[Any] = (), apps: Any = global_apps, **kwargs: Any
) -> None:
    """Creates or completes the group, once: after the last app with models, when all permissions exist."""
    if app_config.label != [config.label for config in global_apps.get_app_configs() if config.models_module][-1]:
        return
    try:
        # The models as of the migrations that ran. `migrate` may have stopped before the one that creates groups.
        group_model, permission_model = (apps.get_model("auth", name) for name in ("Group", "Permission"))
    except LookupError:
        return
    # Written in bulk, without signals: the history of the group begins with what people do.
    groups, held = (model._base_manager.using(using) for model in (group_model, group_model.permissions.through))
    is_new = not groups.filter(name=NAME).exists()
    if is_new:
        groups.bulk_create([group_model(name=NAME)])
    group = groups.get(name=NAME)
    models, ran = _created(plan), {f"{migration.app_label}.{migration.name}" for migration, back in plan if not back}
    wanted = Q(pk__in=[])
    for app, model, codename, since in _granted:
        if is_new or (app, model) in models or since in ran:
            wanted |= Q(content_type__app_label=app, content_type__model=model, codename=codename)
    keys = permission_model.objects.using(using).filter(wanted).values_list("pk", flat=True)
    held.bulk_create([held.model(group_id=group.pk, permission_id=key) for key in keys], ignore_conflicts=True)


def _created(plan: Sequence[Any]) -> set[tuple[str, str]]:
    """(app, model) of each model that the migrations of this run have created."""
    return {
        (migration.app_label, operation.name_lower)
        for migration, backwards in plan
        if not backwards
        for operation in migration.operations
        if type(operation).__name__ == "CreateModel"
    }
