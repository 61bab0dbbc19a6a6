"""What the tests of reading share."""

from catalog.importing.reading import ReadingOptions, Table, open_table

NAMES = {"name", "sku", "price", "quantity", "description"}


def known(cells):
    return sum(cell.lower() in NAMES for cell in cells)


def opened(path, content=None, **options) -> Table:
    if content is not None:
        path.write_bytes(content)
    return open_table(path, ReadingOptions(**options), known)


def rows(table):
    return [record.cells for record in table.records() if not record.problem]


def problems(table):
    return {record.line: record.problem for record in table.records() if record.problem}
