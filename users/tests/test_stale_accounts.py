"""An account object that was read before somebody else's change writes only what was set on it."""

from functools import partial

import pytest
from django.contrib.auth.models import update_last_login
from django.urls import reverse

from users import services
from users.deletion import delete_account
from users.models import User
from users.tests.factories import UserFactory

PASSWORD = "vitrine-demo"


@pytest.fixture
def stale(db) -> User:
    """Read before its owner deleted the account."""
    user = UserFactory(email="ann@example.com", first_name="Ann")
    stale = User.objects.get(pk=user.pk)
    delete_account(user=user, password=PASSWORD, address="192.0.2.1")
    return stale


@pytest.mark.parametrize(
    "write",
    [
        User.save,
        partial(update_last_login, None),
        lambda user: services.deactivate(user=user),
        lambda user: (user.set_password("another-password-1"), user.save()),
    ],
    ids=["save", "sign-in", "deactivate", "password"],
)
def test_nothing_of_an_erased_account_comes_back(stale, write):
    kept = User.objects.filter(pk=stale.pk).values("email", "email_folded", "first_name", "is_active", "deleted_at")
    erased = kept.get()
    write(stale)
    assert kept.get() == erased


def test_a_new_address_stays_with_its_key(db):
    user = UserFactory(email="old@example.com")
    stale = User.objects.get(pk=user.pk)
    user.email = "new@example.com"
    user.save()
    update_last_login(None, stale)
    services.deactivate(user=stale)
    assert User.objects.get(pk=user.pk).email_folded == "new@example.com"


def test_what_is_set_is_saved_each_time(db):
    user = UserFactory(first_name="Ann")
    for name in ("Anna", "Ann", "Anna"):
        user.first_name = name
        user.save()
        assert User.objects.get(pk=user.pk).first_name == name
        user.refresh_from_db(fields=["first_name"])


def test_the_admins_password_page_brings_nothing_back(admin_client, db, monkeypatch):
    """The account is erased while its new password is being hashed."""
    user = UserFactory(email="ann@example.com")
    hashed = User.set_password

    def erase_first(account: User, password: str) -> None:
        if account.pk == user.pk and User.objects.get(pk=user.pk).deleted_at is None:
            monkeypatch.setattr(User, "set_password", hashed)
            delete_account(user=User.objects.get(pk=user.pk), password=PASSWORD, address="192.0.2.1")
        hashed(account, password)

    monkeypatch.setattr(User, "set_password", erase_first)
    password = "a-brand-new-one-7"
    form = {"password1": password, "password2": password, "usable_password": "true", "set-password": "1"}
    admin_client.post(reverse("admin:auth_user_password_change", args=[user.pk]), form)
    account = User.objects.get(pk=user.pk)
    assert account.email == f"deleted account {user.pk}"
    assert not account.is_active
