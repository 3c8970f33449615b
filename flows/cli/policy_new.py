"""The command `policy new`: a commented policy file for a chosen kind of document."""

import json
import re
import sys
import tomllib
from datetime import date
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Literal, get_args

from flows import clock
from flows.errors import DiskTrouble, UsageError

Kind = Literal[
    "quantity",
    "interval",
    "schedule",
    "on_file",
    "who",
    "authorization",
    "dose_basis",
    "coding",
]
_KINDS: tuple[Kind, ...] = get_args(Kind)
_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_OF_DOSES = ("schedule",)
_OF_MG = ("dose_basis",)
_UNIT = "unit_mg = 1 # FILL IN: mg of one HCPCS unit"
_OBSERVED = (
    "observed_days = 180 # FILL IN: a course's start is certain if the person was observed so long"
    " before it"
)


def new(
    *,
    kind: list[Kind] | None = None,
    document_id: str | None = None,
    title: str | None = None,
    payer: str | None = None,
    drug: str | None = None,
    hcpcs: list[str] | None = None,
    ndc: list[str] | None = None,
    effective_from: date | None = None,
    output: Path,
) -> None:
    """Write a policy file to begin with; its comments say what to fill in.

    On a terminal, required answers that are left out are asked for. No file is overwritten.

    Parameters
    ----------
    kind
        (required) what the document states; give it several times for several kinds of term
    document_id
        (required) a word of yours for the document, such as lakeside-denosumab-quantity
    title
        (required) the document's title
    payer
        (required) the payer's name, as extracts write it
    drug
        (required) the drug's name
    hcpcs
        a HCPCS code of the drug; may be given several times
    ndc
        an NDC of the drug, as 11 digits; may be given several times
    effective_from
        the first day of the document's text, YYYY-MM-DD (default: today)
    output
        the file to write
    """
    if output.exists() or output.is_symlink():
        raise UsageError(f"{output.name!r} is there already. Name another file with --output.")
    kinds = kind or [_kind(_asked("kind", f"What it states ({', '.join(_KINDS)})"))]
    answers = {
        "document_id": document_id or _asked("document-id", "Id, such as lakeside-limits"),
        "title": title or _asked("title", "Title"),
        "payer": payer or _asked("payer", "Payer, as extracts write it"),
        "drug": drug or _asked("drug", "Drug"),
    }
    codes = [code.upper() for code in hcpcs or []], [code.replace("-", "") for code in ndc or []]
    text = _filled(kinds, answers, *codes, effective_from or clock.today())
    _check(output, text)
    _write(output, text)
    print(f"Wrote {output}. Fill in what its comments say, then: claims-audit lint {output}")


def _asked(option: str, question: str) -> str:
    """The answer of a person at a terminal. Raises UsageError if there is none."""
    answer = ""
    if sys.stdin.isatty() and sys.stdout.isatty():
        # input() would write its question to the standard error of the engines, which is muted
        print(f"{question}: ", end="", flush=True)
        answer = sys.stdin.readline().strip()
    if not answer:
        raise UsageError(f"--{option} is missing.")
    return answer


def _kind(answer: str) -> Kind:
    for known in _KINDS:
        if answer == known:
            return known
    raise UsageError(f"--kind is one of {', '.join(_KINDS)}.")


def _filled(
    kinds: list[Kind], answers: dict[str, str], hcpcs: list[str], ndc: list[str], first: date
) -> str:
    """The starters of a document and of its kinds, with the answers in them."""
    name = answers["document_id"]
    if not _ID.fullmatch(name):
        raise UsageError("--document-id is small letters, digits and hyphens, such as my-limits.")
    for option, answer in answers.items():
        if not answer.strip() or not answer.isprintable():
            raise UsageError(f"--{option.replace('_', '-')} is not a line of text.")
    is_of_fills = bool(ndc) and not hcpcs
    needed = {_OBSERVED: _OF_DOSES, _UNIT: _OF_MG}
    more = [line for line, of in needed.items() if set(of) & set(kinds)]
    words = {
        "id": name,
        "payer_id": _text(_payer_id(answers["payer"])),
        "effective_from": first.isoformat(),
        "hcpcs": _text(hcpcs),
        "ndc": _text(ndc),
        "measure": "quantity" if is_of_fills else "units",
        "per": "30 days" if is_of_fills else "date",
        "more": "\n".join(more),
        **{option: _text(answer.strip()) for option, answer in answers.items()},
    }
    folder = files("audit_rules") / "starters"
    starters = ("document", *dict.fromkeys(kinds), "end")
    texts = [(folder / f"{one}.toml").read_text(encoding="utf-8") for one in starters]
    return "\n".join(Template(text).substitute(words).strip() + "\n" for text in texts)


def _text(value: str | list[str]) -> str:
    """A value as TOML."""
    return json.dumps(value, ensure_ascii=False)


def _payer_id(name: str) -> str:
    """The id under which a shipped document knows the payer, else one made of its name."""
    from audit_rules.policy.library import load_policies
    from schemas.folding import folded

    made = "-".join(re.findall(r"[a-z0-9]+", folded(name))) or "payer"
    return load_policies().payer_names().get(folded(name.strip()), made)


def _check(output: Path, text: str) -> None:
    """Raise UsageError if the answers make no policy that can be loaded."""
    from audit_rules.errors import PolicyRefused
    from audit_rules.policy.document import PolicyFile, array_headers, parse_policy

    data = tomllib.loads(text)
    file = PolicyFile(output.name, output.parent, data, "", array_headers(text))
    try:
        parse_policy(file)
    except PolicyRefused as refusal:
        raise UsageError(f"The answers make no policy: {refusal}") from None


def _write(output: Path, text: str) -> None:
    try:
        with output.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise UsageError(f"{output.name!r} is there already. Name another file.") from None
    except FileNotFoundError:
        raise UsageError(f"--output: there is no folder {output.parent.name!r}. Make it.") from None
    except OSError as error:
        raise DiskTrouble(
            f"{output.name!r} cannot be written ({error.strerror}). Make room or name another file."
        ) from None
