"""What a storefront would show for the links of mails: a product, and the forms that use a mailed link."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from catalog.images.selectors import first_image, rendition_for, url_of
from catalog.images.sizes import ImageFormat, ImageSize
from catalog.models import Product


@require_safe
def product(request: HttpRequest, slug: str) -> HttpResponse:
    found = get_object_or_404(Product.objects.select_related("brand"), slug=slug, is_active=True)
    image = first_image(found)
    rendition = rendition_for(image, ImageSize.MEDIUM, ImageFormat.JPEG) if image else None
    context = {
        "title": found.name,
        "storefront": settings.STOREFRONT_URL,
        "product": found,
        "currency": settings.CURRENCY,
        "picture": url_of(request, rendition) if rendition else None,
    }
    return render(request, "demo/product.html", context)


@require_safe
def password_reset(request: HttpRequest) -> HttpResponse:
    return _mailed_link(request, "Choose a new password", "passwordReset")


@require_safe
def email_change(request: HttpRequest) -> HttpResponse:
    return _mailed_link(request, "Confirm your address", "emailChangeConfirm")


def _mailed_link(request: HttpRequest, title: str, mutation: str) -> HttpResponse:
    context = {"title": title, "mutation": mutation, "storefront": settings.STOREFRONT_URL}
    return render(request, "demo/mailed_link.html", context)
