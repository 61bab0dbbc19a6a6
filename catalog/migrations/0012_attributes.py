"""Attributes, their values, and groups of products. Nothing is filled in: no product has any yet."""

import catalog.slugs
import core.db.fields
import django.db.models.deletion
from django.db import migrations, models


def checks_foreign_keys(checks: bool):
    """With the checks MySQL copies the whole table to add a foreign key. The new column is empty: nothing to check."""

    def switch(apps, schema_editor):
        if schema_editor.connection.vendor == "mysql":
            schema_editor.execute(f"SET SESSION foreign_key_checks = {int(checks)}")

    return migrations.RunPython(switch, migrations.RunPython.noop, atomic=False)


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0011_import_jobs'),
    ]

    operations = [
        migrations.AddField(
            model_name='product',
            name='options_key',
            field=core.db.fields.BinaryCharField(editable=False, max_length=32, null=True),
        ),
        migrations.CreateModel(
            name='Attribute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100)),
                ('slug', core.db.fields.BinaryCharField(max_length=100, unique=True, validators=[catalog.slugs.validate_slug])),
                ('kind', models.CharField(choices=[('TEXT', 'text'), ('NUMBER', 'number'), ('BOOLEAN', 'yes or no')], default='TEXT', max_length=7)),
                ('unit', models.CharField(blank=True, default='', help_text='What numbers are measured in, such as cm, kg or W.', max_length=20)),
                ('folded_name', core.db.fields.BinaryTextField(editable=False)),
                ('position', models.PositiveIntegerField(default=0, help_text='Attributes with a lower position come first; those with the same one by name.')),
            ],
            options={
                'ordering': ['position', 'name', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('slug', ''), _negated=True), name='attribute_slug_not_empty'), models.CheckConstraint(condition=models.Q(('kind__in', ['TEXT', 'NUMBER', 'BOOLEAN'])), name='attribute_kind_known'), models.CheckConstraint(condition=models.Q(('unit', ''), ('kind', 'NUMBER'), _connector='OR'), name='attribute_unit_of_numbers_only')],
            },
        ),
        migrations.CreateModel(
            name='AttributeValue',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('text', models.CharField(max_length=255)),
                ('key', core.db.fields.BinaryCharField(editable=False, max_length=300)),
                ('folded_text', core.db.fields.BinaryTextField(editable=False)),
                ('position', models.PositiveIntegerField(default=0, help_text='Values with a lower position come first; those with the same one in natural order.')),
                ('order_key', core.db.fields.BinaryCharField(editable=False, max_length=100)),
                ('attribute', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='values', to='catalog.attribute')),
            ],
            options={
                'ordering': ['attribute', 'position', 'order_key', 'id'],
            },
        ),
        migrations.CreateModel(
            name='ProductAttribute',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('number', models.DecimalField(decimal_places=6, max_digits=15, null=True)),
                ('boolean', models.BooleanField(null=True)),
                ('slot', models.BigIntegerField(editable=False)),
                ('attribute', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='product_rows', to='catalog.attribute')),
                ('product', models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='attribute_rows', to='catalog.product')),
                ('value', models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='product_rows', to='catalog.attributevalue')),
            ],
        ),
        migrations.CreateModel(
            name='ProductGroup',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=255)),
                ('slug', core.db.fields.BinaryCharField(max_length=255, unique=True, validators=[catalog.slugs.validate_slug])),
            ],
            options={
                'ordering': ['name', 'id'],
                'constraints': [models.CheckConstraint(condition=models.Q(('slug', ''), _negated=True), name='product_group_slug_not_empty')],
            },
        ),
        checks_foreign_keys(False),
        migrations.AddField(
            model_name='product',
            name='group',
            field=models.ForeignKey(blank=True, db_index=False, help_text='The products that differ from this one in options only.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='products', to='catalog.productgroup'),
        ),
        checks_foreign_keys(True),
        migrations.AddConstraint(
            model_name='product',
            constraint=models.UniqueConstraint(fields=('group', 'options_key'), name='product_options_once_in_group'),
        ),
        migrations.AddConstraint(
            model_name='attributevalue',
            constraint=models.UniqueConstraint(fields=('attribute', 'key'), name='attribute_value_spelled_once'),
        ),
        migrations.AddConstraint(
            model_name='attributevalue',
            constraint=models.CheckConstraint(condition=models.Q(('key', ''), _negated=True), name='attribute_value_not_empty'),
        ),
        migrations.AddIndex(
            model_name='productattribute',
            index=models.Index(fields=['attribute', 'number', 'product'], name='product_attribute_by_number'),
        ),
        migrations.AddIndex(
            model_name='productattribute',
            index=models.Index(fields=['value', 'product'], name='product_attribute_by_value'),
        ),
        migrations.AddConstraint(
            model_name='productattribute',
            constraint=models.UniqueConstraint(fields=('product', 'attribute', 'slot'), name='product_attribute_once'),
        ),
        migrations.AddConstraint(
            model_name='productattribute',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('boolean', None), ('number', None), ('slot', models.F('value')), ('value__isnull', False)), models.Q(('boolean', None), ('number__isnull', False), ('slot', 0), ('value', None)), models.Q(('boolean__isnull', False), ('number', None), ('slot', 0), ('value', None)), _connector='OR'), name='product_attribute_one_kind'),
        ),
    ]
