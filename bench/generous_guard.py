"""The gateway with a guard that judges everything and holds nobody, however fast a few ask.

A benchmark asks a thousand times faster than any practice: with real allowances it would measure
refusals. The work of an answered look-up is the same. Only a benchmark can build it.
"""

import functools

from litestar import Litestar

from rempart.guard import Policy, allowance
from rempart.wiring import gateway_app
from rempart.workflows.guard.guard_lookups import LookupGuard

_WIDE = 1e6


def create_app() -> Litestar:
    """Build the gateway of the environment, its guard made generous."""
    policy = Policy(first_width=_WIDE, first_threshold=_WIDE)
    allowance.CARD_WIDTH = _WIDE  # type: ignore[misc]
    gateway_app.LookupGuard = functools.partial(LookupGuard, policy=policy)  # type: ignore[attr-defined,assignment]
    return gateway_app.create_app()
