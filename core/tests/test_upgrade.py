"""A database that the release before has filled is as good as a new one after `migrate`."""

import pytest
from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command


@pytest.mark.django_db(transaction=True)
def test_a_renamed_model_leaves_no_permissions_of_its_old_name() -> None:
    try:
        call_command("migrate", "core", "0003", verbosity=0)
        turn = ContentType.objects.get(app_label="core", model="turn")
        assert Permission.objects.filter(content_type=turn, codename="add_turn").exists()
    finally:
        call_command("migrate", verbosity=0)
    codenames = set(Permission.objects.filter(content_type=turn.pk).values_list("codename", flat=True))
    assert codenames == {"add_lease", "change_lease", "delete_lease", "view_lease"}


@pytest.mark.django_db(transaction=True)
def test_a_model_that_moved_takes_its_permissions_along() -> None:
    keys = ContentType.objects.filter(model="idempotencykey")
    permissions = Permission.objects.filter(content_type__model="idempotencykey")
    before = set(permissions.values_list("pk", flat=True))
    try:
        call_command("migrate", "core", "0004", verbosity=0)
        assert list(keys.values_list("app_label", flat=True)) == ["cart"]
    finally:
        call_command("migrate", verbosity=0)
    assert list(keys.values_list("app_label", flat=True)) == ["core"]
    assert set(permissions.values_list("pk", flat=True)) == before
