"""The files that the warehouse has, and which of them must be read again under this config."""

from dataclasses import dataclass, replace
from datetime import date

import duckdb

from flows.intake.load_file import FileEntry
from flows.intake.reading import Reading
from flows.warehouse.connection import Workbench
from flows.warehouse.layout import CONTENT

Content = tuple[str, str]
"""Table and SHA-256 of a file, with what its folders add (`ExtractFile.content`).

A file of the same content is the same file, whatever its name.
"""


@dataclass(frozen=True)
class KnownFile:
    """A file in the warehouse.

    must_stay   whether a purge has removed something that was in it: reading it again would bring
                that back.
    """

    entry: FileEntry
    must_stay: bool


class KnownFiles:
    """The files in the warehouse, by content. Those that this run loads are added.

    last_file_no, last_load_no   the largest numbers so far.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, bench: Workbench, reading: Reading
    ) -> None:
        """Look up what the warehouse has."""
        self._night, self._reading = bench.night, reading
        self._files: dict[Content, KnownFile] = {}
        self._loaded: set[Content] = set()
        self._given: set[Content] = set()
        if bench.warehouse.exists():
            self._files = _kept_files(connection)
        entries = [file.entry for file in self._files.values()]
        self.last_file_no = max((entry.file_no for entry in entries), default=0)
        self.last_load_no = max((entry.load_no for entry in entries), default=0)

    def unchanged(self) -> frozenset[Content]:
        """The files that need not be read: they would be read as they were, or must stay."""
        differing = (content for content in self._files if self._is_read_otherwise(content))
        purged = {content for content, file in self._files.items() if file.must_stay}
        return frozenset(self._files.keys() - set(differing) | purged)

    def place(self, content: Content, name: str) -> FileEntry | None:
        """Where a given file goes, which then counts as known; None if it need not be read.

        A file that is read again keeps its number, its name, the night and the load that brought
        it: they decide ties.
        """
        self._given.add(content)
        file = self._files.get(content)
        is_new = file is None and content not in self._loaded
        is_again = (
            file is not None
            and not file.must_stay
            and content not in self._loaded
            and self._is_read_otherwise(content)
        )
        if not (is_new or is_again):
            return None
        self._loaded.add(content)
        if file is None:
            self.last_file_no += 1
            read_under = self._reading.of(content[0], name)
            return FileEntry(
                self.last_file_no, name, self._night, self.last_load_no + 1, read_under
            )
        night = min(filter(None, (file.entry.night, self._night)), default=None)
        read_under = self._reading.of(content[0], file.entry.name)
        return replace(file.entry, night=night, read_under=read_under)

    def is_kept(self, content: Content) -> bool:
        """Whether the warehouse has the file."""
        return content in self._files

    def read_otherwise(self) -> tuple[int, int]:
        """How many files this run sees as they were read under another config.

        Those that it was not given, and those that must stay. Files of a warehouse that did not
        keep how they were read are not counted.
        """
        seen = {
            content
            for content, file in self._files.items()
            if content in self._given or _is_seen(file.entry.night, self._night)
        }
        differing = {
            content
            for content in seen
            if self._files[content].entry.read_under and self._is_read_otherwise(content)
        }
        purged = {content for content in differing if self._files[content].must_stay}
        return len(differing - self._given - purged), len(purged)

    def _is_read_otherwise(self, content: Content) -> bool:
        entry = self._files[content].entry
        return entry.read_under != self._reading.of(content[0], entry.name)


def _kept_files(connection: duckdb.DuckDBPyConnection) -> dict[Content, KnownFile]:
    rows = connection.execute(
        f"""WITH purged AS (
               SELECT file_no FROM kept.main.purge WHERE rows > 0 OR gone IS NOT NULL),
           without_text AS (  -- of a purge by a version that did not keep what was gone
               SELECT file_no FROM kept.main.quarantine SEMI JOIN kept.main.purge USING (file_no)
               WHERE raw_record IS NULL)
           SELECT table_name, {CONTENT},
                  file_no IN (FROM purged) OR file_no IN (FROM without_text) AS must_stay,
                  file_no, name, night, load_no, read_under
           FROM kept.main.file f"""
    ).fetchall()
    return {
        (table, content): KnownFile(FileEntry(*entry), must_stay)
        for table, content, must_stay, *entry in rows
    }


def _is_seen(loaded: date | None, night: date | None) -> bool:
    """Whether a run as of a night sees a file that it was not given."""
    return loaded is None or night is None or loaded <= night
