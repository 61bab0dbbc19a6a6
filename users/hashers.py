"""Argon2 hashes, limited in number: as many at once as MAX_PASSWORD_HASHES says."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from core.throttling.slots import Slots

# How long a request may wait in all before it is THROTTLED.
MAX_WAIT_SECONDS = 1.0
slots = Slots(settings.MAX_PASSWORD_HASHES, MAX_WAIT_SECONDS, settings.MAX_PASSWORD_WAITS)


class Argon2(Argon2PasswordHasher):
    """Django's, but both methods may wait for a slot: each hash takes 100 MB and all cores for 50 ms."""

    def encode(self, password: str, salt: str) -> str:
        """As Django's. Raises Throttled."""
        with slots.hold():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """As Django's. Raises Throttled."""
        with slots.hold():
            return super().verify(password, encoded)
