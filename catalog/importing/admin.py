"""Imports and exports of products in the admin: the upload, the page of an import, the list of imports."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.core.files.uploadhandler import TemporaryFileUploadHandler
from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseRedirect,
    StreamingHttpResponse,
    UnreadablePostError,
)
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import content_disposition_header
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_safe

from catalog import policy
from catalog.importing import job_files, services
from catalog.importing.export import csv_chunks
from catalog.importing.forms import ConfirmForm, UploadForm
from catalog.importing.models import ImportJob
from catalog.importing.options import Stock
from catalog.importing.waiting import ImportWaitingFilter
from core.admin.history import link_via
from core.auth.admin import ReadOnlyAdmin
from core.errors import ErrorCode, InvalidInput
from core.http.admin_input import CheckedInputAdmin
from core.http.uploads import SizeLimit, oversized
from core.jobs.progress import Progress, blocking, is_worker_seen
from core.storage import private

logger = logging.getLogger(__name__)

Phase, Status = ImportJob.Phase, ImportJob.Status
STATES = {
    (Phase.CHECK, Status.DUE): "waits to be checked",
    (Phase.CHECK, Status.CLAIMED): "is being checked",
    (Phase.CHECK, Status.READY): "checked: not imported yet",
    (Phase.CHECK, Status.FAILED): "cannot be imported",
    (Phase.CHECK, Status.CANCELLED): "cancelled: nothing was imported",
    (Phase.IMPORT, Status.DUE): "waits to be imported",
    (Phase.IMPORT, Status.CLAIMED): "is being imported",
    (Phase.IMPORT, Status.DONE): "imported",
    (Phase.IMPORT, Status.FAILED): "failed midway",
    (Phase.IMPORT, Status.CANCELLED): "cancelled midway",
}


def state_of(job: ImportJob) -> str:
    return STATES[Phase(job.phase), Status(job.status)]


class ExportAndImport(CheckedInputAdmin):
    """Adds the buttons "Import" and "Export" to the list of products."""

    change_list_template = "catalog/product_list.html"

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.export_view)
        return [path("export/", view, name="catalog_product_export"), *super().get_urls()]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"may_import": policy.may_import(request.user)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @method_decorator(require_safe)
    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The products of the list as a file, with all its pages. Takes the list's query string."""
        if not policy.EXPORT_PRODUCTS.is_held_by(request.user):
            raise PermissionDenied
        try:
            products = self.get_changelist_instance(request).queryset
        except IncorrectLookupParameters:
            return HttpResponseRedirect(reverse("admin:catalog_product_changelist") + "?e=1")
        name = f"products-{timezone.localdate()}.csv"
        headers = {"Content-Disposition": content_disposition_header(True, name) or "attachment"}
        return StreamingHttpResponse(csv_chunks(products), content_type="text/csv; charset=utf-8", headers=headers)


link_via("import", "admin:catalog_importjob_change")


@admin.register(ImportJob)
class ImportJobAdmin(ReadOnlyAdmin, CheckedInputAdmin):
    """The list of imports, the page of each, and the upload of a file."""

    change_list_template = "catalog/import_list.html"
    list_display = ["file_name", "state", "created_at", "user", "created", "updated", "unchanged", "refused"]
    list_select_related = ["user"]
    list_filter = [ImportWaitingFilter]
    list_per_page = 50
    show_full_result_count = False
    sortable_by = []
    actions = None

    @admin.display(description="state")
    def state(self, job: ImportJob) -> str:
        return state_of(job)

    def get_urls(self) -> list[URLPattern]:
        return [
            path("upload/", self.admin_site.admin_view(self.upload_view), name="catalog_importjob_upload"),
            path(
                "<int:job_id>/refused/",
                self.admin_site.admin_view(self.refused_view),
                name="catalog_importjob_refused",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        context = {"title": "Imports", "may_import": policy.may_import(request.user)}
        return super().changelist_view(request, {**context, **(extra_context or {})})

    @method_decorator(csrf_exempt)
    def upload_view(self, request: HttpRequest) -> HttpResponse:
        """The form for a file. Nothing of what is sent is read before it is known who sends it."""
        if not policy.may_import(request.user):
            raise PermissionDenied
        size_limit = SizeLimit(request, max_bytes=settings.IMPORT_MAX_BYTES)
        temporary = TemporaryFileUploadHandler(request)
        request.upload_handlers = [size_limit, temporary]
        try:
            # Reads the form.
            request.POST  # noqa: B018
        except UnreadablePostError:
            raise
        except OSError:
            # The disk of temporary files is full.
            logger.exception("An upload could not be read to its end")
            temporary.upload_interrupted()
            form = UploadForm({})
            form.errors["file"] = form.error_class([services.NOT_STORED])
            return self._upload_page(request, form)
        protected: Callable[[HttpRequest], HttpResponse] = csrf_protect(self._upload)
        return protected(request)

    def _upload(self, request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return self._upload_page(request, UploadForm())
        form = UploadForm(request.POST, request.FILES)
        if "file" in oversized(request):
            form.errors["file"] = form.error_class([services.too_large()])
        if form.is_valid():
            try:
                job = services.upload_import(actor=request.user, file=form.cleaned_data["file"], options=form.options)
            except InvalidInput as error:
                _add_errors(form, error)
            else:
                return HttpResponseRedirect(_page_of(job.pk))
        return self._upload_page(request, form)

    def _upload_page(self, request: HttpRequest, form: UploadForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": "Import products",
            "form": form,
            "has_advanced_errors": set(form.errors) - {"file", "__all__"},
            "media": self.media,
        }
        return TemplateResponse(request, "catalog/import_upload.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The page of an import: how far it is, what was found, what to do next."""
        job = self.get_object(request, object_id)
        if not self.has_view_permission(request, job):
            raise PermissionDenied
        if job is None:
            self.message_user(request, "This import is not there any more.", messages.WARNING)
            return HttpResponseRedirect(reverse("admin:catalog_importjob_changelist"))
        form = ConfirmForm(request.POST if "import" in request.POST else None)
        if request.method == "POST":
            if not policy.may_import(request.user):
                raise PermissionDenied
            response = self._act(request, job, form)
            if response is not None:
                return response
            job.refresh_from_db()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Import of {job.file_name}",
            "job": job,
            "state": state_of(job),
            "findings": job.import_findings or job.check_findings,
            "progress": _progress(job) if job.is_under_way else None,
            "blocking": blocking(job) if job.is_under_way else None,
            "is_worker_seen": is_worker_seen() if job.is_under_way else True,
            "form": form if job.check_findings.get("lacks_quantities") and not job.options.get("stock") else None,
            "may_import": policy.may_import(request.user),
            "files_until": job.created_at + timedelta(days=settings.IMPORT_FILES_DAYS),
            "media": self.media,
            **(extra_context or {}),
        }
        return TemplateResponse(request, "catalog/import_job.html", context)

    def _act(self, request: HttpRequest, job: ImportJob, form: ConfirmForm) -> HttpResponse | None:
        """Does what a button says; None when the page should show the form with its errors."""
        try:
            if "cancel" in request.POST:
                if not services.cancel_import(actor=request.user, job_id=job.pk):
                    self.message_user(request, "This import had ended already.", messages.WARNING)
            elif "import" in request.POST:
                stock = form.data.get("stock")
                chosen = Stock(stock) if stock in list(Stock) else None
                if not services.confirm_import(actor=request.user, job_id=job.pk, stock=chosen):
                    self.message_user(request, "This import was started already. It is done once.", messages.WARNING)
        except InvalidInput as error:
            if error.field_errors[0].code is ErrorCode.REQUIRED:
                return None
            self.message_user(request, str(error), messages.ERROR)
        if not ImportJob.objects.filter(pk=job.pk).exists():
            return HttpResponseRedirect(reverse("admin:catalog_importjob_changelist"))
        return HttpResponseRedirect(_page_of(job.pk))

    @method_decorator(require_safe)
    def refused_view(self, request: HttpRequest, job_id: int) -> HttpResponse | FileResponse:
        """The refused rows as a file, to be corrected and imported again."""
        if not policy.VIEW_IMPORTS.is_held_by(request.user):
            raise PermissionDenied
        job = self.get_object(request, str(job_id))
        if job is None:
            raise Http404
        try:
            file = private().open(job_files.name_of(job, job_files.REFUSED))
        except FileNotFoundError:
            raise Http404("There are no refused rows, or their file was deleted.") from None
        name = f"refused-{job.file_name.rpartition('.')[0] or job.file_name}.csv"
        return FileResponse(file, as_attachment=True, filename=name, content_type="text/csv; charset=utf-8")


def _progress(job: ImportJob) -> Progress:
    return Progress(job, position=job.position, size=job.size, rows=job.rows, started_at=job.started_at)


def _page_of(job_id: int) -> str:
    return reverse("admin:catalog_importjob_change", args=[job_id])


def _add_errors(form: UploadForm, error: InvalidInput) -> None:
    for field_error in error.field_errors:
        name = field_error.path[0] if field_error.path else None
        form.add_error(name if name in form.fields else None, field_error.message)
