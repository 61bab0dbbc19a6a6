"""What core itself keeps in the database: whose turn it is."""

from django.db import models

from core.fields import BinaryCharField


class Turn(models.Model):
    """Who does the work of this name now, and until when unless it is renewed; see core.turns."""

    name = BinaryCharField(max_length=50, primary_key=True)
    holder = models.UUIDField()
    until = models.DateTimeField()

    def __str__(self) -> str:
        return self.name
