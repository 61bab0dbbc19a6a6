"""The model Turn is called Lease. Its table keeps its name, so that processes of both releases share it."""

from django.db import migrations


def delete_permissions(apps, schema_editor):
    """RenameModel leaves permissions as they are: the admin would go on offering those of Turn. No page asks for them."""
    codenames = [f"{action}_turn" for action in ("add", "change", "delete", "view")]
    apps.get_model("auth", "Permission").objects.filter(content_type__app_label="core", codename__in=codenames).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_heartbeat"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.AlterModelTable(name="turn", table="core_turn"),
        migrations.RenameModel(old_name="Turn", new_name="Lease"),
        migrations.RunPython(delete_permissions, migrations.RunPython.noop),
    ]
