"""Which picture the demo shop draws for which product: shapes by category, colours by the name's own words."""

import uuid
from collections.abc import Iterable

from django.db import transaction

from catalog.images.models import ImageJob, ProductImage
from catalog.images.services import notify_worker
from catalog.models import Product
from catalog.text import fold

# The first word found in the category's name (and then in the product's) decides; see catalog.demo.drawing.SUBJECTS.
SUBJECTS = {
    "vases": ("vase", "jar", "candle", "soap", "cutlery", "planter"),
    "lamp": ("lamp", "pendant", "light", "lantern"),
    "shelf": ("shel", "bookcase", "cabinet", "sideboard", "tv", "wardrobe"),
    "table": ("table", "desk", "board"),
    "seat": ("sofa", "chair", "armchair", "bed", "bench"),
    "textile": ("rug", "cushion", "throw", "duvet", "sheet", "pillow", "curtain", "towel", "mat", "apron"),
    "frame": ("mirror", "clock", "poster", "print"),
    "vessel": ("mug", "cup", "pot", "pan", "kettle", "bowl", "plate", "glass", "tea", "coffee", "casserole", "bakeware",
               "basket", "can"),
}  # fmt: skip
COLOURS = {
    "brass": "#b5924c", "bronze": "#7d5a3c", "copper": "#b0704a", "gold": "#c39b4e", "steel": "#8e959b",
    "black": "#3a3836", "charcoal": "#4a4a4d", "graphite": "#55585c", "slate": "#66717c", "smoke": "#8a8580",
    "grey": "#9a9a96", "dove": "#b3aea6", "white": "#d9d2c5", "chalk": "#dcd6ca", "cream": "#dfd0b0",
    "ivory": "#dccfb2", "oatmeal": "#cbb897", "sand": "#cdb288", "linen": "#c9b795", "natural": "#c4a77d",
    "oak": "#b98f5a", "walnut": "#75513a", "ash": "#c7b392", "beech": "#c99b67", "acacia": "#8d5d38",
    "teak": "#95673d", "pine": "#cda56c", "bamboo": "#bfa468", "sage": "#93a487", "forest": "#3f5c48",
    "olive": "#78793f", "moss": "#6f7f4b", "green": "#5f8363", "celadon": "#9dbaa6", "ink": "#2f3e5c",
    "indigo": "#39457a", "petrol": "#2f5f6b", "navy": "#2f4062", "blue": "#4f749c", "sky": "#8fb1cc",
    "terracotta": "#b8664a", "rust": "#a4502f", "brick": "#98503d", "red": "#a8433c", "amber": "#c98a3c",
    "ochre": "#c08f3a", "mustard": "#c29a37", "saffron": "#d19a2f", "blush": "#d3a296", "rose": "#c58a8a",
    "plum": "#6f4560", "aubergine": "#553a52", "lilac": "#a793bd",
}  # fmt: skip
NAMESPACE = uuid.UUID("6f1d4f62-6a3b-5a0e-9c57-5e1f0c6a7b10")


def ask_for_pictures(products: Iterable[Product], categories: dict[int, str]) -> int:
    """Writes down that each product without an image gets one drawn; the worker does it. Tells how many.

    `categories` are the names by id.
    """
    products = list(products)
    ids = [product.pk for product in products]
    keys = {product.pk: uuid.uuid5(NAMESPACE, product.slug) for product in products}
    pictured = set(ProductImage.objects.filter(product__in=ids).values_list("product_id", flat=True))
    asked = set(ImageJob.objects.filter(key__in=keys.values()).values_list("key", flat=True))
    wanted = [
        ImageJob(
            kind=ImageJob.Kind.DRAW,
            key=keys[product.pk],
            product=product,
            details={
                "seed": product.slug,
                "subject": subject_of(categories[product.category_id], product.name),
                "colour": colour_of(product.name),
            },
        )
        for product in products
        if product.pk not in pictured and keys[product.pk] not in asked
    ]
    ImageJob.objects.bulk_create(wanted)
    if wanted:
        transaction.on_commit(notify_worker)
    return len(wanted)


def subject_of(category: str, name: str) -> str:
    """What to draw; "" when no word tells."""
    for text in (fold(category), fold(name)):
        for subject, words in SUBJECTS.items():
            if any(word.startswith(tuple(words)) for word in text.split()):
                return subject
    return ""


def colour_of(name: str) -> str:
    """The colour that the name tells, the last word first; "" when none does."""
    words = fold(name).replace(",", " ").replace("-", " ").split()
    return next((COLOURS[word] for word in reversed(words) if word in COLOURS), "")
