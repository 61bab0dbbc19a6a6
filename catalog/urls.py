"""The paths of the catalogue's REST API."""

from django.urls import path

from catalog.images.views import ProductImagesView, ProductImageView
from catalog.views import ProductSearchView, ProductView

urlpatterns = [
    path("products/search/", ProductSearchView.as_view()),
    path("products/<str:slug>/images/", ProductImagesView.as_view(), name="product-images"),
    path("products/<str:slug>/images/<str:id>/", ProductImageView.as_view(), name="product-image"),
    path("products/<str:slug>/", ProductView.as_view(), name="product"),
]
