"""Which persons must be re-evaluated: anyone affected by a change since the last recorded run.

Mostly it is a change of their own rows (sql/judging/affected_persons.sql). Answers also depend on
other persons' rows, through what generics cost and since when a payer's fills are known; and an
open answer may end for anybody as time passes.
"""

from collections.abc import Iterable
from datetime import date

import duckdb
import polars as pl

from audit_rules.engine.history import priced_lines
from audit_rules.engine.rule import Described, PolicyBook, ids_of_price_rules
from audit_rules.facts.generic_prices import ASKED_BY, are_tablets, dearest_generics
from audit_rules.facts.usual_prices import with_median_of_others
from audit_rules.policy.document import Policy
from audit_rules.policy.language.checks import furthest_day, rests_on_history
from audit_rules.policy.terms.doses import FrontlinePositive
from audit_rules.policy.terms.fills import GenericTrial, PaidAsBrand
from audit_rules.policy.terms.persons import PriceAboveMedian
from audit_rules.reference.codes import codes_of
from flows.judging.population import (
    EVIDENCE,
    PAYER_START,
    AuditedRows,
    PopulationFacts,
    governed_persons,
    supplied_tables,
)
from flows.provenance import digest
from flows.settle.affected_claims import AFFECTED_CLAIM
from flows.settle.persons import EVERY_LINK, PERSON_OF, RELINKED_MEMBER, SOLE_PERSON
from flows.warehouse.memory import NEW_FILE, newly_known_since, reuse_last_answers
from flows.warehouse.run_table import Reuse, RunTable
from flows.warehouse.sql import day, run
from schemas.days import shifted
from schemas.frames import HISTORY_LINE

GENERIC_PRICE = RunTable(
    "generic_price",
    grain="what a generic's price is asked for by any brand fill (ASKED_BY), if there is one",
    columns={
        "ingredient": "VARCHAR",
        "strength_mg": "DOUBLE",
        "payer_id": "VARCHAR",
        "service_date": "DATE",
        "price_days": "BIGINT",
        "is_same_payer": "BOOLEAN",
        "generic_fills": "BIGINT",
        "generic_cents": "BIGINT",
        "generic_milli": "BIGINT",
        "generic_date": "DATE",
        "generic_claim_id": "VARCHAR",
        "generic_line": "BIGINT",
        "generic_ndc": "VARCHAR",
    },
    reuse=Reuse.WHOLE,
)
USUAL_PRICE = RunTable(
    "usual_price",
    grain="line of an audited drug, of any person; what is said of its price",
    columns={
        "claim_source": "VARCHAR",
        "payer_id": "VARCHAR",
        "claim_id": "VARCHAR",
        "claim_line_number": "BIGINT",
        "person": "VARCHAR",
        "is_above": "BOOLEAN",
        "has_enough": "BOOLEAN",
        "others": "BIGINT",
        "median_cents": "DOUBLE",
    },
    reuse=Reuse.WHOLE,
)
AUTHORIZATION_START = RunTable(
    "authorization_start",
    grain="payer_id and drug; the first start of an authorization of anyone",
    columns={"payer_id": "VARCHAR", "drug": "VARCHAR", "first_start_date": "DATE"},
    reuse=Reuse.WHOLE,
)
EVIDENCE_OF_ANYONE = RunTable(
    "evidence_of_anyone",
    grain="code of clinical evidence that anyone has, as `Dossier.supplied` names it",
    columns={"code": "VARCHAR"},
    reuse=Reuse.WHOLE,
)
CHANGED_PROVIDER = RunTable(
    "changed_provider",
    grain="NPI with a specialty that the remembered run did not know",
    columns={"npi": "VARCHAR"},
)
AFFECTED_PERSON = RunTable(
    "affected_person",
    grain="person whose answers may differ from those of the remembered run; only_prices: only "
    "those of rules that look at prices",
    columns={"person": "VARCHAR", "only_prices": "BOOLEAN"},
)
TABLES = (
    GENERIC_PRICE,
    USUAL_PRICE,
    AUTHORIZATION_START,
    EVIDENCE_OF_ANYONE,
    CHANGED_PROVIDER,
    AFFECTED_PERSON,
)


def last_valid_run(
    connection: duckdb.DuckDBPyConnection,
    judgement_digest: str,
    demoted: Iterable[str],
    as_of: date,
) -> date | None:
    """The as-of date of the remembered run, if its answers are valid for whoever is not affected.

    judgement_digest   of all that answers depend on besides rows, date, which tables are there and
                       `demoted`, the ids of demoted terms.
    """
    supplied = sorted(t for t in supplied_tables(connection, as_of) if not t.startswith(EVIDENCE))
    return reuse_last_answers(connection, digest(digest(judgement_digest, *demoted), *supplied))


def mark_affected_persons(
    connection: duckdb.DuckDBPyConnection,
    book: PolicyBook,
    rules: Iterable[Described],
    facts: PopulationFacts,
    rows: AuditedRows,
    as_of: date,
    last_coverage: RunTable,
) -> None:
    """List in AFFECTED_PERSON who must be re-evaluated; nobody, if everybody must be.

    last_coverage   the table in which the remembered run counted its answers.
    """
    lines = priced_lines(facts.priced_lines, book.reference)
    fills = lines.filter(pl.col("claim_source") == "pharmacy")
    brand = _asked(fills, book)
    prices = dearest_generics(brand.select(ASKED_BY).unique().lazy(), fills.lazy()).collect()
    GENERIC_PRICE.store_frame(connection, prices.sort(ASKED_BY))
    USUAL_PRICE.store_frame(connection, _usual_prices(lines, book))
    evidence = sorted(t for t in supplied_tables(connection, as_of) if t.startswith(EVIDENCE))
    EVIDENCE_OF_ANYONE.store_frame(
        connection, pl.DataFrame({"code": evidence}, {"code": pl.String})
    )
    AUTHORIZATION_START.store_frame(connection, facts.authorization_start)
    before = rows.before
    if before is None:
        return
    _find_changed_providers(connection)
    run(
        connection,
        "judging/affected_persons",
        reads=(
            NEW_FILE,
            *AFFECTED_CLAIM.values(),
            EVERY_LINK,
            SOLE_PERSON,
            RELINKED_MEMBER,
            CHANGED_PROVIDER,
            PERSON_OF,
        ),
        makes=(AFFECTED_PERSON,),
        as_of=day(as_of),
        after=newly_known_since(before),
    )
    prices_changed = _changed(connection, GENERIC_PRICE).select(ASKED_BY).unique()
    by_prices = brand.join(prices_changed, on=ASKED_BY, how="semi", nulls_equal=True)["person"]
    by_prices = pl.concat([by_prices, _changed(connection, USUAL_PRICE)["person"]])
    by_others = _of_documents(connection, book, rows, before, as_of)
    if _changed(connection, PAYER_START).height:
        by_others = pl.concat([by_others, brand["person"], _in_first_course(lines, book)])
    if _changed(connection, EVIDENCE_OF_ANYONE).height:
        by_others = pl.concat([by_others, brand["person"]])
    starts = _changed(connection, AUTHORIZATION_START).select("payer_id", "drug")
    by_others = pl.concat(
        [by_others, lines.join(starts, on=["payer_id", "drug"], how="semi")["person"]]
    )
    passing = [reason for module in rules for reason in module.RULE.passing if before < as_of]
    connection.execute(
        f"""INSERT INTO {AFFECTED_PERSON}
            SELECT person, false
            FROM (SELECT unnest(CAST(? AS VARCHAR[])) AS person
                  UNION
                  SELECT person_id FROM {last_coverage.remembered} WHERE list_contains(?, reason))
            """,
        [by_others.unique().to_list(), passing],
    )
    connection.execute(
        f"""INSERT INTO {AFFECTED_PERSON}
            SELECT person, ?
            FROM (SELECT unnest(CAST(? AS VARCHAR[])) AS person)
            ANTI JOIN {AFFECTED_PERSON} USING (person)""",
        [_price_rules_stand_alone(book, rules), by_prices.unique().to_list()],
    )


def _price_rules_stand_alone(book: PolicyBook, rules: Iterable[Described]) -> bool:
    """Whether no document of the language answers under the id of a rule that looks at prices."""
    taken = {term.rule_id for policy in book.library.spoken() for term in policy.language_terms}
    return taken.isdisjoint(ids_of_price_rules(rules))


def _of_documents(
    connection: duckdb.DuckDBPyConnection,
    book: PolicyBook,
    rows: AuditedRows,
    before: date,
    as_of: date,
) -> pl.Series:
    """Persons with lines of documents of the language whose answers may differ.

    All of them if what is known of a payer changed; else those with a window that was open.
    """
    spoken = book.library.spoken()
    found = [pl.Series("person", [], dtype=pl.String)]
    if any(_changed(connection, t).height for t in (PAYER_START, AUTHORIZATION_START)):
        back = [p for p in spoken if rests_on_history(p.declared, p.language_terms)]
        found.append(_governed(connection, book, rows, back, None))
    furthest = [furthest_day(p.declared, p.language_terms) for p in spoken]
    if any(furthest) and before < as_of:
        ahead = [p for p, days in zip(spoken, furthest, strict=True) if days]
        since = shifted(before, -max(furthest))
        found.append(_governed(connection, book, rows, ahead, since))
    return pl.concat(found)


def _governed(
    connection: duckdb.DuckDBPyConnection,
    book: PolicyBook,
    rows: AuditedRows,
    policies: list[Policy],
    since: date | None,
) -> pl.Series:
    """Persons with a line that some of the documents may govern, dated from `since` on."""
    if not policies:
        return pl.Series("person", [], dtype=pl.String)
    payers = sorted({payer.id for p in policies for payer in p.payers})
    of_any_payer = not all(p.payers for p in policies)
    codes = codes_of(policies, book.reference)
    return governed_persons(connection, rows, codes, None if of_any_payer else payers, since)


def _asked(fills: pl.DataFrame, book: PolicyBook) -> pl.DataFrame:
    """What generic prices are asked for: a row per brand fill and price_days of any policy."""
    kinds = [book.terms(kind).select("price_days") for kind in (GenericTrial, PaidAsBrand)]
    days = pl.concat(kinds).unique().collect()
    return fills.filter(are_tablets("brand")).join(days, how="cross").select("person", *ASKED_BY)


def _in_first_course(lines: pl.DataFrame, book: PolicyBook) -> pl.Series:
    """Persons with lines of a drug if some policy asks about its first course."""
    drugs = book.library.versions().join(book.terms(FrontlinePositive), on="policy_id", how="semi")
    asked = drugs.select(drug="policy_drug").unique().collect()
    return lines.join(asked, on="drug", how="semi")["person"]


def _usual_prices(lines: pl.DataFrame, book: PolicyBook) -> pl.DataFrame:
    """What PAY01 says of every line: whether it is above the median, of how many others; or else
    whether there are too few."""
    terms = book.terms(PriceAboveMedian).rename({"others": "others_needed"})
    asked = lines.lazy().join(terms, how="cross")
    judged = with_median_of_others(lines.lazy(), asked)
    is_above = pl.col("is_above").fill_null(False)
    has_enough = pl.col("others") >= pl.col("others_needed")
    return (
        judged.select(
            *HISTORY_LINE,
            is_above=is_above,
            has_enough=has_enough,
            others=pl.when(is_above).then("others"),
            median_cents=pl.when(is_above).then("median_cents"),
        )
        .select(list(USUAL_PRICE.columns))
        .sort(HISTORY_LINE)
        .collect()
    )


def _find_changed_providers(connection: duckdb.DuckDBPyConnection) -> None:
    CHANGED_PROVIDER.create(
        connection,
        f"""SELECT DISTINCT npi FROM (
                SELECT npi, taxonomy_code FROM every_provider
                WHERE file_no IN (FROM {NEW_FILE})
                EXCEPT
                SELECT npi, taxonomy_code FROM every_provider
                WHERE file_no NOT IN (FROM {NEW_FILE}))""",
    )


def _changed(connection: duckdb.DuckDBPyConnection, table: RunTable) -> pl.DataFrame:
    """Rows of a table that only this run has, and rows that only the remembered run had."""
    now, before = f"FROM {table}", f"FROM {table.remembered}"
    frame: pl.DataFrame = connection.sql(
        f"({now} EXCEPT {before}) UNION ALL ({before} EXCEPT {now})"
    ).pl()
    return frame
