"""CSV files with quotes, line ends and blanks in any place, as Hypothesis draws them."""

from hypothesis import strategies as st

from tests.support.hostile import HEAD, fill

PIECES = [
    "a",
    "1",
    '"',
    '""',
    ",",
    " ",
    "\n",
    "\r\n",
    "\r",
    '5" tube',
    '"x"',
    "é",
    "NULL",
    "=1",
    "'",
    "#",
    "\\",
    '\\"',
    "\t",
    "\u2028",
    "\x0b",
    "\ufeff",
]
texts = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)
ends = st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"])


@st.composite
def extracts(draw: st.DrawFn) -> str:
    """A header and some lines: a few good ones, most with a hostile field, and some arbitrary."""
    end = draw(ends)
    lines = [draw(st.just("\n") | st.just("")) + HEAD]
    for number in range(draw(st.integers(0, 8))):
        hostile = draw(texts)
        with_hostile = fill(number % 3, **{draw(st.sampled_from(HEAD.split(","))): hostile})
        lines.append(draw(st.sampled_from([fill(number), with_hostile, with_hostile, hostile])))
    return "".join(
        line + (end if draw(st.integers(0, 9)) else draw(ends)) for line in lines
    ) + draw(texts | st.just(""))
