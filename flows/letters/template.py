"""The user's template of letters: who sends them, and the texts that only the payer can write."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from flows.errors import UsageError
from flows.reports.form import Dates, Money, PageForm, Paper
from flows.user_toml import read_user_toml
from schemas.folding import folded

_Text = Annotated[str, Field(min_length=1)]


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Sender(_Table):
    """The block of the sender."""

    lines: Annotated[tuple[_Text, ...], Field(min_length=1)]
    """name and address, line by line"""


class Texts(_Table):
    """Texts of the letter, each a paragraph; a part whose text is left out is not in the letter."""

    opening_finding: str = ""
    """how a letter about findings begins"""
    opening_records: str = ""
    """how a request for records begins"""
    where_to_read: str = ""
    """where the policy documents can be read"""
    corrected_claim: str = ""
    """that a corrected claim is welcome"""
    appeal: str = ""
    """to whom a provider can turn to discuss or appeal a finding"""
    interest: str = ""
    """whether interest is asked for"""
    payment: str = ""
    """how to pay, refuse, or have the amount offset"""
    send_to: str = ""
    """where records are sent"""
    judged_by: str = ""
    """who judged the findings"""
    closing: str = ""
    """the end of the letter, such as a name"""


class Reviewers(_Table):
    """Who reviewed findings of clinical judgement, if a law asks for a reviewer."""

    pharmacist: str = ""
    """name of the pharmacist"""
    physician: str = ""
    """name of the physician"""


class Template(_Table):
    """What a payer's letters say besides what the run found."""

    payers: Annotated[tuple[_Text, ...], Field(min_length=1)]
    """the payer's names as claims have them, in any case: letters are about its lines alone"""
    dates: Dates = "us"
    """June 30, 2026, 30 June 2026 or 2026-06-30"""
    money: Money = "us"
    """$1,250.00 or USD 1,250.00"""
    days_to_answer: Annotated[int, Field(ge=1, le=366, strict=True)]
    """days to answer a letter; a longer time of law or contract counts instead"""
    sender: Sender
    texts: Texts = Texts()
    reviewers: Reviewers = Reviewers()

    def is_of(self, payer: str) -> bool:
        """Whether a payer's name is one of those that send these letters."""
        return folded(payer.strip()) in {folded(name.strip()) for name in self.payers}

    def form(self, paper: Paper) -> PageForm:
        """How these letters are printed."""
        return PageForm(paper, self.dates, self.money)


def read_template(path: Path) -> Template:
    """Read a template. Raises UsageError with the key and what to do."""
    remedy = "Give a readable TOML file; docs/letters.md has one to start from."
    data, _ = read_user_toml(path, "Template", remedy)
    try:
        return Template.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        raise UsageError(
            f"Template {path.name}: {key}: {first['msg']}. Correct it; docs/letters.md lists the "
            "keys."
        ) from None
