"""Accounts for tests."""

import factory

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
