"""Jobs that drew pictures for products are no image jobs any more; the demo shop's first migration has taken them over."""

from django.db import migrations, models

DRAW = 3


def delete_drawings(apps, schema_editor):
    apps.get_model("catalog", "ImageJob").objects.filter(kind=DRAW).delete()


class Migration(migrations.Migration):

    dependencies = [("catalog", "0005_indexchange_created_at")]

    operations = [
        migrations.RunPython(delete_drawings, migrations.RunPython.noop),
        migrations.RemoveConstraint(model_name="imagejob", name="image_job_of_an_image"),
        migrations.AlterField(
            model_name="imagejob",
            name="kind",
            field=models.PositiveSmallIntegerField(
                choices=[
                    (1, "remove the files of a deleted image"),
                    (2, "make the renditions that a shop needs"),
                    (4, "make the renditions that may follow"),
                ],
                editable=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="imagejob",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind", 1), ("image__isnull", False), _connector="OR"),
                name="image_job_of_an_image",
            ),
        ),
        # Processes of the release before still write both columns. The release after this one drops them.
        migrations.AlterField(
            model_name="imagejob", name="details", field=models.JSONField(default=dict, editable=False, null=True)
        ),
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveField(model_name="imagejob", name="details"),
                migrations.RemoveField(model_name="imagejob", name="product"),
            ]
        ),
    ]
