"""Commands that answer a question and change nothing: rules, explain, compare, lint."""

from datetime import date
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from flows import clock
from flows.cli.options import options_of_a_run
from flows.errors import UsageError
from flows.request import RunRequest
from flows.streams import say

DEFECTS_FOUND = 1
"""The exit code of `lint` if some defects are errors."""


def rules(
    rule_id: str | None = None,
    *,
    coverage: bool = False,
    policies: Path | None = None,
    warehouse: Path | None = None,
) -> None:
    """Print the rule catalogue, one rule, or how much of each policy document is audited.

    Parameters
    ----------
    rule_id
        such as QTY01
    coverage
        per document, the clauses audited, partly audited and not auditable
    policies
        with --coverage, a folder with more policy files
    warehouse
        with --coverage, count a clause as audited only if the last run in this warehouse asked it
        of some line
    """
    from audit_rules import catalogue
    from audit_rules.engine.rule import Described
    from audit_rules.kinds.registry import KIND_MODULES
    from audit_rules.policy.library import load_policies
    from audit_rules.reference.code_sets import SHIPPED_CODE_SETS
    from audit_rules.reference.codes import ndc_tables
    from audit_rules.rules import CATALOGUE, RULES

    if (policies or warehouse) and not coverage:
        raise UsageError(
            "--policies and --warehouse go with --coverage: "
            "the rules are the same for all policies."
        )
    if coverage:
        from flows.judging.standing import asked_in

        tables = ndc_tables(policies or SHIPPED_CODE_SETS)
        asked = asked_in(warehouse) if warehouse else None
        say(catalogue.audited_clauses(load_policies(policies), RULES, tables, asked))
        return
    every: tuple[Described, ...] = (*CATALOGUE, *KIND_MODULES)
    chosen = [m for m in every if rule_id is None or m.RULE.id == rule_id.upper()]
    if not chosen:
        raise UsageError(f"No such rule. Rules: {', '.join(m.RULE.id for m in every)}.")
    say("\n\n".join(catalogue.describe(m) for m in chosen))


@options_of_a_run("config", "policies", "law", "ndc_directory")
def explain(
    claim_id: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    warehouse: Path,
    line: int | None = None,
    as_of: date | None = None,
    **options: Any,
) -> None:
    """Print which rules fired on the lines of a claim, and why. The output may hold PHI.

    Use the config and the policies of the run.

    Parameters
    ----------
    claim_id
        the claim, as the extracts name it
    warehouse
        the warehouse of a run
    line
        one line of it (default: all)
    as_of
        the as-of date, YYYY-MM-DD (default: that of the last run)
    """
    from flows.replay.explain import explain as ask_every_rule
    from flows.replay.explain_text import text_of

    request = _past_run(warehouse, as_of, options)
    print(text_of(ask_every_rule(request, claim_id, line)))


@options_of_a_run("config", "law", "ndc_directory")
def compare(
    *,
    warehouse: Path | None = None,
    policies: list[Path] | None = None,
    run: list[Path] | None = None,
    as_of: date | None = None,
    json: bool = False,
    **options: Any,
) -> None:
    """Judge one warehouse under two sets of policies, or take two runs, and print what changes.

    Exceptions that appear, disappear and change, by rule and clause, and the worklist's amounts
    before and after. The runs may be of two versions of the program.

    Parameters
    ----------
    warehouse
        the warehouse of a run, with --policies
    policies
        a folder with policy files; twice to compare two, once to compare with the shipped ones
    run
        the folder run=ID of a run, twice: before and after
    as_of
        the as-of date, YYYY-MM-DD (default: that of the last run)
    json
        print the changes as JSON
    """
    from flows.replay.compare import compare as judge_twice
    from flows.replay.compare_runs import compare_runs
    from flows.replay.compare_text import as_json, show

    if run:
        if len(run) != 2 or warehouse or policies:
            raise UsageError("--run is given twice, before and after, and without a warehouse.")
        found, differences = compare_runs(*run)
    else:
        if warehouse is None:
            raise UsageError("Give --warehouse with --policies, or --run twice.")
        if not policies or len(policies) > 2:
            raise UsageError("--policies is given once or twice: before and after, or after alone.")
        before, after = policies if len(policies) == 2 else (None, policies[0])
        found = judge_twice(_past_run(warehouse, as_of, options), before, after)
        differences = ()
    if json:
        print(as_json(found, differences))
    else:
        show(found, differences)


def lint(
    *policy_files: Path,
    json: bool = False,
    as_of: date | None = None,
    warehouse: Path | None = None,
    config: Path | None = None,
) -> int:
    """Find defects in policy documents and in the files that transcribe them.

    Exit code 1 if some are errors.

    Parameters
    ----------
    policy_files
        policy files, or folders of them (default: the shipped documents)
    json
        print the findings as JSON
    as_of
        the day on which a review is overdue or not, YYYY-MM-DD (default: today)
    warehouse
        find payer names that no line in this warehouse has
    config
        with --warehouse, a config whose aliases of payers count too
    """
    from audit_rules.lint.run import as_json, as_text, has_errors
    from audit_rules.lint.run import lint as find_defects
    from audit_rules.policy.library import read_policy_files

    if config and not warehouse:
        raise UsageError("--config goes with --warehouse: aliases are compared with its payers.")
    payers = None
    if warehouse:
        from flows.intake.config import read_config
        from flows.settle.payers_on_file import payers_on_file

        payers = payers_on_file(warehouse, read_config(config).payer_aliases)
    findings = find_defects(read_policy_files(policy_files), as_of or clock.today(), payers)
    if json:
        print(as_json(findings))
    else:
        say(as_text(findings))
    return DEFECTS_FOUND if has_errors(findings) else 0


def _past_run(warehouse: Path, as_of: date | None, options: dict[str, Any]) -> RunRequest:
    """The request of a run asked again: as of that day, else of the last run, else today."""
    from flows.ledger.changes import last_night

    day = as_of or last_night(warehouse) or clock.today()
    return RunRequest(output=warehouse.parent, warehouse=warehouse, as_of=day, **options)
