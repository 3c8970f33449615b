"""What a policy file of the language is refused for: file, term, field and remedy are named."""

from pathlib import Path

import pytest

from audit_rules.errors import PolicyRefused
from audit_rules.policy.library import PolicyLibrary, check_library
from audit_rules.reference.codes import check_set_codes
from tests.support.spoken import policy

SETS = """
[[products]]
name = "coded"
hcpcs = ["J1000"]

[[products]]
name = "packed"
ndc = ["11111111111"]

[[codes]]
name = "cancer"
system = "icd10cm"
codes = ["C50"]

[[fact]]
code = "marker"
values = ["positive"]

[[fact]]
code = "weight_kg"
unit = "kg"
"""
FINDING = 'finding = { outcome = "review" }'
QUANTITY = f'[[quantity]]\nof = "coded"\nmeasure = "units"\nmost = 1\nper = "line"\n{FINDING}\n'
ON_FILE = f'[[on_file]]\nforbid = [{{ service = "99213", window = [-1, 0] }}]\n{FINDING}\n'


def refusal(text: str, folder: Path | None = None) -> str:
    with pytest.raises(PolicyRefused) as caught:
        policy(SETS + text, folder)
    return str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("most = 1", "mots = 1", ["quantity quantity.1", "mots", "most"]),
        ("most = 1", "most = 1\nbelow = 2", ["most", "below"]),
        ("most = 1\n", "", ["most", "below"]),
        ('measure = "units"', 'measure = "pills"', ["measure", "units"]),
        ('per = "line"', 'per = "6 moons"', ["per", "6 moons", "6 months"]),
        ('per = "line"', 'per = "course"', ["coded", "observed_days", "what is on file is all"]),
        ('of = "coded"', 'of = "codded"', ["codded", "coded, packed"]),
        ('of = "coded"', 'of = "packed"', ["units", "HCPCS", "quantity"]),
        ('measure = "units"', 'measure = "quantity"', ["quantity", "NDC", "units"]),
        ('measure = "units"', 'measure = "mg"', ["coded", "unit_mg"]),
        (FINDING, "", ["finding", "Add it"]),
        (FINDING, "finding = {}", ["finding", "outcome"]),
        (FINDING, 'finding = { outcome = "records_request" }', ["documents"]),
        ("most = 1", 'most = 1\nunless = { modifiers = "RT" }\n#', []),
        (
            FINDING,
            'finding = { outcome = "review", for = ["doses_too_close"] }',
            ["doses_too_close", "quantity_over_limit"],
        ),
        (FINDING, 'finding = [{ outcome = "review" }, { outcome = "recover" }]', ["for"]),
        (FINDING, 'finding = { outcome = "review", says = "{sum}" }', ["sum", "observed"]),
        ("most = 1", "most = 1\napplies_to = { dose = { from = 1 } }", ["observed_days"]),
        ("most = 1", 'most = 1\napplies_to = { colour = "red" }', ["colour", "diagnosis"]),
        ("most = 1", 'most = 1\napplies_to = { sex = "both" }', ["both", "female, male"]),
        ("most = 1", 'most = 1\napplies_to = { channel = "shop" }', ["shop", "retail"]),
        (
            "most = 1",
            'most = 1\napplies_to = { diagnosis = "cancr", window = [0, 0] }',
            ["cancr", "cancer"],
        ),
        (
            "most = 1",
            'most = 1\napplies_to = { diagnosis = "cancer" }',
            ["window", "diagnosis_window"],
        ),
        (
            "most = 1",
            'most = 1\napplies_to = { fact = "marker", is = "maybe", window = [0, 0] }',
            ["maybe", "positive"],
        ),
        (
            "most = 1",
            'most = 1\napplies_to = { fact = "height", window = [0, 0] }',
            ["height", "marker"],
        ),
        (
            "most = 1",
            'most = 1\napplies_to = { fact = "weight_kg", is = "1", window = [0, 0] }',
            ["weight_kg", "from"],
        ),
    ],
)
def test_a_quantity_that_does_not_hold_is_refused(old: str, new: str, words: list[str]) -> None:
    assert old in QUANTITY
    if not words:
        policy(SETS + QUANTITY.replace(old, new))
        return
    message = refusal(QUANTITY.replace(old, new))
    assert message.startswith("policy.toml: ")
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize(
    ("measure", "per"),
    [("units", "line"), ("quantity", "line"), ("quantity", "day_of_supply"), ("fills", "23 days")],
)
def test_a_set_without_codes_yet_is_left_to_lint(measure: str, per: str) -> None:
    limit = QUANTITY.replace("units", measure).replace('"line"', f'"{per}"')
    policy(SETS.replace('["J1000"]', "[]") + limit)
    channel = f'[[who]]\nof = "coded"\nchannels = "retail"\n{FINDING}\n'
    policy(SETS.replace('["J1000"]', "[]") + channel)
    assert "channel" in refusal(channel)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("window = [-1, 0]", "least = 1", ["window", "[-90, -1]"]),
        ("window = [-1, 0]", "window = [0, -1]", ["ends before it starts"]),
        ("window = [-1, 0]", 'window = ["soon", 0]', ["soon"]),
        ("window = [-1, 0]", 'window = ["course", 0]', ["observed_days"]),
        ('service = "99213"', 'service = "9921"', ["9921"]),
        ('service = "99213"', 'service = "cancer"', ["cancer", "icd10cm", "hcpcs"]),
        ('service = "99213"', 'fill = "pcked"', ["pcked", "packed"]),
        ('service = "99213"', 'service = "99213", touches = "both"', ["touches", "supply"]),
        ('service = "99213"', 'service = "99213", fill = "packed"', ["fill"]),
        ("forbid", 'require = [{ authorization = "approved" }]\nforbid', ["require", "forbid"]),
    ],
)
def test_a_thing_that_does_not_hold_is_refused(old: str, new: str, words: list[str]) -> None:
    assert old in ON_FILE
    message = refusal(ON_FILE.replace(old, new))
    assert message.startswith("policy.toml: on_file on_file.1")
    assert [word for word in words if word not in message] == [], message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[interval]]\n", ["least", "used"]),
        ('[[who]]\nof = "coded"\nchannels = "retail"\n', ["channel", "NDC"]),
        ('[[interval]]\nleast = "2 weeks"\nused = 0.5\n', ["least", "used"]),
        ("[[schedule]]\nphase = [{ doses = 1 }]\n", ["observed_days"]),
        ('[[schedule]]\nof = "packed"\nphase = [{ most = 1 }]\n', ["most and in"]),
        ("[[who]]\n", ["asks nothing", "age"]),
        (
            '[[coding]]\nunclassified = ["J3490"]\nmodifiers = { any = ["JW"] }\n',
            ["unclassified and modifiers"],
        ),
        ('[[coding]]\ncode = "J1000"\n', ["first_day"]),
        ('[[dose_basis]]\nbasis = "weight_kg"\nmg_per = 1\n', ["window"]),
        ('[[dose_basis]]\nbasis = "weight_kg"\nwindow = [0, 0]\n', ["mg_per", "bands"]),
        ('[[dose_basis]]\nbasis = "girth"\nwindow = [0, 0]\nmg_per = 1\n', ["unit_mg"]),
        ('[[who]]\nplaces = ["11"]\nnot_places = ["22"]\n', ["places", "not_places"]),
    ],
)
def test_a_term_of_two_questions_or_none_is_refused(text: str, words: list[str]) -> None:
    message = refusal(f"{text}{FINDING}\n")
    assert [word for word in words if word not in message] == [], message


def test_a_recovery_that_an_unknown_excuse_lowers_needs_documents() -> None:
    text = QUANTITY.replace("review", "recover").replace(
        "most = 1", 'most = 1\nunless = { sex = "male" }'
    )
    assert "documents" in refusal(text)


def test_sets_and_payers_are_declared_once() -> None:
    assert "twice" in refusal('[[products]]\nname = "coded"\nhcpcs = ["J2000"]\n' + QUANTITY)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[[codes]]\nname = "x"\nsystem = "hcpcs"\ncodes = ["8734"]\n', ["8734", "five"]),
        ('[[codes]]\nname = "x"\nsystem = "hcpcs"\ncodes = ["J1000-J20"]\n', ["J1000-J20"]),
        ('[[codes]]\nname = "x"\nsystem = "place"\ncodes = ["22-19"]\n', ["22-19", "ends before"]),
        ('[[codes]]\nname = "x"\nsystem = "place"\ncodes = ["Home"]\n', ["Home", "two digits"]),
        ('[[codes]]\nname = "x"\nsystem = "icd10cm"\ncodes = ["C501"]\n', ["C501", "dot"]),
        ('[[codes]]\nname = "x"\nsystem = "modifier"\ncodes = ["jw"]\n', ["jw", "capital"]),
        (f'[[who]]\nnot_places = "hospitl"\n{FINDING}\n', ["not_places", "hospitl", "none"]),
        (f'[[coding]]\nmodifiers = {{ any = ["waste"] }}\n{FINDING}\n', ["modifiers", "waste"]),
        (f'[[coding]]\nvial_units = {{ sizes = [1], with = ["jz"] }}\n{FINDING}\n', ["jz"]),
        (QUANTITY + 'applies_to = { place = "offce" }\n', ["place", "offce"]),
        (QUANTITY + 'applies_to = { modifiers = "RTX" }\n', ["modifiers", "RTX"]),
        ('[[products]]\nname = "x"\nwaste_modifiers = "waste"\n', ["waste_modifiers", "waste"]),
    ],
)
def test_a_code_that_no_claim_can_have_is_refused(text: str, words: list[str]) -> None:
    message = refusal(text)
    assert [word for word in words if word not in message] == [], message


def test_an_ndc_with_hyphens_is_refused_with_what_to_write() -> None:
    assert "11 digits without hyphens" in refusal('[[products]]\nname = "x"\nndc = "1111-1"\n')


def test_an_unclassified_code_names_no_set() -> None:
    made = policy('[[products]]\nname = "x"\nhcpcs = ["J3490"]\n' + QUANTITY.replace("coded", "x"))
    with pytest.raises(PolicyRefused, match="list its NDCs"):
        check_set_codes(PolicyLibrary((made,)), frozenset({"J3490"}))


def test_two_documents_declare_a_fact_alike() -> None:
    one = policy(SETS + QUANTITY)
    other = SETS.replace('unit = "kg"', 'unit = "lb"') + QUANTITY.replace(
        "[[quantity]]", '[[quantity]]\nterm_id = "other.1"'
    )
    two = policy('[document]\nid = "b-policy"\n' + other)
    with pytest.raises(PolicyRefused, match=r"weight_kg: policy\.toml declares it otherwise"):
        check_library(PolicyLibrary((one, two)))
    wrong = other.replace('unit = "lb"', 'unit = "kg"') + '[[fact]]\ncode = "mrd"\nunit = "x"\n'
    built_in = policy('[document]\nid = "b-policy"\n' + wrong)
    with pytest.raises(PolicyRefused, match="mrd"):
        check_library(PolicyLibrary((one, built_in)))


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("id,hcpcs,moost\na,J1000,5\n", ["t.csv, row 2", "moost"]),
        ("id,most\n,5\n", ["t.csv: row 2", "id"]),
        ("id,most\na,5\na,6\n", ["t.csv: row 3", "twice"]),
        ("name,most\na,5\n", ["t.csv", "id"]),
        ("id,most,effective_from\na,5,2001-01-01\n", ["t.csv, row 2", "2020-01-01"]),
    ],
)
def test_a_row_of_a_table_is_named(rows: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(rows)
    text = QUANTITY.replace("most = 1", 'table = "t.csv"')
    message = refusal(text, tmp_path)
    assert [word for word in words if word not in message] == [], message


def test_a_table_that_is_not_there_is_named(tmp_path: Path) -> None:
    message = refusal(QUANTITY.replace("most = 1", 'table = "t.csv"'), tmp_path)
    assert "quantity quantity.1" in message and "t.csv" in message


def test_rows_of_a_file_of_codes_are_kept_by_their_words(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("code,group\nC50.1,1\nC50.2,2\n")
    text = '[[codes]]\nname = "x"\nsystem = "icd10cm"\nfile = "c.csv"\nwhere = { group = "2" }\n'
    made = policy(SETS + text + QUANTITY, tmp_path)
    assert made.declared.codes["x"].codes == ("C50.2",)
    assert made.sha256 != "0"


@pytest.mark.parametrize(
    ("system", "code", "words"),
    [
        ("icd10cm", "C501", ["C501", "dot"]),
        ("hcpcs", "8734", ["8734", "five"]),
        ("place", "22-19", ["22-19", "ends before"]),
        ("modifier", "jw", ["jw", "capital"]),
    ],
)
def test_a_code_of_a_file_that_no_claim_can_have_is_refused(
    system: str, code: str, words: list[str], tmp_path: Path
) -> None:
    (tmp_path / "c.csv").write_text(f"code,group\n{code},1\n")
    text = f'[[codes]]\nname = "x"\nsystem = "{system}"\nfile = "c.csv"\n'
    message = refusal(text, tmp_path)
    assert [word for word in ("codes x", "c.csv", *words) if word not in message] == [], message
    others = SETS + text + 'where = { group = "2" }\n' + QUANTITY
    assert policy(others, tmp_path).declared.codes["x"].codes == ()


@pytest.mark.parametrize(
    ("written", "instead", "place"),
    [
        ('of = "coded"', 'of = "codded"', "of"),
        ("most = 1", "mots = 1", "mots"),
        ("most = 1", "most = -1", "most"),
        (FINDING, 'finding = { outcome = "recovr" }', "finding"),
        ("most = 1", 'most = 1\napplies_to = { colour = "red" }', "applies_to"),
        ('measure = "units"\n', "", "[[quantity]]"),
    ],
)
def test_a_refusal_names_the_line_of_the_field_or_else_of_its_table(
    written: str, instead: str, place: str
) -> None:
    text = named(1) + named(2).replace(written, instead)

    said = refusal(text)

    lines = (SETS + text).splitlines()
    second = lines.index("[[quantity]]", lines.index("[[quantity]]") + 1)
    number = next(n for n in range(second, len(lines)) if lines[n].startswith(place)) + 1
    assert said.startswith(f"policy.toml: line {number}: quantity quantity.2: ")


def named(number: int) -> str:
    """The quantity term with an id of its own."""
    return QUANTITY.replace("[[quantity]]", f'[[quantity]]\nterm_id = "quantity.{number}"')


def test_a_line_within_a_text_of_several_lines_is_no_table() -> None:
    inside = f'partly = """\n[[quantity]]\nterm_id = "quantity.2"\nmost = 1"""\n{FINDING}'
    text = named(1).replace(FINDING, inside) + named(2).replace("most = 1", "most = -1")

    said = refusal(text)

    assert f"line {(SETS + text).splitlines().index('most = -1') + 1}:" in said


def test_a_field_that_is_nearly_right_is_named_with_the_right_one() -> None:
    assert "Remove it, or write most;" in refusal(QUANTITY.replace("most = 1", "mots = 1"))


def test_a_dose_by_weight_says_who_states_it_in_a_field_of_its_own() -> None:
    term = (
        '[[dose_basis]]\nof = "coded"\nbasis = "weight_kg"\nwindow = [-90, 0]\nmg_per = 1\n'
        f'provenance = "assumption"\n{FINDING}\n'
    )
    made = policy(SETS.replace('hcpcs = ["J1000"]', 'hcpcs = ["J1000"]\nunit_mg = 1') + term)

    assert [getattr(t, "provenance", None) for t in made.language_terms] == ["assumption"]
