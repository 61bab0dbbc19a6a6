"""Bytes to records: CSV in any encoding, and workbooks. It knows nothing of products."""

from catalog.importing.reading.errors import FileRefusedError
from catalog.importing.reading.records import Record
from catalog.importing.reading.table import ReadingOptions, Table, open_table

__all__ = ["FileRefusedError", "ReadingOptions", "Record", "Table", "open_table"]
