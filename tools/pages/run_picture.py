"""docs/run.svg, the picture of a run, drawn from the lines of docs/run.txt on a grid."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "docs" / "run.txt"
CELL_WIDTH, CELL_HEIGHT = 198, 126
BOX_HEIGHT, GAP, MARGIN, LINE = 74, 24, 14, 19
WIDEST_CHARACTER = 6.6
KINDS = ("in", "step", "store", "out")
_STYLE = """\
text { font: 12px system-ui, sans-serif; fill: #444c56; text-anchor: middle; }
.title { font-weight: 600; font-size: 14px; fill: #1f2328; }
.group { text-anchor: end; }
rect { stroke-width: 1.2; stroke: #8c959f; }
.paper { fill: #ffffff; stroke: none; }
.frame { fill: none; stroke-dasharray: 5 4; }
.in { fill: #f6f8fa; } .step { fill: #ddf4ff; stroke: #0969da; }
.store { fill: #fff8c5; stroke: #9a6700; } .out { fill: #dafbe1; stroke: #1a7f37; }
path { stroke: #57606a; stroke-width: 1.4; fill: none; marker-end: url(#tip); }
#tip path { fill: #57606a; stroke: none; marker-end: none; }
@media (prefers-color-scheme: dark) {
  text { fill: #adbac7; } .title { fill: #f0f6fc; } .paper { fill: #0d1117; }
  .in { fill: #21262d; } .step { fill: #0c2d6b; } .store { fill: #3b2300; } .out { fill: #033a16; }
  path { stroke: #adbac7; } #tip path { fill: #adbac7; }
}
"""
_TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" '
    'orient="auto"><path d="M0 0 L8 4 L0 8 z"/></marker>'
)


class PictureError(ValueError):
    """A line of the description that cannot be drawn."""


@dataclass(frozen=True)
class Box:
    """A box on the grid: row and first and last column count from 1."""

    kind: str
    row: int
    first: int
    last: int
    texts: tuple[str, ...]

    @property
    def left(self) -> int:
        """Distance of the left edge, in pixels."""
        return MARGIN + (self.first - 1) * CELL_WIDTH

    @property
    def right(self) -> int:
        """Distance of the right edge, in pixels."""
        return MARGIN + self.last * CELL_WIDTH - GAP

    @property
    def top(self) -> int:
        """Distance of the upper edge, in pixels."""
        return MARGIN + (self.row - 1) * CELL_HEIGHT

    @property
    def bottom(self) -> int:
        """Distance of the lower edge, in pixels."""
        return self.top + BOX_HEIGHT


def run_picture() -> str:
    """The picture as SVG."""
    return draw(SOURCE.read_text(encoding="utf-8"))


def draw(description: str) -> str:
    """The SVG of a description. Raises PictureError with the line that is wrong."""
    boxes: dict[str, Box] = {}
    groups, arrows = [], []
    for line in description.splitlines():
        head, *texts = (part.strip() for part in line.partition("#")[0].split("|"))
        try:
            match head.split():
                case []:
                    continue
                case ["group", row, columns]:
                    groups.append(_group(Box("frame", int(row), *_span(columns), tuple(texts))))
                case ["box", name, kind, row, columns] if kind in KINDS:
                    boxes[name] = Box(kind, int(row), *_span(columns), tuple(texts))
                case ["arrow", start, end]:
                    arrows.append(_arrow(boxes[start], boxes[end]))
                case _:
                    raise PictureError(line)
        except (KeyError, ValueError) as error:
            raise PictureError(line) from error
    width = max(box.right for box in boxes.values()) + MARGIN
    height = max(box.bottom for box in boxes.values()) + MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>A run, from the landing folder to the results</title>",
        f"<style>\n{_STYLE}</style>",
        f"<defs>{_TIP}</defs>",
        f'<rect class="paper" width="{width}" height="{height}"/>',
        *groups,
        *arrows,
        *(_box(box) for box in boxes.values()),
    ]
    return "\n".join([*parts, "</svg>\n"])


def _span(columns: str) -> tuple[int, int]:
    first, _, last = columns.partition("-")
    return int(first), int(last or first)


def _box(box: Box) -> str:
    middle = (box.left + box.right) // 2
    width = box.right - box.left
    if max(map(len, box.texts)) * WIDEST_CHARACTER > width:
        raise PictureError(f"Too long for its box: {max(box.texts, key=len)}")
    return "\n".join(
        [
            f'<rect class="{box.kind}" x="{box.left}" y="{box.top}" rx="6" '
            f'width="{width}" height="{BOX_HEIGHT}"/>',
            *(
                f'<text class="{"line" if i else "title"}" x="{middle}" '
                f'y="{box.top + 22 + i * LINE}">{escape(text)}</text>'
                for i, text in enumerate(box.texts)
            ),
        ]
    )


def _group(box: Box) -> str:
    around = GAP // 2 - 2
    return (
        f'<rect class="frame" x="{box.left - around + 1}" y="{box.top - GAP}" rx="8" '
        f'width="{box.right - box.left + 2 * around - 2}" height="{BOX_HEIGHT + GAP + around}"/>\n'
        f'<text class="group" x="{box.right}" y="{box.top - 9}">{escape(box.texts[0])}</text>'
    )


def _arrow(start: Box, end: Box) -> str:
    """A straight arrow, sideways within a row or down or up to the next one."""
    if start.row == end.row and start.last + 1 == end.first:
        middle = start.top + BOX_HEIGHT // 2
        return f'<path d="M{start.right} {middle} H{end.left - 2}"/>'
    first, last = max(start.first, end.first), min(start.last, end.last)
    if abs(start.row - end.row) != 1 or first > last:
        raise ValueError("only neighbours are joined")
    shared = Box("", start.row, first, last, ())
    middle = (shared.left + shared.right) // 2
    ends = (start.bottom, end.top - 2) if start.row < end.row else (start.top, end.bottom + 2)
    return f'<path d="M{middle} {ends[0]} V{ends[1]}"/>'
