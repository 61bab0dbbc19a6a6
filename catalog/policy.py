"""Who may read the catalogue, and how much of it. Who may change it is Django's permissions: core.auth.policy."""

from typing import Any

from django.conf import settings

from core.auth import policy


def may_read(viewer: Any) -> bool:
    """Whether the viewer may read the catalogue: whoever is signed in, with CATALOG_PUBLIC everyone."""
    return settings.CATALOG_PUBLIC or viewer.is_authenticated


def sees_hidden(viewer: Any) -> bool:
    """Whether the viewer sees archived products and images that are not READY too: the staff does."""
    return policy.is_staff(viewer)
