"""Why an import was cancelled named the account by its address, which outlived the account."""

from django.db import migrations


def forget(apps, schema_editor):
    jobs = apps.get_model("catalog", "ImportJob").objects.using(schema_editor.connection.alias)
    jobs.filter(status="CANCELLED", reason__startswith="Cancelled by ").update(reason="Cancelled.")


class Migration(migrations.Migration):

    dependencies = [("catalog", "0016_index_of_reduced_products")]

    operations = [migrations.RunPython(forget, migrations.RunPython.noop)]
