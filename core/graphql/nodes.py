"""Types of stored rows (Relay's nodes): named after their models, known by a global id.

graphene-django looks for each row's type by trying all, and makes ids through four calls: twice the cost of the data.
"""

from binascii import b2a_base64
from operator import attrgetter
from typing import Any

import graphene
from django.db.models import Model
from graphene_django import DjangoObjectType
from graphene_django.registry import get_global_registry

from core.execution import from_source


class Node(graphene.Interface):
    """An object with an ID"""

    id = graphene.ID(required=True, description="The ID of the object")

    @classmethod
    def resolve_type(cls, instance: Any, info: Any) -> type | None:
        """The type of a row is its model's."""
        return get_global_registry().get_type_for_model(type(instance))


class NodeType(DjangoObjectType):
    """A type of rows; its name is the model's."""

    class Meta:
        abstract = True

    # Whatever answers for a field of this type is of it: nothing is to be tried.
    is_type_of = None

    @classmethod
    def __init_subclass_with_meta__(cls, model: type[Model], **options: Any) -> None:
        """Gives the type its ids, as parse_global_id reads them."""
        prefix, key = f"{model.__name__}:", attrgetter(model._meta.pk.attname)

        @from_source
        def resolve_id(row: Any, info: Any) -> str:
            return b2a_base64(f"{prefix}{key(row)}".encode(), newline=False).decode()

        cls.resolve_id = staticmethod(resolve_id)
        super().__init_subclass_with_meta__(model=model, **options)
