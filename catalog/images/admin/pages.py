"""The list of all images, and the page of one, in the admin."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.html import format_html

from catalog.images import services, uploads
from catalog.images.admin import endpoint
from catalog.images.admin.inline import MIME_TYPES, size_text
from catalog.images.admin.shown import has_failed, preview, state
from catalog.images.models import ProductImage
from catalog.images.selectors import attach_jobs, attach_renditions
from catalog.images.waiting import ImageWaitingFilter
from core.admin.versions import VersionedForm
from core.auth.admin import PolicyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin
from core.http.uploads import oversized


class ImageForm(VersionedForm):
    """The text of an image, and a file in its place."""

    request: HttpRequest
    replacement = forms.FileField(
        label="Replace by",
        required=False,
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": MIME_TYPES}),
    )

    class Meta:
        model = ProductImage
        fields = ["alt"]
        widgets = {"alt": forms.Textarea(attrs={"rows": 2, "cols": 60})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "replacement" in self.fields:
            self.fields["replacement"].help_text = (
                f"JPEG, PNG, WebP or AVIF, up to {size_text()}. The text and the position stay. The old picture is "
                "shown until the new one is processed."
            )

    def clean_alt(self) -> str:
        try:
            return uploads.clean_alt(self.cleaned_data["alt"])
        except InvalidInput as error:
            raise forms.ValidationError(str(error)) from None

    def clean_replacement(self) -> Any:
        file = self.cleaned_data["replacement"]
        try:
            if "replacement" in oversized(self.request):
                raise uploads.too_large()
            if file:
                uploads.facts_of(file)
        except InvalidInput as error:
            raise forms.ValidationError(f"{error} Nothing was replaced.") from None
        return file

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if self.errors and cleaned.get("replacement"):
            self.add_error("replacement", "Choose the file again: browsers forget it.")
        return cleaned


class ImageList(ChangeList):
    """The list with the renditions and jobs of the page's rows: two queries."""

    result_list: Any

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        self.result_list = list(self.result_list)
        attach_renditions(self.result_list)
        attach_jobs(self.result_list)
        may_retry = self.model_admin.has_change_permission(request)
        for image in self.result_list:
            image.may_retry = may_retry


@admin.register(ProductImage)
class ProductImageAdmin(PolicyAdmin, CheckedInputAdmin):
    """All images, to find those that failed and try them again."""

    form = ImageForm
    change_form_template = "catalog/images/change_form.html"
    list_display = ["preview", "product", "alt", "position", "state", "width", "height", "created_at"]
    list_display_links = ["preview", "alt"]
    list_filter = ["status", ImageWaitingFilter]
    list_select_related = ["product"]
    list_per_page = 50
    # What an index serves.
    ordering = ["-id"]
    sortable_by = ["state"]
    show_full_result_count = False
    # With none, Django shows no box. What is searched is in `get_search_results`.
    search_fields = ["product__slug"]
    search_help_text = "Finds the images of products: by name with typos, by SKU or by slug."
    fields = [
        *("preview", "product", "alt", "replacement", "position", "state"),
        *("width", "height", "source", "bytes", "created_at"),
    ]
    readonly_fields = ["preview", "product", "position", "state", "width", "height", "source", "bytes", "created_at"]
    actions = ["try_again"]

    class Media:
        css = {"all": ["catalog/images/images.css"]}

    def get_urls(self) -> list[URLPattern]:
        return [*endpoint.urls(self.admin_site), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return ImageList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        # Imported here: the package imports this module.
        from catalog.admin.finding import find_products

        if not search_term.strip():
            return queryset, False
        try:
            ids = find_products(search_term).ids
        except InvalidInput:
            ids = []
        return queryset.filter(product__in=ids), False

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        key = request.POST.get("_retry", "")
        if not key:
            return super().changelist_view(request, extra_context)
        try:
            images = ProductImage.objects.filter(pk__in=[key] if self._can_be_key(key) else [])
            self._tell(request, services.retry(actor=request.user, images=images))
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
        return HttpResponseRedirect(request.get_full_path())

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        return type(form.__name__, (form,), {"request": request})

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if self.has_change_permission(request, obj):
            return self.fields
        return [name for name in self.fields or () if name != "replacement"]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        image = self.get_object(request, object_id)
        try:
            if request.method == "POST" and image is not None and {"_retry", "_keep"} & {*request.POST}:
                if "_keep" in request.POST:
                    services.replacement_discard(actor=request.user, image_id=image.pk)
                else:
                    services.retry(actor=request.user, images=ProductImage.objects.filter(pk=image.pk))
                return HttpResponseRedirect(request.get_full_path())
            context = self._failures(image) if image is not None and self.has_change_permission(request) else {}
            return super().change_view(request, object_id, form_url, {**context, **(extra_context or {})})
        except InvalidInput as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def _failures(self, image: ProductImage) -> dict[str, Any]:
        attach_jobs([image])
        return {"may_retry": has_failed(image), "has_replacement": image.replacement is not None}

    def save_model(self, request: HttpRequest, obj: ProductImage, form: Any, change: bool) -> None:
        # Saves only the field of the form, because the worker may have changed the others.
        if "alt" in form.changed_data:
            services.image_update(actor=request.user, image_id=obj.pk, alt=obj.alt)
        if file := form.cleaned_data.get("replacement"):
            services.image_replace(actor=request.user, image_id=obj.pk, file=file)

    def delete_model(self, request: HttpRequest, obj: ProductImage) -> None:
        services.image_delete(actor=request.user, image_id=obj.pk)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ProductImage]) -> None:
        for image in queryset:
            services.image_delete(actor=request.user, image_id=image.pk)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Images are added in their product's page.
        return False

    @admin.display(description="picture")
    def preview(self, image: ProductImage) -> str:
        return preview(image)

    @admin.display(description="status", ordering="status")
    def state(self, image: ProductImage) -> str:
        if not hasattr(image, "replacement"):
            attach_jobs([image])
        text = state(image) or "Ready"
        if getattr(image, "may_retry", False) and has_failed(image):
            button = '{} <button type="submit" class="button" name="_retry" value="{}">Try again</button>'
            return format_html(button, text, image.pk)
        return text

    @admin.action(description="Try again: render the selected images that failed", permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ProductImage]) -> None:
        """Renders FAILED images again, and the formats that were given up after READY."""
        self._tell(request, services.retry(actor=request.user, images=queryset))

    def _tell(self, request: HttpRequest, count: int) -> None:
        self.message_user(request, f"{count} image{'' if count == 1 else 's'} on the way.")
