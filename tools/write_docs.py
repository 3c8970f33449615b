"""The generated pages of docs/.

`python -m tools.write_docs` writes them all; a test fails when one is stale. Here are the pages of
rules and policies (from docstrings, cases, policy files and the sample); tools/pages has the rest.
"""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from audit_rules import catalogue
from audit_rules.policy.library import load_policies
from audit_rules.reference.codes import load_reference
from audit_rules.rules import CATALOGUE, RULES
from schemas.frame import Frame
from schemas.frames import DOSSIER_FRAMES
from schemas.outcomes import EXCEPTIONS, PASS
from tests.support.case_files import read_case_file
from tests.support.running import ROOT, audited
from tools.pages.commands import commands
from tools.pages.configuration import configuration
from tools.pages.extracts import extracts
from tools.pages.notes import notes
from tools.pages.policy_language import policy_language
from tools.pages.run_picture import run_picture

DOCS = ROOT / "docs"
CASES = ROOT / "tests" / "cases"
SAMPLE = ROOT / "data" / "sample"
JUDGED = (PASS, *EXCEPTIONS)


def rules() -> str:
    """Every rule: its docstring, what it needs, and the headings of its cases."""
    parts = [
        "# The rules\n\nGenerated from the rules and their cases. `claims-audit rules [RULE_ID]`"
        " prints the same.\n"
    ]
    for module in CATALOGUE:
        rule, cases = module.RULE, read_case_file(CASES / f"{module.RULE.id}.md").cases
        text = catalogue.describe(module).partition("\n\n")[2]
        headings = "\n".join(f"- {case.sentence}" for case in cases)
        parts.append(
            f"## {rule.id} {rule.name}\n\n```text\n{text}\n```\n\n{len(cases)}"
            f" cases:\n\n{headings}\n"
        )
    return "\n".join([*parts, *_what_a_rule_reads()])


def _what_a_rule_reads() -> Iterator[str]:
    """Every frame of the dossier; those with the same columns share a table."""
    yield (
        "## What a rule reads\n\nA rule gets a `Dossier` of these frames, declared in"
        " `schemas/frames.py`. All but `taxonomies`, `payer_start`, `authorization_start` and"
        " `priced_lines` hold affected persons only. Null means unknown or none, never zero and"
        " never false.\n"
    )
    alike: dict[tuple[object, ...], list[Frame]] = {}
    for frame in DOSSIER_FRAMES.values():
        alike.setdefault(tuple(frame.columns.items()), []).append(frame)
    for frames in alike.values():
        yield f"### {', '.join(f.name for f in frames)}\n"
        yield "\n".join(f"- `{f.name}`: {f.grain}{_keys(f)}" for f in frames) + "\n"
        yield "| column | type | unit | meaning |\n| --- | --- | --- | --- |"
        for name, column in frames[0].columns.items():
            yield f"| `{name}` | {column.dtype} | {column.unit} | {column.meaning} |"
        yield ""


def _keys(frame: Frame) -> str:
    keys = [", ".join(f"`{c}`" for c in key) for key in frame.keys if key != tuple(frame.columns)]
    return f" Unique: {'; '.join(keys)}." if keys else ""


def policies() -> str:
    """Every document's criteria, and how much of the sample's audited dollars each rule has judged
    under it."""
    library = load_policies()
    shares = _shares()
    parts = [
        "# The policy documents\n\nGenerated from the policy files. `claims-audit rules --coverage`"
        " prints the accounts.\n"
    ]
    accounts = catalogue.audited_clauses(library, RULES, load_reference(library).ndc)
    for policy, account in zip(library.policies, accounts.split("\n\n"), strict=True):
        rows = shares.filter(pl.col("policy_id") == policy.document.id)
        parts.append(f"## {policy.document.title}\n\n```text\n{account}\n```\n")
        if rows.is_empty():
            continue
        parts.append(
            "Share of the dollars of this document's lines in the sample that a rule could judge:\n"
        )
        parts.append("| rule | dollars judged | of | share |\n| --- | --- | --- | --- |")
        parts += [
            f"| {rule} | {judged} | {total} | {share:.0%} |"
            for _, rule, judged, total, share in rows.iter_rows()
        ]
        parts.append("")
    return "\n".join(parts)


def _shares() -> pl.DataFrame:
    """One row per policy and rule: dollars of the lines it could judge, of all lines in its
    scope."""
    with TemporaryDirectory() as scratch:
        answers = audited(SAMPLE, Path(scratch)).every_answer()
    paid = pl.col("paid_amount").cast(pl.Decimal(18, 2))
    is_judged = pl.col("outcome").is_in(JUDGED)
    summed = answers.group_by("policy_id", "rule_id").agg(
        judged=paid.filter(is_judged).sum().fill_null(Decimal(0)), total=paid.sum()
    )
    return summed.with_columns(
        share=pl.col("judged").cast(pl.Float64) / pl.col("total").cast(pl.Float64)
    ).sort("policy_id", "rule_id")


PAGES = {
    "commands.md": commands,
    "configuration.md": configuration,
    "input.md": extracts,
    "notes.md": notes,
    "policies.md": policies,
    "policy-language.md": policy_language,
    "rules.md": rules,
    "run.svg": run_picture,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
