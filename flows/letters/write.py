"""Write a batch of letters: each as HTML and PDF, a cover list, and a table for mail merge.

A written letter is its reader's: one that somebody has edited is left as it is.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import polars as pl

from audit_rules.law.library import LawLibrary
from audit_rules.law.places import Places
from flows.errors import UsageError
from flows.letters.clauses import LetterLaw
from flows.letters.letter import Letter, LetterForm, as_pdf, make_letter
from flows.letters.select import Payee, Selection
from flows.provenance import sha256_of
from flows.reports.html import templates
from flows.warehouse.files import make_folder, write_whole
from schemas.results import MONEY, Schema, conform

MERGE = "letters.parquet"
COVER = "cover"
_LETTER: Schema = {
    "letter": pl.String,
    "kind": pl.String,
    "payee_npi": pl.String,
    "part": pl.Int64,
    "parts": pl.Int64,
    "payers": pl.List(pl.String),
    "run_id": pl.String,
    "letter_date": pl.Date,
    "answer_by": pl.Date,
    "recoup_by": pl.Date,
    "lines": pl.Int64,
    "amount": MONEY,
    "html_sha256": pl.String,
    "pdf_sha256": pl.String,
}
"""One row per letter, for mail merge; the hashes are of the files as they were written."""


@dataclass
class BatchResult:
    """What became of a batch: how many letters it has, files that were written, files of an earlier
    batch that were removed, letters left alone, and warnings."""

    letters: int = 0
    files: list[Path] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    edited: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def write_letters(
    folder: Path,
    form: LetterForm,
    selection: Selection,
    law: LawLibrary,
    places: Places,
    payee: str | None,
    with_pdf: bool,
    warnings: Iterable[str] = (),
) -> BatchResult:
    """Write the letters of a batch, or of one payee. An earlier letter that is of nothing now goes.

    Every letter is made before the first is written. Raises UsageError if one cannot be, or if
    there is none for the payee, and was none.

    warnings   what the user must know of the batch already.
    """
    chosen = [p for p in selection.payees if payee in (None, p.npi)]
    before = _before(folder)
    if payee and not chosen and before.filter(payee_npi=payee).is_empty():
        raise UsageError("--payee: the run has nothing to write to this NPI. Correct it.")
    done = BatchResult(warnings=list(warnings))
    letters = [letter for p in chosen for letter in _letters(form, p, law, places, done)]
    done.letters = len(letters)
    make_folder(folder)
    rows = []
    for letter in letters:
        contents = {"html": letter.html.encode()}
        contents |= {"pdf": as_pdf(letter.html)} if with_pdf else {}
        hashes = {
            suffix: _write(folder / f"{letter.name}.{suffix}", content, before, done)
            for suffix, content in contents.items()
        }
        if not with_pdf:  # one of before still holds if it was made from the same page
            same = before.filter(letter=letter.name, html_sha256=hashes["html"])[
                "pdf_sha256"
            ].drop_nulls()
            hashes |= {"pdf": str(same[0])} if len(same) else {}
        rows.append(_row(form, letter, hashes))
    table = pl.DataFrame(rows, schema=_LETTER, orient="row")
    others = before.filter(pl.col("payee_npi") != payee) if payee else before.clear()
    table = pl.concat([others, table]).sort("letter")
    _take_away(folder, before, table, done)
    table.write_parquet(folder / MERGE)
    cover = _cover(form, table, selection, done)
    for suffix, content in (("html", cover.encode()), ("pdf", as_pdf(cover) if with_pdf else b"")):
        if content:
            write_whole(folder / f"{COVER}.{suffix}", content)
            done.files.append(folder / f"{COVER}.{suffix}")
    done.files.append(folder / MERGE)
    return done


def _letters(
    form: LetterForm, payee: Payee, law: LawLibrary, places: Places, done: BatchResult
) -> Iterator[Letter]:
    """The letters to one payee: one, or as many as a law on the size of audits asks for."""
    found = LetterLaw(law, places, payee.lines)
    fills = sum(line.line["claim_source"] == "pharmacy" for line in payee.lines)
    most = len(payee.lines)
    for size in found.sizes:
        cite = found.citations[size.term_id]
        limited = f" ({size.only})" if size.only else ""
        if size.per_audit and fills > size.per_audit:
            most = min(most, size.per_audit)
            done.warnings.append(
                f"{payee.npi}: {fills} fills are more than the {size.per_audit} of one audit"
                f"{limited}, {cite}: split into several letters."
            )
        if size.per_year and fills > size.per_year:
            done.warnings.append(
                f"{payee.npi}: {fills} fills are more than the {size.per_year} of one year"
                f"{limited}, {cite}. A person must judge whether that binds."
            )
    if form.kind == "finding":
        done.warnings += fees_asked_for(payee, found)
    if found.counts_working_days(form.day, form.template.days_to_answer):
        done.warnings.append(
            f"{payee.npi}: working days are counted from Monday to Friday, holidays among them. "
            "The letter says that each holiday adds a day."
        )
    parts = [payee.lines[i : i + most] for i in range(0, len(payee.lines), most)]
    for number, lines in enumerate(parts, 1):
        yield make_letter(form, payee.npi, (number, len(parts)), lines, found)


def fees_asked_for(payee: Payee, law: LetterLaw) -> Iterator[str]:
    """A warning for each clause that bars the fee, if a fill without a known one is asked for."""
    whole = Counter(
        next(filter(None, (law.bars_fee(f["exception_id"]) for f in line.findings)), "")
        for line in payee.lines
        if not line.line["not_collectable_amount"]
    )
    for clause, count in sorted(whole.items()):
        if clause:
            fills = "1 fill is" if count == 1 else f"{count} fills are"
            yield (
                f"{payee.npi}: {fills} asked for whole, because the claims give no dispensing "
                f"fee, which {clause} bars. Take the fee out before the letter goes out."
            )


def _before(folder: Path) -> pl.DataFrame:
    """The table of an earlier batch in the folder; empty if there is none that can be read."""
    try:
        return conform(pl.read_parquet(folder / MERGE, glob=False), _LETTER)
    except (OSError, pl.exceptions.PolarsError):
        return pl.DataFrame(schema=_LETTER)


def _write(path: Path, content: bytes, before: pl.DataFrame, done: BatchResult) -> str:
    """Write a file unless somebody has edited it; returns the hash of what was written last."""
    column = f"{path.suffix[1:]}_sha256"
    fresh = hashlib.sha256(content).hexdigest()
    if path.is_file():
        standing = sha256_of(path)
        last = before.filter(letter=path.stem)[column].to_list()
        if standing != fresh and standing not in last:
            done.edited.append(path.name)
            done.warnings.append(
                f"{path.name} was edited, so it is left as it is. The cover list gives the lines "
                "and the amount of now: compare them before it is sent."
            )
            return str(last[0]) if last and last[0] else ""
        if standing == fresh:
            return fresh
    write_whole(path, content)
    done.files.append(path)
    return fresh


def _take_away(folder: Path, before: pl.DataFrame, table: pl.DataFrame, done: BatchResult) -> None:
    """Remove files of an earlier batch that are of no letter now, unless somebody edited them."""
    for suffix in ("html", "pdf"):
        column = f"{suffix}_sha256"
        standing = set(table.drop_nulls(column)["letter"])
        for name, sha256 in before.drop_nulls(column).select("letter", column).iter_rows():
            path = folder / f"{name}.{suffix}"
            if name in standing or not path.is_file():
                continue
            if sha256_of(path) == sha256:
                path.unlink()
                done.removed.append(path.name)
            else:
                done.warnings.append(
                    f"{path.name} was edited, and is of no letter now: do not send it."
                )


def _row(form: LetterForm, letter: Letter, hashes: dict[str, str]) -> tuple[object, ...]:
    days = [line.line["recoup_by"] for line in letter.lines if line.line["recoup_by"]]
    payers = sorted({line.line["payer"] for line in letter.lines})
    return (
        *(letter.name, form.kind, letter.npi, *letter.part, payers, form.run.run_id, form.day),
        *(letter.answer_by, min(days, default=None), len(letter.lines), letter.amount),
        *(hashes.get("html"), hashes.get("pdf")),
    )


def _cover(form: LetterForm, table: pl.DataFrame, selection: Selection, done: BatchResult) -> str:
    return (
        templates("flows.letters")
        .get_template("cover.html")
        .render(
            form=form,
            letters=table.to_dicts(),
            total=table["amount"].sum() or Decimal("0.00"),
            left_out=selection.left_out,
            warnings=done.warnings,
            day=form.page.day,
            money=form.page.dollars,
        )
    )
