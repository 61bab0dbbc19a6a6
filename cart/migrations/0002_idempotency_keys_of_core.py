"""The idempotency keys belong to core now, with their table, and with their permissions."""

from functools import partial

from django.db import migrations


def move(apps, schema_editor, *, before, after):
    ContentType = apps.get_model('contenttypes', 'ContentType')
    types = ContentType.objects.using(schema_editor.connection.alias).filter(model='idempotencykey')
    # `migrate core` alone makes the new one before this runs.
    if not types.filter(app_label=after).exists():
        types.filter(app_label=before).update(app_label=after)


class Migration(migrations.Migration):

    dependencies = [
        ('cart', '0001_initial'),
        ('core', '0005_idempotency_keys'),
        ('contenttypes', '0002_remove_content_type_name'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel(name='IdempotencyKey')]),
        migrations.RunPython(
            partial(move, before='cart', after='core'), partial(move, before='core', after='cart'), elidable=True
        ),
    ]
