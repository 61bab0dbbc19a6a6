"""Carts of guests. The key, in the column of the user's, loses its foreign key; the user gets a column that may be null.

The table is not copied on MySQL, and processes of the release before go on creating carts meanwhile.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('cart', '0002_idempotency_keys_of_core'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterField(
                    model_name='cart',
                    name='user',
                    field=models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to=settings.AUTH_USER_MODEL),
                ),
            ],
            state_operations=[
                migrations.RemoveField(model_name='cart', name='user'),
                migrations.AddField(
                    model_name='cart',
                    name='id',
                    field=models.BigIntegerField(db_column='user_id', primary_key=True, serialize=False),
                ),
            ],
        ),
        migrations.AddField(
            model_name='cart',
            name='user',
            field=models.OneToOneField(db_column='account_id', null=True, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
    ]
