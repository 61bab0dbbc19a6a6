"""Processes that write the next versions, each in one of several ways."""

import http.client
import random
import time
import traceback
from typing import Any

from bench.cart_server import Client, Shop
from bench.staleness.rows import NEVER, OVER_HTTP, ROWS, WRITERS, Ledger


class Writer:
    """Writes the next versions of some kinds, each by one of several ways, until it is killed."""

    def __init__(self, shop: Shop, ledger: Ledger, keys: dict[str, int], number: int, only_http: bool) -> None:
        self.shop, self.ledger, self.keys, self.number = shop, ledger, keys, number
        self.kinds = tuple(kind for kind in WRITERS[number] if not only_http or kind in OVER_HTTP)
        self.only_http = only_http
        self.client = Client(shop, 0)

    def run(self) -> None:
        random.seed()
        number = self.number
        ways = [self.by_save, self.by_update, self.by_sql, self.in_a_transaction, self.over_http]
        for _ in range(1_000_000):
            kind, row = random.choice(self.kinds), random.randrange(ROWS)
            if kind in ("synonym", "redirect"):
                row = 0
            place = Ledger.place(kind, row)
            version = self.ledger.tried[place] + 1
            way = self.over_http if self.only_http else random.choice(ways)
            if not self.only_http and random.random() < 0.15:
                self.rolled_back(kind, row, version)
                self.ledger.counts[number * 8 + 1] += 1
                continue
            self.ledger.tried[place] = version
            try:
                way(kind, row, version)
            except (OSError, http.client.HTTPException):
                # The process that served it was killed: nobody acknowledged the write.
                self.client = Client(self.shop, 0)
                continue
            except Exception as error:
                if "locked" not in str(error) and "Deadlock" not in str(error):
                    traceback.print_exc()
                    self.ledger.counts[number * 8 + 3] += 1
                self.ledger.counts[number * 8 + 2] += 1
                continue
            self.ledger.acknowledged[place] = version
            self.ledger.counts[number * 8] += 1
            time.sleep(random.uniform(0, 0.02))

    def rows(self, kind: str, row: int) -> Any:
        """The queryset of the row, and the name of the field with the version."""
        from catalog import models as m

        return {
            "product": (m.Product.objects.filter(slug=f"product-{row}"), "name"),
            "category": (m.Category.objects.filter(slug=f"category-{row}"), "name"),
            "brand": (m.Brand.objects.filter(slug=f"brand-{row}"), "name"),
            "attribute": (m.Attribute.objects.filter(slug=f"attribute-{row}"), "name"),
            "value": (m.AttributeValue.objects.filter(attribute__slug=f"attribute-{row}"), "text"),
            "group": (m.ProductGroup.objects.filter(slug=f"group-{row}"), "name"),
            "alt": (m.ProductImage.objects.filter(product__slug=f"product-{row}"), "alt"),
            "price": (m.Product.objects.filter(slug=f"product-{row}"), "price"),
            "synonym": (m.Synonym.objects.all(), "terms"),
            "redirect": (m.SearchRule.objects.all(), "redirect_id"),
        }[kind]

    def content(self, kind: str, row: int, version: int) -> Any:
        if kind == "price":
            return f"{version}.0{row}"
        if kind == "synonym":
            return f"target{version % ROWS}"
        if kind == "redirect":
            return self.keys[f"category {version % ROWS}"]
        return f"{kind} {row} v{version}"

    def by_save(self, kind: str, row: int, version: int) -> None:
        from django.db import transaction

        rows, field = self.rows(kind, row)
        with transaction.atomic():
            instance = rows.select_for_update().get()
            setattr(instance, field, self.content(kind, row, version))
            instance.save()

    def by_update(self, kind: str, row: int, version: int) -> None:
        rows, field = self.rows(kind, row)
        rows.update(**{field: self.content(kind, row, version)})

    def by_sql(self, kind: str, row: int, version: int) -> None:
        """Raw SQL, a statement of its own."""
        from django.db import connection

        rows, field = self.rows(kind, row)
        pk, quote = rows.values_list("pk", flat=True).get(), connection.ops.quote_name
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {quote(rows.model._meta.db_table)} SET {quote(field)} = %s WHERE id = %s",  # noqa: S608
                [self.content(kind, row, version), pk],
            )

    def in_a_transaction(self, kind: str, row: int, version: int) -> None:
        """A savepoint that is rolled back, then the write, and then the transaction takes its time."""
        from django.db import transaction

        with transaction.atomic():
            with transaction.atomic():
                self.wrong(kind, row)
                transaction.set_rollback(True)
            self.by_update(kind, row, version)
            time.sleep(random.uniform(0, 0.01))

    def rolled_back(self, kind: str, row: int, version: int) -> None:
        from django.db import transaction

        try:
            with transaction.atomic():
                self.wrong(kind, row)
                time.sleep(random.uniform(0, 0.01))
                transaction.set_rollback(True)
        except Exception as error:
            if "locked" not in str(error) and "Deadlock" not in str(error):
                raise

    def wrong(self, kind: str, row: int) -> None:
        """What nobody may ever see."""
        if kind in ("price", "synonym", "redirect"):
            kind, row = "brand", row % ROWS
            rows, field = self.rows(kind, row)
            # The brand's own writer may hold it: do not wait for it.
            if not rows.select_for_update(skip_locked=True).exists():
                return
        rows, field = self.rows(kind, row)
        rows.update(**{field: f"{kind} {row} v0{NEVER}"})

    def over_http(self, kind: str, row: int, version: int) -> None:
        content = self.content(kind, row, version)
        if kind in ("category", "brand", "product"):
            from graphql_relay import to_global_id

            title = kind.title()
            given = {"id": to_global_id(title, self.keys[f"{kind} {row}"]), "name": content}
            self.mutate(f"{kind}Update", f"{title}UpdateInput", given)
        elif kind == "price":
            self.mutate("inventoryUpdate", "InventoryUpdateInput", {"items": [{"sku": f"sku-{row}", "price": content}]})
        else:
            self.by_save(kind, row, version)

    def mutate(self, name: str, type_name: str, given: dict[str, Any]) -> None:
        query = f"mutation($i: {type_name}!) {{ {name}(input: $i) {{ errors {{ code message }} }} }}"
        self.ledger.asking[self.number] = 1
        try:
            errors = self.client.send(query, i=given)[name]["errors"]
        finally:
            self.ledger.asking[self.number] = 0
        if errors:
            raise RuntimeError(f"{name}: {errors}")
