"""Folds the stored addresses anew: a domain in letters and in IDNA's ASCII is one, and ß is not ss.

Two accounts may turn out to have one address. The one that signed in last keeps it; the others are deactivated (they
could no longer sign in by it), keep their data and their address as typed, and are named in the output for the staff.
"""

from collections import defaultdict
from datetime import UTC, datetime

from django.db import migrations
from django.db.models import F

from users.addresses import fold_email

NEVER = datetime(1, 1, 1, tzinfo=UTC)


def fold(apps, schema_editor):
    User = apps.get_model("users", "User")
    holders, changed = defaultdict(list), {}
    for pk, email, folded, last_login in User.objects.values_list("pk", "email", "email_folded", "last_login").iterator():
        holders[fold_email(email)].append((last_login or NEVER, -pk))
        if folded != fold_email(email):
            changed[pk] = fold_email(email)
    duplicates = []
    for address, accounts in holders.items():
        if len(accounts) > 1:
            keeper = -max(accounts)[1]
            changed[keeper] = address
            duplicates += [-pk for _, pk in accounts if -pk != keeper]
    # The column is unique: first every address that changes hands becomes free.
    for pk in {*changed, *duplicates}:
        User.objects.filter(pk=pk).update(email_folded=f"duplicate {pk}")
    for pk in duplicates:
        changed.pop(pk, None)
        User.objects.filter(pk=pk).update(is_active=False, token_generation=F("token_generation") + 1)
    for pk, address in changed.items():
        User.objects.filter(pk=pk).update(email_folded=address)
    if duplicates:
        print(f"\n  Deactivated, for another account has the same address (user ids): {sorted(duplicates)}")


class Migration(migrations.Migration):
    dependencies = [("users", "0002_tokens_and_mail")]
    operations = [migrations.RunPython(fold, migrations.RunPython.noop)]
