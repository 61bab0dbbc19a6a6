"""Accounts for tests."""

import factory
from django.contrib.auth.models import Group

from core.auth import shop_staff
from users.models import User


class UserFactory(factory.django.DjangoModelFactory):
    """A shopper with the password `vitrine-demo`."""

    email = factory.Sequence(lambda n: f"shopper{n}@example.com")
    password = "vitrine-demo"

    class Meta:
        model = User

    @classmethod
    def _create(cls, model_class: type[User], *args: object, **kwargs: object) -> User:
        return model_class.objects.create_user(**kwargs)


def employee() -> User:
    """A member of the staff in the group "Shop staff", as the README makes one."""
    user = UserFactory(is_staff=True)
    user.groups.add(Group.objects.get(name=shop_staff.NAME))
    return user
