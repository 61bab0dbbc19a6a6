"""The table of the history; see core.history.recording."""

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import timezone

from core.db.fields import BinaryCharField
from core.history.ambient import VIA_LENGTH


class Change(models.Model):
    """One write of one row: who made it, by what, and the fields that it changed."""

    class Kind(models.TextChoices):
        ADD = "ADD", "added"
        CHANGE = "CHANGE", "changed"
        DELETE = "DELETE", "deleted"

    # The row: the label of its model, such as "catalog.product", and its key.
    model = BinaryCharField(max_length=64)
    key = models.BigIntegerField()
    kind = models.CharField(max_length=6, choices=Kind.choices)
    # By the field's name: the value before and after. A foreign key is {"id": 7, "name": "Lamps"}. Null instead of the
    # pair where values are not kept: passwords, and the personal data of accounts that are gone.
    changes = models.JSONField(default=dict, encoder=DjangoJSONEncoder)
    # Null for nobody (the program, or a visitor who is not signed in) and for accounts that were deleted.
    actor = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # "admin", "graphql", "rest", "import 12", "bulk 7", "command import_products", "worker", "server".
    via = BinaryCharField(max_length=VIA_LENGTH)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        indexes = [
            models.Index(name="change_of_row", fields=["model", "key", "id"]),
            models.Index(name="change_via", fields=["via", "id"]),
        ]

    def __str__(self) -> str:
        return f"{self.model} {self.key} {self.get_kind_display()}"
