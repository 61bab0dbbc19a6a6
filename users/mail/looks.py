"""The shop's own words and colours, as every template of a mail gets them."""

from typing import Any

from django.conf import settings

# The paper and the text of our templates, by day and in the dark.
PAPER, INK = "#ffffff", "#2b2722"
DARK_PAPER, DARK_INK = "#24211d", "#f0ebe4"
# WCAG 2.2, 1.4.3: of text and what is behind it.
MIN_CONTRAST = 4.5


def shop_variables() -> dict[str, Any]:
    """The variables of every mail, whoever gets it."""
    accent = settings.SHOP_COLOR.lower()
    return {
        "shop": settings.SHOP_NAME,
        "description": settings.SHOP_DESCRIPTION,
        "site_url": settings.SITE_URL,
        "logo_url": settings.SHOP_LOGO_URL,
        "footer": settings.SHOP_FOOTER,
        "colors": {
            "accent": accent,
            "on_accent": max("#ffffff", "#000000", key=lambda text: contrast(text, accent)),
            # The accent as a colour of text, where that can be read.
            "title": accent if contrast(accent, PAPER) >= MIN_CONTRAST else INK,
            "dark_title": accent if contrast(accent, DARK_PAPER) >= MIN_CONTRAST else DARK_INK,
        },
    }


def contrast(one: str, other: str) -> float:
    """The contrast ratio of two colours such as "#7d5a3c", from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(color: str) -> float:
    """The relative luminance (WCAG 2.2)."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
