"""The model Turn is called Lease. Its table keeps its name, so that processes of both releases share it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("core", "0003_heartbeat"),
    ]

    operations = [
        migrations.AlterModelTable(name="turn", table="core_turn"),
        migrations.RenameModel(old_name="Turn", new_name="Lease"),
    ]
