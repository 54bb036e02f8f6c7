"""Spreadsheets: every sheet a heading and one table.

openpyxl and xlrd read the cells, as they do inside ``unstructured``, but without its data frames in
between, which drop the text "NA" and round numbers to six digits.
"""

from __future__ import annotations

import datetime as dt
import io

from rag.parsing.builder import DocumentBuilder
from rag.parsing.elements import ParsedDocument
from rag.parsing.office_archive import OfficeArchive

# Below the document's own title: a sheet's name ("Sheet1") is no title.
_SHEET_LEVEL = 2


def parse_xlsx(data: bytes) -> ParsedDocument:
    """The sheets of a workbook, formulas as their last computed values, dates in ISO form."""
    import openpyxl

    archive = OfficeArchive(data, ".xlsx")
    workbook = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
    builder = DocumentBuilder()
    for page, sheet in enumerate(workbook.worksheets, start=1):
        sheet.reset_dimensions()  # what a file says of its own size may be wrong, and would cut rows off
        rows = [[cell_text(value) for value in row] for row in sheet.iter_rows(values_only=True)]
        _add_sheet(builder, sheet.title, rows, page)
    workbook.close()
    return builder.build(title=archive.title(), prefer_heading=False)


def parse_xls(data: bytes) -> ParsedDocument:
    """The sheets of a workbook in Excel's format of before 2007."""
    import xlrd

    workbook = xlrd.open_workbook(file_contents=data, on_demand=True)
    builder = DocumentBuilder()
    for page, sheet in enumerate(workbook.sheets(), start=1):
        rows = []
        for index in range(sheet.nrows):
            cells = sheet.row(index)
            rows.append(
                [
                    cell_text(xlrd.xldate_as_datetime(cell.value, workbook.datemode))
                    if cell.ctype == xlrd.XL_CELL_DATE
                    else cell_text(bool(cell.value) if cell.ctype == xlrd.XL_CELL_BOOLEAN else cell.value)
                    for cell in cells
                ]
            )
        _add_sheet(builder, sheet.name, rows, page)
    return builder.build(prefer_heading=False)


def cell_text(value: object) -> str:
    """A cell's value as a person would write it: 3.0 is "3", a date without a time has none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(round(value, 12))
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ")
    return str(value)


def _add_sheet(builder: DocumentBuilder, name: str, rows: list[list[str]], page: int) -> None:
    if any(any(cell.strip() for cell in row) for row in rows):
        builder.add("heading", name, level=_SHEET_LEVEL, page=page)
        builder.add_table(rows, page=page)
