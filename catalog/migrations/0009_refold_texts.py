"""Folds the texts that the database engine searches in anew: ø, ł, ı, æ, digits of all scripts, invisible characters.

It is no transaction of its own, for it would lock the whole catalogue. Killed, it does the rest when it is run again.
"""

from django.db import migrations

from catalog.refolding import refold


def refold_texts(apps, schema_editor):
    brand, category, product = (apps.get_model("catalog", name) for name in ("Brand", "Category", "Product"))
    refold(brand=brand, category=category, product=product)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("catalog", "0008_search_counts")]
    operations = [migrations.RunPython(refold_texts, migrations.RunPython.noop)]
