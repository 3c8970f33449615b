"""Samples: redrawn by another program, the same on any machine, and refused where they must be."""

import json
import random
import re
import stat
from dataclasses import replace
from decimal import Decimal
from functools import cache
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest

from audit_rules.errors import AuditError
from audit_rules.law.library import load_law
from audit_rules.policy.library import load_policies
from flows.cli.app import main
from flows.sampling import write
from flows.sampling.draw import draw
from flows.sampling.population import PopulationFilter
from flows.sampling.request import SampleRequest
from flows.sampling.write import DrawnSample, draw_sample
from tests.support.redraw import redraw
from tests.support.sampled import ALABAMA, PAYEE, publish_run, random_rows, worklist_row

BY = (("payer",), ("rule",), ("paid_amount",), ("payer", "rule", "amount_at_risk"))


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of 60 lines, of which 20 are of one payer each."""
    rows = [
        worklist_row(n, payer=payer, paid_amount=Decimal(100 * n), amount_at_risk=Decimal(n))
        for n, payer in enumerate(["Cigna", "MMM", "NantHealth"] * 20, 1)
    ]
    return publish_run(tmp_path / "run=0123456789abcdef", rows)


def _request(run: Path, **options: object) -> SampleRequest:
    return SampleRequest(
        run=run, output=run.parent / "samples", **({"seed": 7, "size": 12} | options)
    )  # type: ignore[arg-type]


def _stratified(run: Path, **options: object) -> SampleRequest:
    return _request(run, design="stratified", **({"by": ("payer",)} | options))


def _random_draw(base: Path, seed: int) -> tuple[DrawnSample, Path]:
    """A sample of a random run, drawn in a random way."""
    choose = random.Random(seed)
    run = publish_run(base / f"run={seed}", random_rows(seed, choose.randrange(60, 200)))
    request = _request(
        run,
        seed=choose.randrange(10**9),
        population_filter=PopulationFilter(
            payee=choose.choice([None, PAYEE]), rule=choose.choice([None, "DX01"])
        ),
    )
    by = choose.choice([(), *BY])
    if by:
        request = replace(
            request,
            design="stratified",
            by=by,
            bands=("150", "2500.50") if "amount" in by[-1] else (),
            allocation=choose.choice(["proportional", "neyman"]),
        )
    for size in (choose.randrange(2, 15), 40):
        try:
            return draw_sample(replace(request, size=size)), run
        except AuditError:  # too many for the frame, or too few for the strata
            continue
    return draw_sample(replace(request, size=2, design="srs", by=(), bands=())), run


def _redrawn_alike(base: Path, seeds: range) -> int:
    """How many random samples another program draws alike."""
    found = 0
    for seed in seeds:
        drawn, run = _random_draw(base, seed)
        frame, units, sample = redraw(drawn.folder / "receipt.json", run)
        ours = pl.read_parquet(drawn.folder / "sample.parquet")["unit_id"].to_list()
        stated = drawn.receipt["frame"]["sha256"], drawn.receipt["sample"]["sha256"]
        found += (units, (frame, sample)) == (ours, stated)
    return found


def test_samples_are_redrawn_by_a_second_independent_program_5_of_5(tmp_path: Path) -> None:
    assert _redrawn_alike(tmp_path, range(5)) == 5


@pytest.mark.slow
def test_samples_are_redrawn_by_a_second_independent_program_100_of_100(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for load in (load_law, load_policies):  # they are the same each time
        monkeypatch.setattr(write, load.__name__, cache(load))
    assert _redrawn_alike(tmp_path, range(1000, 1100)) == 100


def test_the_few_lines_of_the_documentation_draw_the_same_sample(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (Path(__file__).parents[2] / "docs" / "sampling.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    folder = draw_sample(_stratified(run, size=17)).folder
    monkeypatch.chdir(folder)
    known: dict[str, list[str]] = {}
    exec(code, known)  # ours, from the page
    assert known["drawn"] == pl.read_parquet(folder / "sample.parquet")["unit_id"].to_list()


# ---------------------------------------------------------------- the same everywhere


def test_the_same_seed_gives_the_same_bytes_and_another_seed_another_sample(run: Path) -> None:
    first = draw_sample(_stratified(run))
    again = draw_sample(replace(_stratified(run), output=run.parent / "again"))
    other = draw_sample(_stratified(run, seed=8))
    contents = [{p.name: p.read_bytes() for p in one.folder.iterdir()} for one in (first, again)]
    assert contents[0] == contents[1]
    assert set(contents[0]) == {
        *("receipt.json", "frame.parquet", "sample.parquet", "review.csv", "sizes.csv"),
    }
    assert other.receipt["sample"]["sha256"] != first.receipt["sample"]["sha256"]
    assert other.receipt["frame"] == first.receipt["frame"]


def test_the_order_of_rows_decides_nothing(run: Path) -> None:
    worklist = pl.read_parquet(run / "worklist.parquet")
    rows = worklist.sample(fraction=1, shuffle=True, seed=3).to_dicts()
    shuffled = publish_run(run.parent / "run=shuffled", rows)
    one, other = (draw_sample(_stratified(folder)) for folder in (run, shuffled))
    for part in ("frame", "sample", "strata"):
        assert one.receipt[part] == other.receipt[part]
    for name in ("frame.parquet", "sample.parquet", "review.csv"):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_no_set_of_units_is_preferred() -> None:
    """Every pair of six units is drawn about as often, over many seeds."""
    frame = pl.DataFrame({"unit_id": list("abcdef"), "stratum": ["all"] * 6})
    draws = 1500
    counts = dict.fromkeys(combinations("abcdef", 2), 0)
    for seed in range(draws):
        first, second = sorted(draw(frame, seed, {"all": 2})["unit_id"])
        counts[first, second] += 1
    expected = draws / len(counts)
    chi_square = sum((n - expected) ** 2 / expected for n in counts.values())
    assert chi_square < 29.14  # 1% of 14 degrees of freedom; the seeds are always the same


def test_only_the_owner_reads_what_is_written_and_names_hold_no_row_content(run: Path) -> None:
    folder = draw_sample(_request(run)).folder
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(p.stat().st_mode) for p in folder.iterdir()} == {0o600}
    assert folder.name == f"sample={json.loads((folder / 'receipt.json').read_text())['sample_id']}"


def test_a_filled_in_review_is_never_overwritten(run: Path) -> None:
    first = draw_sample(_request(run))
    (first.folder / "review.csv").write_text("mine", encoding="utf-8")
    again = draw_sample(_request(run))
    assert again.kept_review and not first.kept_review
    assert (again.folder / "review.csv").read_text(encoding="utf-8") == "mine"


# ---------------------------------------------------------------- frames and strata


def test_lines_that_nobody_is_asked_for_are_in_no_frame(tmp_path: Path) -> None:
    rows = [worklist_row(n) for n in range(5)]
    rows += [worklist_row(5, status="dismissed"), worklist_row(6, collectable="no")]
    drawn = draw_sample(_request(publish_run(tmp_path / "run=1", rows), size=5))
    assert drawn.receipt["frame"]["units"] == 5
    assert drawn.receipt["population"]["left_out"] == {"dismissed": 1, "not_collectable": 1}


def test_a_frame_is_narrowed_to_payers_in_any_spelling_a_payee_or_a_rule(tmp_path: Path) -> None:
    rows = [
        worklist_row(1, payer="Cigna"),
        worklist_row(2, payer="CIGNA"),
        worklist_row(3, payer="Cigna Healthcare", billing_npi="1000000004"),
        worklist_row(4, payer="MMM", rule_ids=["DX01", "QTY01"]),
        worklist_row(5, payer="MMM"),
    ]
    run = publish_run(tmp_path / "run=1", rows)

    def units(**narrowed: object) -> int:
        narrow = PopulationFilter(**narrowed)  # type: ignore[arg-type]
        return int(
            draw_sample(_request(run, size=2, population_filter=narrow)).receipt["frame"]["units"]
        )

    assert units() == 5
    assert units(payers=("cigna",)) == 3
    assert units(payers=("cigna",), payee=PAYEE) == 2
    with pytest.raises(AuditError, match="has no line of that payer, payee or rule"):
        units(rule="AUTH01")
    with pytest.raises(AuditError, match="more than the 1 units that there are"):
        units(rule="DX01")


def test_payers_of_one_policy_are_one_stratum_and_bands_hold_their_lower_edge(
    tmp_path: Path,
) -> None:
    names = ["Cigna", "CIGNA", "Cigna Healthcare", "Cigna"]
    amounts = ["99.99", "100.00", "499.99", "500.00"]
    rows = [
        worklist_row(n, payer=payer, paid_amount=Decimal(amount))
        for n, (payer, amount) in enumerate(zip(names, amounts, strict=True))
    ]
    request = _stratified(
        publish_run(tmp_path / "run=1", rows),
        size=4,
        by=("payer", "paid_amount"),
        bands=("500", "$100.00"),
    )
    strata = {row["stratum"]: row["units"] for row in draw_sample(request).receipt["strata"]}
    assert strata == {
        "payer=cigna; paid_amount=100.00-499.99": 2,
        "payer=cigna; paid_amount=500.00 and over": 1,
        "payer=cigna; paid_amount=under 100.00": 1,
    }


def test_a_pseudonymised_run_gives_a_pseudonymised_sample_and_an_aggregate_one_none(
    tmp_path: Path,
) -> None:
    rows = [worklist_row(n, claim_id=f"{n:020x}", plan=None) for n in range(5)]
    run = publish_run(tmp_path / "run=1", rows, privacy="pseudonymised")
    receipt = draw_sample(_request(run, size=2)).receipt
    assert receipt["run"]["privacy"] == "pseudonymised"
    with pytest.raises(AuditError, match="an aggregate run shows no lines"):
        draw_sample(_request(publish_run(tmp_path / "run=2", rows, privacy="aggregate"), size=2))


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"size": 61}, "--size 61 is more than the 60 units that there are"),
        ({"size": 1}, "of a single unit no variance can be estimated"),
        ({"size": None}, "Give either --size or --sizes"),
        ({"seed": -1}, "--seed is a whole number, not below zero"),
        ({"by": ("payer",)}, "--design stratified and --by need each other"),
        ({"design": "stratified"}, "--design stratified and --by need each other"),
        ({"bands": ("5",)}, "--bands and --by paid_amount"),
        ({"design": "stratified", "by": ("paid_amount",)}, "--bands and --by paid_amount"),
        (
            {"design": "stratified", "by": ("paid_amount", "amount_at_risk"), "bands": ("5",)},
            "bands of one amount only",
        ),
        (
            {"design": "stratified", "by": ("paid_amount",), "bands": ("5", "five")},
            "each is an amount of dollars above zero",
        ),
        ({"design": "stratified", "by": ("payer",), "size": 5}, "Give at least 6, or fewer strata"),
        ({"population": "lines"}, "--warehouse and --population lines need each other"),
        ({"warehouse": Path("w")}, "--warehouse and --population lines need each other"),
        (
            {
                "population": "lines",
                "warehouse": Path("w"),
                "population_filter": PopulationFilter(rule="DX01"),
            },
            "Leave out --rule",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_what_to_do(
    run: Path, options: dict[str, object], says: str
) -> None:
    with pytest.raises(AuditError) as refusal:
        draw_sample(_request(run, **options))
    assert says in str(refusal.value) and refusal.value.exit_code == 2
    assert not (run.parent / "samples").exists()


def test_a_damaged_run_and_a_folder_inside_the_run_are_refused(run: Path) -> None:
    with pytest.raises(AuditError, match="--output is in the folder of the run"):
        draw_sample(replace(_request(run), output=run / "samples"))
    (run.parent / "file").touch()
    with pytest.raises(AuditError, match="--output 'file' is a file"):
        draw_sample(replace(_request(run), output=run.parent / "file"))
    (run / "worklist.parquet").write_bytes(b"")
    with pytest.raises(AuditError, match="--run is not a complete run"):
        draw_sample(_request(run))


def test_lines_with_one_key_are_refused(tmp_path: Path) -> None:
    rows = [worklist_row(n) for n in (1, 2, 2)]
    with pytest.raises(AuditError, match="1 lines of the population have the key of another"):
        draw_sample(_request(publish_run(tmp_path / "run=1", rows), size=2))


def test_what_a_law_forbids_to_project_is_refused_and_may_be_drawn_for_review(run: Path) -> None:
    config = run.parent / "config.toml"
    config.write_text(ALABAMA, encoding="utf-8")
    with pytest.raises(AuditError) as refusal:
        draw_sample(_request(run), config=config)
    assert "Alabama, Ala. Code 34-23-186: no extrapolation. That binds 20 units" in str(
        refusal.value
    )
    others = draw_sample(
        _request(run, population_filter=PopulationFilter(payers=("MMM",))), config=config
    )
    assert others.receipt["law"]["may_be_projected"] == "unknown"
    drawn = draw_sample(_request(run, review_only=True), config=config)
    assert drawn.receipt["law"]["may_be_projected"] == "no"
    assert drawn.receipt["law"]["clauses"] == ["Alabama, Ala. Code 34-23-186"]


@pytest.mark.parametrize(
    ("plan", "answer", "units"),
    [
        ('line_of_business = "self_funded"', "unknown", 20),
        ('line_of_business = "commercial_insured"', "no", 20),
        ('jurisdiction = "US-TX"', "unknown", 20),
    ],
)
def test_a_withheld_plan_leaves_open_what_its_place_would_decide(
    tmp_path: Path, plan: str, answer: str, units: int
) -> None:
    rows = [worklist_row(n, plan=None) for n in range(units)]
    run = publish_run(tmp_path / "run=1", rows, privacy="pseudonymised")
    config = tmp_path / "config.toml"
    config.write_text(f"{ALABAMA}[payers.Cigna.plans.Gold]\n{plan}\n", encoding="utf-8")
    law = draw_sample(_request(run, review_only=True), config=config).receipt["law"]
    assert law["may_be_projected"] == answer
    assert law["forbidden_units"] + law["unknown_units"] == units


def test_law_allows_what_no_clause_binds_and_other_law_files_are_refused(
    run: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    texas = '[payers.{}]\njurisdiction = "US-TX"\nline_of_business = "commercial_insured"\n'
    names = ("Cigna", "MMM", "NantHealth")
    config.write_text("".join(map(texas.format, names)), encoding="utf-8")
    assert draw_sample(_request(run), config=config).receipt["law"]["may_be_projected"] == "yes"
    own = tmp_path / "law"
    own.mkdir()
    shipped = (Path(__file__).parents[2] / "audit_rules" / "law" / "us-al.toml").read_text("utf-8")
    (own / "us-al.toml").write_text(f"{shipped}\n", encoding="utf-8")
    with pytest.raises(AuditError, match="The law files are not those of the run"):
        draw_sample(_request(run), law=own)


def test_the_command_prints_counts_and_no_row_content(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["sample", "--run", run, "--output", run.parent / "s", "--seed", 1, "--size", 9]
    assert main([str(word) for word in (*words, "--design", "stratified", "--by", "payer")]) == 0
    printed = capsys.readouterr().out
    assert "9 of 60 units of 3 strata" in printed and "is not known for 60 units" in printed
    drawn = pl.read_parquet(next((run.parent / "s").glob("sample=*")) / "sample.parquet")
    assert not any(
        value in printed for c in ("claim_id", "member_id", "payer") for value in drawn[c]
    )
