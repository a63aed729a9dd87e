"""Synthetic insurers, professionals and members, with identifiers no real person can hold.

Refuses chance: the same parameters give the same bytes.
"""

from rempart.synth.data_set import load_parameters, read_members, write_data_set
from rempart.synth.parameters import DEFAULT_TODAY, FeedFormat, Parameters
from rempart.synth.plan import Insurer, Plan, plan

__all__ = [
    "DEFAULT_TODAY",
    "FeedFormat",
    "Insurer",
    "Parameters",
    "Plan",
    "load_parameters",
    "plan",
    "read_members",
    "write_data_set",
]
