"""Pro Santé Connect's answer about somebody: a national identifier and situations of exercise.

Refuses to guess: an identifier that is no RPPS number, or an answer without a situation, is told
apart with what the person can do. Reads only what Rempart uses; everything else is dropped here.

Source: S34 (docs/sources.md).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeVar

import msgspec

from rempart.kernel.findings import BadValue
from rempart.kernel.finess import Finess
from rempart.kernel.rpps import Rpps
from rempart.kernel.siret import Siret

ModeOfPractice = Literal["L", "S", "B", ""]
MOST_SITUATIONS: Final = 50
_RPPS_MARK: Final = "8"  # first digit of a national identifier that is an RPPS number
_LONGEST_TEXT: Final = 200

Value = TypeVar("Value")


class PscAnswerRefused(ValueError):
    """The answer cannot be used; `reason` says why, in words that name nobody."""

    def __init__(self, reason: "RefusalReason") -> None:
        super().__init__(reason)
        self.reason = reason


RefusalReason = Literal["malformed", "not_rpps", "no_situation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """One situation of exercise: a profession, a way of practising, a place.

    `finess` and `siret` are None when the answer has none, or none that can be one. `mode` is L
    (self-employed), S (salaried) or B (voluntary).
    """

    profession: str
    know_how: str
    mode: ModeOfPractice
    finess: Finess | None
    siret: Siret | None
    label: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class PscIdentity:
    """Who Pro Santé Connect says somebody is; never prints them."""

    subject: str
    rpps: Rpps
    given_name: str
    family_name: str
    situations: tuple[Situation, ...]

    def __repr__(self) -> str:
        return f"<PscIdentity with {len(self.situations)} situations>"


class _Activity(msgspec.Struct, rename={
    "mode": "codeModeExercice",
    "siret": "numeroSiretSite",
    "finess": "numeroFinessSite",
    "company": "raisonSocialeSite",
    "sign": "enseigneCommercialeSite",
}):  # fmt: skip
    mode: str | None = ""
    siret: str | None = ""
    finess: str | None = ""
    company: str | None = ""
    sign: str | None = ""


class _Exercise(msgspec.Struct, rename={
    "profession": "codeProfession",
    "know_how": "codeSavoirFaire",
}):  # fmt: skip
    profession: str | None = ""
    know_how: str | None = ""
    activities: list[_Activity] | None = None


class _RefPro(msgspec.Struct, rename={"exercises": "exercices"}):
    exercises: list[_Exercise] | None = None


class _OtherId(msgspec.Struct, rename={"number": "identifiant", "origin": "origine"}):
    number: str = ""
    origin: str = ""


class _Userinfo(msgspec.Struct, rename={
    "national_id": "SubjectNameID",
    "other_ids": "otherIds",
    "ref_pro": "SubjectRefPro",
}):  # fmt: skip
    sub: str
    national_id: str = ""
    given_name: str | None = ""
    family_name: str | None = ""
    other_ids: list[_OtherId] | None = None
    ref_pro: _RefPro | None = None


def parse_psc_identity(userinfo: Mapping[str, object]) -> PscIdentity:
    """Read the claims of Pro Santé Connect's userinfo.

    Args:
        userinfo: The JSON object, or the claims of the signed form.

    Returns:
        The identity, its situations in the order given, at most `MOST_SITUATIONS` of them.

    Raises:
        PscAnswerRefused: in this order, the shape is wrong, the national identifier is not an RPPS
            number, or there is no situation of exercise.
    """
    try:
        read = msgspec.convert(userinfo, _Userinfo)
    except (ValueError, RecursionError) as failure:
        raise PscAnswerRefused("malformed") from failure
    if not read.sub:
        raise PscAnswerRefused("malformed")
    rpps = _find_rpps(read)
    if rpps is None:
        raise PscAnswerRefused("not_rpps")
    situations = tuple(_list_situations(read))[:MOST_SITUATIONS]
    if not situations:
        raise PscAnswerRefused("no_situation")
    return PscIdentity(
        subject=read.sub,
        rpps=rpps,
        given_name=_shorten(read.given_name),
        family_name=_shorten(read.family_name),
        situations=situations,
    )


def parse_national_id(text: str) -> Rpps | None:
    """Return the RPPS number a national identifier is: eleven digits, or an 8 before them."""
    digits = text.strip()
    if len(digits) == len(_RPPS_MARK) + 11 and digits.startswith(_RPPS_MARK):
        digits = digits.removeprefix(_RPPS_MARK)
    return _try(Rpps.parse, digits)


def _find_rpps(read: _Userinfo) -> Rpps | None:
    given = [read.national_id]
    given += [other.number for other in read.other_ids or [] if other.origin.upper() == "RPPS"]
    found = {rpps for rpps in map(parse_national_id, given) if rpps is not None}
    # Two different numbers would be two people: neither is believed.
    return found.pop() if len(found) == 1 else None


def _list_situations(read: _Userinfo) -> Iterator[Situation]:
    for exercise in (read.ref_pro.exercises if read.ref_pro else None) or []:
        for activity in exercise.activities or []:
            yield Situation(
                profession=_shorten(exercise.profession),
                know_how=_shorten(exercise.know_how),
                mode=_read_mode(activity.mode),
                finess=_try(Finess.parse, activity.finess or ""),
                siret=_try(Siret.parse, activity.siret or ""),
                label=_shorten(activity.sign) or _shorten(activity.company),
            )


def _read_mode(text: str | None) -> ModeOfPractice:
    match text:
        case "L" | "S" | "B":
            return text
    return ""


def _try(parse: Callable[[str], Value], text: str) -> Value | None:
    try:
        return parse(text)
    except BadValue:
        return None


def _shorten(text: str | None) -> str:
    return " ".join((text or "").split())[:_LONGEST_TEXT]
