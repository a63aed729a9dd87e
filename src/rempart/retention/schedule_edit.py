"""Change the periods of a schedule in its own text, so that its comments stay.

Refuses a text in which it cannot find what it is asked to change: then the text itself is edited.
"""

import re
import tomllib
from collections.abc import Mapping
from typing import Final

from rempart.retention.schedule import parse_schedule

_RULES: Final = re.compile(r"^(?=\[\[rule\]\])", re.MULTILINE)
_MONTHS: Final = re.compile(r"^(months[ \t]*=[ \t]*)[0-9_]+", re.MULTILINE)
_ROUTINE: Final = re.compile(r"^(routine_people[ \t]*=[ \t]*)[0-9_]+", re.MULTILINE)


def change_periods(text: str, months: Mapping[str, int], *, routine_people: int) -> str:
    """Return the text of a schedule with other periods; all else of it stays, to the letter.

    Args:
        text: A schedule that can be read.
        months: How many months each rule keeps, by code; rules that are not named stay.
        routine_people: So many people at most leave in a run that nobody approves by itself.

    Raises:
        ScheduleRefused: what it would say is wrong.
        ValueError: the text is not written as expected: edit it as a text.
    """
    head, *blocks = _RULES.split(text)
    changed = [_ROUTINE.sub(rf"\g<1>{routine_people}", head, count=1)]
    for block in blocks:
        code = tomllib.loads(block)["rule"][0]["code"]
        wanted = months.get(code)
        changed.append(block if wanted is None else _MONTHS.sub(rf"\g<1>{wanted}", block, count=1))
    written = "".join(changed)
    read = parse_schedule(written)
    found = {rule.code: rule.months for rule in read.rules}
    if found != {**found, **months} or read.routine_people != routine_people:
        raise ValueError("the text is not written so that its periods can be changed by a form")
    return written
