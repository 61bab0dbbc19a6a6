"""The group "Shop staff" exists after `migrate`; from then on its owner's changes stay."""

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.core.management.sql import emit_post_migrate_signal
from django.db import migrations

from core.auth import shop_staff
from core.tests.actors import SHOP_STAFF, permission

pytestmark = pytest.mark.django_db


def held():
    """What the group may do."""
    group = Group.objects.get(name=shop_staff.NAME)
    return {f"{each.content_type.app_label}.{each.codename}" for each in group.permissions.select_related()}


def migrate(*models):
    """What `migrate` sends when it has made these models of the catalogue."""
    made = migrations.Migration("0099_made", "catalog")
    made.operations = [migrations.CreateModel(name, []) for name in models]
    emit_post_migrate_signal(0, False, "default", apps=apps, plan=[(made, False)] if models else [])


def test_it_holds_what_an_employee_needs_and_no_more():
    assert held() == SHOP_STAFF


def test_what_a_release_grants_on_an_older_model_is_added_when_its_migration_runs():
    group = Group.objects.get(name=shop_staff.NAME)
    group.permissions.clear()
    plan = [(migrations.Migration("0005_own_account", "users"), False)]
    emit_post_migrate_signal(0, False, "default", apps=apps, plan=plan)
    assert held() == {"users.view_outgoingmail", "users.change_outgoingmail"}


def test_it_comes_back_when_it_was_deleted():
    Group.objects.all().delete()
    migrate()
    assert held() == SHOP_STAFF


def test_what_its_owner_took_away_or_gave_stays():
    group = Group.objects.get(name=shop_staff.NAME)
    group.permissions.remove(permission("catalog.delete_product"), permission("cart.view_cart"))
    group.permissions.add(permission("users.view_outgoingmail"))
    changed = held()
    migrate()
    assert held() == changed


def test_a_model_that_a_later_version_brings_is_added_alone():
    group = Group.objects.get(name=shop_staff.NAME)
    group.permissions.clear()
    migrate("Brand", "Rendition")
    assert held() == {f"catalog.{action}_brand" for action in ("add", "change", "delete", "view")}


def test_it_comes_back_when_the_database_was_emptied():
    """`flush` sends the signal without the apps and the plan of a migration."""
    Group.objects.all().delete()
    emit_post_migrate_signal(0, False, "default")
    assert held() == SHOP_STAFF


def test_a_database_before_there_were_groups_is_no_error():
    """`migrate catalog 0001` of a new database ends before auth's tables are made."""
    Group.objects.all().delete()
    without = migrations.state.ProjectState().apps
    emit_post_migrate_signal(0, False, "default", apps=without, plan=[])
    assert not Group.objects.exists()
