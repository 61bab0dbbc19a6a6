"""The process of bench.graphql.mixed that changes prices: one for each line of standard input."""

import os
import random
import sys
from decimal import Decimal


def main() -> None:
    """Answers a line that says "done?" when all changes before it are committed and in the index."""
    # The index follows within the call, as the worker would bring it up to date a moment later.
    os.environ["SEARCH_INDEX_SYNC"] = "1"
    import django

    django.setup()
    from catalog.services import update_product
    from core.auth.policy import SYSTEM

    chance = random.Random(5)
    for line in sys.stdin:
        if line.strip():
            print("done", flush=True)
            continue
        price = Decimal(round(chance.lognormvariate(3.7, 1.1) * 100)) / 100
        update_product(actor=SYSTEM, product_id=chance.randint(1, int(sys.argv[1])), fields={"price": price})


if __name__ == "__main__":
    main()
