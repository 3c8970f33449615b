"""The cells of a written work-paper: values, formulas, and what the formulas come to."""

import re
import zipfile
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

_NAMES = {"m": "http://schemas.openxmlformats.org/spreadsheetml/2006/main"}
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_RANGE = r"(?:(\w+)!)?\$?([A-Z]+)\$?(\d+):\$?[A-Z]+\$?(\d+)"
_FORMS = (
    ("sum", rf"SUM\({_RANGE}\)"),
    ("shown sum", rf"SUBTOTAL\(109,{_RANGE}\)"),
    ("count", rf"ROWS\({_RANGE}\)"),
    ("shown count", rf"SUBTOTAL\(103,{_RANGE}\)"),
    ("count if", rf'(?:COUNTIF\({_RANGE},"(.*?)"\)|SUMPRODUCT\(--\({_RANGE}="(.*?)"\)\))'),
    ("sum if", rf'SUMPRODUCT\(--\({_RANGE}="(.*?)"\),{_RANGE}\)'),
)


class Cell(NamedTuple):
    """A cell: its value as a reader without formulas shows it, its type, and its formula."""

    value: str | None
    type: str | None
    formula: str | None = None


class Sheet(NamedTuple):
    """A sheet: its XML, its cells by place, such as `B7`, and the rows that are hidden."""

    xml: str
    cells: dict[str, Cell]
    hidden: frozenset[int]

    def column(self, letter: str, first: int, last: int, shown: bool = False) -> list[Cell | None]:
        """The cells of a column from one row to another, perhaps of the rows shown alone."""
        rows = (n for n in range(first, last + 1) if not (shown and n in self.hidden))
        return [self.cells.get(f"{letter}{n}") for n in rows]


def sheets_of(file: Path) -> dict[str, Sheet]:
    """Every sheet of a work-paper by its name."""
    with zipfile.ZipFile(file) as parts:
        book = ElementTree.fromstring(parts.read("xl/workbook.xml"))
        targets = {
            r.attrib["Id"]: r.attrib["Target"]
            for r in ElementTree.fromstring(parts.read("xl/_rels/workbook.xml.rels"))
        }
        return {
            s.attrib["name"]: _sheet(parts.read(f"xl/{targets[s.attrib[_RELATION]]}").decode())
            for s in book.iterfind("m:sheets/m:sheet", _NAMES)
        }


def _sheet(xml: str) -> Sheet:
    tree = ElementTree.fromstring(xml)
    rows = tree.findall("m:sheetData/m:row", _NAMES)
    cells = {}
    for cell in (c for row in rows for c in row):
        texts = "".join(t.text or "" for t in cell.iterfind(".//m:t", _NAMES))
        number, formula = (cell.findtext(f"m:{n}", None, _NAMES) for n in "vf")
        kind = cell.get("t", "n" if number is not None else None)
        cells[cell.attrib["r"]] = Cell(
            number if number is not None else texts or None, kind, formula
        )
    hidden = frozenset(int(row.attrib["r"]) for row in rows if row.get("hidden") == "1")
    return Sheet(xml, cells, hidden)


def computed(book: dict[str, Sheet], name: str, formula: str) -> Decimal:
    """What a formula of the work-paper comes to. Raises ValueError if it has another form."""
    for form, pattern in _FORMS:
        found = re.fullmatch(pattern, formula)
        if not found:
            continue
        given = list(found.groups())
        if form == "count if" and given[1] is None:
            given = given[5:]
        sheet, letter, first, last = given[:4]
        values = book[sheet or name].column(letter, int(first), int(last), form.startswith("shown"))
        if form == "count":
            return Decimal(len(values))
        if form == "shown count":
            return Decimal(sum(v is not None and v.value is not None for v in values))
        if form in ("sum", "shown sum"):
            return sum(map(_number, values), Decimal(0))
        holds = [(v.value if v else None) or "" for v in values]
        if form == "count if":
            return Decimal(sum(text.casefold() == given[4] for text in holds))
        sheet, letter, first, last = given[5:9]
        amounts = book[sheet or name].column(letter, int(first), int(last))
        both = zip(holds, amounts, strict=True)
        return sum((_number(a) for text, a in both if text.casefold() == given[4]), Decimal(0))
    raise ValueError(formula)


def _number(cell: Cell | None) -> Decimal:
    """A cell as a sum takes it: text is nothing."""
    is_number = cell is not None and cell.type == "n" and cell.value is not None
    return Decimal(cell.value) if is_number else Decimal(0)  # type: ignore[arg-type, union-attr]


def wrong_formulas(file: Path) -> list[str]:
    """Every formula of a work-paper that does not come to the value that stands in its cell."""
    book = sheets_of(file)
    return [
        f"{name}!{place}: {cell.formula} is {computed(book, name, cell.formula)}, not {cell.value}"
        for name, sheet in book.items()
        for place, cell in sheet.cells.items()
        if cell.formula
        and abs(computed(book, name, cell.formula) - Decimal(cell.value or "nan")) > Decimal("1e-6")
    ]


def edit(file: Path, sheet: str, cells: Mapping[str, str | float]) -> None:
    """Write values into cells of a work-paper in place, as a spreadsheet program saves them."""
    with zipfile.ZipFile(file) as parts:
        data = {name: parts.read(name) for name in parts.namelist()}
    names = re.findall(r'<sheet name="([^"]+)"', data["xl/workbook.xml"].decode())
    part = f"xl/worksheets/sheet{names.index(sheet) + 1}.xml"
    ElementTree.register_namespace("", _NAMES["m"])
    tree = ElementTree.fromstring(data[part])
    for place, value in cells.items():
        number = place.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
        row = tree.find(f"m:sheetData/m:row[@r='{number}']", _NAMES)
        assert row is not None
        cell = row.find(f"m:c[@r='{place}']", _NAMES)
        if cell is None:
            cell = ElementTree.SubElement(row, f"{{{_NAMES['m']}}}c", {"r": place})
        for child in list(cell):
            cell.remove(child)
        cell.attrib.pop("t", None)
        if isinstance(value, str):
            cell.set("t", "inlineStr")
            text = ElementTree.SubElement(cell, f"{{{_NAMES['m']}}}is")
            ElementTree.SubElement(text, f"{{{_NAMES['m']}}}t").text = value
        else:
            ElementTree.SubElement(cell, f"{{{_NAMES['m']}}}v").text = str(value)
    data[part] = ElementTree.tostring(tree)
    with zipfile.ZipFile(file, "w") as parts:
        for name, content in data.items():
            parts.writestr(name, content)
