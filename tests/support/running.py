"""The stages of a run, called from a test without Prefect."""

from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

from audit_rules.engine.dossier import Dossier, compile_dossier
from audit_rules.engine.judge import Judgement
from audit_rules.engine.rule import PolicyBook
from audit_rules.kinds.judge import judge_all
from audit_rules.rules import CATALOGUE
from flows.judging.frames import read_frames
from flows.plan import Plan, plan
from flows.request import RunRequest
from flows.run_folders import begin
from flows.stages import load_stage, settle_stage, validate_stage
from flows.warehouse.connection import opened
from flows.warehouse.left_open import LeftOpen

ROOT = Path(__file__).resolve().parent.parent.parent
AS_OF = date(2026, 6, 30)


def request_for(
    input: Path | None,
    output: Path,
    warehouse: Path,
    as_of: date = AS_OF,
    config: Path | None = None,
    policies: Path | None = None,
    **options: Any,
) -> RunRequest:
    """A request for the result tables alone: no page and no work-paper unless asked for."""
    bare = {"xlsx": False, "page": False} | options
    paths = {"input": input, "output": output, "warehouse": warehouse}
    return RunRequest(**paths, as_of=as_of, config=config, policies=policies, **bare)


def planned(
    extracts: Path,
    output: Path,
    as_of: date = AS_OF,
    config: Path | None = None,
    policies: Path | None = None,
) -> Plan:
    """The plan of a run over a folder of extracts."""
    output.mkdir(parents=True, exist_ok=True)
    return plan(request_for(extracts, output, output / "audit.duckdb", as_of, config, policies))


def run_to_final_action(made: Plan) -> None:
    """Run the stages up to final action; the workbench stays."""
    begin(made)
    load_stage(made, lambda _name: None)
    with closing(LeftOpen(made.bench)) as bench:
        validate_stage(made, bench)
        settle_stage(made, bench)


def compiled(made: Plan) -> tuple[Dossier, PolicyBook]:
    """The dossier of a plan's extracts, and the policies; the workbench stays, so that a test can
    look into it."""
    run_to_final_action(made)
    with opened(made.bench) as connection:
        extracted = read_frames(connection, made.reference, made.request.as_of)
    dossier = compile_dossier(
        extracted,
        made.reference,
        made.default_supply_days,
        made.request.as_of,
    )
    return dossier, PolicyBook(made.library, made.reference)


def judged(made: Plan) -> Judgement:
    """The judgement of a plan's extracts; the workbench stays."""
    return judge_all(*compiled(made), CATALOGUE)


def audited(extracts: Path, output: Path, as_of: date = AS_OF) -> Judgement:
    """The judgement of a folder of extracts."""
    return judged(planned(extracts, output, as_of))
