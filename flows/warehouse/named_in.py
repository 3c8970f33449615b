"""Find which raw lines name one of many ids, without knowing their delimiter."""

import re
from collections import defaultdict
from collections.abc import Iterable

_BOUNDARY = re.compile(r"[^\w]|_")


class Ids:
    """Ids to look for; one is named if no letter or digit touches it on either side.

    The ids may contain punctuation themselves. The time grows with the length of the text, not
    with the number of ids.
    """

    def __init__(self, ids: Iterable[str]) -> None:
        """Sort the ids by how many boundaries they contain."""
        self._by_boundaries: dict[int, set[str]] = defaultdict(set)
        for one in ids:
            self._by_boundaries[len(_BOUNDARY.findall(one))].add(one)

    def are_in(self, line: str) -> bool:
        """Whether a line names one of them, a doubled quote counting as one."""
        return self._named(line) or ('""' in line and self._named(line.replace('""', '"')))

    def _named(self, text: str) -> bool:
        edges = [-1, *(found.start() for found in _BOUNDARY.finditer(text)), len(text)]
        return any(
            text[before + 1 : after] in ids
            for boundaries, ids in self._by_boundaries.items()
            for before, after in zip(edges, edges[boundaries + 1 :], strict=False)
        )
