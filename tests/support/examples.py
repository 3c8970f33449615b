"""How many examples random tests try: a few in each run of the tests, and many if asked for.

`make test EXAMPLES=many` asks all of them for many; a variable of its own says the number of one.
"""

import os

MANY = os.environ.get("EXAMPLES") == "many"


def examples(few: int, many: int, variable: str = "") -> int:
    """The number that the variable says if it is set; else few, or many if they are asked for."""
    return int(os.environ.get(variable, many if MANY else few))
