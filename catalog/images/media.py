"""Serves renditions from the media folder. In production nginx does, with the same headers."""

import re
from pathlib import PurePosixPath

from django.core.files.storage import FileSystemStorage
from django.http import FileResponse, Http404, HttpRequest
from django.views.decorators.http import require_safe

from catalog.images.files import CONTENT_TYPES, served

# As catalog.images.files names renditions. Nothing else in the folder is public.
NAME = re.compile(r"products/[0-9a-f]{32}/[a-z]+-[0-9a-f]{20}\.(jpg|webp|avif)", re.ASCII)


@require_safe
def media(request: HttpRequest, name: str) -> FileResponse:
    """GET: one rendition. Its name contains a hash of its content, so caches may keep it forever."""
    storage = served()
    if not isinstance(storage, FileSystemStorage) or not NAME.fullmatch(name):
        raise Http404
    try:
        file = storage.open(name)
    except OSError:
        raise Http404 from None
    headers = {
        "Cache-Control": "public, max-age=31536000, immutable",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'",
        # Storefronts have other origins: their canvas and service worker may read what is public.
        "Access-Control-Allow-Origin": "*",
        "Cross-Origin-Resource-Policy": "cross-origin",
    }
    return FileResponse(file, content_type=CONTENT_TYPES[PurePosixPath(name).suffix], headers=headers)
