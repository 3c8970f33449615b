"""The documents that docs/writing-a-policy.md shows, with their tables and cases."""

import re
from pathlib import Path

from tests.support.running import ROOT

GUIDE = ROOT / "docs" / "writing-a-policy.md"
_FILE = re.compile(r"^`([\w./-]+)`\n\n```(?:toml|csv)\n(.*?)```", re.MULTILINE | re.DOTALL)


def guide_files(folder: Path) -> list[Path]:
    """Write every file of the guide under the name that it gives; returns a folder per document."""
    for name, text in _FILE.findall(GUIDE.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return sorted(p for p in folder.iterdir() if (p / "cases").is_dir())
