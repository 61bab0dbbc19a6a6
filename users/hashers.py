"""Argon2, of which no more runs at once than there are cores."""

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

from core.throttling.slots import Slots

# Seconds that a request waits in all before it is told THROTTLED.
PATIENCE = 1.0
slots = Slots(settings.MAX_PASSWORD_HASHES, PATIENCE, settings.MAX_PASSWORD_WAITS)


class Argon2(Argon2PasswordHasher):
    """Django's. Each takes 100 MB and all cores for 50 ms, so both of its methods may have to wait."""

    def encode(self, password: str, salt: str) -> str:
        """The password's hash. Raises Throttled."""
        with slots.hold():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        """Whether it is the hash of the password. Raises Throttled."""
        with slots.hold():
            return super().verify(password, encoded)
