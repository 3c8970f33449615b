"""How the cells of the work-paper look, by name of style; each outcome has one of its name."""

from schemas.outcomes import ADVISORY, RECORDS_REQUEST, RECOVER, REVIEW

_INK, _PAPER, _LINE, _ASKED = "#1F2933", "#22405C", "#D5DBE1", "#FFF8DC"
_PLAIN: dict[str, object] = {
    "font_name": "Arial",
    "font_size": 10,
    "font_color": _INK,
    "valign": "top",
}
_CELL = _PLAIN | {"border": 1, "border_color": _LINE}
_TEXT, _INDENT, _RIGHT = (
    {"num_format": "@"},
    {"indent": 1, "align": "left"},
    {"indent": 1, "align": "right"},
)
_MONEY = "#,##0.00;[Red]-#,##0.00"  # a spreadsheet shows the separators of its reader
_READERS_DATE = 14  # of Excel's own formats: the short date of whoever reads it
_HEADER = _CELL | {
    "bold": True,
    "font_color": "#FFFFFF",
    "bg_color": _PAPER,
    "text_wrap": True,
    "valign": "vcenter",
}
_TOTAL = _CELL | {"bold": True, "bg_color": "#EEF2F6"}
_BADGE = _CELL | _TEXT | _INDENT | {"bold": True}
STYLES: dict[str, dict[str, object]] = {
    "plain": _PLAIN | _TEXT,
    "title": _PLAIN | {"font_size": 18, "bold": True, "font_color": _PAPER},
    "heading": _PLAIN
    | {"font_size": 12, "bold": True, "font_color": _PAPER, "bottom": 2, "bottom_color": _PAPER},
    "label": _PLAIN | {"font_color": "#52606D"},
    "warning": _PLAIN | {"bold": True, "font_color": "#9B1C1C"},
    "code": _PLAIN | {"font_name": "Courier New"},
    "link": _PLAIN | {"font_color": "#0B57A4", "underline": 1},
    "linked": _CELL | _INDENT | {"font_color": "#0B57A4", "underline": 1},
    "header": _HEADER | _INDENT,
    "header_number": _HEADER | _RIGHT,
    "text": _CELL | _TEXT | _INDENT,
    "wrapped": _CELL | _TEXT | _INDENT | {"text_wrap": True},
    "money": _CELL | _RIGHT | {"num_format": _MONEY},
    "date": _CELL | {"num_format": _READERS_DATE, "align": "center"},
    "number": _CELL | _RIGHT | {"num_format": "General"},
    "count": _CELL | _RIGHT | {"num_format": "#,##0"},
    "total": _TOTAL | _INDENT,
    "total_count": _TOTAL | _RIGHT | {"num_format": "#,##0"},
    "total_money": _TOTAL | _RIGHT | {"num_format": _MONEY},
    "asked": _CELL | _TEXT | _INDENT | {"bg_color": _ASKED},
    "asked_wrapped": _CELL | _TEXT | _INDENT | {"bg_color": _ASKED, "text_wrap": True},
    "asked_date": _CELL | {"num_format": _READERS_DATE, "align": "center", "bg_color": _ASKED},
    "asked_money": _CELL | _RIGHT | {"num_format": _MONEY, "bg_color": _ASKED},
    "asked_day": _CELL
    | {"num_format": _READERS_DATE, "align": "left", "indent": 1, "bg_color": _ASKED},
    "day": _PLAIN | {"num_format": _READERS_DATE, "align": "left"},
    "missing": {"bg_color": "#F5B7B1"},
    RECOVER: _BADGE | {"bg_color": "#F8D0CC", "font_color": "#7A1710"},
    RECORDS_REQUEST: _BADGE | {"bg_color": "#FCE3B6", "font_color": "#6B4300"},
    REVIEW: _BADGE | {"bg_color": "#D3E4F5", "font_color": "#123F6D"},
    ADVISORY: _BADGE | {"bg_color": "#E4E7EB", "font_color": "#323F4B"},
}
