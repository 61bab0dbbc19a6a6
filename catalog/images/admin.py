"""Images in the admin: a product's page uploads, describes and orders them; a list shows all with their state."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from catalog.images import services
from catalog.images.files import served
from catalog.images.models import ImageStatus, ProductImage
from catalog.images.selectors import rendition_for
from catalog.images.sizes import ImageFormat, ImageSize
from core.auth.admin import PolicyAdmin
from core.errors import InvalidInput
from core.http.admin_input import CheckedInputAdmin
from core.http.uploads import oversized


def preview(image: ProductImage) -> str:
    """The smallest rendition as HTML, a dash before there is one."""
    rendition = rendition_for(image, ImageSize.THUMBNAIL, ImageFormat.WEBP) if image.pk else None
    if rendition is None:
        return "–"
    url, width, height = served().url(rendition.name), rendition.width // 2, rendition.height // 2
    return format_html('<img src="{}" width="{}" height="{}" alt="">', url, width, height)


def state(image: ProductImage) -> str:
    """The status, and why the image FAILED."""
    if not image.pk:
        return "–"
    return f"{image.get_status_display()}: {image.error}" if image.error else image.get_status_display()


class ImageForm(forms.ModelForm):
    """An image of a product. A new one needs a file, an existing one takes none."""

    file = forms.FileField(
        required=False,
        allow_empty_file=True,
        help_text=f"JPEG, PNG, WebP or AVIF, up to {settings.IMAGE_MAX_BYTES / 2**20:g} MB.",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp,image/avif"}),
    )

    class Meta:
        model = ProductImage
        fields = ["alt", "position"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            # The bytes of an image never change, but all forms of an inline have the same fields.
            self.fields["file"].disabled = True
            self.fields["file"].widget = forms.HiddenInput()
        else:
            self.fields["position"].required = False

    def has_changed(self) -> bool:
        """Whether anything was entered. A new row in which only the position differs counts as empty."""
        return bool(set(self.changed_data) - (set() if self.instance.pk else {"position"}))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not self.instance.pk and not cleaned.get("file") and self.has_changed():
            raise ValidationError({"file": "Choose a file: a new image needs one."})
        return cleaned


class ImageFormSet(forms.BaseInlineFormSet):
    """The images of one product. Changes go through the services, as those of the APIs."""

    request: HttpRequest

    def __init__(self, data: Any = None, *args: Any, **kwargs: Any) -> None:
        prefix = kwargs.get("prefix") or self.get_default_prefix()
        if data and f"{prefix}-TOTAL_FORMS" not in data:
            # A page that is posted without its images leaves them as they are.
            data = data.copy()
            data.update({f"{prefix}-TOTAL_FORMS": "0", f"{prefix}-INITIAL_FORMS": "0"})
        super().__init__(data, *args, **kwargs)

    def clean(self) -> None:
        super().clean()
        # Our upload handler has dropped files that are too large.
        if any(name.startswith(f"{self.prefix}-") for name in oversized(self.request)):
            raise ValidationError(f"A file is larger than {settings.IMAGE_MAX_BYTES / 2**20:g} MB: save it smaller.")
        new = [form for form in self.extra_forms if form.has_changed()]
        if new and self.initial_form_count() - len(self.deleted_forms) + len(new) > settings.IMAGES_PER_PRODUCT:
            raise ValidationError(f"A product has at most {settings.IMAGES_PER_PRODUCT} images.")
        for form in new:
            if form.is_valid() and (file := form.cleaned_data.get("file")):
                try:
                    services.check_upload(file=file)
                except InvalidInput as error:
                    form.add_error("file", str(error))

    def save_new(self, form: Any, commit: bool = True) -> ProductImage:
        data = form.cleaned_data
        upload = services.image_upload(
            actor=self.request.user, product_id=self.instance.pk, file=data["file"], alt=data["alt"]
        )
        return upload.image

    def save_existing(self, form: Any, obj: ProductImage, commit: bool = True) -> ProductImage:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        return services.image_update(actor=self.request.user, image_id=obj.pk, **changes)

    def delete_existing(self, obj: ProductImage, commit: bool = True) -> None:
        services.image_delete(actor=self.request.user, image_id=obj.pk)


class ImageInline(PolicyAdmin, admin.TabularInline):
    """A product's images in its page."""

    model = ProductImage
    form = ImageForm
    formset = ImageFormSet
    fields = ["preview", "state", "file", "alt", "position"]
    readonly_fields = ["preview", "state"]
    extra = 1
    show_change_link = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[ProductImage]:
        return super().get_queryset(request).order_by("position", "id")

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A formset class that knows the request."""
        formset = super().get_formset(request, obj, **kwargs)
        return type(formset.__name__, (formset,), {"request": request})

    @admin.display(description="")
    def preview(self, image: ProductImage) -> str:
        return preview(image)

    @admin.display(description="status")
    def state(self, image: ProductImage) -> str:
        return state(image)


@admin.register(ProductImage)
class ProductImageAdmin(PolicyAdmin, CheckedInputAdmin):
    """All images, to find those that failed and try them again."""

    list_display = ["preview", "product", "alt", "position", "state", "width", "height", "created_at"]
    list_display_links = ["preview", "alt"]
    list_filter = ["status"]
    list_select_related = ["product"]
    list_per_page = 50
    show_full_result_count = False
    search_fields = ["product__slug", "alt"]
    fields = ["preview", "product", "alt", "position", "state", "width", "height", "source", "bytes", "created_at"]
    readonly_fields = ["preview", "product", "position", "state", "width", "height", "source", "bytes", "created_at"]
    actions = ["try_again"]

    def save_model(self, request: HttpRequest, obj: ProductImage, form: Any, change: bool) -> None:
        # Saves only the field of the form, because the worker may have changed the others.
        services.image_update(actor=request.user, image_id=obj.pk, alt=obj.alt)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Images are added in their product's page.
        return False

    @admin.display(description="")
    def preview(self, image: ProductImage) -> str:
        return preview(image)

    @admin.display(description="status", ordering="status")
    def state(self, image: ProductImage) -> str:
        return state(image)

    @admin.action(description="Try again: render the selected images that failed", permissions=["change"])
    def try_again(self, request: HttpRequest, queryset: QuerySet[ProductImage]) -> None:
        """Renders FAILED images again, and the formats that were given up after READY."""
        count = services.image_retry(actor=request.user, images=queryset)
        count += services.retry_later_formats(actor=request.user, images=queryset.filter(status=ImageStatus.READY))
        self.message_user(request, f"{count} image{'' if count == 1 else 's'} on the way.")
