"""Read TOML files of the user; a refusal names the line, and repeats nothing of it."""

import re
import tomllib
from pathlib import Path
from typing import Any

from audit_rules.given_files import read_file
from flows.errors import UsageError

_LINE = re.compile(r"at line (\d+)")


def read_user_toml(path: Path, kind: str, remedy: str) -> tuple[dict[str, Any], str]:
    """Content and text of a TOML file. Raises UsageError with its kind, name, line and remedy."""
    text = ""
    try:
        text = read_file(path).decode("utf-8")
        return tomllib.loads(text), text
    except FileNotFoundError:
        raise UsageError(f"{kind} {path.name} is not there. {remedy}") from None
    except (OSError, ValueError, RecursionError) as error:  # unreadable, not text, not TOML
        place = ""
        if isinstance(error, tomllib.TOMLDecodeError):
            line = _LINE.search(str(error))  # else at the end of the document
            place = f" (line {line[1] if line else len(text.splitlines())})"
        raise UsageError(f"{kind} {path.name} cannot be read as TOML{place}. {remedy}") from None


def line_of(text: str, key: str) -> int | None:
    """The line that sets a key or heads a table of that name, from 1; None unless it is one."""
    name = rf"[\"']?{re.escape(key)}[\"']?"
    pattern = re.compile(rf"^\s*(?:{name}\s*=|\[+(?:.*\.)?\s*{name}\s*\])")
    lines = [n for n, line in enumerate(text.splitlines(), 1) if pattern.match(line)]
    return lines[0] if len(lines) == 1 else None
