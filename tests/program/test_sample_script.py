"""The committed sample is exactly what the script writes: same seed, same files, same bytes."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def test_the_script_writes_the_committed_sample_again(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, str(ROOT / "tools" / "make_sample.py"), str(tmp_path)], check=True
    )

    written = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    committed = {file.name: file.read_bytes() for file in (ROOT / "data" / "sample").iterdir()}

    assert sorted(written) == sorted(committed)
    assert [name for name in committed if written[name] != committed[name]] == []
