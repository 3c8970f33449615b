"""Each fact of the domain is written once: in the one place that may hold it."""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from flows.provenance import sql_folder
from flows.settle.persons import PERSON_OF
from schemas.outcomes import EXCEPTIONS
from schemas.paid import is_paid, is_paid_sql
from tests.support.sources import MODULES, ROOT, name_of, tree_of

_TEMPLATES = [
    p for kind in ("html", "js", "css") for p in sorted((ROOT / "flows").rglob(f"*.{kind}"))
]
SOURCES = [*MODULES, *sorted(sql_folder().rglob("*.sql")), *_TEMPLATES]


@dataclass(frozen=True)
class Fact:
    """A fact of the domain.

    pattern    finds it in code, SQL or a template, without comments and docstrings.
    places     the files that may hold it: one, unless `why` says otherwise.
    examples   texts that the pattern must find.
    """

    name: str
    pattern: str
    places: tuple[str, ...]
    examples: tuple[str, ...]
    why: str = ""


FACTS = (
    Fact(
        "who the person of a row is",
        r"(?is)(?:\bif\(|(?:coalesce|ifnull|nvl|\bwhen)\b)[^;]{0,80}?(?:person_id|\$own)\b"
        r"[^;]{0,80}?member_id"
        r"|person_id[\"')\]]*\s*(?:\bor|\?\?|\|\||\.fill_null\()[^\n]{0,60}member_id"
        r"|person_id[\"')\]]+ if\b[^\n]{0,60}\belse\b[^\n]{0,40}member_id",
        ("sql/settle/person_of.sql", "flows/warehouse/purge.py"),
        (
            "coalesce(t.person_id, s.sole_person_id, t.member_id)",
            "COALESCE(person_id, member_id)",
            'pl.coalesce(pl.col("person_id"), pl.col("member_id"))',
            'pl.col("person_id").fill_null(pl.col("member_id"))',
            "ifnull(person_id, member_id)",
            "if(person_id IS NULL, member_id, person_id)",
            "CASE WHEN t.person_id IS NULL\n     THEN t.member_id ELSE t.person_id END",
            'row["person_id"] or row["member_id"]',
            'row.get("person_id") if known else row["member_id"]',
            'pl.when(pl.col("person_id").is_null()).then("member_id").otherwise("person_id")',
        ),
        "a purge compares what each extract states, before anybody is linked",
    ),
    Fact(
        "the service date of a medical line",
        r"claim_(?:line_)?start_date",
        ("schemas/tables.py",),
        (
            "coalesce(claim_line_start_date, claim_start_date)",
            'row.get("claim_line_start_date") or row.get("claim_start_date")',
            "case.edited(claim_start_date=day)",
        ),
    ),
    Fact(
        "the outcomes",
        r"(?s)\brecover\b.{0,60}?\brecords_request\b|\brecords_request\b.{0,60}?\brecover\b"
        r"|\bRECOVER = ",
        ("schemas/outcomes.py",),
        (
            '("recover", "records_request", "review")',
            '<li>{{ tag("recover") }}</li><li>{{ tag("records_request") }}</li>',
            "outcome IN ('recover', 'records_request')",
            '("advisory", "review", "records_request", "recover")',
            '[\n    "recover",\n    "records_request",\n]',
            ".recover { color: #b3261e; } .records_request { color: #9a5400; }",
        ),
    ),
    Fact(
        "the shapes of codes",
        r"\[A-Z\](?:\\d|\[0-9\])(?:\{4\}|\[0-9A-Z\])|(?:\\d|\[0-9\])\{11\}"
        r"|\[0-9A-Z\]\{[69]\}X|\[12\](?:\\d|\[0-9\])\{9\}",
        ("schemas/formats.py",),
        (
            r"[A-Z]\d{4}",
            r"[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?",
            r"^\d{11}$",
            "regexp_full_match(v, '[0-9]{11}')",
            r"\d{3}[0-9A-Z]{6}X",
            "[0-9A-Z]{9}X",
            r"[12]\d{9}",
        ),
    ),
    Fact(
        "the fields of a piece of evidence",
        r"(?:kind|side)[\"']?(?:: ?[\w.]+| VARCHAR)?,"
        r"\s*[\"']?(?:side|kind)[\"']?(?:: ?[\w.]+| VARCHAR)?,"
        r"\s*[\"']?(?:claim_source|date)\b",
        ("schemas/results.py",),
        (
            '("kind", "side", "claim_source", "claim_id")',
            '"kind": pl.String,\n    "side": pl.String,\n    "claim_source": pl.String',
            "STRUCT(kind VARCHAR, side VARCHAR, claim_source VARCHAR)",
            '    "side",\n    "kind",\n    "date",\n',
        ),
    ),
    Fact(
        "the key of a line",
        # exactly the key: a longer list that holds it chooses columns, or an order
        r"[(\[]\s*\"claim_source\",\s*(?:\"payer(?:_id)?\",\s*)?(?:\"member_id\",\s*)?\"claim_id\","
        r"\s*\"claim_line_number\"(?:,\s*\"payer(?:_id)?\")?,?\s*[)\]]"
        r"|[(\[]\s*\"claim_id\",\s*\"claim_line_number\",\s*\"payer_id\",?\s*[)\]]",
        ("schemas/results.py",),
        (
            '("claim_source", "claim_id", "claim_line_number")',
            '[\n    "claim_source",\n    "claim_id",\n    "claim_line_number",\n]',
            '("claim_source", "claim_id", "claim_line_number", "payer_id")',
            '("claim_source", "payer", "member_id", "claim_id", "claim_line_number")',
            '("claim_source", "payer", "claim_id", "claim_line_number")',
            'key = ("claim_id", "claim_line_number", "payer_id")',
        ),
    ),
    Fact(
        "a line is judged if more than nothing was paid",
        r"(?:\b(?:netted_)?paid(?:_amount|_cents)?\b|\{amount\})\W{0,3}(?:>|<=)\s*0\b",
        ("schemas/paid.py", "sql/settle/fates.sql"),
        (
            "coalesce(netted_paid_amount > 0, false)",
            'pl.col("paid_cents") > 0',
            'row["paid_amount"] <= 0',
            "elif paid <= 0:",
        ),
        "final action warns of a void with an amount above zero, which nothing has netted yet",
    ),
    Fact(
        "what becomes of a row",
        r"(?i)\bAS\s+fate\b|\bSET\s+fate\b"
        r"|\b(?:THEN|ELSE)\s+'(?:history|superseded|reversed|after_as_of|duplicate)'",
        ("flows/settle/plain_fate.py", "sql/settle/fates.sql", "sql/settle/settled.sql"),
        ("SELECT 'history' AS fate", "CASE WHEN is_void THEN 'reversed' END"),
        "plain_fate.py says it of a row alone; settled.sql of the rows without a fate of their own",
    ),
    Fact(
        "which rows take another back",
        r"\bclaim_status\b|\bclaim_frequency_code\b|\bpaid_(?:amount|cents)\b\W{0,3}<\s*0\b",
        (
            "schemas/rows.py",
            "schemas/tables.py",
            "flows/intake/texts.py",
            "flows/intake/values.py",
            "flows/settle/affected_claims.py",
            "flows/settle/plain_fate.py",
            "sql/settle/affected_claims.sql",
            "sql/settle/special_rows.sql",
            "audit_rules/counterfactuals/case.py",
        ),
        ("WHERE t.claim_status = 'reversed'", 'row["claim_frequency_code"]', "paid_amount < 0"),
        "intake reads these columns; settling asks which rows, and what they may change; a line"
        " that a counterfactual adds has neither",
    ),
    Fact(
        "what reversals leave of an amount",
        r"(?i)(?:sum|abs|list)\([^)]*paid_amount",
        (
            "flows/warehouse/upgrade.py",
            *(f"sql/settle/{name}.sql" for name in ("affected_claims", "corrections", "fates")),
            "sql/settle/pairs.sql",
        ),
        ("SELECT sum(t.paid_amount)", "sum(abs(paid_amount))", "list_sum(list(paid_amount))"),
        "fates.sql nets; the others look for a reversal's amount; events of old versions had none",
    ),
    Fact(
        "which figure of a row is the netted one",
        r"(?i)\bnetted_(?:quantity|paid_amount|fee)\b\s*=(?!=)"
        r"|\bAS\s+netted_(?:quantity|paid_amount|fee)\b"
        r"|(?:\b(?:coalesce|ifnull|nvl|if)\(|\bTHEN\b|\bELSE\b|\.(?:otherwise|fill_null)\()"
        r"[^;,\n]{0,40}\bnetted_(?:quantity|paid_amount|fee)\b",
        ("sql/settle/settled.sql",),
        (
            "CASE WHEN f.file_no IS NULL THEN t.quantity ELSE f.quantity END\n AS netted_quantity",
            "CASE WHEN s.is_netted THEN s.netted_paid_amount ELSE s.paid_amount END",
            "coalesce(s.netted_fee, t.dispensing_fee)",
            'netted_paid_amount=pl.when("is_netted").then("left").otherwise("paid_amount")',
            'pl.col("quantity").fill_null(pl.col("netted_quantity"))',
        ),
    ),
    Fact(
        "the colours of outcomes",
        r"(?i)#(?:b3261e|b06000|9a5400)\b",
        ("flows/reports/colours.py",),
        ('RECOVER: "#b3261e"', ".records_request { color: #9A5400; }"),
    ),
    Fact(
        "how the name of a payer is folded",
        r"casefold\(|\bpayer\b\W{0,4}\.(?:lower|str\.to_lowercase)\(|GREEK SMALL LETTER SIGMA",
        ("schemas/folding.py",),
        ("name.casefold()", 'row["payer"].lower()', 'pl.col("payer").str.to_lowercase()'),
    ),
    Fact(
        "how a row finds its payer",
        r"\bname = lower\((?:\w+\.)?payer\)",
        (
            "flows/settle/payers.py",
            "sql/settle/corrections.sql",
            "sql/settle/settled.sql",
            "sql/settle/special_rows.sql",
        ),
        ("JOIN run.payer p ON p.name = lower(t.payer)",),
        "an SQL file is written so that it can be read by itself",
    ),
)


def _code(path: Path) -> str:
    """The text of a file without its comments and docstrings."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".sql":
        return re.sub(r"--[^\n]*", "", text)
    if path.suffix != ".py":
        return text
    lines = text.splitlines()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            for number in range(node.lineno - 1, node.end_lineno or node.lineno):
                lines[number] = ""
    return "\n".join(re.sub(r"(^|\s)#\s.*", "", line) for line in lines)


@pytest.fixture(scope="module")
def code() -> dict[str, str]:
    """Name -> code of every source file."""
    return {name_of(path): _code(path) for path in SOURCES}


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_a_fact_is_written_in_one_place(fact: Fact, code: dict[str, str]) -> None:
    assert len(fact.places) == 1 or fact.why
    found = {name for name, text in code.items() if re.search(fact.pattern, text)}
    assert found == set(fact.places)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: fact.name)
def test_the_pattern_of_a_fact_finds_other_ways_to_write_it(fact: Fact) -> None:
    assert [e for e in fact.examples if not re.search(fact.pattern, e)] == []


def test_every_package_and_its_templates_are_searched(code: dict[str, str]) -> None:
    folders = {name.split("/")[0] for name in code}
    assert folders == {"audit_rules", "flows", "schemas", "sql"}
    assert "flows/reports/page/templates/summary.html" in code


def test_no_statement_names_an_outcome(code: dict[str, str]) -> None:
    """SQL reshapes; what a line is answered is said by rules and terms alone."""
    named = re.compile(rf"'(?:{'|'.join(EXCEPTIONS)})'")
    assert named.search("SELECT 'recover' AS outcome")
    assert [n for n, text in code.items() if n.endswith(".sql") and named.search(text)] == []


def _lists_outcomes(tree: ast.AST) -> bool:
    """Whether a list holds every outcome of an exception, by name or by constant, in any order."""
    names = (
        {str(getattr(e, "id", getattr(e, "attr", ""))).lower() for e in n.elts}
        for n in ast.walk(tree)
        if isinstance(n, ast.Tuple | ast.List | ast.Set)
    )
    return any(set(EXCEPTIONS) <= found for found in names)


def test_the_outcomes_are_listed_in_one_place() -> None:
    assert [name_of(p) for p in MODULES if _lists_outcomes(tree_of(p))] == ["schemas/outcomes.py"]


@pytest.mark.parametrize(
    "code",
    [
        "(ADVISORY, REVIEW, RECORDS_REQUEST, RECOVER)",
        "[\n    outcomes.RECOVER,\n    outcomes.RECORDS_REQUEST,\n    REVIEW,\n    ADVISORY,\n]",
    ],
)
def test_a_second_list_of_outcomes_is_seen(code: str) -> None:
    assert _lists_outcomes(ast.parse(code))


# ---------------------------------------------------------------- what SQL and Python both state


def test_sql_and_polars_agree_on_what_is_paid() -> None:
    amounts = pl.DataFrame({"amount": [None, -1, 0, 1]}, schema={"amount": pl.Int64})
    polars = amounts.select(is_paid(pl.col("amount")).fill_null(False).alias("paid"))
    sql = pl.SQLContext(amounts=amounts).execute(
        f"SELECT {is_paid_sql('amount')} AS paid FROM amounts", eager=True
    )
    assert polars.equals(sql) and polars["paid"].to_list() == [False, False, False, True]


def test_python_asks_the_macro_who_the_person_is(code: dict[str, str]) -> None:
    users = {name for name, text in code.items() if "sole_person_id, t.member_id" in text}
    python = {name for name in users if name.endswith(".py")}
    assert python and all(re.search(r"\{PERSON_OF\}\(", code[name]) for name in python)
    assert str(PERSON_OF) == "run.person_of"
