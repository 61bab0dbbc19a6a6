"""The pictures that are still to be drawn; those of older versions were image jobs of kind 3."""

import django.db.models.deletion
from django.db import migrations, models

DRAW = 3


def take_over(apps, schema_editor):
    wanted, jobs = apps.get_model("demo", "WantedPicture"), apps.get_model("catalog", "ImageJob")
    products = jobs.objects.filter(kind=DRAW, product__isnull=False).values_list("product_id", flat=True)
    wanted.objects.bulk_create([wanted(product_id=product) for product in set(products)])


class Migration(migrations.Migration):

    initial = True

    dependencies = [("catalog", "0005_indexchange_created_at")]
    # That one deletes the jobs.
    run_before = [("catalog", "0006_image_jobs_of_images_only")]

    operations = [
        migrations.CreateModel(
            name="WantedPicture",
            fields=[
                (
                    "product",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="catalog.product",
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunPython(take_over, migrations.RunPython.noop),
    ]
