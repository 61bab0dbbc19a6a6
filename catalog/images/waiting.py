"""Images that wait for a person: conditions of the front page and of the list of images."""

from django.db.models import Q

from catalog.images.models import ImageJob, ImageStatus
from core.admin.filters import WaitingFilter
from core.jobs.job import FAILED

Kind = ImageJob.Kind


def failed() -> Q:
    return Q(status=ImageStatus.FAILED)


def partly_failed() -> Q:
    """Images that are shown, but whose replacement or whose later formats were given up."""
    given_up = ImageJob.objects.filter(status=FAILED, kind__in=(Kind.REPLACE, Kind.LATER))
    return Q(status=ImageStatus.READY, pk__in=given_up.values("image"))


class ImageWaitingFilter(WaitingFilter):
    choices_by_value = {
        "failed": ("could not be processed", failed),
        "partly": ("a new picture or some formats failed", partly_failed),
    }
