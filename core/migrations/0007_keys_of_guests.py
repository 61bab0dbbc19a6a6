"""Guests have idempotency keys too: the column of the user loses its foreign key, and holds an owner of either kind."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0006_history'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.AlterField(
                    model_name='idempotencykey',
                    name='user',
                    field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL),
                ),
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name='idempotencykey', name='idempotency_key_once'),
                migrations.RemoveField(model_name='idempotencykey', name='user'),
                migrations.AddField(
                    model_name='idempotencykey',
                    name='owner',
                    field=models.BigIntegerField(db_column='user_id'),
                ),
                migrations.AddConstraint(
                    model_name='idempotencykey',
                    constraint=models.UniqueConstraint(fields=('owner', 'mutation', 'key'), name='idempotency_key_once'),
                ),
            ],
        ),
    ]
