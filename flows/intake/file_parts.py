"""Parts in which several workers read a large file.

A CSV file is cut between lines (csv_part.py), a Parquet file between row groups (readers.py).
"""

from dataclasses import dataclass

from flows.intake.csv_text import UTF_8, is_utf8
from flows.intake.landing import ExtractFile
from flows.intake.table_config import TableSettings

CSV_BYTES, PARQUET_BYTES = 1 << 28, 1 << 26
"""Of a part: smaller ones would take longer to begin than to read. Parquet is packed."""


class NotInParts(Exception):
    """A file cannot be read in parts, as far as can be seen from one of them."""


@dataclass(frozen=True)
class FilePart:
    """One of so many parts of a file; numbers start at 0."""

    number: int
    of: int

    def share(self, many: int) -> range:
        """The numbers of those of `many` things that are its own."""
        return range(many * self.number // self.of, many * (self.number + 1) // self.of)


def parts_of(extract: ExtractFile, settings: TableSettings) -> list[FilePart]:
    """The parts in which a file is read, by the size that it had when it was found; none if it is
    small, or a CSV file that the engine cannot read as it is."""
    bytes_of_a_part = PARQUET_BYTES
    if not extract.is_parquet:
        bytes_of_a_part = CSV_BYTES
        if extract.is_gzipped or settings.is_trimmed or not is_utf8(settings.encoding or UTF_8):
            return []
    of = extract.stamp[1] // bytes_of_a_part if extract.stamp else 0
    return [FilePart(number, of) for number in range(of)] if of > 1 else []
