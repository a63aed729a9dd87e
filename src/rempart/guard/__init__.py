"""The guard: is this look-up like its account, and if not, what may still be answered?

Pure: state and a look-up give a decision and the next state. Refuses to know whether an account was
stolen: no decision depends on a label.

    guard = Guard()
    guard.start(accounts, canaries, begin_ms)
    decision = guard.decide(lookup)
    guard.released(account, time_ms)
"""

from rempart.guard.decisions import Decision, Signal, SignalKind, Step
from rempart.guard.engine import Guard
from rempart.guard.lookups import Account, Lookup
from rempart.guard.policy import Policy

__all__ = [
    "Account",
    "Decision",
    "Guard",
    "Lookup",
    "Policy",
    "Signal",
    "SignalKind",
    "Step",
]
