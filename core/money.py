"""Amounts of the shop's currency as people read them."""

from decimal import Decimal

from django.conf import settings

# The digits after the point of currencies that have not two (ISO 4217).
_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND"), 0),
    **dict.fromkeys(("VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}


def currency_digits() -> int:
    """How many digits after the point amounts of the shop's currency have (ISO 4217)."""
    return _DIGITS.get(settings.CURRENCY, 2)


def digits_of(amount: Decimal) -> int:
    """How many digits after the point an amount is shown with: none where the currency has none, unless it has some."""
    return 0 if currency_digits() == 0 and amount == amount.to_integral_value() else 2


def money(amount: Decimal) -> str:
    """The amount with its thousands apart and the currency, such as "1,650.00 EUR"."""
    return f"{amount:,.{digits_of(amount)}f} {settings.CURRENCY}"
