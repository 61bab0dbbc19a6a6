"""The products that still need a drawn picture. The rows survive a killed worker."""

from django.db import models

from catalog.models import Product


class WantedPicture(models.Model):
    """A product whose picture is to be drawn; deleted when it has one."""

    product = models.OneToOneField(Product, models.CASCADE, primary_key=True, related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"picture of product {self.product_id}"
