"""The accounts' admin: signing in by e-mail, adding, changing, refusing duplicates in any case."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db.models.signals import pre_save
from django.test import Client

from users import deletion
from users.models import User
from users.password_forms import OtherPasswordForm
from users.tests.factories import UserFactory

USERS = "/admin/users/user/"

pytestmark = pytest.mark.django_db


def errors_of(response):
    """The form's errors by field."""
    assert response.status_code == 200, response.status_code
    assert response.context["adminform"].form.errors
    return response.context["adminform"].form.errors.keys()


def emails(response):
    """The addresses of the rows of the list."""
    assert response.status_code == 200
    return [row.email for row in response.context["cl"].result_list]


def change(user, **changes):
    """What the form of an account posts, with changes."""
    return {"email": user.email, "first_name": "", "last_name": "", "is_active": "on", **changes}


@pytest.mark.parametrize("email", ["staff@example.com", "STAFF@Example.com"])
def test_staff_signs_in_by_e_mail_in_any_case(email):
    UserFactory(email="Staff@example.com", is_staff=True)
    page = Client().post("/admin/login/?next=/admin/", {"username": email, "password": "vitrine-demo"})
    assert page.status_code == 302
    assert page["Location"] == "/admin/"


@pytest.mark.parametrize("account", [{"is_staff": False}, {"is_staff": True, "is_active": False}])
def test_nobody_else_does(account):
    user = UserFactory(**account)
    page = Client().post("/admin/login/", {"username": user.email, "password": "vitrine-demo"})
    assert page.status_code == 200
    assert page.context["form"].errors


def test_guesses_are_counted(db, settings):
    """Blocked here, whatever the password; from another address the right one still opens."""
    settings.THROTTLE_SIGN_IN = (2, 900)
    user = UserFactory(is_staff=True)
    tries = [
        Client(REMOTE_ADDR=address).post("/admin/login/?next=/admin/", {"username": user.email, "password": password})
        for address, password in [("192.0.2.1", "wrong")] * 2
        + [("192.0.2.1", "vitrine-demo"), ("192.0.2.2", "vitrine-demo")]
    ]
    assert [page.status_code for page in tries] == [200, 200, 429, 302]
    assert int(tries[2]["Retry-After"]) <= 900


def test_an_account_is_added_and_can_sign_in(admin_client):
    password = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
    data = {"email": "New@example.com", "first_name": "Nora", "last_name": "", **password}
    assert admin_client.get(f"{USERS}add/").status_code == 200
    assert admin_client.post(f"{USERS}add/", data).status_code == 302
    user = User.objects.get(email_folded="new@example.com")
    assert (user.email, user.first_name, user.is_staff) == ("New@example.com", "Nora", False)
    assert user.check_password("correct-horse-7")


def test_an_account_may_be_added_without_a_password(admin_client):
    data = {"email": "new@example.com", "usable_password": "false"}
    assert admin_client.post(f"{USERS}add/", data).status_code == 302
    assert not User.objects.get(email="new@example.com").has_usable_password()


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": ""}, "email"),
        ({"email": "no address"}, "email"),
        ({"email": "a\0@example.com"}, "email"),
        ({"email": f"{'a' * 250}@example.com"}, "email"),
        ({"first_name": "a" * 151}, "first_name"),
        ({"password2": "other"}, "password2"),
        ({"password1": "12345678", "password2": "12345678"}, "password2"),
    ],
)
def test_refuses_a_new_account(admin_client, changes, field):
    data = {"email": "new@example.com", "usable_password": "true", "password1": "correct-horse-7"}
    data |= {"password2": "correct-horse-7", **changes}
    assert field in errors_of(admin_client.post(f"{USERS}add/", data))
    assert User.objects.count() == 1


@pytest.mark.parametrize("email", ["known@example.com", "KNOWN@EXAMPLE.COM", " Known@example.com "])
def test_refuses_a_known_address_in_any_case(admin_client, email):
    UserFactory(email="Known@example.com")
    password = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
    assert errors_of(admin_client.post(f"{USERS}add/", {"email": email, **password})) == {"email"}
    other = UserFactory()
    assert errors_of(admin_client.post(f"{USERS}{other.pk}/change/", change(other, email=email))) == {"email"}


def test_an_account_keeps_its_address_or_changes_its_case(admin_client):
    user = UserFactory(email="shopper@example.com")
    assert admin_client.get(f"{USERS}{user.pk}/change/").status_code == 200
    for email in ("shopper@example.com", "Shopper@Example.com"):
        assert admin_client.post(f"{USERS}{user.pk}/change/", change(user, email=email)).status_code == 302
    user.refresh_from_db()
    assert (user.email, user.email_folded) == ("Shopper@Example.com", "shopper@example.com")


def test_the_password_is_changed_on_its_own_page(admin_client):
    user = UserFactory()
    data = {"usable_password": "true", "password1": "correct-horse-7", "password2": "correct-horse-7"}
    assert admin_client.post(f"{USERS}{user.pk}/password/", data).status_code == 302
    user.refresh_from_db()
    assert user.check_password("correct-horse-7")


@pytest.mark.parametrize("term", ["ALMA", "alma@shop", "Berg", "berg alma"])
def test_finds_by_address_in_any_case_and_by_name(admin_client, term):
    UserFactory(email="Alma@shop.example", last_name="Berg")
    UserFactory()
    assert emails(admin_client.get(USERS, {"q": term})) == ["Alma@shop.example"]


def test_filters_by_rights_and_state(admin_client):
    UserFactory(email="staff@example.com", is_staff=True)
    UserFactory(email="gone@example.com", is_active=False)
    assert emails(admin_client.get(USERS, {"is_staff__exact": "1", "is_superuser__exact": "0"})) == [
        "staff@example.com"
    ]
    assert emails(admin_client.get(USERS, {"is_active__exact": "0"})) == ["gone@example.com"]


def test_guesses_of_the_old_password_are_counted(client, settings):
    settings.THROTTLE_SIGN_IN = (2, 900)
    user = UserFactory(is_staff=True)
    client.force_login(user)
    fields = {"old_password": "wrong", "new_password1": "lamp-shade-77", "new_password2": "lamp-shade-77"}
    told = [
        str(client.post("/admin/password_change/", fields).context["form"].errors["old_password"]) for _ in range(3)
    ]
    assert ["Too many attempts" in each for each in told] == [False, False, True]
    settings.THROTTLE_SIGN_IN = (9, 900)
    response = client.post("/admin/password_change/", {**fields, "old_password": "vitrine-demo"})
    assert response.status_code == 302
    assert client.get("/admin/").status_code == 200
    assert User.objects.get(pk=user.pk).check_password("lamp-shade-77")


def test_the_password_of_an_account_that_was_just_deleted_stays_unusable(admin_client):
    user = UserFactory()
    form = OtherPasswordForm(user, {"password1": "lamp-shade-77", "password2": "lamp-shade-77"})
    assert form.is_valid()
    deletion.delete_account(user=User.objects.get(pk=user.pk), password="vitrine-demo", address="192.0.2.1")
    with pytest.raises(PermissionDenied):
        form.save()
    assert not User.objects.get(pk=user.pk).has_usable_password()


def test_an_address_that_is_taken_between_check_and_save_is_told(admin_client):
    """Here it is taken by whoever saves at the same moment; that is undone, so the second run saves."""

    def take(instance, **more):
        if not taken:
            taken.append(1)
            User.objects.bulk_create([User(email=instance.email, email_folded=instance.email)])

    taken = []
    pre_save.connect(take, sender=User)
    try:
        fields = {"email": "ann@example.com", "usable_password": "false"}
        assert admin_client.post("/admin/users/user/add/", fields).status_code == 302
    finally:
        pre_save.disconnect(take, sender=User)
    assert (taken, User.objects.filter(email="ann@example.com").count()) == ([1], 1)
