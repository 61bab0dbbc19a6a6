"""Argon2, with at most MAX_PASSWORD_HASHES hashes at once."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from core.throttling.slots import Slots

# How long one request may wait in total before it is THROTTLED.
MAX_WAIT_SECONDS = 1.0
slots = Slots(settings.MAX_PASSWORD_HASHES, MAX_WAIT_SECONDS, settings.MAX_PASSWORD_WAITS)


class Argon2(Argon2PasswordHasher):
    """Django's, but both methods wait for a slot, because each hash takes 100 MB and all cores for 50 ms."""

    def encode(self, password: str, salt: str) -> str:
        """As Django's. Raises Throttled."""
        with slots.hold():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """As Django's. Raises Throttled."""
        with slots.hold():
            return super().verify(password, encoded)
