"""The only source of chance: a generator named by what it is for.

Refuses the clock and the machine's entropy: the same name gives the same numbers, everywhere.
"""

from random import Random


def make_dice(seed: int, *purpose: object) -> Random:
    """Return the generator of one purpose, such as `make_dice(1, "feed", 12)`.

    Callers use only `random`, `getrandbits`, `gauss` and `expovariate`, whose numbers do not
    change from one version of Python to the next.
    """
    name = ":".join(str(part) for part in (seed, *purpose))
    return Random(name)  # noqa: S311 - invented people, not secrets
