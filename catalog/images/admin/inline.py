"""A product's images in its page: what works without a script, and what the script (static/catalog/images/) needs."""

import re
from functools import cached_property
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.forms.utils import ErrorList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from catalog import policy
from catalog.images import services, uploads
from catalog.images.admin.shown import shown
from catalog.images.models import ALT_LENGTH, ProductImage
from core.auth.admin import PolicyAdmin
from core.errors import InvalidInput
from core.http.uploads import oversized

MIME_TYPES = "image/jpeg,image/png,image/webp,image/avif"
# What the script calls the files that it keeps in the browser until a new product is saved.
DRAFT = re.compile("[0-9a-f-]{36}", re.ASCII)
DRAFT_PARAMETER = "photos"


def size_text() -> str:
    return f"{settings.IMAGE_MAX_BYTES / 2**20:g} MB"


class ImageFormSet(forms.BaseInlineFormSet):
    """The texts of a product's images, and new files. It has no form for each image: scripts add and remove them.

    All is checked by `clean`, before anything is saved.
    """

    request: HttpRequest

    def is_multipart(self) -> bool:
        # Django asks the first form, and there is none.
        return True

    def total_form_count(self) -> int:
        return 0

    def initial_form_count(self) -> int:
        return 0

    def has_changed(self) -> bool:
        return bool(self.new_files or self.new_texts)

    @property
    def new_files(self) -> list[Any]:
        return self.request.FILES.getlist(f"{self.prefix}-files") if self.is_bound else []

    @cached_property
    def new_texts(self) -> dict[int, tuple[str, str]]:
        """The texts that were edited in the page by the image's id: what was typed, and what stood there before."""
        texts = {}
        for name in self.data if self.is_bound else ():
            if match := re.fullmatch(rf"{self.prefix}-([0-9]{{1,18}})-alt", name, re.ASCII):
                alt, was = self.data[name], self.data.get(f"{name}_was", "")
                if " ".join(alt.split()) != was:
                    texts[int(match[1])] = (alt, was)
        return texts

    @cached_property
    def images(self) -> list[dict[str, Any]]:
        """The images as the page shows them, with the texts that were typed."""
        images = shown(list(ProductImage.objects.filter(product=self.instance.pk or 0)))
        for image in images:
            image["typed"] = self.new_texts[image["id"]][0] if image["id"] in self.new_texts else image["alt"]
        return images

    @property
    def draft(self) -> str:
        """The name of the files that the script keeps; "" when there are none."""
        draft = self.data.get(f"{self.prefix}-draft", "") if self.is_bound else ""
        return draft if DRAFT.fullmatch(draft) else ""

    def full_clean(self) -> None:
        self._errors: list[Any] = []
        self._non_form_errors = self.error_class(error_class="nonform")
        if self.is_bound:
            for error in self._mistakes():
                self._non_form_errors.append(error)

    def _mistakes(self) -> ErrorList:
        mistakes = ErrorList()
        if self.new_files:
            mistakes.extend(self._mistakes_of_files())
        if f"{self.prefix}-files" in oversized(self.request):
            # Our upload handler has dropped it.
            mistakes.append(f"A file is larger than {size_text()}: save it smaller.")
        if self.new_texts:
            mistakes.extend(self._mistakes_of_texts())
        if mistakes and self.new_files:
            names = ", ".join(file.name for file in self.new_files)
            mistakes.append(f"No photo was added. Choose them again, as browsers forget them: {names}.")
        return mistakes

    def _mistakes_of_files(self) -> list[str]:
        try:
            policy.ADD_IMAGES.check(self.request.user)
        except InvalidInput as error:
            return [str(error)]
        count = ProductImage.objects.filter(product=self.instance.pk or 0).count() + len(self.new_files)
        if count > settings.IMAGES_PER_PRODUCT:
            return [f"A product has at most {settings.IMAGES_PER_PRODUCT} images; these would be {count}."]
        mistakes = []
        for file in self.new_files:
            try:
                uploads.facts_of(file)
            except InvalidInput as error:
                mistakes.append(f"{file.name}: {error}")
        return mistakes

    def _mistakes_of_texts(self) -> list[str]:
        try:
            policy.CHANGE_IMAGES.check(self.request.user)
        except InvalidInput as error:
            return [str(error)]
        stored = dict(ProductImage.objects.filter(product=self.instance.pk or 0).values_list("pk", "alt"))
        mistakes = []
        for pk, (alt, was) in self.new_texts.items():
            try:
                alt = uploads.clean_alt(alt)
            except InvalidInput as error:
                mistakes.append(str(error))
            if pk not in stored:
                mistakes.append(f"The photo whose text is “{alt}” was deleted meanwhile.")
            elif stored[pk] not in (was, alt):
                mistakes.append(
                    f"Somebody else has changed the text “{was}” to “{stored[pk]}” meanwhile. Save again to make it "
                    f"“{alt}”."
                )
        return mistakes

    def non_form_errors(self) -> ErrorList:
        errors: ErrorList = super().non_form_errors()
        return errors

    def save(self, commit: bool = True) -> list[ProductImage]:
        actor = self.request.user
        # Django's log of changes names the fields of forms, and there are none.
        self.changed_objects: list[Any] = []
        self.deleted_objects: list[Any] = []
        for pk, (alt, was) in self.new_texts.items():
            services.image_update(actor=actor, image_id=pk, alt=alt, alt_was=was)
        self.new_objects: list[Any] = [
            services.image_upload(actor=actor, product_id=self.instance.pk, file=file).image for file in self.new_files
        ]
        return self.new_objects


class ImageInline(PolicyAdmin, admin.TabularInline):
    """A product's images in its page."""

    model = ProductImage
    formset = ImageFormSet
    template = "catalog/images/inline.html"
    fields = ["alt"]
    extra = 0
    alt_length = ALT_LENGTH
    mime_types = MIME_TYPES

    class Media:
        css = {"all": ["catalog/images/images.css"]}
        js = [
            f"catalog/images/{name}.js"
            for name in ("requests", "drafts", "tiles", "order", "uploads", "actions", "page")
        ]

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """A formset class that knows the request."""
        formset = super().get_formset(request, obj, **kwargs)
        return type(formset.__name__, (formset,), {"request": request})

    # For the template.
    @property
    def max_bytes(self) -> int:
        return settings.IMAGE_MAX_BYTES

    @property
    def max_images(self) -> int:
        return settings.IMAGES_PER_PRODUCT

    @property
    def size_text(self) -> str:
        return size_text()


class WithImages(admin.ModelAdmin):
    """Leads from a product that was just added to its page when the script has photos for it."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        response = super().response_add(request, obj, post_url_continue)
        draft = request.POST.get("images-draft", "")
        if not DRAFT.fullmatch(draft) or not self.has_view_or_change_permission(request, obj):
            return response
        page = reverse("admin:catalog_product_change", args=[obj.pk])
        return HttpResponseRedirect(f"{page}?{DRAFT_PARAMETER}={draft}")
