"""Claims of a drill, played over days in minutes: owners bill most of what they look up.

Known truth and nothing else: a claim follows what an owner really asked. Refuses to let a thief
bill: whoever does leaves a trail that no look-up leaves.
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Final

from rempart.drill.cast import Identifiers
from rempart.drill.plan import Script
from rempart.drill.replay import OK, Tape
from rempart.workflows.incidents.measure_exercise import FoundPerson

# Estimates: so many look-ups of an owner lead to a claim, sent within three days.
BILLED: Final = 0.85
_LATEST_MS: Final = 3 * 86_400_000
_SALT: Final = 7_919


def invent_claims(
    script: Script,
    tape: Tape,
    whom: Mapping[Identifiers, FoundPerson],
    account_refs: Sequence[int],
) -> dict[tuple[int, int], list[int]]:
    """Bill most of what owners asked.

    Args:
        script: What was asked.
        tape: What came back.
        whom: Whom identifiers find.
        account_refs: The accounts, by rank.

    Returns:
        The instants of claims, by account and person.
    """
    random = Random(script.seed + _SALT)  # noqa: S311 - a play, not a secret
    claims: dict[tuple[int, int], list[int]] = {}
    for ask, status in zip(script.asks, tape.statuses, strict=True):
        person = whom.get(ask.identifiers)
        billed, delay_ms = random.random() < BILLED, random.randint(0, _LATEST_MS)
        if ask.robot is None and status == OK and person is not None and billed:
            key = account_refs[ask.caller], person.person_ref
            claims.setdefault(key, []).append(ask.at_ms + delay_ms)
    return claims
