"""Where a professional acts when software asks for them: their own establishment, or another's.

Refuses to choose for them when there are several.
"""

from collections.abc import Sequence
from typing import NamedTuple

from rempart.accounts.oauth import GrantRefused, OAuthError

PARAMETER = "situation"


class Workplace(NamedTuple):
    """One place where a professional may act now.

    Attributes:
        establishment_ref: The place; None when there is none, or it stopped them.
        finess: Its FINESS number, if it has one.
        siret: Its SIRET number.
        accountable_ref: Who answers for what they do there; None when they do.
    """

    establishment_ref: int | None
    finess: str | None = None
    siret: str | None = None
    accountable_ref: int | None = None


def choose_workplace(workplaces: Sequence[Workplace], chosen: str | None) -> Workplace:
    """Return where somebody acts.

    Args:
        workplaces: All those of the directory, their own first.
        chosen: FINESS or SIRET number of the establishment they chose, if they did.

    Raises:
        GrantRefused: the one chosen is not theirs, or they have several and chose none; the words
            say which parameter.
    """
    if chosen is not None:
        theirs = [one for one in workplaces if chosen in (one.finess, one.siret)]
        if not theirs:
            raise GrantRefused(
                OAuthError.INVALID_GRANT,
                f"{PARAMETER}: not an establishment of this professional",
            )
        return theirs[0]
    places = {one.establishment_ref for one in workplaces} - {None}
    if not places:
        # Nobody would answer for them, and no establishment could stop them.
        raise GrantRefused(
            OAuthError.INVALID_GRANT, f"{PARAMETER}: this professional works in no place known here"
        )
    if len(places) > 1:
        raise GrantRefused(
            OAuthError.INVALID_REQUEST,
            f"{PARAMETER}: this professional works in several places; add the FINESS or SIRET "
            "number of the one chosen",
        )
    return next(one for one in workplaces if one.establishment_ref is not None)
