"""A page of the admin that runs again reads all that was sent once more."""

import pytest
from django.contrib.messages.storage.cookie import CookieStorage
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import RequestFactory

from core.admin.again import again


@pytest.mark.django_db(transaction=True)
def test_every_file_of_a_field_is_read_from_its_beginning():
    files = [SimpleUploadedFile(f"{n}.jpg", f"photo {n}".encode()) for n in range(3)]
    request = RequestFactory().post("/admin/", {"images-files": files})
    request._messages = CookieStorage(request)
    seen = []

    def view() -> HttpResponse:
        seen.append([file.read() for file in request.FILES.getlist("images-files")])
        if len(seen) == 1:
            raise IntegrityError
        return HttpResponse()

    again(request, view)
    assert seen == [[b"photo 0", b"photo 1", b"photo 2"]] * 2
