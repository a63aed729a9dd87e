"""The attacks of a drill: which accounts are stolen, by whom, at which pace.

How each kind works is `synth.traffic_thieves`', which the replay of a month uses too. Refuses to
tell anybody which questions are a robot's: the plan stays with the drill.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.kernel.errors import SetupError
from rempart.synth.traffic_parameters import KINDS
from rempart.synth.traffic_people import Dice

# What a patient thief tries, in new faces a day: beyond, it is a list like another.
PACES: Final = (5, 10, 20, 40, 80, 320)
# A list shared out needs several accounts to be shared among, for each one of the other kinds.
DISTRIBUTED: Final = 4
_SWEEP: Final = "sweep"
_GUESSERS: Final = frozenset({"sequential"})
_NAKED: Final = frozenset({"fast"})
_AT_HOME: Final = frozenset({"mimic", "insider", "insider_bulk"})
# An account that only opens, or that stays away, is no account to steal.
_NOT_STOLEN: Final = frozenset({"newcomer", "holiday"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """One robot: how it works, which account it stole.

    `name` is a kind of `synth.traffic_thieves`, for a patient thief with its pace.
    """

    name: str
    caller: int

    @property
    def kind(self) -> str:
        """How it works; all the patient thieves are of one kind."""
        return _SWEEP if self.name.startswith(_SWEEP) else self.name

    @property
    def guesses(self) -> bool:
        """Whether it has no list and guesses numbers."""
        return self.name in _GUESSERS

    @property
    def is_at_home(self) -> bool:
        """Whether it works on its owner's machine, with its owner's key, or is the owner."""
        return self.name in _AT_HOME

    @property
    def is_naked(self) -> bool:
        """Whether it says that it is a program."""
        return self.name in _NAKED


def list_attacks(per_kind: int) -> list[str]:
    """Return the name of each robot when every kind has so many stolen accounts."""
    counts = dict.fromkeys(KINDS, per_kind) | {"distributed": DISTRIBUTED * per_kind}
    counts |= {f"{_SWEEP}{pace}": per_kind for pace in PACES}
    return [name for name, count in counts.items() for _ in range(count)]


def steal_accounts(odds: Sequence[str], per_kind: int, dice: Dice) -> tuple[Attack, ...]:
    """Give each robot an account of its own.

    Args:
        odds: What happens to each account that is not usual, by rank.
        per_kind: How many accounts each kind has.
        dice: The drill's.

    Raises:
        SetupError: there are not enough accounts.
    """
    names = list_attacks(per_kind)
    usual = [rank for rank, odd in enumerate(odds) if odd not in _NOT_STOLEN]
    if not 0 < len(names) <= len(usual):
        raise SetupError(
            f"{len(names)} accounts are to be stolen and there are {len(odds)}: ask for more with "
            "--accounts, or for fewer with --stolen"
        )
    chosen = dice.permutation(len(usual))[: len(names)]
    return tuple(
        Attack(name=name, caller=usual[place]) for name, place in zip(names, chosen, strict=True)
    )
