"""The tables that bench.graphql prints, in Markdown."""

from collections.abc import Sequence
from statistics import median

from bench.graphql.client import quantile
from bench.graphql.variants import Variant


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table and an empty line."""
    print("| " + " | ".join(heads) + " |\n" + "|---" * len(heads) + "|")
    for row in rows:
        print("| " + " | ".join(row) + " |")
    print(flush=True)


def runs(queries: Sequence[str], variants: Sequence[Variant], others: Sequence[Variant], first: str = "query") -> None:
    """Medians over the rounds, and the medians of each round's ratios to the others' requests a second."""
    rows = []
    for query in queries:
        for variant in variants:
            if query not in variant.runs:
                continue
            rates, taken, costs = zip(*variant.runs[query], strict=True)
            times = [milliseconds for run in taken for milliseconds in run]
            cells = [f"{median(rates):.0f}", f"{median(costs):.2f}"]
            cells += [f"{quantile(times, share):.1f}" for share in (0.5, 0.95, 0.99)]
            for other in others:
                theirs = other.runs.get(query)
                ratios = [mine / run[0] for mine, run in zip(rates, theirs, strict=True)] if theirs else []
                cells.append(f"{median(ratios):.2f}" if ratios else "–")
            rows.append([query, variant.name, *cells])
    table([first, "", "requests/s", "CPU ms", "p50 ms", "p95 ms", "p99 ms", *(f"× {v.name}" for v in others)], rows)


def memory(variants: Sequence[Variant]) -> None:
    """What the servers hold after all runs."""
    rows = [[variant.name, *map(str, variant.memory())] for variant in variants]
    table(["memory after the runs, MB", "RSS of the process that answers", "its peak", "PSS of all processes"], rows)
