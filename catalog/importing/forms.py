"""The forms of imports in the admin."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError

from catalog.importing.dialects import FIELDS_AND_ATTRIBUTES, is_target
from catalog.importing.models import FILE_NAME_LENGTH
from catalog.importing.options import Stock

ENCODINGS = [
    *[("", "recognised by the file"), ("utf-8", "UTF-8"), ("utf-16", "UTF-16 (Excel: Unicode text)")],
    *[("cp1252", "Windows-1252 (Western Europe)"), ("cp1250", "Windows-1250 (Central Europe)")],
    *[("cp1251", "Windows-1251 (Cyrillic)"), ("cp932", "Shift-JIS (Japan)"), ("gb18030", "GBK (China)")],
    *[("big5", "Big5 (Taiwan)"), ("cp949", "CP949 (Korea)")],
]
DELIMITERS = [("", "recognised by the file"), (",", "comma"), (";", "semicolon"), ("\t", "tab"), ("|", "pipe")]
MAX_MAPPING_LENGTH = 5_000


class UploadForm(forms.Form):
    """A file, and what its import should not recognise by itself."""

    file = forms.FileField(
        label="File",
        max_length=FILE_NAME_LENGTH,
        allow_empty_file=True,
        help_text=f"CSV or Excel (.xlsx), up to {settings.IMPORT_MAX_BYTES / 2**20:g} MB.",
        widget=forms.FileInput(attrs={"data-max-bytes": settings.IMPORT_MAX_BYTES}),
        error_messages={"required": "Choose a file."},
    )
    only_update = forms.BooleanField(
        label="Only change products that exist",
        required=False,
        help_text="Rows of products that the shop does not have are refused.",
    )
    encoding = forms.ChoiceField(label="Encoding", choices=ENCODINGS, required=False)
    delimiter = forms.ChoiceField(label="Columns are separated by", choices=DELIMITERS, required=False)
    sheet = forms.CharField(
        label="Sheet", max_length=100, required=False, help_text="Of an Excel file. Empty: the first one."
    )
    mapping = forms.CharField(
        label="Columns with other names",
        max_length=MAX_MAPPING_LENGTH,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40, "placeholder": "Their column = price"}),
        help_text=f"One a line: the file's column = the field. Fields: {', '.join(FIELDS_AND_ATTRIBUTES)}.",
    )

    def clean_mapping(self) -> dict[str, str]:
        """Fields by columns. Raises ValidationError."""
        mapping: dict[str, str] = {}
        for line in filter(str.strip, self.cleaned_data["mapping"].splitlines()):
            column, equals, name = (part.strip() for part in line.rpartition("="))
            if not (column and equals and is_target(name)):
                raise ValidationError(f"“{line.strip()}” is not “the file's column = a field”.")
            mapping[column] = name
        return mapping

    @property
    def options(self) -> dict[str, Any]:
        """As catalog.importing.jobs.options_of takes them. To be asked when the form is valid."""
        names = ("only_update", "encoding", "delimiter", "sheet", "mapping")
        return {name: value for name in names if (value := self.cleaned_data[name])}


class ConfirmForm(forms.Form):
    """What to ask before the import of a file without quantities."""

    stock = forms.ChoiceField(
        label="The file has no quantities. Its products should be",
        choices=[
            (Stock.UNLIMITED.value, "sold without limit: the shop does not count them"),
            (Stock.NONE.value, "sold out, until somebody enters how many there are"),
        ],
        widget=forms.RadioSelect,
        error_messages=dict.fromkeys(("required", "invalid_choice"), "Choose one: the file has no quantities."),
    )
