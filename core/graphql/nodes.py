"""GraphQL types of models (Relay's nodes), with a global id.

Both jobs are done here because graphene-django is slow at them: it tries every type for each row, and makes an id in
four calls. That took twice the time of reading the data.
"""

from binascii import b2a_base64
from functools import lru_cache
from typing import Any

import graphene
from django.db.models import Model
from graphene_django import DjangoObjectType
from graphene_django.registry import get_global_registry

from core.execution import Expression

# Global ids of a type that are kept, because making one takes ten times as long. They take some 300 bytes each.
MAX_KEPT_IDS = 8_192


class Node(graphene.Interface):
    """An object with an ID"""

    id = graphene.ID(required=True, description="The ID of the object")

    @classmethod
    def resolve_type(cls, instance: Any, info: Any) -> type | None:
        row_type: type | None = get_global_registry().get_type_for_model(type(instance))
        return row_type


class NodeType(DjangoObjectType):
    """A GraphQL type with the name of its model."""

    class Meta:
        abstract = True

    # The resolvers of this type's fields return nothing else, so there is nothing to check.
    is_type_of = None

    @classmethod
    def __init_subclass_with_meta__(cls, model: type[Model], **options: Any) -> None:
        """Adds the field `id`, which parse_global_id reads."""

        @lru_cache(maxsize=MAX_KEPT_IDS)
        def global_id(key: Any) -> str:
            return b2a_base64(f"{model.__name__}:{key}".encode(), newline=False).decode()

        cls.resolve_id = Expression(f"global_id(source.{model._meta.pk.attname})", global_id=global_id)
        super().__init_subclass_with_meta__(model=model, **options)
