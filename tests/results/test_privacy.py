"""Privacy levels: consistent pseudonyms, aggregates without small cells, and no planted value."""

import json
import re
import string
from dataclasses import replace
from pathlib import Path
from string import Formatter
from typing import Any

import polars as pl
import pytest

from audit_rules.kinds.registry import BY_KIND
from audit_rules.policy.language.terms import SAYS, LanguageTerm
from audit_rules.policy.library import load_policies
from audit_rules.rules import RULES
from flows import privacy
from flows.cli.app import main
from flows.errors import UsageError
from flows.plan import plan
from flows.privacy import AGGREGATE, FULL, KEY, PSEUDONYMISED, Level, Pseudonyms
from flows.results.pseudonyms import NAMES_IN_RATIONALE, pseudonymise
from flows.results.small_cells import LEAST, aggregated
from schemas.results import AGGREGATE as AGGREGATE_TABLE
from schemas.results import EVIDENCE
from tests.support.nights import in_clear, night
from tests.support.running import AS_OF, ROOT, request_for
from tests.support.spoken import policy

CANARY = "CANARY7Q"
MARK = f"{CANARY}{string.punctuation}-"
"""How the identifiers of the planted extracts begin: they hold every punctuation mark."""
IDENTIFIERS = ("claim_id", "original_claim_id", "member_id", "person_id", "authorization_id")
SECRET, OTHER_SECRET = "s" * 32, "t" * 40
NAMES = Pseudonyms(SECRET.encode())

Levels = dict[tuple[Level, str], Path]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with a canary in every identifier.

    It has bad rows of canaries, duplicate fills, a payer that no policy names, and provider ids
    that are not NPIs too.
    """
    folder = tmp_path_factory.mktemp("planted")
    for path in (ROOT / "data" / "sample").glob("*.csv"):
        frame = pl.read_csv(path, infer_schema=False)
        marked = frame.with_columns(
            (pl.lit(MARK) + pl.col(c)).alias(c) for c in IDENTIFIERS if c in frame.columns
        )
        if "plan" in marked.columns:
            marked = marked.with_columns(plan=pl.lit(f"{CANARY} plan"))
        if path.stem == "authorization":
            marked = marked.with_columns(product=pl.col("product").fill_null(f"{CANARY} product"))
        if path.stem == "pharmacy_claim":
            twins = marked.filter(pl.col("ndc_code").is_not_null()).head(12)
            again = twins.with_columns(
                claim_id=pl.col("claim_id") + "-again",
                original_claim_id=pl.lit(None, dtype=pl.String),
            )
            marked = marked.with_columns(daw_code=pl.lit(f"{CANARY} daw"))
            twins, again = (part.with_columns(daw_code=pl.lit("1")) for part in (twins, again))
            unknown = pl.concat([twins, again]).with_columns(
                payer=pl.lit(f"{CANARY} Health"), claim_id=pl.col("claim_id") + "-unknown"
            )
            again = pl.concat([again, unknown])
            bad = twins.head(3).with_columns(
                paid_amount=pl.lit(f"{CANARY} 9"), claim_id=pl.lit(f"{MARK}bad")
            )
            marked = pl.concat([marked, again, bad]).with_columns(
                pl.lit("x").alias(f"{CANARY} column")
            )
        if path.stem == "medical_claim":
            marked = marked.with_columns(rendering_npi=pl.lit(f"{CANARY}-1"))
            line = marked.filter(pl.col("claim_id") == f"{MARK}CYC-CODES-2").with_columns(
                claim_id=pl.lit(f"{MARK}repeated")
            )
            units = [
                line.with_columns(claim_line_number=pl.lit(n), service_unit_quantity=pl.lit(n))
                for n in ("1", "2")
            ]
            marked = pl.concat([marked, *units])
        marked.write_csv(folder / path.name)
    return folder


def _run(
    extracts: Path, output: Path, level: Level, monkeypatch: pytest.MonkeyPatch, key: str = SECRET
) -> Path:
    monkeypatch.setenv(KEY, key)
    request = request_for(
        extracts, output, output / "audit.duckdb", AS_OF, page=True, privacy=level
    )
    if level != AGGREGATE:
        request = replace(request, partition_by="payer", xlsx=True)
    return night(request).folder


@pytest.fixture(scope="module")
def levels(
    planted: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[tuple[Level, str], Path]:
    """Level and key -> folder of a run, all in one output."""
    output = tmp_path_factory.mktemp("levels")
    runs: list[tuple[Level, str]] = [
        (FULL, SECRET),
        (FULL, OTHER_SECRET),
        (PSEUDONYMISED, SECRET),
        (PSEUDONYMISED, OTHER_SECRET),
        (AGGREGATE, SECRET),
    ]
    with pytest.MonkeyPatch.context() as patch:
        return {(level, key): _run(planted, output, level, patch, key) for level, key in runs}


# ---------------------------------------------------------------- the key


@pytest.mark.parametrize("key", ["", "   ", "tooshrt7", "x" * 31])
def test_a_missing_or_short_key_is_refused(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(KEY, key)
    arguments = [
        "run",
        "--input",
        str(ROOT / "data" / "sample"),
        "--output",
        str(tmp_path / "out"),
        "--privacy",
        "pseudonymised",
    ]
    assert main(arguments) == 2
    said = capsys.readouterr().err
    assert KEY in said and "at least 32 characters" in said and (not key.strip() or key not in said)
    assert not (tmp_path / "out").exists()


def test_an_unknown_level_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--input", "in", "--output", "out", "--privacy", "some"]) == 2
    with pytest.raises(UsageError, match="one of full, pseudonymised, aggregate"):
        privacy.read_pseudonyms("some")


def test_pseudonyms_differ_by_kind_and_key_and_never_show_the_key() -> None:
    other = Pseudonyms(OTHER_SECRET.encode())
    found = {
        names.of(kind, "M1")
        for names in (NAMES, other)
        for kind in ("member", "person", "claim", "authorization", "exception")
    }
    assert len(found) == 10 and NAMES.of("member", "M1") == Pseudonyms(SECRET.encode()).of(
        "member", "M1"
    )
    assert SECRET not in repr(NAMES)


# ---------------------------------------------------------------- pseudonymised


@pytest.mark.slow
def test_c8_pseudonymised_results_have_no_identifier_and_are_consistent(
    levels: Levels,
) -> None:
    full, folder = levels[FULL, SECRET], levels[PSEUDONYMISED, SECRET]
    assert all(f"{CANARY}{word}" in in_clear(full) for word in ("!", " plan", " Health", " daw"))
    assert CANARY not in in_clear(folder)
    assert not [path for path in folder.rglob("*") if CANARY in path.name]
    assert {p.name for p in folder.iterdir()} == {p.name for p in full.iterdir()}
    before, after = (pl.read_parquet(f / "exceptions.parquet") for f in (full, folder))
    assert after.schema == before.schema and after.height == before.height
    named = before.with_columns(
        pl.col(c).map_elements(lambda x, kind=kind: NAMES.of(kind, x), return_dtype=pl.String)
        for c, kind in (
            ("exception_id", "exception"),
            ("claim_id", "claim"),
            ("member_id", "member"),
            ("person_id", "person"),
        )
    )
    same = [
        "exception_id",
        "claim_id",
        "member_id",
        "person_id",
        "rule_id",
        "outcome",
        "service_date",
        "amount_at_risk",
    ]
    assert after.select(same).sort("exception_id").equals(named.select(same).sort("exception_id"))
    evidence = after.explode("evidence").unnest("evidence", separator=".")
    own = evidence.filter(
        pl.col("evidence.kind").is_in(["fill", "service"]),
        pl.col("evidence.claim_id") == pl.col("claim_id"),
    )
    assert set(own["exception_id"]) == set(after["exception_id"])
    twins = after.filter(pl.col("rule_id") == "DUP01")["rationale"].to_list()
    assert twins and all(re.search(r"under claim [0-9a-f]{20}, line 1", text) for text in twins)
    repeated = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))[
        "repeated_amounts"
    ]
    assert NAMES.of("claim", f"{MARK}repeated") in {claim["claim_id"] for claim in repeated}
    quarantine = pl.read_parquet(folder / "quarantine.parquet")
    assert quarantine.height == 6 and quarantine["raw_record"].null_count() == 6
    worklist, advisories, changes = (
        pl.read_parquet(folder / f"{n}.parquet") for n in ("worklist", "advisories", "changes")
    )
    lines = pl.concat([worklist, advisories])
    assert set(lines["exception_ids"].explode()) == set(after["exception_id"])
    assert set(lines["claim_id"]) == set(after["claim_id"]) and set(changes["exception_id"]) == set(
        after["exception_id"]
    )
    assert (
        after["claim_id"].to_list()
        == after.sort("claim_source", "claim_id", "claim_line_number")["claim_id"].to_list()
    )


@pytest.mark.slow
def test_a_run_of_another_level_or_key_is_another_run(
    levels: Levels,
) -> None:
    """No run takes the place of another; only the full level does not depend on the key."""
    assert levels[FULL, SECRET] == levels[FULL, OTHER_SECRET]
    assert len(set(levels.values())) == 4


@pytest.mark.slow
def test_the_same_level_and_key_give_the_same_bytes_again(
    levels: Levels, planted: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = levels[PSEUDONYMISED, SECRET]
    bytes_before = (folder / "exceptions.csv").read_bytes()
    (folder / "exceptions.csv").unlink()
    assert _run(planted, folder.parent, PSEUDONYMISED, monkeypatch) == folder
    assert (folder / "exceptions.csv").read_bytes() == bytes_before


SENTENCES = [
    (m.RULE.id, reason, words)
    for m in RULES
    for reason, words in m.RULE.says.items()
    if {n for _, n, _, _ in Formatter().parse(words)} & NAMES_IN_RATIONALE.keys()
]
HARMLESS = {
    "codes",
    "service_date",
    "age",
    "lookback_days",
    "lookahead_days",
    "ended_on",
    "observed",
    "allowed",
    "strength_mg",
    "days_supply",
    "since",
    "with_other",
    "history",
    "hcpcs_code",
    "ndc_code",
    "low",
    "high",
    "course_start",
    "last_response",
    "earlier_cycles",
    "transplant",
    "place",
    "surface",
    "vial_units",
    "waste_modifier",
    "no_waste_modifier",
    "missing",
    "combined",
    "status_date",
    "status",
    "product_code",
    "quantity",
    "twin_line",
    "payer",
    "closes",
    "compared",
    "course_codes",
    "course_found",
    "cover_days",
    "daw_code",
    "days",
    "drug",
    "ever_codes",
    "ever_found",
    "first_fill",
    "generic_price",
    "ingredient",
    "inhibitors",
    "median_price",
    "number",
    "one_of",
    "only",
    "opens",
    "others",
    "own_price",
    "place_of_service_code",
    "price_days",
    "responded_on",
    "shared_days",
    "transplant_on",
    "unit_price",
    "channel",
    "cite",
    "day",
    "dose",
    "excess",
    "fact_date",
    "fact_value",
    "found",
    "found_date",
    "phase",
    "previous_date",
    "product",
    "sex",
    "window_from",
    "window_to",
}


def test_every_placeholder_of_a_sentence_is_known_to_be_harmless_or_hidden() -> None:
    """A placeholder added to a rule's sentence is listed here: may it name a person?"""
    of_rules = {
        n
        for m in RULES
        for words in m.RULE.says.values()
        for _, n, _, _ in Formatter().parse(words)
        if n
    }
    assert of_rules | set(SAYS) == HARMLESS | NAMES_IN_RATIONALE.keys()


@pytest.mark.parametrize(
    ("rule_id", "reason", "words"), SENTENCES, ids=lambda x: x if len(x) < 40 else ""
)
def test_a_sentence_that_names_somebody_is_reworded(rule_id: str, reason: str, words: str) -> None:
    places = {
        n: CANARY + ", line 2. On 1" if n in NAMES_IN_RATIONALE else "7"
        for _, n, _, _ in Formatter().parse(words)
        if n
    }
    row = {
        "rule_id": rule_id,
        "reason": reason,
        "rationale": words.format(**places),
        "evidence": [],
    }
    frame = pl.DataFrame([row], schema_overrides={"evidence": EVIDENCE})
    (said,) = pseudonymise(frame, NAMES)["rationale"]
    assert said and CANARY not in said and said.startswith(words.split("{", maxsplit=1)[0])


def _shown(term: LanguageTerm, rationale: str) -> str | None:
    row = {
        "rule_id": "X01",
        "reason": "x",
        "term_id": term.term_id,
        "rationale": rationale,
        "evidence": [],
    }
    frame = pl.DataFrame([row], schema_overrides={"evidence": EVIDENCE})
    (said,) = pseudonymise(frame, NAMES, terms=[term])["rationale"]
    assert said is None or isinstance(said, str)
    return said


def test_sentences_of_shipped_documents_show_no_date_of_birth() -> None:
    terms = [t for p in load_policies().spoken() for t in p.language_terms]
    naming = [(t, f.says) for t in terms for f in t.finding if "{birth_date}" in (f.says or "")]
    assert naming
    for term, template in naming:
        places = {n: "7" for _, n, _, _ in Formatter().parse(template) if n}
        said = _shown(term, template.format(**places | {"birth_date": "1961-02-03"}))
        assert said and "1961" not in said and "a date withheld" in said


def test_a_documents_own_sentences_name_nobody() -> None:
    text = """
[[products]]
name = "drug"
hcpcs = ["J1000"]

[[who]]
taxonomies = ["207R00000X"]
finding = [
  { outcome = "review", for = "age_outside", says = "{birth_date}, yes {birth_date}, by {npi}" },
  { outcome = "review" },
]
age = { from = "18 years" }
"""
    (term,) = policy(text).language_terms
    assert _shown(term, f"1961-02-03, yes 1961-02-03, by {CANARY}") == (
        f"a date withheld, yes a date withheld, by {NAMES.of('provider', CANARY)}"
    )
    by_kind = BY_KIND["who"].RULE.says["no_specialist"]
    places = {n: "7" for _, n, _, _ in Formatter().parse(by_kind) if n}
    said = _shown(term, by_kind.format(**places | {"npi": CANARY}))
    assert said and CANARY not in said
    assert _shown(term, f"another sentence on {CANARY}") is None


def test_evidence_keeps_codes_and_hides_persons() -> None:
    fields: dict[str, Any] = dict.fromkeys(
        [
            "kind",
            "side",
            "claim_source",
            "claim_id",
            "claim_line_number",
            "id",
            "code",
            "value",
            "date",
        ]
    )
    facts = [
        fields | {"kind": "authorization", "id": CANARY, "value": "denied"},
        fields | {"kind": "fill", "claim_id": CANARY, "id": "daw_code", "value": "1"},
        fields | {"kind": "service", "claim_id": CANARY, "id": "1234567893", "code": "207RH0003X"},
        fields | {"kind": "service", "claim_id": CANARY, "id": CANARY},
        fields | {"kind": "eligibility", "code": "birth_date", "date": AS_OF},
        fields | {"kind": "eligibility", "code": "enrollment", "date": AS_OF},
    ]
    rows = [
        {"rule_id": "AUTH01", "reason": "x", "rationale": "y", "evidence": found}
        for found in (facts, [])
    ]
    frame = pl.DataFrame(rows, schema_overrides={"evidence": EVIDENCE})
    first, none = pseudonymise(frame, NAMES)["evidence"].to_list()
    claim = NAMES.of("claim", CANARY)
    assert [f["id"] for f in first[:4]] == [
        NAMES.of("authorization", CANARY),
        "daw_code",
        "1234567893",
        NAMES.of("provider", CANARY),
    ]
    assert [f["claim_id"] for f in first] == [None, claim, claim, claim, None, None]
    assert [f["date"] for f in first[4:]] == [None, AS_OF] and none == []


# ---------------------------------------------------------------- aggregate


@pytest.mark.slow
def test_an_aggregate_run_has_only_counts_and_sums(
    planted: Path, levels: Levels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(KEY, raising=False)
    full = levels[FULL, SECRET]
    request = request_for(
        planted,
        tmp_path / "out",
        tmp_path / "out" / "audit.duckdb",
        AS_OF,
        page=True,
        privacy=AGGREGATE,
    )
    folder = night(request).folder
    assert {p.name for p in folder.iterdir()} == {
        "aggregate.csv",
        "summary.html",
        "manifest.json",
        "timings.json",
    }
    assert CANARY not in in_clear(folder)
    worklist = pl.read_parquet(full / "worklist.parquet")
    lines = worklist.height + pl.read_parquet(full / "advisories.parquet").height
    table = pl.read_csv(folder / "aggregate.csv", schema=AGGREGATE_TABLE)
    assert (
        set(table["by"]) == {"rule", "outcome", "payer", "month"} and table["lines"].min() >= LEAST
    )  # type: ignore[operator]
    for by in ("payer", "month"):
        rows = table.filter(pl.col("by") == by)
        assert (
            rows["lines"].sum() == lines
            and rows["amount_at_risk"].sum() == worklist["amount_at_risk"].sum()
        )
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["privacy"] == "aggregate" and all(
        f.keys() == {"table", "file", "sha256"} for f in manifest["files"]
    )


@pytest.mark.parametrize("asked", [{"xlsx": True}, {"partition_by": "payer"}], ids=str)
def test_an_aggregate_run_has_no_lines_to_write(
    asked: dict[str, Any], planted: Path, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match="leaves no lines to write"):
        plan(
            replace(
                request_for(planted, tmp_path, tmp_path / "audit.duckdb", AS_OF, privacy=AGGREGATE),
                **asked,
            )
        )


def _with_tables(lines: pl.DataFrame) -> pl.DataFrame:
    """The tables of an aggregate run with one exception per line."""
    ids = lines.with_row_index("exception_id").cast({"exception_id": pl.String})
    frame = ids.with_columns(exception_ids=pl.concat_list("exception_id"))
    return aggregated(frame, frame, {})


def _aggregated(**members: int) -> dict[str, int]:
    """Lines by payer, for so many members of each payer."""
    rows = [
        {"payer": payer, "person_id": f"{payer}{n}"}
        for payer, count in members.items()
        for n in range(count)
    ]
    rest = {
        "claim_source": "pharmacy",
        "claim_id": "c",
        "member_id": "m",
        "claim_line_number": 1,
        "service_date": AS_OF,
        "rule_id": "QTY01",
        "outcome": "recover",
        "amount_at_risk": 1,
    }
    frame = pl.DataFrame([r | rest for r in rows]).cast({"amount_at_risk": pl.Decimal(18, 2)})
    table = _with_tables(frame).filter(pl.col("by") == "payer")
    return dict(table.select("value", "lines").iter_rows())


def test_small_cells_are_combined_so_that_no_total_reveals_them() -> None:
    assert _aggregated(a=11, b=30) == {"a": 11, "b": 30}
    assert _aggregated(a=10, b=30, c=40) == {"c": 40, "other": 40}
    assert _aggregated(a=5, b=6, c=40) == {"c": 40, "other": 11}
    assert _aggregated(a=5, b=5, c=12, d=40) == {"d": 40, "other": 22}
    assert _aggregated(a=1, b=11) == {"other": 12}
    assert _aggregated(a=10) == {} and _aggregated(a=11) == {"a": 11}


def test_many_lines_of_few_members_are_a_small_cell() -> None:
    line = {
        "payer": "a",
        "claim_source": "pharmacy",
        "member_id": "m",
        "claim_line_number": 1,
        "service_date": AS_OF,
    }
    rows = [
        line
        | {"person_id": f"p{n % 10}", "claim_id": str(n), "rule_id": "QTY01", "outcome": "recover"}
        for n in range(50)
    ]
    frame = pl.DataFrame(rows).with_columns(amount_at_risk=pl.lit(1, dtype=pl.Decimal(18, 2)))
    assert _with_tables(frame).is_empty()
