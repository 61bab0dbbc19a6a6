"""The idempotency keys of carts become those of any mutation: the table stays as it is, and gets a column."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import core.db.fields


class Migration(migrations.Migration):

    dependencies = [
        ('core', '0004_lease'),
        # It made the table.
        ('cart', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[
            migrations.CreateModel(
                name='IdempotencyKey',
                fields=[
                    ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                    ('mutation', models.CharField(max_length=32)),
                    ('key', core.db.fields.BinaryCharField(max_length=64)),
                    ('digest', models.CharField(max_length=64)),
                    ('created_at', models.DateTimeField(db_index=True, default=django.utils.timezone.now)),
                    ('user', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to=settings.AUTH_USER_MODEL)),
                ],
                options={
                    'db_table': 'cart_idempotencykey',
                    'constraints': [models.UniqueConstraint(fields=('user', 'mutation', 'key'), name='idempotency_key_once')],
                },
            ),
        ]),
        migrations.AddField(model_name='idempotencykey', name='answer', field=models.JSONField(null=True)),
    ]
