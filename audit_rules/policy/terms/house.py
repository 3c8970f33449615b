"""Terms of the house itself, which say how far its own findings are trusted."""

from decimal import Decimal
from typing import Annotated

from pydantic import Field

from audit_rules.policy.terms.base import Term

Share = Annotated[Decimal, Field(gt=0, lt=1)]


class OverturnLimit(Term):
    """Caps: a term whose findings are overturned too often asks a person to look, and no more.

    most_overturned   the share of reviewed findings that may be overturned;
    least_certain     at the same time the lower bound of the interval is above this share.
    confidence        of that interval.
    """

    kind = "overturn_limit"
    most_overturned: Share
    least_certain: Share
    confidence: Share
