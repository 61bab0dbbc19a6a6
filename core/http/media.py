"""Serves public files from the media folder. In production nginx does, with the same headers."""

import re
from collections.abc import Callable, Mapping

from django.core.files.storage import FileSystemStorage, storages
from django.http import FileResponse, Http404, HttpRequest, HttpResponseBase
from django.views.decorators.http import require_safe


def media_view(public_names: re.Pattern[str], content_types: Mapping[str, str]) -> Callable[..., HttpResponseBase]:
    """A view of the files whose whole name matches; nothing else in the folder is public.

    `content_types` are by the name's ending. A name must contain a hash of the content: caches keep files forever.
    """

    @require_safe
    def media(request: HttpRequest, name: str) -> FileResponse:
        storage = storages["default"]
        if not isinstance(storage, FileSystemStorage) or not public_names.fullmatch(name):
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
        return FileResponse(file, content_type=content_types[name.rpartition(".")[2]], headers=headers)

    return media
