"""Fills in the users of the carts that there are, some thousands at a time, so that no shopper waits for long."""

from django.db import migrations
from django.db.models import F

BATCH = 5000


def fill(apps, schema_editor):
    carts = apps.get_model('cart', 'Cart').objects.using(schema_editor.connection.alias).filter(pk__gt=0, user=None)
    while keys := list(carts.order_by('pk').values_list('pk', flat=True)[:BATCH]):
        carts.filter(pk__lte=keys[-1]).update(user_id=F('pk'))


class Migration(migrations.Migration):

    # Each batch is a transaction. After a kill it goes on where it was.
    atomic = False

    dependencies = [
        ('cart', '0003_guest_carts'),
    ]

    operations = [
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
